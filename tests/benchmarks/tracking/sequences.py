"""What the benchmark tracks: true boxes of every frame, and detections of them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.spatial.distance import pdist, squareform

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

JITTER_PX = 0.7
SIZE_NOISE = 0.08
MISS_RATIO = 0.07
CLUTTER_PER_OBJECT, CLUTTER_PER_FRAME = 0.04, 0.05
MERGE_BODIES = 0.8
HIDDEN_RATIO = 0.5
"""Objects that show less than this part of themselves are not detected."""


class Part(enum.Enum):
    """Settings are chosen on TUNING; the tables show TEST."""

    TUNING = "tuning"
    TEST = "test"


class Truth(NamedTuple):
    """Objects of one frame."""

    id: NDArray[np.int64]
    box: Floats
    """Shape (N, 4): centre x, centre y, width, height, in px."""
    visible_ratio: Floats

    @staticmethod
    def of(ids: object, box: object, visible_ratio: object = 1.0) -> Truth:
        """Take lists or arrays."""
        number = np.asarray(ids, np.int64).reshape(-1)
        visible = np.broadcast_to(np.asarray(visible_ratio, float), number.shape)
        return Truth(number, np.asarray(box, float).reshape(-1, 4), visible)


class Detections(NamedTuple):
    """What every tracker gets of one frame."""

    box: Floats
    """Shape (N, 4): centre x, centre y, width, height, in px."""
    confidence: Floats
    streak: Floats | None = None
    """Shape (N, 3): length and breadth in px, angle in rad; None if all are round."""


class Found(NamedTuple):
    """Tracks of one frame."""

    id: NDArray[np.int64]
    box: NDArray[np.float64]
    """Shape (N, 4): centre x, centre y, width, height, in px."""


@dataclass(frozen=True)
class Film:
    """A sequence of frames."""

    name: str
    rate_hz: float
    truth: list[Truth]
    detections: list[Detections]
    size_px: tuple[int, int] = (1280, 720)
    """Width and height of a frame."""
    is_scored_by_overlap: bool = False
    """Or by the distance of the centres."""


@dataclass(frozen=True)
class DataSet:
    """Films of one kind, in two parts that share no frame."""

    name: str
    what: str
    films: Callable[[Part, int], list[Film]]
    """Of a part, with the noise of a draw."""
    is_fast: bool = True
    is_drawn: bool = True
    """Noise differs from draw to draw; otherwise the detections are real."""


def film_of(
    name: str,
    rate_hz: float,
    truth: Sequence[Truth],
    seed: Sequence[int],
    size_px: tuple[int, int] = (1280, 720),
) -> Film:
    """Detect the true boxes with the faults of a detector."""
    random = np.random.default_rng(seed)
    shown = [each for each in truth if len(each.id)]
    if not shown:
        return Film(name, rate_hz, list(truth), [_nothing() for _ in truth], size_px)
    box = np.concatenate([each.box for each in shown])
    field = box[:, 0].min(), box[:, 1].min(), np.ptp(box[:, 0]), np.ptp(box[:, 1])
    sizes = np.sqrt(box[:, 2] * box[:, 3])
    detections = [_detect(each, random, field, sizes) for each in truth]
    return Film(name, rate_hz, list(truth), detections, size_px)


def _nothing() -> Detections:
    return Detections(np.zeros((0, 4)), np.zeros(0))


def _detect(
    truth: Truth,
    random: np.random.Generator,
    field: tuple[float, float, float, float],
    sizes: Floats,
) -> Detections:
    count = len(truth.id)
    box = truth.box.copy()
    box[:, :2] += random.normal(0, JITTER_PX, (count, 2))
    box[:, 2:] *= np.exp(random.normal(0, SIZE_NOISE, (count, 2)))
    confidence = random.beta(8, 2, count)
    is_seen = random.random(count) >= MISS_RATIO
    is_seen &= truth.visible_ratio >= HIDDEN_RATIO
    box, confidence = _merged(box[is_seen], confidence[is_seen])
    clutter = random.poisson(CLUTTER_PER_OBJECT * count + CLUTTER_PER_FRAME)
    left, top, width, height = field
    place = random.random((clutter, 2)) * (width, height) + (left, top)
    size = random.choice(sizes, clutter) * np.exp(random.normal(0, 0.3, clutter))
    false = np.concatenate([place, size[:, None], size[:, None]], axis=1)
    return Detections(
        np.concatenate([box, false]),
        np.concatenate([confidence, random.beta(5, 3, clutter)]),
    )


def _merged(box: Floats, confidence: Floats) -> tuple[Floats, Floats]:
    """Grow together what is nearer than a detector can tell apart."""
    boxes, sure = list(box), confidence.tolist()
    while len(boxes) > 1:
        stack = np.array(boxes)
        apart = squareform(pdist(stack[:, :2]))
        size = np.sqrt(stack[:, 2] * stack[:, 3])
        apart /= (size[:, None] + size) / 2
        np.fill_diagonal(apart, np.inf)
        first, second = np.unravel_index(apart.argmin(), apart.shape)
        if apart[first, second] >= MERGE_BODIES:
            break
        pair = stack[[first, second]]
        low = (pair[:, :2] - pair[:, 2:] / 2).min(axis=0)
        high = (pair[:, :2] + pair[:, 2:] / 2).max(axis=0)
        boxes[first] = np.concatenate([(low + high) / 2, high - low])
        sure[first] = max(sure[first], sure[second])
        del boxes[second], sure[second]
    return np.array(boxes).reshape(-1, 4), np.array(sure)
