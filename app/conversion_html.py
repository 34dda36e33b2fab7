"""The report of a conversion, a bench or both as one self-contained HTML page."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from app.svg_charts import (
    SERIES_CLASSES,
    Bar,
    bar_chart,
    line_chart,
    log_dot_chart,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# As `engines.convert.verify` claims: what is below counts as equal.
_EQUAL_BELOW = 1e-4

# Okabe and Ito's colours, which colour-blind people tell apart; lighter on dark.
_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --faint: #d4d9df;
  --c1: #0072b2; --c2: #d55e00; --c3: #009e73; --c4: #a8517f; --c5: #a57c00;
  --c6: #5b6570; --before: #a9b4c0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e7ec; --paper: #15191e;
  --faint: #3a424c; --c1: #56b4e9; --c2: #ff8b4a; --c3: #2fc79b; --c4: #e59ac4;
  --c5: #f0c94a; --c6: #aeb8c2; --before: #5b6673; } }
@media print { :root { --ink: #000; --paper: #fff; --faint: #ccc; --c1: #0072b2;
  --c2: #d55e00; --c3: #009e73; --c4: #a8517f; --c5: #a57c00; --c6: #5b6570;
  --before: #a9b4c0; }
  details::details-content { content-visibility: visible; }
  figure, tr { break-inside: avoid; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink);
  background: var(--paper); max-width: 780px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.6em; margin-bottom: 0.2em; }
h2 { font-size: 1.15em; margin-top: 2.2em; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.15em 1.2em; }
dt { opacity: 0.7; } dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 0.3em 0.5em; border-bottom: 1px solid var(--faint);
  text-align: right; }
th:first-child, td:first-child { text-align: left; }
td[colspan] { text-align: left; font-size: 0.92em; }
figure { margin: 1em 0; } figcaption { font-size: 0.92em; opacity: 0.8; }
svg { width: 100%; height: auto; } svg text { font-size: 12.5px; fill: var(--ink);
  stroke: var(--paper); stroke-width: 3px; paint-order: stroke; }
.key { display: inline-block; width: 0.9em; height: 0.9em; border-radius: 2px;
  vertical-align: -0.1em; margin: 0 0.3em 0 0.8em; }
.first { fill: var(--c1); stroke: var(--c1); background: var(--c1); }
.second { fill: var(--c2); stroke: var(--c2); }
.third { fill: var(--c3); stroke: var(--c3); stroke-dasharray: 7 3; }
.fourth { fill: var(--c4); stroke: var(--c4); stroke-dasharray: 2 3; }
.fifth { fill: var(--c5); stroke: var(--c5); stroke-dasharray: 10 3 2 3; }
.sixth { fill: var(--c6); stroke: var(--c6); stroke-dasharray: 4 4; }
.before { fill: var(--before); background: var(--before); }
rect { stroke: none; } .line { fill: none; stroke-width: 2.2; }
.grid { stroke: var(--faint); } .stem { stroke: var(--c1); stroke-width: 2; }
.limit { stroke: var(--c2); stroke-width: 1.5; stroke-dasharray: 5 4; }
.hollow { fill: none; stroke: var(--ink); }
"""


def conversion_page(
    report: dict[str, Any] | None, bench: dict[str, Any] | None = None
) -> str:
    """Write the page.

    Parameters
    ----------
    report : dict, optional
        What `ConversionReport.to_document` gives.
    bench : dict, optional
        What `engines.bench` gives as its result.

    Returns
    -------
    str
        HTML that loads nothing from elsewhere and runs no script.
    """
    parts: list[str] = []
    model = (report or bench or {}).get("model", "")
    title = f"{model} to {report['target']}" if report else f"{model}: engines"
    if report is not None:
        parts += _conversion(report)
    if bench is not None:
        parts += _bench(bench)
    return page(title, parts)


