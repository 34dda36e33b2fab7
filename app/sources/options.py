"""Options of source URIs: what they look like, and what is said of wrong ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.errors import SourceFormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from app.sources.uri import SourceUri


@dataclass(frozen=True, slots=True)
class Option:
    """How the text of one option becomes its value."""

    parse: Callable[[str], Any]
    """Raises `ValueError` for what it does not take."""
    form: str
    """What a value looks like, for messages."""


def take_options(uri: SourceUri, known: Mapping[str, Option]) -> dict[str, Any]:
    """Read the options of a URI.

    Returns
    -------
    dict
        The values that are given, by their names.

    Raises
    ------
    SourceFormatError
        If one is unknown, naming those that are known, or has a value that it does
        not take.
    """
    refuse_unknown_options(uri, known)
    return {
        key: take_value(uri.scheme, key, text, known[key])
        for key, text in uri.options.items()
    }


def take_value(scheme: str, key: str, text: str, option: Option) -> Any:  # noqa: ANN401
    """Read the value of one option; raises as `take_options`."""
    try:
        return option.parse(text)
    except (ValueError, OverflowError) as error:
        raise SourceFormatError(
            f"option {key} of {scheme}:// is {text!r}",
            hint=f"It must be {option.form}.",
        ) from error


def refuse_unknown_options(uri: SourceUri, known: Collection[str]) -> None:
    """Refuse options that the source does not know.

    Raises
    ------
    SourceFormatError
        Naming the first unknown one, and those that are known.
    """
    for key, value in uri.options.items():
        if key not in known:
            names = ", ".join(sorted(known)) or "none"
            raise SourceFormatError(
                f"{uri.scheme}:// has no option {key!r} (given as {key}={value})",
                hint=f"Options are: {names}.",
            )


def number(low: float, high: float, unit: str = "") -> Option:
    """A number within bounds, both included."""

    def parse(text: str) -> float:
        value = float(text)
        _refuse_outside(low, value, high)
        return value

    return Option(parse, f"a number from {low:g} to {high:g}{unit and ' ' + unit}")


def positive(most: float) -> Option:
    """A number above 0."""

    def parse(text: str) -> float:
        value = float(text)
        if not 0.0 < value <= most:
            raise ValueError(value)
        return value

    return Option(parse, f"a number above 0, at most {most:g}")


def whole(low: int, high: int) -> Option:
    """A whole number within bounds, both included."""

    def parse(text: str) -> int:
        value = int(text)
        _refuse_outside(low, value, high)
        return value

    return Option(parse, f"a whole number from {low} to {high}")


def choice(*names: str) -> Option:
    """One of some words, in any case."""

    def parse(text: str) -> str:
        if text.lower() not in names:
            raise ValueError(text)
        return text.lower()

    return Option(parse, "one of " + ", ".join(names))


def number_range(low: float, high: float, unit: str) -> Option:
    """Two numbers as `100-4000`, or one that is both."""

    def parse(text: str) -> tuple[float, float]:
        first, _, last = text.partition("-")
        ends = float(first), float(last or first)
        _refuse_outside(low, ends[0], ends[1])
        _refuse_outside(ends[0], ends[1], high)
        return ends

    return Option(parse, f"{unit} as {low:g}-{high:g}, from {low:g} to {high:g}")


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    size = int(width), int(height)
    for side in size:
        _refuse_outside(1, side, 16384)
    return size


def _yes_or_no(text: str) -> bool:
    words = {"yes": True, "1": True, "true": True, "no": False, "0": False}
    words["false"] = False
    if text.lower() not in words:
        raise ValueError(text)
    return words[text.lower()]


def _refuse_outside(low: float, value: float, high: float) -> None:
    # Written so that what is no number is refused too.
    if not low <= value <= high:
        raise ValueError(value)


SIZE = Option(_size, "width x height as 1280x720")
RATE = positive(10_000.0)
YES_OR_NO = Option(_yes_or_no, "yes or no")
