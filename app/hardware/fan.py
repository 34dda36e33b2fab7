"""Fans, by the names of their drivers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.hardware.readings import Fan, Gap, HardwareSample

if TYPE_CHECKING:
    from app.hardware.tree import Tree

_OLD = "/sys/devices/pwm-fan"
_FULL = 255


class FanReader:
    """Reads a Jetson's fan by its old or its new driver, or a desktop's fans."""

    name = "fan"

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._has_old = tree.has(_OLD)
        chips = {
            folder: tree.find_text(f"{folder}/name")
            for folder in tree.find("/sys/class/hwmon/hwmon*")
        }
        self._fans = [folder for folder, name in chips.items() if name == "pwmfan"]
        self._tachs = [folder for folder, name in chips.items() if name == "pwm_tach"]
        self._speeds = [
            (f"{name} {path.rpartition('/')[2][: -len('_input')]}", path)
            for folder, name in chips.items()
            if name not in ("pwmfan", "pwm_tach")
            for path in tree.find(f"{folder}/fan*_input")
        ]

    def read(self) -> HardwareSample:
        """Give every fan."""
        fans = [*self._old_fans(), *self._new_fans(), *self._other_fans()]
        gaps = () if fans else (Gap("fan", "no fan tells its speed"),)
        return HardwareSample(fans=tuple(fans), gaps=gaps)

    def _old_fans(self) -> list[Fan]:
        if not self._has_old:
            return []
        duty = self._tree.find_number(f"{_OLD}/cur_pwm")
        if duty is None:
            duty = self._tree.find_number(f"{_OLD}/target_pwm")
        speed_rpm = self._tree.find_number(f"{_OLD}/rpm_measured")
        return [Fan("fan", _ratio(duty), speed_rpm, f"{_OLD}/target_pwm")]

    def _new_fans(self) -> list[Fan]:
        fans = []
        for at, folder in enumerate(self._fans):
            speed_rpm = self._tree.find_number(f"{folder}/fan1_input")
            if speed_rpm is None and at < len(self._tachs):
                speed_rpm = self._tree.find_number(f"{self._tachs[at]}/rpm")
            duty = self._tree.find_number(f"{folder}/pwm1")
            fans.append(Fan("fan", _ratio(duty), speed_rpm, f"{folder}/pwm1"))
        return fans

    def _other_fans(self) -> list[Fan]:
        return [
            Fan(name, speed_rpm=speed_rpm)
            for name, path in self._speeds
            if (speed_rpm := self._tree.find_number(path)) is not None
        ]


def _ratio(duty: int | None) -> float | None:
    return None if duty is None else duty / _FULL
