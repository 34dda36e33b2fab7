"""What came of training a network further: for a terminal, and as a page."""

from __future__ import annotations

from html import escape
from typing import Any

from app.html_page import facts, figure, key, page, row, table
from app.svg_charts import Bar, bar_chart

Report = dict[str, Any]
"""`model`, `result`, `recommended`: folders; `is_better`; `before`, `after`: as
`judge.judge_model` gives them; `learned`, `held_back`: frames of each clip; `steps`,
`seed`, `seconds`."""
_HEADS = (
    *("clip", "learned", "held back", "F1 before", "F1 after"),
    *("error before, px", "error after, px"),
)


def verdict(report: Report) -> str:
    """One sentence: which network to use."""
    before, after = report["before"]["all"]["f1"], report["after"]["all"]["f1"]
    if report["is_better"]:
        return (
            f"Better on the frames held back: F1 {before:.3f} before, {after:.3f}"
            f" after. Use it with --model {report['result']}"
        )
    return (
        f"Not better on the frames held back: F1 {before:.3f} before, {after:.3f}"
        f" after. Stay with {report['model']}; label more frames, of other moments."
    )


def text_of(report: Report) -> str:
    """The report for a terminal."""
    lines = ["{:28}{:>9}{:>11}{:>11}{:>10}{:>18}{:>17}".format(*_HEADS)]
    lines += [
        "{:28}{:>9}{:>11}{:>11}{:>10}{:>18}{:>17}".format(name[-27:], *cells)
        for name, *cells in _rows(report)
    ]
    scenes = (report["before"]["scenes_f1"], report["after"]["scenes_f1"])
    lines += [
        "rendered scenes, to see what was forgotten: F1 {:.3f} before, {:.3f}"
        " after".format(*scenes),
        verdict(report),
    ]
    return "\n".join(lines)


def html_of(report: Report) -> str:
    """The report as a page that loads nothing and runs no script."""
    groups = [
        (one["clip"], one["f1"], later["f1"])
        for one, later in zip(
            report["before"]["clips"], report["after"]["clips"], strict=True
        )
    ]
    scenes = (report["before"]["scenes_f1"], report["after"]["scenes_f1"])
    groups.append(("rendered scenes", *scenes))
    chart = bar_chart(
        "F1 before and after, by clip",
        [
            (
                _short(name),
                (
                    Bar(before, f"{before:.3f}", "before"),
                    Bar(after, f"{after:.3f}", "first"),
                ),
            )
            for name, before, after in groups
        ],
    )
    known = (
        ("model", report["model"]),
        ("result", report["result"]),
        ("steps", str(report["steps"])),
        ("seed", str(report["seed"])),
        ("time", f"{report['seconds']:.0f} s"),
    )
    colours = key(("before", "before"), ("first", "after"))
    return page(
        "A network trained further",
        [
            f"<p><strong>{escape(verdict(report))}</strong></p>",
            facts(known),
            "<h2>On labelled frames that were held back</h2>",
            table(_HEADS, map(row, _rows(report))),
            figure(
                chart,
                f"{colours}. F1 is the harmonic mean of precision and recall; the"
                " rendered scenes show whether something was forgotten.",
            ),
        ],
    )


def _rows(report: Report) -> list[tuple[str, ...]]:
    """A line of each clip, and one of all."""
    before, after = report["before"], report["after"]
    rows = [
        _row(_short(one["clip"]), learned, held_back, one, other)
        for one, other, learned, held_back in zip(
            before["clips"],
            after["clips"],
            report["learned"],
            report["held_back"],
            strict=True,
        )
    ]
    counts = sum(report["learned"]), sum(report["held_back"])
    return [*rows, _row("all", *counts, before["all"], after["all"])]


def _row(
    name: str, learned: int, held_back: int, one: Report, other: Report
) -> tuple[str, ...]:
    errors = (
        "-" if each["error_px"] is None else f"{each['error_px']:.2f}"
        for each in (one, other)
    )
    scores = (f"{each['f1']:.3f}" for each in (one, other))
    return name, str(learned), str(held_back), *scores, *errors


def _short(clip: str) -> str:
    return clip.rstrip("/").rsplit("/", 1)[-1]
