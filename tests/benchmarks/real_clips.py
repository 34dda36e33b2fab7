"""Detection on real clips that no network was trained on, beside classical methods.

    .venv/bin/python -m tests.benchmarks.real_clips DATA

DATA holds the folders `drone_clips`, `fmo_clips` and `trackingbugs`. Centres of the
drone clips are their authors'; those of the others are in `tests/data/clips`, found
by colour or difference from the still background and looked at frame by frame.

A detection is a hit within half the object's length (at least 5 px) of its centre;
each counts once. Only labelled frames count, after the first three. The methods'
settings and the networks' thresholds were chosen on the clips of `TUNING` alone.
"""

from __future__ import annotations

import argparse
import csv
import json
import multiprocessing
import sys
from collections import deque
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from app.detection_score import Object, Tally
from app.segmentation import Thresholds, segment
from engines.base import EngineKind, Precision
from engines.catalogue import open_engine
from engines.manifest import load_manifest
from engines.postprocessing import probability_from_output
from engines.preprocessing import Preprocessor

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from app.frames import Blobs
    from engines.preprocessing import PixelMap

    Picture = NDArray[np.uint8]
    Points = NDArray[np.float64]
    Foreground = Callable[[Picture], Picture]
    """From the next grey frame to its mask, 0 and 1."""
    Method = Callable[
        [Iterable[Picture], Collection[int]], Iterator[tuple[int, Points]]
    ]
    """From frames, and which to judge, to centres of those, (N, 2), full-frame px."""

ROOT = Path(__file__).parents[2]
NAMES = ("default", "fast", "medium", "large")
TUNING = ("drone_clips/IR_BIRD_012.mp4", "fmo_clips/circle.avi")
_WARM_UP_FRAMES = 3
_DRONES = ("IR_BIRD_001", "IR_BIRD_012", "IR_DRONE_001", "IR_HELICOPTER_034")


Truth = dict[int, list[Object]]


def read_truth(data: Path) -> dict[str, Truth]:
    """Centres by clip and frame; frames that are not named are not judged."""
    found: dict[str, Truth] = {}
    for name in (*_DRONES, "V_BIRD_002"):
        with (data / "drone_clips" / f"{name}.csv").open(newline="") as file:
            rows = [
                {k: float(v) for k, v in row.items()} for row in csv.DictReader(file)
            ]
        # Some of these tables count frames from 1.
        first = min(int(row["frame"]) for row in rows)
        truth: Truth = {}
        for row in rows:
            centre = (row["x"] + row["w"] / 2, row["y"] + row["h"] / 2)
            one = Object(*centre, float(np.hypot(row["w"], row["h"])))
            truth.setdefault(int(row["frame"]) - first, []).append(one)
        found[f"drone_clips/{name}.mp4"] = truth
    labels = json.loads((ROOT / "tests/data/clips/labels.json").read_text())
    for name, frames in labels.items():
        found[name] = {
            int(index): [Object(*row) for row in rows] for index, rows in frames.items()
        }
    return found


def frames_of(path: Path) -> Iterator[Picture]:
    """Every frame of a clip."""
    video = cv2.VideoCapture(str(path))
    if not video.isOpened():
        raise SystemExit(f"{path} cannot be read; DATA is the folder of the clips")
    while True:
        is_there, frame = video.read()
        if not is_there:
            break
        yield frame
    video.release()


class Network:
    """A model's network, used as the console does."""

    def __init__(
        self,
        folder: Path,
        thresholds: Thresholds | None = None,
        kind: EngineKind = EngineKind.OPENVINO,
        precision: Precision | None = None,
    ) -> None:
        self.manifest = load_manifest(folder)
        self.thresholds = thresholds or Thresholds(
            self.manifest.threshold_low, self.manifest.threshold_high
        )
        self._engine = open_engine(kind, self.manifest, precision)

    def maps(
        self, frames: Iterable[Picture], wanted: Collection[int]
    ) -> Iterator[tuple[int, Map]]:
        """Probability of the frames that are judged."""
        spec = self.manifest.input
        planes: deque[Picture] = deque(maxlen=spec.frame_count)
        preprocessor = None
        for index, frame in enumerate(frames):
            if preprocessor is None:
                height, width = frame.shape[:2]
                preprocessor = Preprocessor(spec, width, height)
            planes.append(preprocessor.plane(frame).copy())
            if index in wanted and len(planes) == spec.frame_count:
                output = self._engine.infer(preprocessor.tensor(list(planes)))
                found = probability_from_output(output, self.manifest.output)
                yield index, Map(found.copy(), preprocessor.pixel_map)

    def __call__(
        self, frames: Iterable[Picture], wanted: Collection[int]
    ) -> Iterator[tuple[int, Points]]:
        for index, found in self.maps(frames, wanted):
            yield index, found.points(self.thresholds)


