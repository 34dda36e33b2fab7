"""Load and clocks of a Jetson's GPU, and of its memory controller."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from app.hardware.readings import Emc, Gap, Gpu, HardwareSample
from app.hardware.tree import UnreadableError

if TYPE_CHECKING:
    from app.hardware.tree import Tree

_NODES = ("gm20b", "gp10b", "gv11b", "ga10b", "gb10b", "gpu")
_FOLDERS = (
    "/sys/devices/*.{node}",
    "/sys/devices/platform/*.{node}",
    "/sys/devices/platform/*/*.{node}",
)
# Later releases link it beside the device.
_FREQUENCIES = ("devfreq_dev", "devfreq/*")
_EMC_CLOCKS = (
    "/sys/kernel/debug/bpmp/debug/clk/emc/rate",
    "/sys/kernel/debug/clk/emc/clk_rate",
)
_EMC_CAPS = (
    "/sys/kernel/nvpmodel_clk_cap/emc",
    "/sys/kernel/nvpmodel_emc_cap/emc_iso_cap",
)


class TegraGpuReader:
    """Reads the GPU's device, found by the name of its node."""

    name = "GPU"

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._name, self._device, self._frequencies = _find_gpu(tree)

    def read(self) -> HardwareSample:
        """Give its load and clocks."""
        if not self._name:
            return HardwareSample(gaps=(Gap("GPU", "no device of a GPU is there"),))
        gaps = []
        load_ratio = None
        try:
            load_ratio = self._tree.number(f"{self._device}/load") / 1e3
        except UnreadableError as error:
            gaps.append(Gap("GPU load", error.reason))
        clocks = [
            self._tree.find_number(f"{self._frequencies}/{name}_freq")
            for name in ("cur", "min", "max")
        ]
        if clocks[0] is None:
            gaps.append(Gap("GPU clock", "its devfreq cannot be read"))
        clock_mhz, floor_mhz, limit_mhz = (_mhz(each) for each in clocks)
        gpu = Gpu(self._name, load_ratio, clock_mhz, floor_mhz, limit_mhz)
        return HardwareSample(gpu=gpu, gaps=tuple(gaps))


class EmcReader:
    """Reads the clock of the memory controller, which mostly takes root."""

    name = "EMC"

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def read(self) -> HardwareSample:
        """Give clock and cap."""
        clock_hz, reason = None, ""
        for path in _EMC_CLOCKS:
            try:
                clock_hz = self._tree.number(path)
                break
            except UnreadableError as error:
                # Of two that are missing, the one that refuses says more.
                is_new = not reason or reason.startswith("No such")
                reason = error.reason if is_new else reason
        caps = (self._tree.find_number(path) for path in _EMC_CAPS)
        cap_hz = next((cap for cap in caps if cap), None)
        gaps = () if clock_hz else (Gap("EMC clock", f"{reason}; needs root"),)
        return HardwareSample(emc=Emc(_mhz(clock_hz), _mhz(cap_hz)), gaps=gaps)


def _find_gpu(tree: Tree) -> tuple[str, str, str]:
    """Find the GPU's name, its device, and the folder of its clocks."""
    for folder in tree.find("/sys/class/devfreq/*"):
        node = tree.find_text(f"{folder}/device/of_node/name")
        if node in _NODES or re.fullmatch("gpu-gpc-0", folder.rpartition("/")[2]):
            return node or "gpu", f"{folder}/device", folder
    for node in _NODES:
        for pattern in _FOLDERS:
            for device in tree.find(pattern.format(node=node)):
                for name in _FREQUENCIES:
                    for folder in tree.find(f"{device}/{name}"):
                        return node, device, folder
                return node, device, f"{device}/devfreq_dev"
    return "", "", ""


def _mhz(hz: int | None) -> float | None:
    return None if hz is None else hz / 1e6
