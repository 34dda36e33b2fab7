"""Load and clock of each core."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING

from app.hardware.readings import Core, Cpu, Gap, HardwareSample
from app.hardware.tree import UnreadableError

if TYPE_CHECKING:
    from app.hardware.tree import Tree

_CPUS = "/sys/devices/system/cpu"
# Implementer and part, as the processor names itself.
_PARTS = {
    (0x41, 0xD03): "Cortex-A53",
    (0x41, 0xD07): "Cortex-A57",
    (0x41, 0xD08): "Cortex-A72",
    (0x41, 0xD42): "Cortex-A78AE",
    (0x41, 0xD83): "Neoverse-V3AE",
    (0x4E, 0x003): "Denver 2",
    (0x4E, 0x004): "Carmel",
}
# Cores that are off name nothing: on a TX2 these two are the Denver ones.
_TX2_DENVER = (1, 2)
_TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")


class CpuReader:
    """Reads /proc/stat and cpufreq; loads are since the read before.

    Parameters
    ----------
    tree : Tree
    own_process : int, optional
        Its load and that of its children is told apart from all others'.
    """

    name = "CPU"

    def __init__(self, tree: Tree, own_process: int | None = None) -> None:
        self._tree = tree
        self._own_process = own_process
        self._kinds = _kinds(tree)
        self._tops_khz: dict[int, int | None] = {}
        self._times = self._read_times()
        self._own_s = self._own_time_s()
        self._read_s = time.monotonic()

    def read(self) -> HardwareSample:
        """Give every core the machine has, also those that are off."""
        times, gaps = self._read_times(), []
        loads = {
            which: _load(self._times.get(which), now) for which, now in times.items()
        }
        self._times = times
        if not times:
            gaps.append(Gap("CPU load", "/proc/stat cannot be read"))
        cores = [self._core(number, loads) for number in self._numbers()]
        online = sum(core.is_online for core in cores)
        if not any(core.clock_mhz for core in cores):
            gaps.append(Gap("CPU clocks", f"{_CPUS} has no cpufreq"))
        cpu = Cpu(tuple(cores), loads.get("cpu"), self._own_load(online))
        return HardwareSample(cpu=cpu, gaps=tuple(gaps))

    def _numbers(self) -> list[int]:
        # `possible` also counts sockets for processors that may be plugged in.
        listed = self._tree.find_text(f"{_CPUS}/present") or self._tree.find_text(
            f"{_CPUS}/possible"
        )
        if listed:
            return numbers_of(listed)
        names = self._tree.names_in(_CPUS)
        return [int(name[3:]) for name in names if re.fullmatch(r"cpu\d+", name)]

    def _core(self, number: int, loads: dict[str, float | None]) -> Core:
        folder = f"{_CPUS}/cpu{number}"
        is_online = self._is_online(number)
        frequencies = f"{folder}/cpufreq"
        if number not in self._tops_khz:
            self._tops_khz[number] = self._tree.find_number(
                f"{frequencies}/cpuinfo_max_freq"
            )
        read = self._tree.find_number
        return Core(
            number=number,
            kind=self._kinds.get(number, ""),
            is_online=is_online,
            load_ratio=loads.get(f"cpu{number}") if is_online else None,
            clock_mhz=_mhz(read(f"{frequencies}/scaling_cur_freq"))
            if is_online
            else None,
            limit_mhz=_mhz(read(f"{frequencies}/scaling_max_freq")),
            top_mhz=_mhz(self._tops_khz[number]),
        )

    def _is_online(self, number: int) -> bool:
        listed = self._tree.find_text(f"{_CPUS}/online")
        if listed:
            return number in numbers_of(listed)
        # The first core cannot be switched off and may have no such file.
        return self._tree.find_number(f"{_CPUS}/cpu{number}/online") != 0

    def _read_times(self) -> dict[str, tuple[int, int]]:
        """Busy and whole time of each core, in ticks."""
        found = {}
        for line in self._tree.find_text("/proc/stat").splitlines():
            if not line.startswith("cpu"):
                break
            name, *words = line.split()
            ticks = [int(word) for word in words[:8]]
            idle = ticks[3] + ticks[4]
            found[name] = sum(ticks) - idle, sum(ticks)
        return found

    def _own_load(self, online: int) -> float | None:
        before_s, self._own_s = self._own_s, self._own_time_s()
        since_s, self._read_s = self._read_s, time.monotonic()
        span_s = (self._read_s - since_s) * online
        if before_s is None or self._own_s is None or span_s <= 0:
            return None
        return min(1.0, max(0.0, (self._own_s - before_s) / span_s))

    def _own_time_s(self) -> float | None:
        if self._own_process is None:
            return None
        return sum(self._time_of(process) for process in self._family())

    def _family(self) -> list[int]:
        """Find a process and all that it started."""
        assert self._own_process is not None
        found, new = [], [self._own_process]
        while new:
            process = new.pop()
            found.append(process)
            for task in self._tree.names_in(f"/proc/{process}/task"):
                listed = f"/proc/{process}/task/{task}/children"
                new += [int(each) for each in self._tree.find_text(listed).split()]
        return found

    def _time_of(self, process: int) -> float:
        try:
            text = self._tree.text(f"/proc/{process}/stat")
        except UnreadableError:
            return 0.0
        # The name, in brackets, may hold spaces.
        words = text.rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) * _TICK_S


def numbers_of(listed: str) -> list[int]:
    """Read the kernel's lists, `0,3-5` for instance."""
    numbers: list[int] = []
    for part in listed.split(","):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers


def _load(before: tuple[int, int] | None, now: tuple[int, int]) -> float | None:
    if before is None or now[1] <= before[1]:
        return None
    return min(1.0, max(0.0, (now[0] - before[0]) / (now[1] - before[1])))


def _kinds(tree: Tree) -> dict[int, str]:
    kinds: dict[int, str] = {}
    for block in tree.find_text("/proc/cpuinfo").split("\n\n"):
        facts = dict(re.findall(r"^([\w ]+?)\s*:\s*(.*)$", block, re.MULTILINE))
        if "processor" not in facts or "CPU part" not in facts:
            continue
        part = int(facts.get("CPU implementer", "0"), 16), int(facts["CPU part"], 16)
        kinds[int(facts["processor"])] = _PARTS.get(part) or str(facts["CPU part"])
    if "nvidia,tegra186" in tree.find_text("/proc/device-tree/compatible"):
        for number in range(6):
            is_denver = number in _TX2_DENVER
            kinds.setdefault(number, "Denver 2" if is_denver else "Cortex-A57")
    return kinds


def _mhz(khz: int | None) -> float | None:
    return None if khz is None else khz / 1e3