class Map(NamedTuple):
    """Foreground probability of one frame."""

    probability: NDArray[np.float32]
    pixel_map: PixelMap

    def blobs(self, thresholds: Thresholds) -> Blobs:
        """What stands out, in full-frame pixels."""
        return segment(self.probability, thresholds, self.pixel_map).blobs

    def points(self, thresholds: Thresholds) -> Points:
        """Centres of the blobs."""
        blobs = self.blobs(thresholds)
        return np.stack([blobs.x_px, blobs.y_px], axis=1).astype(np.float64)


class Classical:
    """A method without a network: foreground of grey frames, opened, in regions.

    Parameters
    ----------
    make : callable
        Makes the foreground of successive grey frames, for one clip.
    min_area_px : int
        Regions below it are noise.
    """

    def __init__(self, make: Callable[[], Foreground], min_area_px: int) -> None:
        self._make = make
        self._min_area_px = min_area_px

    def __call__(
        self, frames: Iterable[Picture], wanted: Collection[int]
    ) -> Iterator[tuple[int, Points]]:
        foreground = self._make()
        for index, frame in enumerate(frames):
            mask = foreground(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY))
            if index not in wanted:
                continue
            whole = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
            count, _, stats, centres = cv2.connectedComponentsWithStats(whole)
            kept = [
                row
                for row in range(1, count)
                if stats[row, cv2.CC_STAT_AREA] >= self._min_area_px
            ]
            yield index, centres[kept]


def frame_differencing(threshold: int) -> Foreground:
    """What differs from each of the two frames before."""
    before: deque[Picture] = deque(maxlen=2)

    def foreground(grey: Picture) -> Picture:
        while len(before) < 2:
            before.append(grey)
        least = np.minimum(*(cv2.absdiff(grey, other) for other in before))
        before.append(grey)
        return (least > threshold).astype(np.uint8)

    return foreground


def background_subtraction(subtractor: Any) -> Foreground:
    """What a model of the background does not explain; shadows are background."""

    def foreground(grey: Picture) -> Picture:
        return (subtractor.apply(grey) == 255).astype(np.uint8)

    return foreground


