"""How well a network finds objects: what is found, missed, made up, and how exactly.

Judged as a user would: a network's probability becomes blobs, and blobs are compared
with the true positions, in pixels of the full frame.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from engines.base import EngineKind
from engines.catalogue import open_engine
from engines.manifest import load_manifest
from engines.training.questions import (
    SHRINK,
    Question,
    plain_scenes,
    questions_of,
    random_scenes,
)
from engines.training.views import labelled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from engines.base import Engine

Predict = Callable[["NDArray[np.float32]"], "NDArray[np.float32]"]
"""From frames (N, H, W, 3), 0 to 1, to the foreground probability (N, H, W)."""

SEED = 20_000
"""Of the scenes for judging."""
SPEED_BINS_PX = (0.0, 2.0, 5.0, 10.0, 20.0, 40.0, 1000.0)
"""Bounds of the classes of speed, full-frame px from frame to frame."""
SIZE_BINS_PX = (0.0, 4.0, 8.0, 16.0, 1000.0)
"""Bounds of the classes of the body's diameter, full-frame px."""
LOWS = (0.2, 0.3, 0.4, 0.5, 0.6)
HIGHS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


class Score(NamedTuple):
    """Counts over many questions."""

    threshold_low: float
    threshold_high: float
    found: int
    missed: int
    made_up: int
    median_error_px: float
    """Of the centres of found objects, full-frame px."""
    p90_error_px: float
    questions: int
    recall_by_speed: dict[str, tuple[int, int]]
    """Found and all, for each class of speed."""
    recall_by_size: dict[str, tuple[int, int]]

    @property
    def precision(self) -> float:
        """Share of detections that are objects."""
        return self.found / max(1, self.found + self.made_up)

    @property
    def recall(self) -> float:
        """Share of visible objects that were found."""
        return self.found / max(1, self.found + self.missed)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.found / max(1, 2 * self.found + self.made_up + self.missed)

    def document(self) -> dict[str, object]:
        """Everything as plain values, for a report."""
        ratios = {"f1": self.f1, "precision": self.precision, "recall": self.recall}
        return {**self._asdict(), **{k: round(v, 4) for k, v in ratios.items()}}


def detections(
    probability: NDArray[np.float32], low: float, high: float
) -> NDArray[np.float64]:
    """Find blobs: regions above `low` with a pixel above `high`.

    Returns
    -------
    ndarray of float64, shape (N, 2)
        x and y of their centres, weighted by probability, in pixels of the map.
    """
    mask = (probability > low).astype(np.uint8)
    count, labels = labelled(mask)
    rows, columns = np.nonzero(labels)
    label, value = labels[rows, columns], probability[rows, columns].astype(np.float64)
    peak = np.zeros(count)
    np.maximum.at(peak, label, value)
    mass = np.maximum(np.bincount(label, value, count), 1e-12)
    x = np.bincount(label, value * columns, count) / mass
    y = np.bincount(label, value * rows, count) / mass
    kept = peak > high
    return np.stack([x[kept], y[kept]], axis=1)


class _Tally:
    """Adds up the answers to questions."""

    def __init__(self) -> None:
        self.found = self.missed = self.made_up = 0
        self.errors_px: list[float] = []
        self.by_speed = [[0, 0] for _ in SPEED_BINS_PX[1:]]
        self.by_size = [[0, 0] for _ in SIZE_BINS_PX[1:]]

    def add(self, question: Question, centres: NDArray[np.float64]) -> None:
        """Match detections, in full-frame px, with what ought to be found."""
        x, y = centres[:, 0], centres[:, 1]
        away = np.hypot(
            x[:, None] - question.x_px[None], y[:, None] - question.y_px[None]
        )
        near = away < question.reach_px[None]
        taken: dict[int, int] = {}
        used: set[int] = set()
        pairs = np.argwhere(near & (question.group > 0)[None])
        for detection, row in sorted(map(tuple, pairs), key=lambda pair: away[pair]):
            group = int(question.group[row])
            if detection not in used and group not in taken:
                used.add(detection)
                taken[group] = row
                if question.is_whole[row] and (question.group == group).sum() == 1:
                    self.errors_px.append(float(away[detection, row]))
        is_forgiven = (near & (question.group == 0)[None]).any(axis=1)
        self.made_up += sum(
            1
            for detection in range(len(centres))
            if detection not in used and not is_forgiven[detection]
        )
        self._count_groups(question, set(taken))

    def _count_groups(self, question: Question, taken: set[int]) -> None:
        for group in np.unique(question.group[question.group > 0]):
            row = int(np.argmax(question.group == group))
            is_found = int(group) in taken
            self.found += is_found
            self.missed += not is_found
            for bins, bounds, value in (
                (self.by_speed, SPEED_BINS_PX, question.speed_px[row]),
                (self.by_size, SIZE_BINS_PX, question.size_px[row]),
            ):
                place = int(np.searchsorted(bounds, value, side="right")) - 1
                bins[min(place, len(bins) - 1)][0] += is_found
                bins[min(place, len(bins) - 1)][1] += 1


def score(
    questions: Sequence[Question],
    probabilities: Sequence[NDArray[np.float32]],
    low: float,
    high: float,
) -> Score:
    """Compare probabilities with what ought to be found, at one pair of thresholds."""
    tally = _Tally()
    for question, probability in zip(questions, probabilities, strict=True):
        centres = (detections(probability, low, high) + 0.5) * SHRINK - 0.5
        tally.add(question, centres)
    errors = tally.errors_px or [float("nan")]
    return Score(
        low,
        high,
        tally.found,
        tally.missed,
        tally.made_up,
        round(float(np.median(errors)), 3),
        round(float(np.percentile(errors, 90)), 3),
        len(questions),
        _named(tally.by_speed, SPEED_BINS_PX),
        _named(tally.by_size, SIZE_BINS_PX),
    )


