"""How much memory a conversion may ask for."""

import re
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_LEAST_BYTES = 64 << 20
# Above this, small networks build no faster kernels, and a board of 8 GB has it free
# while a camera and a window run.
_MOST_BYTES = 512 << 20


def available_bytes(meminfo: Path = _MEMINFO) -> int:
    """Memory that can be had without swapping.

    On a Jetson, processor and GPU share it, and this says more than CUDA does: CUDA
    counts as taken what the system would give back.
    """
    found = re.search(r"^MemAvailable:\s*(\d+) kB", meminfo.read_text(), re.MULTILINE)
    return int(found.group(1)) << 10 if found else _LEAST_BYTES


def default_workspace_bytes(free_bytes: int) -> int:
    """Workspace that leaves three quarters of the free memory to everybody else."""
    return max(_LEAST_BYTES, min(_MOST_BYTES, free_bytes // 4))
