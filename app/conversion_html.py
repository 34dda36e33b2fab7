"""The report of a conversion, a bench or both as one self-contained HTML page."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from app.html_page import facts, figure, key, page, row, table
from app.step_speeds import fps_by_step
from app.svg_charts import (
    SERIES_CLASSES,
    Bar,
    bar_chart,
    line_chart,
    log_dot_chart,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# As `engines.convert.verify` claims: what is below counts as equal.
_EQUAL_BELOW = 1e-4


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


def _conversion(report: dict[str, Any]) -> list[str]:
    engine, steps = report["engine"], report["steps"]
    versions = ", ".join(f"{name} {one}" for name, one in report["versions"].items())
    known = [
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
        facts(known),
        "<h2>Nodes per step</h2>",
        figure(
            nodes,
            key(("before", "before"), ("first", "after")),
        ),
        "<h2>Steps</h2>",
        _steps_table(steps, fps_by_step(report)),
        "<h2>Difference from the network as trained</h2>",
        figure(
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
        row(
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
    return ["<h2>Parameters that were tried</h2>", table(heads, rows)]


def _steps_table(steps: Sequence[dict[str, Any]], fps: Mapping[str, float]) -> str:
    heads = ("step", "nodes", "bytes", "fps", "largest diff.", "mask IoU", "seconds")
    rows: list[str] = []
    for step in steps:
        rows.append(
            row(
                (
                    step["name"],
                    f"{step['nodes_before']} → {step['nodes_after']}",
                    f"{step['bytes_after']:,}",
                    _number(fps.get(step["name"]), ".1f"),
                    _number(step["max_abs_diff"], ".2g"),
                    _number(step["mask_iou"], ".4f"),
                    f"{step['seconds']:.2f}",
                )
            )
        )
        rows.append(f'<tr><td colspan="{len(heads)}">{_reasons(step)}</td></tr>')
    return table(heads, rows)


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
    counts = (
        (len(step["reasons"]), "removal", "removals"),
        (len(step["kept"]), "kept", "kept"),
        (len(step["notes"]), "note", "notes"),
    )
    told = ", ".join(f"{n} {one if n == 1 else many}" for n, one, many in counts if n)
    return f"<details><summary>{summary}: {told}</summary><ul>{items}</ul></details>"


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
        facts(
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
    return table(
        heads,
        (
            row(
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
    # The graphs between were timed in rounds of their own.
    lines = [
        (one["engine"], one["fps_by_round"]) for one in results if not one.get("step")
    ]
    return [
        f"<h2>Frames a second, {where}</h2>",
        figure(
            bar_chart(f"Frames a second by engine, {where}", bars),
            key(("before", reference), ("first", "optimised")),
        ),
        figure(
            line_chart(
                f"Frames a second over the run, {where}",
                "round",
                lines[: len(SERIES_CLASSES)],
            ),
            "Median of each round. What hits all lines at once is the machine, not an"
            " engine.",
        ),
    ]
