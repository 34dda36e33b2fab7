"""Detection and tracking on the synthetic source, against the true positions.

    .venv/bin/python -m tests.benchmarks.detection [--frames N] [--engine KIND] ...

Every scene is run frame by frame through the same pipeline as the console's. A blob
is a hit if its centre lies within half the streak (at least 5 px) of an object's true
centre; each object and each blob count once (assignment by smallest total distance).
Objects less than half visible are ignored: neither asked for nor counted as false.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment

from app.commands.arguments import add_engine_arguments, engine_factory
from app.frames import TrackState
from app.pipeline import Pipeline
from app.sources.base import FrameMode
from app.sources.synthetic import SyntheticSource

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from app.frames import FrameResult
    from engines.scene import SceneTruth

SCENES = {
    "6 objects": "synthetic://?objects=6&seed=101",
    "20 objects": "synthetic://?objects=20&seed=102",
    "no blur": "synthetic://?objects=6&blur=0.05&seed=103",
    "full-frame blur": "synthetic://?objects=6&blur=0.95&seed=104",
    "noise 12": "synthetic://?objects=6&noise=12&seed=105",
    "shaking camera": "synthetic://?objects=6&shake=1&drift=40&seed=106",
    "clutter, occluders": "synthetic://?objects=6&clutter=30&occluders=3&seed=107",
    "1280x720": "synthetic://?objects=6&size=1280x720&seed=108",
}
_MIN_GATE_PX = 5.0
_VISIBLE = 0.5
# The network needs its three frames, and tracks their first hits.
_WARM_UP_FRAMES = 3


@dataclass
class Score:
    """Counts over the frames of one scene."""

    hits: int = 0
    misses: int = 0
    false: int = 0
    errors_px: list[float] = field(default_factory=list)
    track_hits: int = 0
    track_misses: int = 0
    track_false: int = 0
    switches: int = 0
    last_track: dict[int, int] = field(default_factory=dict)

    def add(self, result: FrameResult, truth: SceneTruth) -> None:
        """Score one frame."""
        blobs, tracks = result.blobs, result.tracks
        found = _match(blobs.x_px, blobs.y_px, truth)
        is_asked = truth.visible_ratio >= _VISIBLE
        self.hits += sum(is_asked[row] for row, _, _ in found)
        self.misses += int(is_asked.sum()) - sum(is_asked[row] for row, _, _ in found)
        self.false += len(blobs) - len(found)
        self.errors_px += [gap for row, _, gap in found if is_asked[row]]

        shown = np.flatnonzero(tracks.state == TrackState.CONFIRMED)
        followed = _match(tracks.x_px[shown], tracks.y_px[shown], truth)
        asked = sum(is_asked[row] for row, _, _ in followed)
        self.track_hits += asked
        self.track_misses += int(is_asked.sum()) - asked
        self.track_false += len(shown) - len(followed)
        for row, column, _ in followed:
            object_id, track_id = int(truth.id[row]), int(tracks.id[shown[column]])
            if self.last_track.get(object_id, track_id) != track_id:
                self.switches += 1
            self.last_track[object_id] = track_id

    def row(self, name: str) -> str:
        """One line of the table."""
        precision, recall = _ratios(self.hits, self.false, self.misses)
        f1 = 2 * precision * recall / max(precision + recall, 1e-9)
        mota = 1 - (self.track_false + self.track_misses + self.switches) / max(
            self.track_hits + self.track_misses, 1
        )
        median, p95 = (
            np.percentile(self.errors_px, (50, 95)) if self.errors_px else (0, 0)
        )
        return (
            f"{name:20} {precision:9.3f} {recall:7.3f} {f1:6.3f} {median:10.2f}"
            f" {p95:7.2f} {mota:6.3f} {self.switches:8d} {len(self.last_track):8d}"
        )


def _ratios(hits: int, false: int, misses: int) -> tuple[float, float]:
    return hits / max(hits + false, 1), hits / max(hits + misses, 1)


def _match(
    x_px: NDArray[np.float32], y_px: NDArray[np.float32], truth: SceneTruth
) -> list[tuple[int, int, float]]:
    """Pairs (row of truth, index of point, distance) that lie within the gate."""
    if not len(x_px) or not len(truth.id):
        return []
    distance = np.hypot(
        truth.x_px[:, None] - x_px[None], truth.y_px[:, None] - y_px[None]
    )
    gate = np.maximum(_MIN_GATE_PX, truth.length_px / 2)[:, None]
    # What is out of the gate must not win by being the only choice left.
    rows, columns = linear_sum_assignment(np.where(distance <= gate, distance, 1e6))
    return [
        (int(row), int(column), float(distance[row, column]))
        for row, column in zip(rows, columns, strict=True)
        if distance[row, column] <= gate[row, 0]
    ]


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=600, metavar="N")
    add_engine_arguments(parser)
    arguments = parser.parse_args()
    make_engine = engine_factory(arguments)
    print(
        f"{'scene':20} {'precision':>9} {'recall':>7} {'F1':>6} {'median px':>10}"
        f" {'p95 px':>7} {'MOTA':>6} {'switches':>8} {'objects':>8}"
    )
    total = Score()
    for name, uri in SCENES.items():
        score = _run(uri, arguments.frames, make_engine)
        print(score.row(name), flush=True)
        for counter in ("hits", "misses", "false", "switches"):
            setattr(total, counter, getattr(total, counter) + getattr(score, counter))
        for counter in ("track_hits", "track_misses", "track_false"):
            setattr(total, counter, getattr(total, counter) + getattr(score, counter))
        total.errors_px += score.errors_px
        total.last_track |= {
            len(total.last_track) + index: track
            for index, track in enumerate(score.last_track.values())
        }
    print(total.row("all"))
    return 0


def _run(uri: str, frames: int, make_engine) -> Score:
    source = SyntheticSource(uri, is_paced=False)
    pipeline = Pipeline(source, make_engine, FrameMode.EVERY_FRAME, frame_limit=frames)
    results = pipeline.subscribe()
    pipeline.start()
    score = Score()
    while not results.is_drained:
        result = results.take(timeout_s=0.1)
        if result is not None and result.frame.index >= _WARM_UP_FRAMES:
            score.add(result, source.scene.truth(result.frame.index))
    pipeline.stop()
    fault = pipeline.status().fault
    if fault is not None:
        raise fault
    return score


if __name__ == "__main__":
    sys.exit(main())
