"""Temperatures with their own trip points."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from app.hardware.readings import Gap, HardwareSample, Temperature
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
        self._inputs = [
            (_label(tree, folder, path), path[: -len("_input")])
            for folder in tree.find(f"{_HWMON}/hwmon*")
            for path in tree.find(f"{folder}/temp*_input")
        ]

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
            hot_c = _limit(self._tree.find_number(f"{stem}_max"))
            found.append(Temperature(name, now_c, hot_c=hot_c, critical_c=critical_c))
        return HardwareSample(temperatures=tuple(found), gaps=tuple(gaps))


def _folders(tree: Tree, parent: str) -> list[str]:
    names = tree.names_in(parent)
    return [f"{parent}/{name}" for name in names if name.startswith("thermal_zone")]


def _trips(tree: Tree, zone: str) -> dict[str, float]:
    """Find the lowest limit of each kind; -40 stands for none."""
    limits: dict[str, float] = {}
    for path in tree.find(f"{zone}/trip_point_*_temp"):
        kind = tree.find_text(path[: -len("temp")] + "type").lower()
        limit_c = _limit(tree.find_number(path))
        if kind in _TRIPS and limit_c is not None:
            key = f"{kind}_c"
            limits[key] = min(limit_c, limits.get(key, limit_c))
    return limits


def _limit(milli_c: int | None) -> float | None:
    # Disks and chips without a limit give 0, -40 or 65261.
    if milli_c is None or not 0 < milli_c < 200_000:
        return None
    return milli_c / 1e3


def _label(tree: Tree, folder: str, path: str) -> str:
    chip = tree.find_text(f"{folder}/name") or "hwmon"
    label = tree.find_text(path[: -len("input")] + "label")
    return f"{chip} {label}" if label else chip


def _reason(error: UnreadableError) -> str:
    is_asleep = "temporarily unavailable" in error.reason
    return "powered off" if is_asleep else error.reason
