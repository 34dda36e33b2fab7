"""Supplies of a Jetson, and the packages of a desktop's processor."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from app.hardware.readings import Gap, HardwareSample, Power, Rail

if TYPE_CHECKING:
    from app.hardware.tree import Tree

# Found by name: their numbers and buses differ between boards and releases.
_PLACES = (
    "/sys/bus/i2c/devices/*",
    "/sys/bus/i2c/drivers/ina3221/*",
    "/sys/bus/i2c/drivers/ina3221x/*",
    "/sys/class/hwmon/*/device",
)
_TOTALS = ("VDD_IN", "POM_5V_IN", "VIN")
_UNUSED = "NC"
# The fourth and later inputs are sums of the three channels.
_CHANNELS = (1, 2, 3)
_RAPL = "/sys/class/powercap"


class RailReader:
    """Reads the INA3221 monitors of a Jetson, by either of their drivers."""

    name = "power"

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._rails = _find_rails(tree)

    def read(self) -> HardwareSample:
        """Give every rail and the total."""
        if not self._rails:
            gap = Gap("power", "no INA3221 with readable channels is there")
            return HardwareSample(gaps=(gap,))
        rails, gaps = [], []
        for name, paths in self._rails:
            values = [self._tree.find_number(path) for path in paths]
            if None in values:
                gaps.append(Gap(f"power of {name}", f"{paths[0]} cannot be read"))
                continue
            known = [value for value in values if value is not None]
            # Milliwatts, or millivolts and milliamperes.
            power_w = known[0] / 1e3 if len(known) == 1 else known[0] * known[1] / 1e6
            rails.append(Rail(name, power_w))
        if not rails:
            return HardwareSample(gaps=tuple(gaps))
        power = with_total(tuple(rails))
        return HardwareSample(power=power, gaps=tuple(gaps))


class RaplReader:
    """Reads how much energy a desktop's processor has taken."""

    name = "CPU power"

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._zones = [
            (tree.find_text(f"{zone}/name"), zone)
            for zone in tree.find(f"{_RAPL}/*-rapl:*")
            if zone.count(":") == 1
        ]
        self._before = self._energies()

    def read(self) -> HardwareSample:
        """Give the power since the read before."""
        before, self._before = self._before, self._energies()
        rails, gaps = [], []
        for name, zone in self._zones:
            if zone not in self._before:
                gaps.append(Gap(f"power of {name}", f"{zone}/energy_uj needs root"))
                continue
            (then_s, then_uj), (now_s, now_uj) = before[zone], self._before[zone]
            # The counter starts again at 0 every few minutes.
            if now_uj >= then_uj and now_s > then_s:
                rails.append(Rail(name, (now_uj - then_uj) / 1e6 / (now_s - then_s)))
        power = with_total(tuple(rails)) if rails else None
        return HardwareSample(power=power, gaps=tuple(gaps))

    def _energies(self) -> dict[str, tuple[float, int]]:
        found = {}
        for _, zone in self._zones:
            energy_uj = self._tree.find_number(f"{zone}/energy_uj")
            if energy_uj is not None:
                found[zone] = time.monotonic(), energy_uj
        return found


def with_total(rails: tuple[Rail, ...]) -> Power:
    """Find the rail that feeds all the others, or add them up."""
    for rail in rails:
        if rail.name in _TOTALS:
            return Power(rails, rail.power_w, is_sum=False)
    return Power(rails, sum(rail.power_w for rail in rails))


def _find_rails(tree: Tree) -> list[tuple[str, tuple[str, ...]]]:
    """Find the rails' names, and the files that make up their power."""
    found: list[tuple[str, tuple[str, ...]]] = []
    seen = set()
    for place in _PLACES:
        for device in tree.find(place):
            if tree.real(device) in seen or not _is_monitor(tree, device):
                continue
            seen.add(tree.real(device))
            found += _iio_rails(tree, device) or _hwmon_rails(tree, device)
    return found


def _is_monitor(tree: Tree, device: str) -> bool:
    is_named = tree.find_text(f"{device}/name").startswith("ina3221")
    return is_named or "/ina3221" in device


def _iio_rails(tree: Tree, device: str) -> list[tuple[str, tuple[str, ...]]]:
    rails: list[tuple[str, tuple[str, ...]]] = []
    for path in tree.find(f"{device}/iio:device*/rail_name_*"):
        name, number = tree.find_text(path), path.rpartition("_")[2]
        folder = path.rpartition("/")[0]
        if name and name != _UNUSED:
            rails.append((name, (f"{folder}/in_power{number}_input",)))
    return rails


def _hwmon_rails(tree: Tree, device: str) -> list[tuple[str, tuple[str, ...]]]:
    rails: list[tuple[str, tuple[str, ...]]] = []
    for folder in tree.find(f"{device}/hwmon/hwmon*"):
        for number in _CHANNELS:
            name = tree.find_text(f"{folder}/in{number}_label")
            if name and name != _UNUSED:
                paths = f"{folder}/in{number}_input", f"{folder}/curr{number}_input"
                rails.append((name, paths))
    return rails
