"""How fast the network was after each step of its conversion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def fps_by_step(report: Mapping[str, Any]) -> dict[str, float]:
    """Frames a second by step; empty where nothing was timed.

    A step that changed nothing is as fast as the one before it, and was not timed.

    Parameters
    ----------
    report : mapping
        What `ConversionReport.to_document` gives.
    """
    results = (report.get("speed") or {}).get("results") or ()
    steps = [str(step.get("name", "")) for step in report.get("steps") or ()]
    if not results or not steps:
        return {}
    timed = {each.get("step", ""): float(each["fps"]) for each in results[1:-1]}
    fps, found = float(results[0]["fps"]), {}
    for step in steps[:-1]:
        fps = found[step] = timed.get(step, fps)
    return {**found, steps[-1]: float(results[-1]["fps"])}
