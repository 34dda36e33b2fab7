"""What the second look finds, and what it costs: with and without, in one run.

    .venv/bin/python -m tests.benchmarks.second_look [--frames N] [--data DATA] ...

Synthetic scenes of 1280x720 with objects of 3 to 6 px, scored as in
`tests.benchmarks.detection`. With DATA, the folder of the clips of
`tests.benchmarks.real_clips`, also real ones: five of its clips side by side, at their
own resolution, in one frame of 1280x768, so that their objects are as small in the
network's picture as those of a large frame are.

Every frame is inferred, and every scene by every setting in turn. `ms` is the median
time that the inference thread spends on a frame, `of it again` what the second look
takes of that.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from app.commands.arguments import add_engine_arguments, engine_factory
from app.feed_options import FeedOptions
from app.frames import Frame
from app.pipeline import Pipeline
from app.sources.base import EndOfSource, FrameMode, SourceSpec
from app.sources.synthetic import SyntheticSource
from tests.benchmarks.detection import Score
from tests.benchmarks.real_clips import frames_of, read_truth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from app.frames import FrameResult
    from app.sources.base import FrameSource
    from engines.scene import SceneTruth

_SIZE = "synthetic://?size=1280x720&body=3-6"
SCENES = {
    "6 objects, slow": f"{_SIZE}&objects=6&speed=200-1500&seed=201",
    "6 objects, fast": f"{_SIZE}&objects=6&speed=600-4800&seed=202",
    "shaking camera": f"{_SIZE}&objects=6&speed=200-1500&shake=1&drift=40&seed=203",
    "20 objects": f"{_SIZE}&objects=20&speed=200-1500&seed=204",
    "5-18 px": "synthetic://?size=1280x720&objects=6&seed=108",
}
_WARM_UP_FRAMES = 3
_LEFT_OUT_S = 0.5
"""Of each scene: so long may the search take to come round."""
_TILES = {
    "drone_clips/IR_BIRD_001.mp4": (0, 0),
    "drone_clips/IR_BIRD_012.mp4": (320, 0),
    "drone_clips/IR_DRONE_001.mp4": (640, 0),
    "drone_clips/IR_HELICOPTER_034.mp4": (960, 0),
    "drone_clips/V_BIRD_002.mp4": (0, 256),
}
"""Where each clip lies in the frame."""
_WIDTH_PX, _HEIGHT_PX, _RATE_HZ = 1280, 768, 30.0


class TiledClips:
    """Obeys `FrameSource`; real clips side by side, until the shortest ends."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._frames: Iterator[np.ndarray] = iter(())
        self._index = 0
        truth = read_truth(data)
        self._truth = {clip: truth[clip] for clip in _TILES}

    def open(self) -> SourceSpec:
        """Open the clips."""
        self._index, self._frames = 0, self._tiled()
        return SourceSpec(
            uri="tiled",
            title="real clips side by side",
            width_px=_WIDTH_PX,
            height_px=_HEIGHT_PX,
            frame_rate_hz=_RATE_HZ,
            frame_count=None,
            is_live=False,
            is_colour=False,
        )

    def read(self, timeout_s: float) -> Frame | None:
        """Give the next frame."""
        del timeout_s
        image = next(self._frames, None)
        if image is None:
            raise EndOfSource
        index, self._index = self._index, self._index + 1
        return Frame(index, round(index * 1e9 / _RATE_HZ), 0, image)

    def close(self) -> None:
        """Let the clips go."""
        self._frames = iter(())

    def truth(self, index: int) -> SceneTruth:
        """All objects of a frame."""
        rows = []
        for clip, (left, top) in _TILES.items():
            for one in self._truth[clip].get(index, []):
                rows.append((one.x + left, one.y + top, one.length))
        table = np.array(rows, float).reshape(-1, 3)
        template = SyntheticSource("synthetic://", is_paced=False).scene.truth(0)
        return template._replace(
            id=np.arange(len(table)),
            x_px=table[:, 0],
            y_px=table[:, 1],
            length_px=table[:, 2],
            visible_ratio=np.ones(len(table)),
        )

    def _tiled(self) -> Iterator[np.ndarray]:
        clips = [frames_of(self._data / clip) for clip in _TILES]
        for images in zip(*clips, strict=False):
            frame = np.full((_HEIGHT_PX, _WIDTH_PX), 128, np.uint8)
            for image, (left, top) in zip(images, _TILES.values(), strict=True):
                height, width = image.shape[:2]
                grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
                frame[top : top + height, left : left + width] = grey
            frame.setflags(write=False)
            yield frame