def _named(
    bins: list[list[int]], bounds: tuple[float, ...]
) -> dict[str, tuple[int, int]]:
    return {
        f"{low:g}-{high:g} px" if high < 1000 else f"from {low:g} px": (row[0], row[1])
        for row, low, high in zip(bins, bounds[:-1], bounds[1:], strict=True)
    }


def answers(
    predict: Predict, questions: Sequence[Question], batch_size: int = 16
) -> list[NDArray[np.float32]]:
    """Run a network over all questions."""
    found: list[NDArray[np.float32]] = []
    for first in range(0, len(questions), batch_size):
        part = [question.frames for question in questions[first : first + batch_size]]
        # A last batch of another size would be compiled anew: fill it up.
        filled = part + [part[-1]] * (batch_size - len(part))
        frames = np.stack(filled).astype(np.float32) / np.float32(255.0)
        found.extend(predict(frames)[: len(part)])
    return found


def best_thresholds(
    questions: Sequence[Question], probabilities: Sequence[NDArray[np.float32]]
) -> tuple[float, float]:
    """Low and high threshold of the highest F1."""
    pairs = [(low, high) for low in LOWS for high in HIGHS if low <= high]
    return max(pairs, key=lambda pair: score(questions, probabilities, *pair).f1)


def keras_predict(network: Any) -> Predict:  # noqa: ANN401
    """Predict by a Keras network."""

    def predict(frames: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(network.predict_on_batch(frames), np.float32)[..., 0]

    return predict


def engine_predict(engine: Engine) -> Predict:
    """Predict by an engine whose model takes NHWC floats and gives probability."""

    def predict(frames: NDArray[np.float32]) -> NDArray[np.float32]:
        # The engine may use its output's memory again.
        given = [np.array(engine.infer(frame[None]))[0, ..., 0] for frame in frames]
        return np.stack(given).astype(np.float32, copy=False)

    return predict


def judge(
    predict: Predict,
    input_size: tuple[int, int],
    scenes: int,
    processes: int | None = None,
    thresholds: tuple[float, float] | None = None,
) -> dict[str, Any]:
    """Judge a network on scenes that were never learned from.

    Parameters
    ----------
    predict : callable
        The network.
    input_size : tuple of two int
        Width and height of its input; the full frame is `SHRINK` times larger.
    scenes : int
        How many of each kind, two clips of each.
    processes : int or None
        Processes that render; None takes every core.
    thresholds : tuple of two float, optional
        Low and high; None chooses the best on random scenes of their own.

    Returns
    -------
    dict
        `Score.document` for `random` scenes and for `plain` ones, as the synthetic
        source shows them.
    """
    size = (input_size[0] * SHRINK, input_size[1] * SHRINK)
    if thresholds is None:
        tuning = questions_of(random_scenes(scenes, SEED, size), 2, processes)
        thresholds = best_thresholds(tuning, answers(predict, tuning))
    report = {}
    for name, drawn in (
        ("random", random_scenes(scenes, SEED + 1, size)),
        ("plain", plain_scenes(scenes, SEED, size)),
    ):
        questions = questions_of(drawn, 2, processes)
        given = answers(predict, questions)
        report[name] = score(questions, given, *thresholds).document()
    return report


def judge_plain(
    predict: Predict,
    input_size: tuple[int, int],
    scenes: int,
    thresholds: tuple[float, float],
) -> Score:
    """Judge a network on scenes as the synthetic source shows them.

    Parameters
    ----------
    predict, input_size, thresholds
        As of `judge`.
    scenes : int
        How many, two clips of each.
    """
    size = (input_size[0] * SHRINK, input_size[1] * SHRINK)
    questions = questions_of(plain_scenes(scenes, SEED, size), 2, processes=1)
    return score(questions, answers(predict, questions), *thresholds)


def print_scores(report: dict[str, Any]) -> None:
    """Print what `judge` found as a table."""
    for name in ("random", "plain"):
        row = report[name]
        print(
            f"{name:8s} F1 {row['f1']:.3f}  precision {row['precision']:.3f}  "
            f"recall {row['recall']:.3f}  error median {row['median_error_px']:.2f}"
            f" px, p90 {row['p90_error_px']:.2f} px  at {row['threshold_low']} / "
            f"{row['threshold_high']}"
        )
        for kind in ("speed", "size"):
            parts = row[f"recall_by_{kind}"].items()
            shares = ", ".join(f"{part} {a}/{b}" for part, (a, b) in parts)
            print(f"         recall by {kind}: {shares}")


def main() -> None:
    """Judge the files of a model at its own thresholds, by OpenVINO."""
    parser = argparse.ArgumentParser(
        prog="python -m engines.training.evaluate",
        description="Judge a model on rendered scenes it was not trained on.",
    )
    parser.add_argument("--model", type=Path, default=Path("resources/models/default"))
    parser.add_argument("--scenes", type=int, default=50, help="of each kind")
    parser.add_argument("--processes", type=int, default=1, help="that render")
    options = parser.parse_args()
    manifest = load_manifest(options.model)
    spec = manifest.input
    with open_engine(EngineKind.OPENVINO, manifest) as engine:
        print_scores(
            judge(
                engine_predict(engine),
                (spec.width_px, spec.height_px),
                options.scenes,
                options.processes,
                (manifest.threshold_low, manifest.threshold_high),
            )
        )


if __name__ == "__main__":
    main()