def optical_flow(threshold_px: float) -> Foreground:
    """What moves otherwise than most of the picture (Farneback's flow, half size)."""
    before: list[Picture] = []

    def foreground(grey: Picture) -> Picture:
        height, width = grey.shape
        half = cv2.resize(grey, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        before.append(half)
        if len(before) < 2:
            return np.zeros_like(grey)
        flow = cv2.calcOpticalFlowFarneback(
            before.pop(0), half, None, 0.5, 3, 13, 2, 5, 1.1, 0
        )
        flow -= np.median(flow, axis=(0, 1))
        moves = (np.hypot(flow[..., 0], flow[..., 1]) * 2 > threshold_px).astype(
            np.uint8
        )
        return cv2.resize(moves, (width, height), interpolation=cv2.INTER_NEAREST)

    return foreground


def classical_methods() -> dict[str, list[Classical]]:
    """Every method with the settings to choose from."""
    areas = (4, 12, 40)
    return {
        "frame differencing": [
            Classical(partial(frame_differencing, level), area)
            for level in (8, 15, 25, 40)
            for area in areas
        ],
        "MOG2": [
            Classical(_subtraction(cv2.createBackgroundSubtractorMOG2, 200, var), area)
            for var in (16, 50, 120)
            for area in areas
        ],
        "KNN": [
            Classical(_subtraction(cv2.createBackgroundSubtractorKNN, 200, dist), area)
            for dist in (200, 600, 1500)
            for area in areas
        ],
        "optical flow": [
            Classical(partial(optical_flow, speed), area)
            for speed in (1.0, 2.0, 4.0)
            for area in (40, 150)
        ],
    }


def _subtraction(make: Any, history: int, threshold: float) -> Callable[[], Foreground]:
    return lambda: background_subtraction(make(history, threshold, True))


def judged(
    method: Method, data: Path, clip: str, truth: Truth, tally: Tally | None = None
) -> Tally:
    """Score one method on one clip."""
    tally = tally or Tally()
    wanted = {index for index in truth if index >= _WARM_UP_FRAMES or len(truth) < 10}
    for index, points in method(frames_of(data / clip), wanted):
        tally.add(points, truth[index])
    return tally


class Spec(NamedTuple):
    """What a process needs to make a method anew."""

    name: str
    setting: int = 0
    """Which of a classical method's settings."""
    folder: Path | None = None
    """Of a model; None for a classical method."""
    kind: EngineKind = EngineKind.OPENVINO

    def method(self) -> Method:
        """Make it."""
        if self.folder is None:
            return classical_methods()[self.name][self.setting]
        return Network(self.folder, kind=self.kind)


class Job(NamedTuple):
    """One method on one clip."""

    spec: Spec
    data: Path
    clip: str


def done(job: Job) -> tuple[float, float]:
    """F1 and median error of one job; runs in a process of its own."""
    cv2.setNumThreads(1)
    truth = read_truth(job.data)[job.clip]
    tally = judged(job.spec.method(), job.data, job.clip, truth)
    return tally.f1, tally.error_px


def chosen(pool: Executor, data: Path) -> list[Spec]:
    """Of each classical method the setting with the highest F1 on the tuning clips."""
    specs = [
        Spec(name, number)
        for name, settings in classical_methods().items()
        for number in range(len(settings))
    ]
    jobs = [Job(spec, data, clip) for spec in specs for clip in TUNING]
    merits: dict[Spec, float] = {}
    for job, (f1, _) in zip(jobs, pool.map(done, jobs), strict=True):
        merits[job.spec] = merits.get(job.spec, 0.0) + f1
    names = dict.fromkeys(spec.name for spec in specs)
    return [
        max((spec for spec in specs if spec.name == name), key=merits.__getitem__)
        for name in names
    ]


def print_thresholds(
    folder: Path, data: Path, truth: dict[str, Truth], kind: EngineKind
) -> None:
    """F1 of a network on the tuning clips at many thresholds, best last."""
    network = Network(folder, kind=kind)
    maps = {
        clip: list(network.maps(frames_of(data / clip), truth[clip].keys()))
        for clip in TUNING
    }
    rows = []
    for low in (0.2, 0.3, 0.4, 0.5, 0.6):
        for high in (0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
            if high < low:
                continue
            tallies = []
            for clip, found in maps.items():
                tally = Tally()
                for index, one in found:
                    tally.add(one.points(Thresholds(low, high)), truth[clip][index])
                tallies.append(tally)
            scores = [tally.f1 for tally in tallies]
            rows.append((sum(scores) / len(scores), low, high, scores))
    for mean, low, high, scores in sorted(rows)[-5:]:
        parts = " ".join(f"{score:.3f}" for score in scores)
        print(f"{folder.name}: {low} / {high}  mean {mean:.3f}  {parts}")


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, metavar="DATA")
    parser.add_argument(
        "--models",
        type=Path,
        nargs="+",
        default=[ROOT / "resources/models" / n for n in NAMES],
        metavar="FOLDER",
    )
    parser.add_argument("--no-classical", action="store_true")
    parser.add_argument(
        "--thresholds", action="store_true", help="only try thresholds, on TUNING"
    )
    parser.add_argument(
        "--engine", type=EngineKind, default=EngineKind.OPENVINO, metavar="KIND"
    )
    parser.add_argument("--processes", type=int, default=1, metavar="N")
    arguments = parser.parse_args()
    data, truth = arguments.data, read_truth(arguments.data)
    if arguments.thresholds:
        for folder in arguments.models:
            print_thresholds(folder, data, truth, arguments.engine)
        return 0
    with ProcessPoolExecutor(
        arguments.processes, multiprocessing.get_context("spawn")
    ) as pool:
        specs = [] if arguments.no_classical else chosen(pool, data)
        specs += [
            Spec(folder.name, folder=folder, kind=arguments.engine)
            for folder in arguments.models
        ]
        jobs = [Job(spec, data, clip) for clip in truth for spec in specs]
        scores = pool.map(done, jobs)
        print(f"{'clip':26} {'frames':>6} " + " ".join(f"{s.name:>18}" for s in specs))
        for clip, frames in truth.items():
            cells = [f"{f1:8.3f} {error:6.1f} px" for f1, error in _next(scores, specs)]
            part = " (tuning)" if clip in TUNING else ""
            row = " ".join(f"{cell:>18}" for cell in cells)
            print(f"{Path(clip).stem + part:26} {len(frames):6d} {row}", flush=True)
    return 0


def _next(
    scores: Iterator[tuple[float, float]], specs: Sequence[Spec]
) -> Iterator[tuple[float, float]]:
    return (next(scores) for _ in specs)


if __name__ == "__main__":
    sys.exit(main())