@dataclass
class Outcome:
    """What one run gave."""

    score: Score = field(default_factory=Score)
    whole_ms: list[float] = field(default_factory=list)
    look_ms: list[float] = field(default_factory=list)
    crops: list[int] = field(default_factory=list)

    def add(self, result: FrameResult, truth: SceneTruth) -> None:
        """Score one frame."""
        self.score.add(result, truth)
        stages = result.stages
        self.whole_ms.append(stages.prepare_ms + stages.infer_ms)
        self.look_ms.append(stages.look_ms)
        self.crops.append(len(result.crops))

    def row(self, name: str, pictures: int) -> str:
        """One line of the table."""
        score = self.score
        precision = score.hits / max(score.hits + score.false, 1)
        recall = score.hits / max(score.hits + score.misses, 1)
        tracked = score.track_hits / max(score.track_hits + score.track_misses, 1)
        wrong = score.track_false / max(score.track_hits + score.track_false, 1)
        both = [a + b for a, b in zip(self.whole_ms, self.look_ms, strict=True)]
        return (
            f"{name:17} {pictures:4d} {precision:9.3f} {recall:7.3f}"
            f" {2 * precision * recall / max(precision + recall, 1e-9):6.3f}"
            f" {np.median(score.errors_px or [np.nan]):9.2f} {tracked:8.3f}"
            f" {wrong:6.3f} {score.switches:8d} {statistics.mean(self.crops):6.1f}"
            f" {statistics.median(both):7.2f}"
            f" {statistics.median(self.look_ms):12.2f}"
        )


def run(
    source: FrameSource,
    truth_of: Callable[[int], SceneTruth],
    make_engine,
    pictures: int,
    frames: int | None,
) -> Outcome:
    """Track one scene with a setting."""
    pipeline = Pipeline(source, make_engine, FrameMode.EVERY_FRAME, frame_limit=frames)
    pipeline.adjust(FeedOptions(second_look=pictures))
    results = pipeline.subscribe()
    pipeline.start()
    outcome = Outcome()
    while not results.is_drained:
        result = results.take(timeout_s=0.1)
        if result is None:
            continue
        spec = pipeline.source_spec
        assert spec is not None
        warm_up = max(_WARM_UP_FRAMES, _LEFT_OUT_S * spec.frame_rate_hz)
        truth = truth_of(result.frame.index)
        if result.frame.index >= warm_up and len(truth.id):
            outcome.add(result, truth)
    pipeline.stop()
    fault = pipeline.status().fault
    if fault is not None:
        raise fault
    return outcome


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=300, metavar="N")
    parser.add_argument("--data", type=Path, metavar="DATA")
    parser.add_argument(
        "--looks", type=int, nargs="+", default=[0, 1, 2, 4], metavar="N"
    )
    add_engine_arguments(parser)
    arguments = parser.parse_args()
    make_engine = engine_factory(arguments)
    print(
        f"{'scene':17} {'look':>4} {'precision':>9} {'recall':>7} {'F1':>6}"
        f" {'error px':>9} {'tracked':>8} {'false':>6} {'switches':>8} {'crops':>6}"
        f" {'ms':>7} {'of it again':>12}"
    )
    for name, uri in SCENES.items():
        for pictures in arguments.looks:
            scene = SyntheticSource(uri, is_paced=False)
            outcome = run(
                scene, scene.scene.truth, make_engine, pictures, arguments.frames
            )
            print(outcome.row(name, pictures), flush=True)
    if arguments.data is not None:
        for pictures in arguments.looks:
            tiled = TiledClips(arguments.data)
            outcome = run(tiled, tiled.truth, make_engine, pictures, None)
            print(outcome.row("real clips, tiled", pictures), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
