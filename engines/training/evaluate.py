"""How well a network finds objects: what is found, missed, made up, and how exactly.

Judged as a user would: a network's probability becomes blobs, and blobs are compared
with the true positions, in pixels of the full frame.
"""

from __future__ import annotations

import itertools
import multiprocessing
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from engines.scene import SceneSettings, random_settings
from engines.training.clips import Look, View, views

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

Predict = Callable[["NDArray[np.float32]"], "NDArray[np.float32]"]
"""From frames (N, H, W, 3), 0 to 1, to the foreground probability (N, H, W)."""

SHRINK = 2
"""Pixels of the full frame per pixel of the network's input."""
NEAR_PX = 5.0
"""A detection this near is the object, however small that is."""
SPEED_BINS_PX = (0.0, 2.0, 5.0, 10.0, 20.0, 40.0, 1000.0)
"""Bounds of the classes of speed, full-frame px from frame to frame."""
SIZE_BINS_PX = (0.0, 4.0, 8.0, 16.0, 1000.0)
"""Bounds of the classes of the body's diameter, full-frame px."""
LOWS = (0.2, 0.3, 0.4, 0.5, 0.6)
HIGHS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


class Question(NamedTuple):
    """One view and what ought to be found in it."""

    frames: NDArray[np.uint8]
    """Shape (H, W, 3)."""
    group: NDArray[np.int64]
    """Per object: the visible region it belongs to; 0 where it cannot be seen.

    Objects that touch make one region, and one blob is all that can be asked for.
    """
    x_px: NDArray[np.float32]
    y_px: NDArray[np.float32]
    reach_px: NDArray[np.float32]
    """How far from the centre a detection is still this object."""
    speed_px: NDArray[np.float32]
    """From frame to frame."""
    size_px: NDArray[np.float32]
    is_whole: NDArray[np.bool_]
    """All of it in the picture, so that its centre can be judged."""


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


def random_scenes(count: int, seed: int, size: tuple[int, int]) -> list[SceneSettings]:
    """Scenes under all conditions, none of them seen in training.

    Parameters
    ----------
    count : int
        How many.
    seed : int
        Of the evaluation; the training's seeds are pairs, so none is the same.
    size : tuple of two int
        Width and height of the full frame.
    """
    rng = np.random.default_rng([seed, 0xE0A1, 1])
    return [random_settings(rng, *size) for _ in range(count)]


def plain_scenes(count: int, seed: int, size: tuple[int, int]) -> list[SceneSettings]:
    """Scenes as the synthetic source shows them by default."""
    return [
        SceneSettings(width_px=size[0], height_px=size[1], seed=seed + number)
        for number in range(count)
    ]


def questions_of(
    scenes: Sequence[SceneSettings], views_per_scene: int, processes: int | None = None
) -> list[Question]:
    """Render scenes and note what ought to be found in them.

    Parameters
    ----------
    scenes : sequence of SceneSettings
        Of the full frame's size.
    views_per_scene : int
        Clips of each.
    processes : int or None
        Processes that render; None takes every core, 1 this one.
    """
    work = [(scene, views_per_scene) for scene in scenes]
    if processes == 1:
        blocks: Iterable[list[Question]] = map(_questions_of_scene, work)
        return list(itertools.chain.from_iterable(blocks))
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        blocks = pool.map(_questions_of_scene, work, chunksize=4)
    return list(itertools.chain.from_iterable(blocks))


def _questions_of_scene(work: tuple[SceneSettings, int]) -> list[Question]:
    scene, count = work
    look = Look(scene.width_px // SHRINK, scene.height_px // SHRINK, SHRINK)
    return [
        _question(view, scene.frame_rate_hz) for view in views(scene, look, count)
    ]


def _question(view: View, frame_rate_hz: float) -> Question:
    truth = view.truth
    labels = cv2.connectedComponents(view.visible.astype(np.uint8), connectivity=8)[1]
    group = np.array(
        [
            _label_near(labels, x, y, size)
            for x, y, size in zip(truth.x_px, truth.y_px, truth.size_px, strict=True)
        ],
        np.int64,
    )
    # Half hidden objects may be found, and need not be.
    group[truth.visible_ratio < 0.5] = 0
    return Question(
        view.frames,
        group,
        truth.x_px,
        truth.y_px,
        np.maximum(NEAR_PX, 0.5 * truth.length_px),
        np.hypot(truth.vx_px_s, truth.vy_px_s) / np.float32(frame_rate_hz),
        truth.size_px,
        truth.visible_ratio > 0.95,
    )


def _label_near(labels: NDArray[np.int32], x: float, y: float, size_px: float) -> int:
    """Label of the region nearest to a full-frame position; 0 if none is near."""
    column, row = (x + 0.5) / SHRINK - 0.5, (y + 0.5) / SHRINK - 0.5
    room = 0.5 * size_px / SHRINK + 1.5
    top, left = max(0, int(row - room)), max(0, int(column - room))
    part = labels[top : int(row + room) + 2, left : int(column + room) + 2]
    rows, columns = np.nonzero(part)
    if len(rows) == 0:
        return 0
    away = np.hypot(rows + top - row, columns + left - column)
    nearest = int(np.argmin(away))
    return int(part[rows[nearest], columns[nearest]])


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
    count, labels = cv2.connectedComponents(mask, connectivity=8)
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


def keras_predict(network: object) -> Predict:
    """Predict by a Keras network."""

    def predict(frames: NDArray[np.float32]) -> NDArray[np.float32]:
        output = network.predict_on_batch(frames)  # type: ignore[attr-defined]
        return np.asarray(output, np.float32)[..., 0]

    return predict
