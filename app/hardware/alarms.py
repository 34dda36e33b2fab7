"""What the operator should know about the machine, with the remedy."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.hardware.memory_guard import reserve_mb
from app.hardware.power_mode import fastest_mode
from app.hardware.remedies import RootRemedy, change_mode, pin_clocks, start_fan

if TYPE_CHECKING:
    from app.hardware.readings import HardwareSample, Temperature

# A limit that was near is far again this much further below.
_FARTHER_C = 3.0
# A fan that stands still is right in a machine that is idle and cool.
_BUSY_RATIO = 0.5
_WARM_C = 60.0
_FULL_MB = 2048.0
# What an operator types; `pin_clocks` stores them as well.
_PIN_COMMAND = "sudo jetson_clocks"
_FULL_RATIO = 0.03


class AlarmKind(enum.Enum):
    """What it is about."""

    NEAR_LIMIT = "near a temperature limit"
    THROTTLING = "throttling"
    MEMORY = "memory"
    FAN = "fan"
    POWER_MODE = "power mode"
    CLOCKS = "clocks"
    DISK = "disk"


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that is wrong now."""

    kind: AlarmKind
    text: str
    """With the figures."""
    hint: str
    """What the operator can do, with the exact command where there is one."""
    is_urgent: bool = True
    remedy: RootRemedy | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class AlarmLimits:
    """From where on something is wrong."""

    near_limit_c: float = 5.0
    """Below the temperature at which clocks are lowered. Larger warns earlier."""
    memory_reserve_mb: float | None = None
    """Of memory; None takes a share of it, see `reserve_mb`. Larger warns earlier."""
    full_disk_mb: float | None = None
    """Of free space; None takes 2 GB or 3 % of the disk. Larger warns earlier."""
    recording_ends_mb: float = 0.0
    """Of free space: a recording ends by itself here, and is warned of before."""


_LIMITS = AlarmLimits()


def hottest(sample: HardwareSample) -> Temperature | None:
    """The sensor that is nearest to its limit; without limits, the warmest."""
    limited = [each for each in sample.temperatures if each.limit_c is not None]
    if limited:
        return min(limited, key=lambda each: (each.limit_c or 0.0) - each.now_c)
    return max(sample.temperatures, key=lambda each: each.now_c, default=None)


def past_passive(sample: HardwareSample) -> Temperature | None:
    """The first sensor that is over the limit from which on clocks are lowered."""
    return next(
        (
            each
            for each in sample.temperatures
            if each.passive_c is not None and each.now_c >= each.passive_c
        ),
        None,
    )


def find_alarms(
    sample: HardwareSample,
    before: frozenset[AlarmKind] = frozenset(),
    *,
    is_running: bool = True,
    is_behind: bool = False,
    limits: AlarmLimits = _LIMITS,
) -> tuple[Alarm, ...]:
    """Look for everything that is wrong.

    Parameters
    ----------
    sample : HardwareSample
        What is known now.
    before : frozenset of AlarmKind
        What was wrong at the look before: it stays wrong a little longer, so that a
        temperature at the edge does not raise an alarm again and again.
    is_running : bool
        Whether a feed runs: the power mode matters only then.
    is_behind : bool
        Whether a feed is slower than it should be: clocks that move matter only then.
    limits : AlarmLimits, optional
        Those of the operator.
    """
    found = [
        _throttling(sample),
        _near_limit(sample, before, limits.near_limit_c),
        _memory(sample, before, limits.memory_reserve_mb),
        _fan(sample),
        _disk(sample, limits),
        _power_mode(sample) if is_running else None,
        _clocks(sample) if is_behind else None,
    ]
    return tuple(each for each in found if each is not None)


def _throttling(sample: HardwareSample) -> Alarm | None:
    over = past_passive(sample)
    if over is None and not sample.throttles:
        return None
    is_thermal = over is not None or any(each.is_thermal for each in sample.throttles)
    whats = []
    warmest = over or hottest(sample)
    if is_thermal and warmest is not None:
        limit = f", over its limit of {over.passive_c:.0f} °C" if over else ""
        whats.append(f"{warmest.name} has {warmest.now_c:.0f} °C{limit}")
    whats += [each.what for each in sample.throttles]
    hint = "Turn the fan on, clear its way, or lower the load." if is_thermal else ""
    remedy = fan_remedy(sample) if is_thermal else None
    if remedy is not None:
        hint = f"Turn the fan on: {remedy.command}"
    elif not is_thermal:
        hint = "Use a stronger supply, or a power mode that takes less."
    cause = "Heat" if is_thermal else "The supply"
    text = f"{cause} lowers the clocks: {'; '.join(whats)}."
    return Alarm(AlarmKind.THROTTLING, text, hint, remedy=remedy)


