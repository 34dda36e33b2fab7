"""What lowers the clocks now: heat, or too much current."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from app.hardware.readings import HardwareSample, Throttle

if TYPE_CHECKING:
    from app.hardware.tree import Tree

_COOLING = "/sys/class/thermal"
_CPUS = "/sys/devices/system/cpu"
# Coolers that make no computing slower. An Orin's `hot-surface-alert` is at 70 degrees
# on, where nothing is lowered yet.
_HARMLESS = re.compile(
    "fan|powerclamp|lcd|backlight|tcc_offset|hot-surface|wifi|link_speed|battery",
    re.IGNORECASE,
)
# A counter that rose is throttling for this long.
_HELD_S = 3.0


class ThrottleReader:
    """Reads the kernel's cooling devices and counters of throttling."""

    name = "throttling"

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._coolers = [
            (name, f"{_COOLING}/{folder}/cur_state")
            for folder in tree.names_in(_COOLING)
            if folder.startswith("cooling_device")
            and makes_slower(name := tree.find_text(f"{_COOLING}/{folder}/type"))
        ]
        self._counters = [
            *(
                (path, True)
                for path in tree.find(f"{_CPUS}/cpu*/thermal_throttle/*_throttle_count")
            ),
            *((path, False) for path in tree.find("/sys/class/hwmon/*/oc*_event_cnt")),
        ]
        self._counts = self._read_counts()
        self._risen_s: dict[str, float] = {}

    def read(self) -> HardwareSample:
        """Give what is throttled now."""
        found = []
        for name, path in self._coolers:
            if (self._tree.find_number(path) or 0) > 0:
                found.append(Throttle(f"cooling device {name} is active"))
        counts, now_s = self._read_counts(), time.monotonic()
        for path, is_thermal in self._counters:
            if counts.get(path, 0) > self._counts.get(path, 0):
                self._risen_s[path] = now_s
            if now_s - self._risen_s.get(path, -_HELD_S) < _HELD_S:
                found.append(Throttle(_counter_words(path), is_thermal))
        self._counts = counts
        return HardwareSample(throttles=tuple(dict.fromkeys(found)))

    def _read_counts(self) -> dict[str, int]:
        return {path: self._tree.find_number(path) or 0 for path, _ in self._counters}


def makes_slower(cooler: str) -> bool:
    """Whether a cooling device of this type lowers clocks; no name is none."""
    return bool(cooler) and not _HARMLESS.search(cooler)


def _counter_words(path: str) -> str:
    if "thermal_throttle" in path:
        part = path.rpartition("/")[2].removesuffix("_throttle_count")
        return f"the processor's {part} is throttled by heat"
    return "too much current: the board lowers its clocks"
