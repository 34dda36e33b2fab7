"""Temperatures with their own trip points."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from app.hardware.readings import Gap, HardwareSample, Temperature
from app.hardware.throttling import makes_slower
from app.hardware.tree import UnreadableError

if TYPE_CHECKING:
    from app.hardware.tree import Tree

_CLASS = "/sys/class/thermal"
_DEVICES = "/sys/devices/virtual/thermal"
_HWMON = "/sys/class/hwmon"
# A constant, 100 or 50 degrees, whatever the temperature.
_CONSTANT = re.compile("pmic", re.IGNORECASE)
# Powered off, by some drivers.
_ABSENT_C = -200.0
_TRIPS = ("passive", "hot", "critical")
# Their `max` is where fans should run at full speed: a busy processor has it.
_MAX_IS_NO_LIMIT = ("coretemp",)


class ThermalReader:
    """Reads the kernel's thermal zones, each found by its name.

    Their numbers differ between releases: a zone more in the middle moves all that
    come after it.
    """

    name = "temperatures"

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        zones = _folders(tree, _CLASS) or _folders(tree, _DEVICES)
        self._zones = [
            (name, zone, _trips(tree, zone))
            for zone in zones
            if (name := tree.find_text(f"{zone}/type")) and not _CONSTANT.search(name)
        ]

    def read(self) -> HardwareSample:
        """Give every zone that has a temperature now."""
        found, gaps = [], []
        for name, zone, limits in self._zones:
            try:
                now_c = self._tree.number(f"{zone}/temp") / 1e3
            except UnreadableError as error:
                gaps.append(Gap(name, _reason(error)))
                continue
            if now_c < _ABSENT_C:
                gaps.append(Gap(name, "powered off"))
                continue
            found.append(Temperature(name, now_c, **limits))
        if not self._zones:
            gaps.append(Gap("temperatures", "there is no thermal zone"))
        return HardwareSample(temperatures=tuple(found), gaps=tuple(gaps))


class HwmonTemperatureReader:
    """Reads the sensors of a desktop's boards and disks, with their limits."""

    name = "hwmon temperatures"

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._inputs = _hwmon_inputs(tree)

    def read(self) -> HardwareSample:
        """Give every sensor that answers."""
        found, gaps = [], []
        for name, stem in self._inputs:
            try:
                now_c = self._tree.number(f"{stem}_input") / 1e3
            except UnreadableError as error:
                gaps.append(Gap(name, _reason(error)))
                continue
            critical_c = _limit(self._tree.find_number(f"{stem}_crit"))
            hot_c = None
            if not name.startswith(_MAX_IS_NO_LIMIT):
                hot_c = _limit(self._tree.find_number(f"{stem}_max"))
            found.append(Temperature(name, now_c, hot_c=hot_c, critical_c=critical_c))
        return HardwareSample(temperatures=tuple(found), gaps=tuple(gaps))


def _folders(tree: Tree, parent: str) -> list[str]:
    names = tree.names_in(parent)
    return [f"{parent}/{name}" for name in names if name.startswith("thermal_zone")]


def _trips(tree: Tree, zone: str) -> dict[str, float]:
    """Find the lowest limit of each kind; -40 stands for none."""
    limits: dict[str, float] = {}
    mere_notices = _notices(tree, zone)
    for path in tree.find(f"{zone}/trip_point_*_temp"):
        stem = path[: -len("_temp")]
        kind = tree.find_text(f"{stem}_type").lower()
        limit_c = _limit(tree.find_number(path))
        if kind == "passive" and stem.rpartition("_")[2] in mere_notices:
            continue
        if kind in _TRIPS and limit_c is not None:
            key = f"{kind}_c"
            limits[key] = min(limit_c, limits.get(key, limit_c))
    return limits


def _notices(tree: Tree, zone: str) -> set[str]:
    """Find the trips at which nothing gets slower, by the coolers bound to them.

    An Orin's zones have a passive trip at 70 degrees that only tells of a hot surface;
    clocks are lowered from 99 on.
    """
    slows: dict[str, bool] = {}
    for path in tree.find(f"{zone}/cdev*_trip_point"):
        trip = tree.find_text(path)
        cooler = tree.find_text(path[: -len("_trip_point")] + "/type")
        slows[trip] = slows.get(trip, False) or makes_slower(cooler)
    return {trip for trip, is_slower in slows.items() if not is_slower}


def _limit(milli_c: int | None) -> float | None:
    # Disks and chips without a limit give 0, -40 or 65261.
    if milli_c is None or not 0 < milli_c < 200_000:
        return None
    return milli_c / 1e3


def _hwmon_inputs(tree: Tree) -> list[tuple[str, str]]:
    """Name every sensor; of several alike, each by its device as well."""
    found = []
    for folder in tree.find(f"{_HWMON}/hwmon*"):
        chip = tree.find_text(f"{folder}/name") or "hwmon"
        for path in tree.find(f"{folder}/temp*_input"):
            label = tree.find_text(path[: -len("input")] + "label")
            found.append((f"{chip} {label}".strip(), folder, path[: -len("_input")]))
    counts = Counter(name for name, _, _ in found)
    return [
        (f"{name} ({_device(tree, folder)})" if counts[name] > 1 else name, stem)
        for name, folder, stem in found
    ]


def _device(tree: Tree, folder: str) -> str:
    # The number of a hwmon changes with every start; that of its device does not.
    is_known = tree.has(f"{folder}/device")
    return tree.real(f"{folder}/device" if is_known else folder).rpartition("/")[2]


def _reason(error: UnreadableError) -> str:
    is_asleep = "temporarily unavailable" in error.reason
    return "powered off" if is_asleep else error.reason
