"""Engines change places under a live feed: what that costs.

    .venv/bin/python -m tests.benchmarks.swaps [--swaps N] [--source URI]
    .venv/bin/python -m tests.benchmarks.swaps --exact FRAMES [--source URI]

Runs the synthetic 120 fps source, and lets the bundled network on OpenVINO take over
from itself again and again, each time through the whole trial: opened beside the
running one, compared in its shadow, on probation. Prints what the capture lost,
whether the ledger adds up, how many tracks had the same id before and after a swap,
beside how many have it at any moment, and how the memory grew. Only objects count
that are whole in the picture all the while, by the truth of the scene.

`--exact` tracks every one of the first FRAMES twice, as fast as it goes: once without
and once with one swap after another, and counts the tracks that differ.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from app.engine_choice import EngineChoice
from app.engine_trial import TrialLimits, TrialPhase
from app.pipeline import Pipeline
from app.process import prepare_process
from app.sources.base import FrameMode
from app.sources.catalogue import open_source
from tests.benchmarks.identities import Identities, Kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_LIMITS = TrialLimits(max_time_ratio=10.0, shadow_s=0.3, probation_s=0.3)
_PATIENCE_S = 30.0
_WAIT_S = 0.1
# Frames before and after a swap: it is seen a few frames late.
_REACH = 5


def main() -> int:
    """Run, print; 1 if a swap failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--swaps", type=int, default=100, metavar="N")
    parser.add_argument("--source", default="synthetic://?objects=6&seed=5")
    parser.add_argument("--exact", type=int, metavar="FRAMES")
    arguments = parser.parse_args()
    prepare_process()
    if arguments.exact:
        return _compare(arguments.source, arguments.exact)
    make_engine = EngineChoice().factory()
    source = open_source(arguments.source, is_paced=True)
    pipeline = Pipeline(source, make_engine, FrameMode.LIVE)
    history = History(pipeline, arguments.source)
    pipeline.start()
    history.wait_for(lambda: pipeline.status().ledger.inferred > 200)
    failures: list[str] = []
    moments: list[int] = []
    memory_mb: list[float] = []
    for _ in range(arguments.swaps):
        number = _number(pipeline)
        pipeline.try_engine(make_engine, _LIMITS)
        history.wait_for(partial(_has_taken_over, pipeline, number))
        moments.append(history.identities.newest)
        history.wait_for(partial(_is_over, pipeline, number))
        trial = pipeline.status().trial
        if trial is None or trial.phase is not TrialPhase.ACCEPTED:
            failures.append(trial.reason if trial else "no trial")
        memory_mb.append(_resident_mb())
    history.wait_for(lambda: history.identities.newest > moments[-1] + _REACH)
    ledger = pipeline.status().ledger
    pipeline.stop()
    growth = memory_mb[-1] / memory_mb[0] - 1
    others = range(_REACH, moments[-1], 7)
    kept_at, kept = history.kept(moments), history.kept(others)
    for name, value in (
        ("swaps", f"{arguments.swaps - len(failures)} of {arguments.swaps}"),
        ("lost at capture", f"{ledger.lost} of {ledger.numbered}"),
        ("replaced", f"{ledger.replaced}"),
        ("ledger adds up", "yes" if ledger.is_balanced else "NO"),
        ("ids kept over a swap", kept_at.text),
        ("ids kept at any moment", kept.text),
        ("memory, first to last swap", f"{memory_mb[0]:.0f} MB, {100 * growth:+.1f} %"),
    ):
        print(f"{name:30} {value}")
    for reason in failures:
        print(f"rejected: {reason}")
    return int(bool(failures))


def _compare(uri: str, frames: int) -> int:
    """Print how the tracks with swaps differ from those without; 1 if they do."""
    without, _ = _tracks_of(uri, frames, has_swaps=False)
    with_swaps, swaps = _tracks_of(uri, frames, has_swaps=True)
    differing = [
        index
        for index, (one, other) in enumerate(zip(without, with_swaps, strict=True))
        if one != other
    ]
    count = sum(len(one) for one in without)
    print(f"{'frames':30} {len(without)}, {count} tracks in them, {swaps} swaps")
    print(f"{'frames whose tracks differ':30} {len(differing)}")
    return int(bool(differing) or not swaps)


def _tracks_of(
    uri: str, frames: int, *, has_swaps: bool
) -> tuple[list[list[tuple[object, ...]]], int]:
    """Ids, states and places in each frame, and how often the engine changed."""
    make_engine = EngineChoice().factory()
    source = open_source(uri, is_paced=False)
    pipeline = Pipeline(source, make_engine, FrameMode.EVERY_FRAME, frame_limit=frames)
    results = pipeline.subscribe()
    pipeline.start()
    found: list[list[tuple[object, ...]]] = []
    swaps = 0
    while not results.is_drained:
        result = results.take(_WAIT_S)
        if result is None:
            continue
        tracks = result.tracks
        columns = (tracks.id, tracks.state, tracks.x_px, tracks.y_px)
        found.append(list(zip(*(each.tolist() for each in columns), strict=True)))
        trial = pipeline.status().trial if has_swaps else None
        if has_swaps and (trial is None or trial.phase.is_over):
            swaps += trial is not None and trial.phase is TrialPhase.ACCEPTED
            pipeline.try_engine(make_engine, _LIMITS)
    fault = pipeline.status().fault
    pipeline.stop()
    if fault is not None:
        raise fault
    return found, swaps


class History:
    """Takes every result, and notes its tracks."""

    def __init__(self, pipeline: Pipeline, source: str) -> None:
        self.identities = Identities(source)
        self._results = pipeline.subscribe(limit=4096)

    def wait_for(self, is_so: Callable[[], bool]) -> None:
        """Go on noting until something is so."""
        deadline_s = time.monotonic() + _PATIENCE_S
        while not is_so():
            if time.monotonic() > deadline_s:
                raise TimeoutError("the trial did not end")
            result = self._results.take(0.005)
            while result is not None:
                self.identities.note(result)
                result = self._results.take(0)

    def kept(self, moments: Iterable[int]) -> Kept:
        """Count the ids that outlive these moments."""
        return self.identities.kept_over(
            (each - _REACH, each + _REACH) for each in moments
        )


def _number(pipeline: Pipeline) -> int:
    trial = pipeline.status().trial
    return trial.number if trial else 0


def _has_taken_over(pipeline: Pipeline, number: int) -> bool:
    trial = pipeline.status().trial
    is_new = trial is not None and trial.number > number
    return (
        is_new
        and trial is not None
        and (trial.phase is TrialPhase.PROBATION or trial.phase.is_over)
    )


def _is_over(pipeline: Pipeline, number: int) -> bool:
    trial = pipeline.status().trial
    return trial is not None and trial.number > number and trial.phase.is_over


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


if __name__ == "__main__":
    sys.exit(main())
