"""Refuses what would take the memory that the machine needs to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from app.errors import ConsoleError
from engines.base import EngineKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app.hardware.readings import Memory
    from app.hardware.tree import Tree
    from engines.base import Engine
    from engines.convert.request import ConversionRequest
    from engines.manifest import ModelManifest

# A Jetson shares its memory with the GPU and stands still, or ends programs, without.
_RESERVE_RATIO = 0.08
_LEAST_RESERVE_MB, _MOST_RESERVE_MB = 256.0, 1024.0
# Weights are held as file, as graph and as the engine's own copy.
_COPIES = 3.0
_MB = 1024.0**2
_MB_PER_GB = 1024.0
# Rounded up from the resident memory of a process that has opened a small network;
# of those for GPUs, from what others report.
_LIBRARIES_MB = {
    EngineKind.REFERENCE: 20.0,
    EngineKind.OPENVINO: 200.0,
    EngineKind.ONNXRUNTIME: 150.0,
    EngineKind.TENSORFLOW: 700.0,
    EngineKind.TENSORRT: 900.0,
    EngineKind.TF_TRT: 1800.0,
}
_CONVERTER_MB = 1500.0


class MemoryOutlook(NamedTuple):
    """What something would take of the memory, before it does."""

    needed_mb: float
    """At its peak, estimated."""
    available_mb: float
    reserve_mb: float
    """What has to be left."""

    @property
    def fits(self) -> bool:
        """Whether the reserve would be left."""
        return self.available_mb - self.needed_mb >= self.reserve_mb

    @property
    def text(self) -> str:
        """The figures in a sentence."""
        facts = (
            f"About {self.needed_mb / _MB_PER_GB:.1f} GB at its peak;"
            f" {self.available_mb / _MB_PER_GB:.1f} GB are free"
        )
        reserve = f"{self.reserve_mb / _MB_PER_GB:.2f} GB"
        if self.fits:
            return f"{facts}, {reserve} stay reserved."
        return f"{facts}, and {reserve} must stay: close other programs first."


def outlook(
    needed_mb: float, asked_reserve_mb: float | None = None, tree: Tree | None = None
) -> MemoryOutlook | None:
    """Compare a need with what is free now; None where the system does not tell."""
    from app.hardware.memory import read_memory
    from app.hardware.tree import Tree

    memory = read_memory(tree or Tree())
    if memory is None:
        return None
    reserve = reserve_mb(memory, asked_reserve_mb)
    return MemoryOutlook(needed_mb, memory.available_mb, reserve)


class MemoryReserveError(ConsoleError):
    """It would take the memory that is kept for the system."""


def reserve_mb(memory: Memory, asked_mb: float | None = None) -> float:
    """What is kept free: as asked for, else 8 % of the memory, 256 MB to 1 GB."""
    if asked_mb is not None:
        return asked_mb
    return min(
        _MOST_RESERVE_MB, max(_LEAST_RESERVE_MB, _RESERVE_RATIO * memory.total_mb)
    )


def require_memory(
    what: str,
    needed_mb: float,
    tree: Tree | None = None,
    asked_reserve_mb: float | None = None,
) -> None:
    """Refuse what would leave less than the reserve.

    Where the system does not tell its memory, nothing is refused.

    Parameters
    ----------
    what : str
        The subject of the message.
    needed_mb : float
        At its peak.
    tree : Tree, optional
        The system's files.
    asked_reserve_mb : float, optional
        What the operator keeps free. Larger refuses more.

    Raises
    ------
    MemoryReserveError
        With the figures.
    """
    # Imported here: the window names this before its first picture.
    from app.hardware.memory import read_memory
    from app.hardware.tree import Tree

    memory = read_memory(tree or Tree())
    if memory is None:
        return
    reserve = reserve_mb(memory, asked_reserve_mb)
    left_mb = memory.available_mb - needed_mb
    if left_mb >= reserve:
        return
    raise MemoryReserveError(
        f"{what} needs about {needed_mb:.0f} MB and would leave"
        f" {max(0.0, left_mb):.0f} MB of {memory.total_mb:.0f} MB: less than the"
        f" {reserve:.0f} MB that the system needs",
        hint="Close other programs, or choose a smaller network or workspace;"
        f" {memory.available_mb:.0f} MB are available now.",
    )


def open_within_memory(
    make_engine: Callable[[], Engine],
    kind: EngineKind,
    manifest: ModelManifest | None,
    asked_reserve_mb: float | None = None,
) -> Engine:
    """Open an engine where that leaves the reserve.

    Raises
    ------
    MemoryReserveError
        If it would not.
    """
    require_memory(
        f"the {kind.value} engine",
        engine_need_mb(kind, manifest),
        asked_reserve_mb=asked_reserve_mb,
    )
    return make_engine()


def require_memory_to_convert(
    request: ConversionRequest,
    tree: Tree | None = None,
    asked_reserve_mb: float | None = None,
) -> None:
    """Refuse a conversion that would leave less than the reserve.

    Raises
    ------
    MemoryReserveError
        With the figures.
    """
    what = f"converting {request.model.name}"
    require_memory(what, conversion_need_mb(request), tree, asked_reserve_mb)


def conversion_need_mb(request: ConversionRequest) -> float:
    """Estimate what a conversion takes at its peak."""
    needed_mb = _CONVERTER_MB + _COPIES * _size_mb(request.model)
    if request.target.needs_gpu:
        # Without one, the converter chooses a workspace that fits.
        needed_mb += request.nvidia.workspace_mib or 0
    return needed_mb


def engine_need_mb(kind: EngineKind, manifest: ModelManifest | None) -> float:
    """Estimate what an engine takes: its library, and its weights three times."""
    if manifest is None:
        return _LIBRARIES_MB[kind]
    # It loads one of the files, or a file made of it.
    sizes_mb = [_size_mb(manifest.folder / name) for name in manifest.files.values()]
    return _LIBRARIES_MB[kind] + _COPIES * max(sizes_mb, default=0.0)


def _size_mb(path: Path) -> float:
    """Size of a file, or of all in a folder; 0 where it is not there."""
    if path.is_file():
        return path.stat().st_size / _MB
    files = (each for each in path.rglob("*") if each.is_file())
    return sum(each.stat().st_size for each in files) / _MB
