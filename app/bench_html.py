"""Results of benches side by side as a page of its own."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from app.bench_store import latency_ms
from app.html_page import figure, key, page, row, table
from app.svg_charts import Bar, bar_chart

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.bench_store import StoredBench

    Figures = Callable[[StoredBench], tuple[float | None, ...]]

_HEADS = (
    *("engine and machine", "fps alone", "fps whole", "p50 ms", "p95 ms", "p99 ms"),
    *("memory MB", "°C before", "°C after"),
)
_PERCENTILES = ("p50_ms", "p95_ms", "p99_ms")
_STYLES = ("first", "second", "third")


def html_of(benches: Sequence[StoredBench]) -> str:
    """The comparison as a page of its own, which loads nothing and runs no script."""
    charts = (
        _chart(
            "Frames a second", benches, _speeds, ("network alone", "whole solution")
        ),
        _chart(
            "From a frame to its result, ms",
            benches,
            _latencies,
            ("median", "95 %", "99 %"),
            note="Of the whole solution; where that was not run, of one inference.",
            decimals=1,
        ),
        _chart(
            "Peak of memory, MB", benches, lambda bench: (bench.number("memory_mb"),)
        ),
        _chart("Temperature, °C", benches, _temperatures, ("before", "after")),
    )
    notes = "".join(
        f"<li>{escape(bench.title)}: {escape(bench.note)}</li>" for bench in benches
    )
    parts = [table(_HEADS, map(_row, benches)), *charts]
    return page("Engines compared", [*parts, f"<h2>Measured on</h2><ul>{notes}</ul>"])


def _speeds(bench: StoredBench) -> tuple[float | None, ...]:
    return bench.figure("alone", "fps"), bench.figure("whole", "fps")


def _latencies(bench: StoredBench) -> tuple[float | None, ...]:
    return tuple(latency_ms(bench, name) for name in _PERCENTILES)


def _temperatures(bench: StoredBench) -> tuple[float | None, ...]:
    names = "temperature_before_c", "temperature_after_c"
    return tuple(bench.number(name) for name in names)


def _chart(
    title: str,
    benches: Sequence[StoredBench],
    figures: Figures,
    words: Sequence[str] = (),
    note: str = "",
    decimals: int = 0,
) -> str:
    """A chart of the results that have any of the figures; nothing where none has."""
    rows = []
    for bench in benches:
        bars = [
            Bar(value, f"{value:.{decimals}f}", style)
            for value, style in zip(figures(bench), _STYLES, strict=False)
            if value is not None
        ]
        if bars:
            rows.append((f"{bench.engine}\n{bench.machine}", bars))
    if not rows:
        return ""
    words_of = zip(_STYLES, words, strict=False)
    caption = "<br>".join(filter(None, (key(*words_of), escape(note))))
    return f"<h2>{title}</h2>{figure(bar_chart(title, rows), caption)}"


def _row(bench: StoredBench) -> str:
    values = (
        *((value, 0) for value in _speeds(bench)),
        *((value, 1) for value in _latencies(bench)),
        (bench.number("memory_mb"), 0),
        *((value, 0) for value in _temperatures(bench)),
    )
    texts = ("-" if one is None else f"{one:.{places}f}" for one, places in values)
    return row((bench.title, *texts))
