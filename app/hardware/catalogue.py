"""Which readers a machine takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from app.hardware.board import BoardReader, find_board
from app.hardware.cpu import CpuReader
from app.hardware.disk import DiskReader
from app.hardware.fan import FanReader
from app.hardware.gpu import EmcReader, TegraGpuReader
from app.hardware.memory import MemoryReader
from app.hardware.nvml import NvmlReader
from app.hardware.power import RailReader, RaplReader
from app.hardware.power_mode import PowerModeReader
from app.hardware.thermal import HwmonTemperatureReader, ThermalReader
from app.hardware.throttling import ThrottleReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app.hardware.readings import HardwareSample
    from app.hardware.tree import Tree

# Its kernel files say no load: only NVML does.
_NVML_TOO = ("tegra264",)
_DRIVER = "/proc/driver/nvidia/version"


class Reader(Protocol):
    """Reads one kind of sensor; used by one thread."""

    @property
    def name(self) -> str:
        """What it reads."""
        ...

    def read(self) -> HardwareSample:
        """Give what it reads and nothing else; what is missing is a gap, no error."""
        ...


def readers_of(
    tree: Tree,
    find_folder: Callable[[], Path] | None = None,
    own_process: int | None = None,
) -> list[Callable[[], Reader]]:
    """List what reads this machine; each is made in the thread that uses it.

    Parameters
    ----------
    tree : Tree
        The system's files.
    find_folder : callable, optional
        Says where recordings go; None reads no disk.
    own_process : int, optional
        Its load is told apart from that of other programs.
    """
    chip = find_board(tree).chip
    makers: list[Callable[[], Reader]] = [
        lambda: BoardReader(tree),
        lambda: ThermalReader(tree),
        lambda: CpuReader(tree, own_process),
        lambda: MemoryReader(tree, is_shared=bool(chip)),
        lambda: FanReader(tree),
        lambda: ThrottleReader(tree),
    ]
    if chip or tree.find("/sys/class/devfreq/*gp*") or not tree.is_live:
        makers += [lambda: TegraGpuReader(tree), lambda: EmcReader(tree)]
        makers += [lambda: RailReader(tree), lambda: PowerModeReader(tree)]
    else:
        makers += [lambda: HwmonTemperatureReader(tree), lambda: RaplReader(tree)]
    if tree.is_live and (chip in _NVML_TOO or tree.has(_DRIVER)):
        makers.append(NvmlReader)
    if find_folder is not None:
        makers.append(lambda: DiskReader(find_folder))
    return makers
