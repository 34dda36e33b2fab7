"""Main memory, and what the GPU holds of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from app.hardware.readings import Gap, HardwareSample, Memory

if TYPE_CHECKING:
    from app.hardware.tree import Tree

_KB_TO_MB = 1.0 / 1024.0
_CLIENTS = "/sys/kernel/debug/nvmap/iovmm/clients"


class MemoryReader:
    """Reads /proc/meminfo.

    Parameters
    ----------
    tree : Tree
    is_shared : bool
        Whether the GPU has no memory of its own.
    """

    name = "memory"

    def __init__(self, tree: Tree, *, is_shared: bool) -> None:
        self._tree = tree
        self._is_shared = is_shared

    def read(self) -> HardwareSample:
        """Give memory and swap."""
        memory = read_memory(self._tree)
        if memory is None:
            gap = Gap("memory", "/proc/meminfo cannot be read")
            return HardwareSample(gaps=(gap,))
        gaps: tuple[Gap, ...] = ()
        if self._is_shared and memory.gpu_held_mb is None:
            gaps = (Gap("memory of the GPU", f"{_CLIENTS} needs root"),)
        return HardwareSample(memory=memory, gaps=gaps)


def read_memory(tree: Tree) -> Memory | None:
    """Read main memory once; None where the system does not tell."""
    text = tree.find_text("/proc/meminfo")
    known_mb = {
        name: int(kb) * _KB_TO_MB
        for name, kb in re.findall(r"^(\w+):\s+(\d+) kB", text, re.MULTILINE)
    }
    if "MemTotal" not in known_mb or "MemAvailable" not in known_mb:
        return None
    held_mb = known_mb.get("NvMapMemUsed")
    if held_mb is None:
        found = re.search(r"^total\s+(\d+)K", tree.find_text(_CLIENTS), re.MULTILINE)
        held_mb = int(found[1]) * _KB_TO_MB if found else None
    swap_mb = known_mb.get("SwapTotal", 0.0)
    return Memory(
        total_mb=known_mb["MemTotal"],
        available_mb=known_mb["MemAvailable"],
        swap_total_mb=swap_mb,
        swap_used_mb=swap_mb - known_mb.get("SwapFree", swap_mb),
        gpu_held_mb=held_mb,
    )
