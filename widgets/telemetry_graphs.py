"""Which graphs there are, as data."""

from __future__ import annotations

from typing import NamedTuple

from widgets.legend import Series
from widgets.theme import Colour

_1, _2, _3, _4 = Colour.SERIES_1, Colour.SERIES_2, Colour.SERIES_3, Colour.SERIES_4
_5 = Colour.SERIES_5
_PERCENT = 100.0


class GraphSpec(NamedTuple):
    """One graph."""

    id: str
    title: str
    unit: str
    series: tuple[Series, ...]
    decimals: int = 1
    bottom: float = 0.0
    """Where y begins, as long as no value is below it."""
    is_of_machine: bool = False
    """Whether it shows the machine, once a second, and not the feed."""
    is_first: bool = True
    """Whether it is shown until the operator chooses."""


GRAPHS = (
    GraphSpec(
        "rate",
        "Rate",
        "fps",
        (
            Series("capture_hz", "capture", _1),
            Series("infer_hz", "infer", _2),
            Series("display_hz", "display", _3),
        ),
    ),
    GraphSpec(
        "latency",
        "Latency, arrival to result",
        "ms",
        (
            Series("latency_p50_ms", "p50", _1),
            Series("latency_p99_ms", "p99", _2),
        ),
    ),
    GraphSpec(
        "stages",
        "Stages of inference, median",
        "ms",
        (
            Series("prepare_ms", "prepare", _1),
            Series("infer_ms", "infer", _2),
            Series("segment_ms", "segment", _3),
            Series("track_ms", "track", _4),
            Series("look_ms", "2nd look", _5),
        ),
        decimals=2,
    ),
    GraphSpec(
        "temperature",
        "Temperature",
        "°C",
        (
            Series("temperature_cpu_c", "CPU", _1),
            Series("temperature_gpu_c", "GPU", _2),
            Series("temperature_hottest_c", "hottest", _3),
            Series("temperature_limit_c", "limit", Colour.ERROR, is_limit=True),
        ),
        bottom=20.0,
        is_of_machine=True,
    ),
    GraphSpec(
        "load",
        "Load",
        "%",
        (
            Series("cpu_load_ratio", "CPU", _1, _PERCENT),
            Series("cpu_own_load_ratio", "own share", _3, _PERCENT),
            Series("gpu_load_ratio", "GPU", _2, _PERCENT),
        ),
        decimals=0,
        is_of_machine=True,
        is_first=False,
    ),
    GraphSpec(
        "memory",
        "Memory",
        "MB",
        (
            Series("memory_used_mb", "used", _1),
            Series("memory_gpu_mb", "GPU", _2),
            Series("swap_used_mb", "swap", _3),
            Series("memory_total_mb", "total", Colour.ERROR, is_limit=True),
        ),
        decimals=0,
        is_of_machine=True,
        is_first=False,
    ),
    GraphSpec(
        "clocks",
        "Clocks",
        "MHz",
        (
            Series("cpu_clock_mhz", "CPU", _1),
            Series("cpu_other_clock_mhz", "2nd kind", _3),
            Series("gpu_clock_mhz", "GPU", _2),
            Series("emc_clock_mhz", "EMC", _4),
        ),
        decimals=0,
        is_of_machine=True,
        is_first=False,
    ),
    GraphSpec(
        "power",
        "Power",
        "W",
        (
            Series("power_total_w", "total", _1),
            Series("power_cpu_w", "CPU", _3),
            Series("power_gpu_w", "GPU", _2),
        ),
        is_of_machine=True,
        is_first=False,
    ),
)
"""In the order in which they are shown."""