def page(title: str, parts: Iterable[str]) -> str:
    """Put parts of HTML together: a page that loads nothing and runs no script."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n" + "\n".join(parts) + "\n</body>\n</html>\n"
    )


def _conversion(report: dict[str, Any]) -> list[str]:
    engine, steps = report["engine"], report["steps"]
    versions = ", ".join(f"{name} {one}" for name, one in report["versions"].items())
    facts = [
        ("model", report["model"]),
        ("engine", f"{engine['kind']}, {engine['precision']}"),
        ("file", f"{engine['path']}, {engine['bytes']:,} bytes"),
        ("device", report.get("device", "")),
        ("versions", versions),
        ("compared on", report["samples"]),
        ("time", f"{report['seconds']:.1f} s"),
    ]
    nodes = bar_chart(
        "Nodes before and after each step",
        [
            (
                step["name"],
                (
                    Bar(step["nodes_before"], str(step["nodes_before"]), "before"),
                    Bar(step["nodes_after"], str(step["nodes_after"]), "first"),
                ),
            )
            for step in steps
        ],
    )
    errors = log_dot_chart(
        "Largest difference from the network as trained, after each step",
        [(step["name"], step["max_abs_diff"]) for step in steps],
        _EQUAL_BELOW,
    )
    return [
        _facts(facts),
        "<h2>Nodes per step</h2>",
        _figure(
            nodes,
            '<span class="key before"></span>before'
            '<span class="key first"></span>after',
        ),
        "<h2>Steps</h2>",
        _steps_table(steps),
        "<h2>Difference from the network as trained</h2>",
        _figure(
            errors,
            "Largest absolute difference of the output, on a logarithmic axis. Left of"
            f" the dashed line, {_EQUAL_BELOW:g}, a result counts as equal; a dot at"
            " the axis is no difference at all.",
        ),
        *_speed(report["speed"]),
        *_trials(report["trials"]),
    ]


def _speed(speed: dict[str, Any] | None) -> list[str]:
    if speed is None:
        return []
    results = speed["results"]
    if not results:
        reason = f"<p>Not measured: {escape(speed['reason'])}.</p>"
        return ["<h2>Frames a second</h2>", reason]
    return _speed_charts(results, speed["threads"], results[0]["engine"])


def _trials(trials: Sequence[dict[str, Any]]) -> list[str]:
    if not trials:
        return []
    heads = ("workspace MiB", "segments of", "engines", "fps", "memory MiB", "failure")
    rows = (
        _row(
            (
                f"{trial['max_workspace_size_bytes'] / 2**20:.0f}",
                str(trial["minimum_segment_size"]),
                _number(trial["engines"], "d"),
                _number(trial["fps"], ".1f"),
                _number(trial["memory_bytes"] and trial["memory_bytes"] / 2**20, ".0f"),
                trial["failure"],
            )
        )
        for trial in trials
    )
    return ["<h2>Parameters that were tried</h2>", _table(heads, rows)]


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
        for name, value in facts
        if value
    )
    return f"<dl>{rows}</dl>"


def _figure(chart: str, caption: str) -> str:
    return f"<figure>{chart}<figcaption>{caption}</figcaption></figure>"


def _table(heads: Sequence[str], rows: Iterable[str]) -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    return (
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _row(cells: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<td>{escape(one)}</td>" for one in cells) + "</tr>"


def _steps_table(steps: Sequence[dict[str, Any]]) -> str:
    heads = ("step", "nodes", "bytes", "largest diff.", "mask IoU", "seconds")
    rows: list[str] = []
    for step in steps:
        rows.append(
            _row(
                (
                    step["name"],
                    f"{step['nodes_before']} → {step['nodes_after']}",
                    f"{step['bytes_after']:,}",
                    _number(step["max_abs_diff"], ".2g"),
                    _number(step["mask_iou"], ".4f"),
                    f"{step['seconds']:.2f}",
                )
            )
        )
        rows.append(f'<tr><td colspan="{len(heads)}">{_reasons(step)}</td></tr>')
    return _table(heads, rows)


def _reasons(step: dict[str, Any]) -> str:
    """What a step is for; folded: what it removed, kept and noted, and why."""
    entries = [
        f"{one['nodes']} {one['op']}: {one['reason']}" for one in step["reasons"]
    ]
    entries += [
        f"kept {one['node']} ({one['op']}): {one['reason']}" for one in step["kept"]
    ]
    entries += step["notes"]
    summary = escape(step["summary"])
    if not entries:
        return summary
    items = "".join(f"<li>{escape(one)}</li>" for one in entries)
    return (
        f"<details><summary>{summary}: {len(step['reasons'])} reasons to remove,"
        f" {len(step['kept'])} kept, {len(step['notes'])} notes</summary>"
        f"<ul>{items}</ul></details>"
    )


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _bench(bench: dict[str, Any]) -> list[str]:
    machine, results = bench["machine"], bench["results"]
    peaks = ", ".join(
        f"{gflops} GFLOP/s on {threads} thread(s)"
        for threads, gflops in machine["peak_gflops_by_threads"].items()
    )
    parts = [
        "<h2>Speed</h2>",
        _facts(
            (
                ("processor", machine["cpu"]),
                ("peak", f"{peaks}, {machine['peak_how']}"),
                ("network", f"{_number(bench['gflop'], '.3g')} GFLOP"),
                ("measured on", f"{bench['samples']}, {bench['rounds']} rounds"),
                ("versions", ", ".join(bench["versions"])),
            )
        ),
        _results_table(bench),
    ]
    for threads in sorted({one["threads"] for one in results}):
        mine = [one for one in results if one["threads"] == threads]
        parts += _speed_charts(mine, threads, bench["reference"])
    skipped = "".join(
        f"<li>{escape(one['engine'])}: {escape(one['reason'])}</li>"
        for one in bench["skipped"]
    )
    if skipped:
        parts.append(f"<h2>Left out</h2><ul>{skipped}</ul>")
    return parts


def _results_table(bench: dict[str, Any]) -> str:
    heads = (
        *("engine", "threads", "median ms", "95 % ms", "fps"),
        *("times the reference", "mask IoU"),
    )
    return _table(
        heads,
        (
            _row(
                (
                    one["engine"],
                    str(one["threads"]),
                    f"{one['ms_p50']:.2f}",
                    f"{one['ms_p95']:.2f}",
                    f"{one['fps']:.1f}",
                    _number(one["ratio_to_reference"], ".2f"),
                    _number(one["mask_iou"], ".4f"),
                )
            )
            for one in bench["results"]
        ),
    )


def _speed_charts(
    results: Sequence[dict[str, Any]], threads: int, reference: str
) -> list[str]:
    where = f"{threads} thread" + ("s" if threads > 1 else "")
    bars = []
    for one in results:
        times = _number(one["ratio_to_reference"], ".2f")
        style = "before" if one["engine"] == reference else "first"
        text = f"{one['fps']:.1f} fps, {times}x"
        bars.append((one["engine"], (Bar(one["fps"], text, style),)))
    lines = [(one["engine"], one["fps_by_round"]) for one in results]
    return [
        f"<h2>Frames a second, {where}</h2>",
        _figure(
            bar_chart(f"Frames a second by engine, {where}", bars),
            f'<span class="key before"></span>{escape(reference)}'
            '<span class="key first"></span>optimised',
        ),
        _figure(
            line_chart(
                f"Frames a second over the run, {where}",
                "round",
                lines[: len(SERIES_CLASSES)],
            ),
            "Median of each round. What hits all lines at once is the machine, not an"
            " engine.",
        ),
    ]
