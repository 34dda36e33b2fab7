"""The controls of a camera that GStreamer reads: properties of its first element.

Taken are those that an element says may be set while it plays, and those of
`nvarguscamerasrc`, which says it of none and heeds these with the next frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.sources.controls import Control, ControlKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_READABLE, _WRITABLE = 1, 2
_CONTROLLABLE, _MUTABLE_PLAYING = 1 << 9, 1 << 12
_WHOLE = (
    *("GParamInt", "GParamUInt", "GParamInt64", "GParamUInt64"),
    *("GParamLong", "GParamULong", "GParamChar", "GParamUChar"),
)
_BROKEN = ("GParamFloat", "GParamDouble")
_DECIMALS = 2
# Bounds wider than this are no bounds.
_MOST = 2**31 - 1
_ARGUS = "nvarguscamerasrc"
_ARGUS_PROPERTIES = {
    "wbmode": "White balance",
    "awblock": "Lock white balance",
    "aelock": "Lock exposure and gain",
    "exposurecompensation": "Exposure compensation",
    "aeantibanding": "Against flicker",
    "saturation": "Saturation",
    "tnr-mode": "Noise reduction",
    "tnr-strength": "Noise reduction, strength",
    "ee-mode": "Edge enhancement",
    "ee-strength": "Edge enhancement, strength",
}


@dataclass(frozen=True, slots=True)
class _Range:
    """A property that holds two numbers in a text: the bounds of an automatic one."""

    title: str
    unit: str
    low: int
    high: int
    decimals: int
    factor: int
    """What the element counts, for one of our unit."""


# As wide as NVIDIA documents; a sensor may allow less, and then refuses.
_ARGUS_RANGES = {
    "exposuretimerange": _Range("Exposure", "us", 34, 358_733, 0, 1000),
    "gainrange": _Range("Gain", "", 100, 1600, 2, 1),
    "ispdigitalgainrange": _Range("Digital gain", "", 100, 800, 2, 1),
}
_ENDS = ("at least", "at most")


class ElementControls:
    """Reads and sets the controls of one element; any thread may.

    Parameters
    ----------
    element : Gst.Element
    """

    def __init__(self, element: Any) -> None:  # noqa: ANN401  GStreamer has no types
        self._element = element
        self._is_argus = element.get_factory().get_name() == _ARGUS

    def read(self) -> tuple[Control, ...]:
        """All of them as they stand."""
        return tuple(control for _, control in self._all())

    def write(self, values: Mapping[str, int]) -> None:
        """Set some by their names; what it has not is left out."""
        known = {control.name: (name, control) for name, control in self._all()}
        for title in values.keys() & known.keys():
            name, control = known[title]
            bounded = max(control.minimum, min(control.maximum, values[title]))
            self._write(name, control, bounded)

    def untouched(self) -> set[str]:
        """Names of those that stand as the element has them from the start."""
        return {each.name for each in self.read() if each.value == each.default}

    def shortest_exposure_s(self) -> float:
        """What the exposure is at least; 0 where it is not bounded, or not known."""
        name = "exposuretimerange"
        if not self._is_argus or not self._element.get_property(name):
            return 0.0
        return 1e-6 * self._ends(name, _ARGUS_RANGES[name])[0]

    def _all(self) -> Iterator[tuple[str, Control]]:
        """Each control, behind the name of its property."""
        if self._is_argus:
            for name, kind in _ARGUS_RANGES.items():
                if self._element.find_property(name) is not None:
                    yield from self._range_controls(name, kind)
            named = [
                (self._element.find_property(name), title)
                for name, title in _ARGUS_PROPERTIES.items()
            ]
        else:
            named = [
                (spec, spec.nick)
                for spec in self._element.list_properties()
                if _may_be_set(spec)
            ]
        for number, (spec, title) in enumerate(named, 100):
            control = None if spec is None else self._control(number, spec, title)
            if control is not None:
                yield spec.name, control

    def _control(self, number: int, spec: Any, title: str) -> Control | None:  # noqa: ANN401
        kind = spec.__gtype__.name
        value, default = self._element.get_property(spec.name), spec.default_value
        if kind == "GParamBoolean":
            return Control(
                *(number, title, ControlKind.BOOLEAN, 0, 1, 1),
                *(int(default), int(value)),
            )
        if kind == "GParamEnum":
            names = {
                int(each): each.value_nick
                for each in spec.enum_class.__enum_values__.values()
            }
            return Control(
                *(number, title, ControlKind.MENU, min(names), max(names), 1),
                *(int(default), int(value), tuple(sorted(names.items()))),
            )
        if kind not in (*_WHOLE, *_BROKEN):
            return None
        decimals = _DECIMALS if kind in _BROKEN else 0
        numbers = (
            round(max(-_MOST, min(_MOST, each * 10**decimals)))
            for each in (spec.minimum, spec.maximum, default, value)
        )
        low, high, first, now = numbers
        return Control(
            *(number, title, ControlKind.INTEGER, low, high, 1, first, now),
            decimals=decimals,
        )

    def _range_controls(self, name: str, kind: _Range) -> Iterator[tuple[str, Control]]:
        first = (kind.low, kind.high)
        now = self._ends(name, kind)
        for end, text in enumerate(_ENDS):
            yield (
                name,
                Control(
                    id=10 * list(_ARGUS_RANGES).index(name) + end,
                    name=f"{kind.title}, {text}",
                    kind=ControlKind.INTEGER,
                    minimum=kind.low,
                    maximum=kind.high,
                    step=1,
                    default=first[end],
                    value=now[end],
                    decimals=kind.decimals,
                    unit=kind.unit,
                ),
            )

    def _ends(self, name: str, kind: _Range) -> tuple[int, int]:
        """Both numbers of a range; its bounds where the element leaves it open."""
        words = (self._element.get_property(name) or "").split()
        if len(words) != len(_ENDS):
            return kind.low, kind.high
        low, high = (
            round(float(word) / kind.factor * 10**kind.decimals) for word in words
        )
        return low, high

    def _write(self, name: str, control: Control, value: int) -> None:
        kind = _ARGUS_RANGES.get(name) if self._is_argus else None
        if kind is None:
            scaled = value / 10**control.decimals if control.decimals else value
            is_switch = control.kind is ControlKind.BOOLEAN
            self._element.set_property(name, bool(value) if is_switch else scaled)
            return
        low, high = self._ends(name, kind)
        is_least = control.name.endswith(_ENDS[0])
        ends = (value, max(value, high)) if is_least else (min(value, low), value)
        told = (kind.factor * end / 10**kind.decimals for end in ends)
        self._element.set_property(name, " ".join(f"{each:.10g}" for each in told))


def _may_be_set(spec: Any) -> bool:  # noqa: ANN401
    flags = int(spec.flags)
    is_open = flags & _READABLE and flags & _WRITABLE
    return bool(is_open and flags & (_CONTROLLABLE | _MUTABLE_PLAYING))
