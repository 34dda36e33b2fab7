"""Controls of a camera: exposure, gain, focus, whatever it has."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class ControlKind(enum.IntEnum):
    """What values a control takes; numbers of Linux."""

    INTEGER = 1
    BOOLEAN = 2
    MENU = 3
    BUTTON = 4
    """Does something once; has no value."""
    INTEGER64 = 5
    HEADING = 6
    """Names the controls behind it; has no value."""
    BITMASK = 8
    INTEGER_MENU = 9


@dataclass(frozen=True, slots=True)
class Control:
    """One control as it stands."""

    id: int
    name: str
    kind: ControlKind
    minimum: int
    maximum: int
    step: int
    default: int
    value: int
    choices: tuple[tuple[int, str], ...] = ()
    """Values and names, of menus."""
    is_read_only: bool = False
    is_inactive: bool = False
    """Whether another control rules it now, as automatic exposure the exposure."""
    decimals: int = 0
    """Digits behind the point: all numbers here are in units of 10**-decimals."""
    unit: str = ""

    @property
    def value_text(self) -> str:
        """The value as the operator reads it."""
        if self.kind is ControlKind.BOOLEAN:
            return "on" if self.value else "off"
        return dict(self.choices).get(self.value) or self.text_of(self.value)

    def text_of(self, value: int) -> str:
        """A number of this control as the operator reads it."""
        text = f"{value / 10**self.decimals:.{self.decimals}f}"
        return f"{text} {self.unit}".rstrip()
