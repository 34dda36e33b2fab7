"""Charts as inline SVG, for pages that need nothing from elsewhere.

Colours come from the page's style sheet, by class: `first` to `sixth` are told apart
by colour-blind people too, and lines differ by their dashes as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH_PX = 720
SERIES_CLASSES = ("first", "second", "third", "fourth", "fifth", "sixth")
_LABEL_PX = 150
_WIDEST_LABEL_PX = 290
# Of the page's font at the size of a label: more than most letters have.
_LETTER_PX = 7.0
_WIDE_LETTER_PX = 9.5
_LINE_PX = 14
_VALUE_PX = 120
_ROW_PX = 20
_GAP_PX = 10
_TOP_PX = 8
_AXIS_PX = 26


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar."""

    length: float
    """From 0."""
    text: str
    """Written at its end."""
    style: str
    """Class of the colour."""


def bar_chart(title: str, rows: Sequence[tuple[str, Sequence[Bar]]]) -> str:
    """Draw horizontal bars, grouped by row.

    Parameters
    ----------
    title : str
        Read out to those who do not see the chart.
    rows : sequence of (str, sequence of Bar)
        Label and bars, top to bottom; a label may have a second line.
    """
    longest = max((bar.length for _, bars in rows for bar in bars), default=0.0) or 1.0
    label_px = _label_px([label for label, _ in rows])
    room_px = WIDTH_PX - label_px - _VALUE_PX
    parts: list[str] = []
    y_px = float(_TOP_PX)
    for label, bars in rows:
        lines = label.splitlines()
        height_px = max(_ROW_PX * len(bars), _LINE_PX * len(lines))
        top_px = y_px + (height_px - _LINE_PX * (len(lines) - 1)) / 2
        for number, line in enumerate(lines):
            shown = _shortened(line, label_px)
            line_px = top_px + number * _LINE_PX
            parts.append(_text(label_px - 8, line_px, shown, "end"))
        bar_px = y_px + (height_px - _ROW_PX * len(bars)) / 2
        for bar in bars:
            length_px = max(1.0, room_px * bar.length / longest)
            parts.append(
                f'<rect class="{bar.style}" x="{label_px:g}" y="{bar_px + 2:g}"'
                f' width="{length_px:.1f}" height="{_ROW_PX - 4}" rx="2"/>'
            )
            parts.append(
                _text(label_px + length_px + 6, bar_px + 10, bar.text, "start")
            )
            bar_px += _ROW_PX
        y_px += height_px + _GAP_PX
    return _svg(title, y_px, parts)


def _label_px(labels: Sequence[str]) -> float:
    """Room for the widest line of some labels, within bounds."""
    widths_px = [_width_px(line) for label in labels for line in label.splitlines()]
    return min(_WIDEST_LABEL_PX, max([_LABEL_PX, *(px + 16 for px in widths_px)]))


def _shortened(line: str, label_px: float) -> str:
    if _width_px(line) <= label_px - 16:
        return line
    while line and _width_px(f"{line}…") > label_px - 16:
        line = line[:-1]
    return f"{line}…"


def _width_px(line: str) -> float:
    """No less than a line takes."""
    wide = sum(letter.isupper() or letter in "mw_%@" for letter in line)
    return wide * _WIDE_LETTER_PX + (len(line) - wide) * _LETTER_PX


def log_dot_chart(
    title: str, rows: Sequence[tuple[str, float | None]], limit: float
) -> str:
    """Draw one dot a row on a logarithmic axis, with a limit across all rows.

    Parameters
    ----------
    title : str
        Read out to those who do not see the chart.
    rows : sequence of (str, float or None)
        Label and value from 0; None where it is not known. What is 0 stands at the
        axis, where no logarithm reaches.
    limit : float
        Where a line is drawn, above 0.
    """
    known = [value for _, value in rows if value] + [limit]
    low = math.floor(math.log10(min(known))) - 1
    high = max(low + 2, math.ceil(math.log10(max(known))) + 1)
    room_px = WIDTH_PX - _LABEL_PX - _VALUE_PX

    def x_of(value: float) -> float:
        return _LABEL_PX + room_px * (math.log10(value) - low) / (high - low)

    bottom_px = _TOP_PX + (_ROW_PX + _GAP_PX) * len(rows)
    parts: list[str] = []
    step = max(1, math.ceil((high - low) / 8))
    for exponent in range(low, high + 1, step):
        x_px = x_of(10.0**exponent)
        parts.append(_line("grid", x_px, _TOP_PX, x_px, bottom_px))
        parts.append(_text(x_px, bottom_px + 14, f"1e{exponent}", "middle"))
    x_px = x_of(limit)
    parts.append(_line("limit", x_px, _TOP_PX, x_px, bottom_px))
    for index, (label, value) in enumerate(rows):
        y_px = _TOP_PX + (_ROW_PX + _GAP_PX) * (index + 0.5)
        parts.append(_text(_LABEL_PX - 8, y_px, label, "end"))
        end_px = x_of(value) if value else float(_LABEL_PX)
        parts.append(_line("stem", _LABEL_PX, y_px, end_px, y_px))
        style = "hollow" if value is None else "first"
        parts.append(f'<circle class="{style}" cx="{end_px:.1f}" cy="{y_px}" r="5"/>')
        words = "not measured" if value is None else f"{value:.2g}" if value else "0"
        parts.append(_text(end_px + 10, y_px, words, "start"))
    return _svg(title, bottom_px + _AXIS_PX, parts)


