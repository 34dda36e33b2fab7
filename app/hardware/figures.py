"""The figures of a hardware sample, by names with units: for graphs and files."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.hardware.readings import Core, HardwareSample, Rail

_NAN = math.nan
_GROUPS = {
    "cpu": re.compile(r"cpu|x86_pkg|coretemp|k10temp|zenpower", re.IGNORECASE),
    "gpu": re.compile(r"gpu", re.IGNORECASE),
    "board": re.compile(r"board|diode|acpi|nvme|pch", re.IGNORECASE),
}


@dataclass(frozen=True, slots=True)
class HardwareFigures:
    """One number each; not a number where it could not be read."""

    time_s: float
    """Monotonic."""
    temperature_cpu_c: float = _NAN
    """Of several sensors the warmest, like the two after it."""
    temperature_gpu_c: float = _NAN
    temperature_board_c: float = _NAN
    temperature_hottest_c: float = _NAN
    """The sensor nearest to its limit."""
    temperature_limit_c: float = _NAN
    """That sensor's limit."""
    cpu_load_ratio: float = _NAN
    cpu_own_load_ratio: float = _NAN
    gpu_load_ratio: float = _NAN
    cpu_clock_mhz: float = _NAN
    """The fastest core that is on."""
    cpu_other_clock_mhz: float = _NAN
    """The fastest core of the second kind: a TX2's Denver cores."""
    gpu_clock_mhz: float = _NAN
    emc_clock_mhz: float = _NAN
    memory_used_mb: float = _NAN
    memory_total_mb: float = _NAN
    memory_gpu_mb: float = _NAN
    """What the GPU holds of it, or of its own."""
    swap_used_mb: float = _NAN
    power_total_w: float = _NAN
    power_cpu_w: float = _NAN
    power_gpu_w: float = _NAN
    fan_ratio: float = _NAN
    disk_free_mb: float = _NAN
    throttled: float = 0.0
    """1 while something lowers the clocks."""

    def known(self) -> dict[str, float]:
        """Those that could be read, without the time."""
        return {
            field.name: value
            for field in fields(self)[1:]
            if not math.isnan(value := float(getattr(self, field.name)))
        }

    def to_row(self) -> dict[str, float]:
        """Those that could be read, rounded, with the time in seconds."""
        row = {name: round(value, 4) for name, value in self.known().items()}
        return {"time_s": round(self.time_s, 3), **row}


def figures_of(sample: HardwareSample) -> HardwareFigures:
    """Find the figures of a sample."""
    # Imported here: the graphs need the names of the figures before the first picture.
    from app.hardware.alarms import hottest

    warmest = hottest(sample)
    cpu, gpu, memory = sample.cpu, sample.gpu, sample.memory
    cores = [core for core in (cpu.cores if cpu else ()) if core.is_online]
    kinds = sorted({core.kind for core in cores}, key=lambda kind: "Denver" in kind)
    gpu_mb = memory.gpu_held_mb if memory else None
    if gpu_mb is None and gpu is not None:
        gpu_mb = gpu.memory_used_mb
    rails = sample.power.rails if sample.power else ()
    return HardwareFigures(
        time_s=sample.time_s,
        temperature_cpu_c=_warmest(sample, "cpu"),
        temperature_gpu_c=_warmest(sample, "gpu"),
        temperature_board_c=_warmest(sample, "board"),
        temperature_hottest_c=warmest.now_c if warmest else _NAN,
        temperature_limit_c=_number(warmest.limit_c if warmest else None),
        cpu_load_ratio=_number(cpu.load_ratio if cpu else None),
        cpu_own_load_ratio=_number(cpu.own_load_ratio if cpu else None),
        gpu_load_ratio=_number(gpu.load_ratio if gpu else None),
        cpu_clock_mhz=_clock(cores, kinds[0]) if kinds else _NAN,
        cpu_other_clock_mhz=_clock(cores, kinds[1]) if len(kinds) > 1 else _NAN,
        gpu_clock_mhz=_number(gpu.clock_mhz if gpu else None),
        emc_clock_mhz=_number(sample.emc.clock_mhz if sample.emc else None),
        memory_used_mb=memory.used_mb if memory else _NAN,
        memory_total_mb=memory.total_mb if memory else _NAN,
        memory_gpu_mb=_number(gpu_mb),
        swap_used_mb=memory.swap_used_mb if memory else _NAN,
        power_total_w=sample.power.total_w if sample.power else _NAN,
        power_cpu_w=_power(rails, "CPU", "package"),
        power_gpu_w=_power(rails, "GPU"),
        fan_ratio=_number(sample.fans[0].duty_ratio if sample.fans else None),
        disk_free_mb=sample.disk.free_mb if sample.disk else _NAN,
        throttled=float(bool(sample.throttles)),
    )


def _warmest(sample: HardwareSample, group: str) -> float:
    pattern = _GROUPS[group]
    found = [each.now_c for each in sample.temperatures if pattern.search(each.name)]
    return max(found, default=_NAN)


def _clock(cores: list[Core], kind: str) -> float:
    clocks = [core.clock_mhz or _NAN for core in cores if core.kind == kind]
    known = [clock for clock in clocks if not math.isnan(clock)]
    return max(known, default=_NAN)


def _power(rails: tuple[Rail, ...], *names: str) -> float:
    found = [rail.power_w for rail in rails if any(name in rail.name for name in names)]
    return sum(found) if found else _NAN


def _number(value: float | None) -> float:
    return _NAN if value is None else value
