"""What a machine says of itself, once, for a person and for a program."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.hardware.catalogue import readers_of
from app.hardware.monitor import HardwareMonitor
from app.hardware.tree import Tree

if TYPE_CHECKING:
    from app.hardware.readings import Core, Cpu, Fan, Gpu, HardwareSample, Temperature

_DEADLINE_S = 3.0
# Loads are over the time between two reads.
_SPAN_S = 0.5


def read_machine(root: Path, disk_folder: Path | None = None) -> HardwareSample:
    """Read a machine, or a recorded tree, with every reader that it takes.

    Parameters
    ----------
    root : Path
        `/`, or the folder of a recorded tree.
    disk_folder : Path, optional
        Whose file system is told; none in a recorded tree.
    """
    tree = Tree(root)
    find_folder = None
    if disk_folder is not None and tree.is_live:
        find_folder = partial(Path, disk_folder)
    monitor = HardwareMonitor(readers_of(tree, find_folder), period_s=_SPAN_S)
    monitor.start()
    monitor.wait(_DEADLINE_S)
    if tree.is_live:
        time.sleep(1.5 * _SPAN_S)
    sample = monitor.sample()
    monitor.stop()
    return sample


def document_of(sample: HardwareSample) -> dict[str, Any]:
    """Write a sample as JSON values."""
    document = sample.to_document()
    del document["time_s"]
    return document


def hardware_text(sample: HardwareSample) -> str:
    """Write a sample for a person: what was read, then what was not, and why."""
    board = sample.board
    lines = ["Hardware"]
    if board is not None:
        lines.append(_fact("board", board.name))
        if board.is_jetson:
            lines.append(_fact("JetPack", board.jetpack or "not known"))
            lines.append(_fact("Jetson Linux", board.jetson_linux or "not known"))
    if sample.mode is not None:
        name = sample.mode.name or "name not known"
        lines.append(_fact("power mode", f"{name} ({sample.mode.number})"))
    lines += [_fact(each.name, _temperature(each)) for each in sample.temperatures]
    if sample.cpu is not None:
        lines += _cpu_lines(sample.cpu)
    if sample.gpu is not None:
        lines.append(_fact(f"GPU {sample.gpu.name}", _gpu(sample.gpu)))
    if sample.emc is not None and (sample.emc.clock_mhz or sample.emc.cap_mhz):
        parts = [_clock(sample.emc.clock_mhz), _limit(sample.emc.cap_mhz)]
        lines.append(_fact("EMC", ", ".join(filter(None, parts))))
    lines += _memory_lines(sample)
    if sample.power is not None:
        for rail in sample.power.rails:
            lines.append(_fact(rail.name, f"{rail.power_w:.3f} W"))
        how = " (sum of the rails)" if sample.power.is_sum else ""
        lines.append(_fact("power", f"{sample.power.total_w:.3f} W{how}"))
    lines += [_fact(fan.name, _fan(fan)) for fan in sample.fans]
    words = "; ".join(each.what for each in sample.throttles)
    lines.append(_fact("throttling", words or "none"))
    if sample.gaps:
        lines += ["", "Not read"]
        lines += [_fact(gap.what, gap.reason) for gap in sample.gaps]
    return "\n".join(lines)


def _cpu_lines(cpu: Cpu) -> list[str]:
    lines = []
    if cpu.load_ratio is not None:
        lines.append(_fact("CPU load", f"{100 * cpu.load_ratio:.0f} %"))
    groups: dict[str, list[int]] = {}
    for core in cpu.cores:
        groups.setdefault(_core(core), []).append(core.number)
    for words, numbers in groups.items():
        lines.append(_fact(f"core {_ranges(numbers)}", words))
    return lines


def _core(core: Core) -> str:
    if not core.is_online:
        return ", ".join(filter(None, [core.kind, "off"]))
    parts = [core.kind, _clock(core.clock_mhz), _limit(core.limit_mhz)]
    return ", ".join(filter(None, parts)) or "on"


def _ranges(numbers: list[int]) -> str:
    """Write 0, 3, 4, 5 as 0, 3-5."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(
        f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs
    )


def _gpu(gpu: Gpu) -> str:
    load = "" if gpu.load_ratio is None else f"{100 * gpu.load_ratio:.0f} %"
    memory = ""
    if gpu.memory_used_mb is not None and gpu.memory_total_mb is not None:
        memory = f"{gpu.memory_used_mb:.0f} of {gpu.memory_total_mb:.0f} MB of its own"
    parts = [load, _clock(gpu.clock_mhz), _limit(gpu.limit_mhz), memory]
    return ", ".join(filter(None, parts))


def _memory_lines(sample: HardwareSample) -> list[str]:
    lines = []
    memory, disk = sample.memory, sample.disk
    if memory is not None:
        held = memory.gpu_held_mb
        of_gpu = "" if held is None else f", {held:.0f} MB held by the GPU"
        words = f"{memory.available_mb:.0f} of {memory.total_mb:.0f} MB free{of_gpu}"
        lines.append(_fact("memory", words))
        swap = f"{memory.swap_used_mb:.0f} of {memory.swap_total_mb:.0f} MB used"
        lines.append(_fact("swap", swap if memory.swap_total_mb else "none"))
    if disk is not None:
        free = f"{disk.free_mb / 1024:.1f} of {disk.total_mb / 1024:.1f} GB free"
        lines.append(_fact("disk", f"{free} for {disk.folder}"))
    return lines


def _temperature(each: Temperature) -> str:
    limits = [
        f"{words} {limit_c:.1f}"
        for words, limit_c in (
            ("clocks lowered at", each.passive_c),
            ("hot at", each.hot_c),
            ("off at", each.critical_c),
        )
        if limit_c is not None
    ]
    return f"{each.now_c:.1f} °C, {', '.join(limits) or 'limit unknown'}"


def _fan(fan: Fan) -> str:
    duty = "" if fan.duty_ratio is None else f"{100 * fan.duty_ratio:.0f} %"
    speed = "" if fan.speed_rpm is None else f"{fan.speed_rpm:.0f} rpm"
    return ", ".join(filter(None, [duty, speed])) or "not known"


def _clock(mhz: float | None) -> str:
    return "" if mhz is None else f"{mhz:.0f} MHz"


def _limit(mhz: float | None) -> str:
    return "" if mhz is None else f"limit {mhz:.0f} MHz"


def _fact(name: str, value: str) -> str:
    return f"  {name:<26}{value}"