def line_chart(
    title: str, x_title: str, series: Sequence[tuple[str, Sequence[float]]]
) -> str:
    """Draw values over their number, one line a series, labelled at its end.

    Parameters
    ----------
    title : str
        Read out to those who do not see the chart.
    x_title : str
        Under the axis.
    series : sequence of (str, sequence of float)
        Label and values from 0; at most as many as `SERIES_CLASSES`.
    """
    height_px, left_px = 300, 56
    right_px = WIDTH_PX - _label_px([label for label, _ in series]) - 18
    bottom_px = height_px - 34
    most = max((max(values) for _, values in series if values), default=1.0) or 1.0
    step = _round_step(most / 5)
    top = step * math.ceil(most / step)
    count = max((len(values) for _, values in series), default=1)
    parts: list[str] = []

    def y_of(value: float) -> float:
        return bottom_px - (bottom_px - 16) * value / top

    for number in range(round(top / step) + 1):
        y_px = y_of(number * step)
        parts.append(_line("grid", left_px, y_px, right_px, y_px))
        parts.append(_text(left_px - 6, y_px, f"{number * step:g}", "end"))
    ends = _apart([y_of(values[-1]) if values else 0.0 for _, values in series])
    for (label, values), end_px, style in zip(
        series, ends, SERIES_CLASSES, strict=False
    ):
        spread = (right_px - left_px) / max(1, count - 1)
        points = " ".join(
            f"{left_px + spread * index:.1f},{y_of(value):.1f}"
            for index, value in enumerate(values)
        )
        parts.append(f'<polyline class="line {style}" points="{points}"/>')
        parts.append(
            _line(f"line {style}", right_px + 4, end_px, right_px + 22, end_px)
        )
        parts.append(_text(right_px + 26, end_px, label, "start"))
    parts.append(_text((left_px + right_px) / 2, height_px - 12, x_title, "middle"))
    return _svg(title, height_px, parts)


def _apart(heights_px: list[float]) -> list[float]:
    """Move labels up and down until none covers another."""
    least_px = 15.0
    order = sorted(range(len(heights_px)), key=lambda index: -heights_px[index])
    moved = list(heights_px)
    for above, below in zip(order[1:], order, strict=False):
        moved[above] = min(moved[above], moved[below] - least_px)
    over_px = max(0.0, 10.0 - min(moved, default=10.0))
    return [each + over_px for each in moved]


def _round_step(least: float) -> float:
    """Smallest of 1, 2, 5, 10, 20, ... that is not less."""
    power = 10.0 ** math.floor(math.log10(least))
    return float(next(one * power for one in (1, 2, 5, 10) if one * power >= least))


def _svg(title: str, height_px: float, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH_PX} {height_px:g}" role="img"'
        f' aria-label="{escape(title)}" xmlns="http://www.w3.org/2000/svg">'
        f"{''.join(parts)}</svg>"
    )


def _line(style: str, x1_px: float, y1_px: float, x2_px: float, y2_px: float) -> str:
    return (
        f'<line class="{style}" x1="{x1_px:.1f}" y1="{y1_px:.1f}"'
        f' x2="{x2_px:.1f}" y2="{y2_px:.1f}"/>'
    )


def _text(x_px: float, y_px: float, words: str, anchor: str) -> str:
    return (
        f'<text x="{x_px:.1f}" y="{y_px + 4:.1f}" text-anchor="{anchor}">'
        f"{escape(words)}</text>"
    )