def _near_limit(
    sample: HardwareSample, before: frozenset[AlarmKind], near_c: float
) -> Alarm | None:
    warmest = hottest(sample)
    if warmest is None or warmest.limit_c is None or past_passive(sample):
        return None
    if AlarmKind.NEAR_LIMIT in before:
        near_c += _FARTHER_C
    left_c = warmest.limit_c - warmest.now_c
    if left_c > near_c:
        return None
    then = {
        warmest.critical_c: "the machine slows down or switches off",
        warmest.hot_c: "it is hotter than its maker allows for long",
        warmest.passive_c: "clocks are lowered",
    }[warmest.limit_c]
    remedy = fan_remedy(sample)
    how = f"{left_c:.0f} °C more and {then}" if left_c > 0 else f"At this, {then}"
    return Alarm(
        AlarmKind.NEAR_LIMIT,
        f"{warmest.name} has {warmest.now_c:.0f} °C. {how}.",
        f"Turn the fan on: {remedy.command}"
        if remedy
        else "Clear the way of the fan, or lower the load.",
        remedy=remedy,
    )


def _memory(
    sample: HardwareSample, before: frozenset[AlarmKind], asked_mb: float | None
) -> Alarm | None:
    memory = sample.memory
    if memory is None:
        return None
    reserve = reserve_mb(memory, asked_mb)
    factor = 1.1 if AlarmKind.MEMORY in before else 1.0
    if memory.available_mb >= reserve * factor:
        return None
    held = memory.gpu_held_mb
    of_gpu = f"; the GPU holds {held:.0f} MB" if held else ""
    return Alarm(
        AlarmKind.MEMORY,
        f"{memory.available_mb:.0f} MB of memory are left, less than the reserve of"
        f" {reserve:.0f} MB{of_gpu}.",
        "Close other programs: a machine without memory ends programs or stands still.",
    )


def _fan(sample: HardwareSample) -> Alarm | None:
    remedy = fan_remedy(sample)
    if remedy is None or not all(fan.is_off for fan in sample.fans):
        return None
    loads = [part.load_ratio or 0.0 for part in (sample.cpu, sample.gpu) if part]
    warmest = max((each.now_c for each in sample.temperatures), default=0.0)
    if max(loads, default=0.0) < _BUSY_RATIO and warmest < _WARM_C:
        return None
    return Alarm(
        AlarmKind.FAN,
        f"The fan stands still while the machine works, at {warmest:.0f} °C.",
        f"Turn it on: {remedy.command}",
        is_urgent=False,
        remedy=remedy,
    )


def _power_mode(sample: HardwareSample) -> Alarm | None:
    mode = sample.mode
    best = fastest_mode(mode.known) if mode is not None else None
    if mode is None or best is None or best[0] == mode.number:
        return None
    remedy = change_mode(mode, *best)
    return Alarm(
        AlarmKind.POWER_MODE,
        f"The power mode is {mode.name or mode.number}, which limits the clocks.",
        f"{best[1]} has no such limits: {remedy.command}"
        f" (then, to hold the clocks: {_PIN_COMMAND})",
        is_urgent=False,
        remedy=remedy,
    )


def _clocks(sample: HardwareSample) -> Alarm | None:
    remedy = clocks_remedy(sample)
    if remedy is None or _power_mode(sample) is not None:
        return None
    return Alarm(
        AlarmKind.CLOCKS,
        "The feed is slower than it should be, and the clocks follow the load.",
        f"Hold them at their limits: {_PIN_COMMAND}",
        is_urgent=False,
        remedy=remedy,
    )


def clocks_remedy(sample: HardwareSample) -> RootRemedy | None:
    """What pins the clocks, where they move and this is a Jetson."""
    gpu = sample.gpu
    if sample.board is None or not sample.board.is_jetson or gpu is None:
        return None
    if gpu.floor_mhz is None or gpu.limit_mhz is None or gpu.floor_mhz >= gpu.limit_mhz:
        return None
    return pin_clocks()


def _disk(sample: HardwareSample, limits: AlarmLimits) -> Alarm | None:
    disk, full_mb = sample.disk, limits.full_disk_mb
    if disk is None:
        return None
    if full_mb is None:
        full_mb = max(_FULL_MB, _FULL_RATIO * disk.total_mb)
    ends_mb = limits.recording_ends_mb
    if disk.free_mb > max(full_mb, ends_mb + _FULL_MB):
        return None
    end = f"; a recording ends at {ends_mb / 1024:.1f} GB" if ends_mb else ""
    return Alarm(
        AlarmKind.DISK,
        f"{disk.free_mb / 1024:.1f} GB are left where {disk.folder} is{end}.",
        "Delete or move older recordings before you record.",
        is_urgent=False,
    )


def fan_remedy(sample: HardwareSample) -> RootRemedy | None:
    """What turns the fan up, where it can be set and is not at its fastest."""
    for fan in sample.fans:
        if fan.control_path and (fan.duty_ratio or 0.0) < 0.99:
            return start_fan(fan)
    return None
