"""How well detections agree with what is labelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_MIN_GATE_PX = 5.0


class Object(NamedTuple):
    """What is true of one object in one frame, px."""

    x: float
    y: float
    length: float
    """Its largest extent."""


class Tally:
    """Hits, misses and inventions over the frames of a clip.

    A detection is a hit within half the object's length (at least 5 px) of its
    centre; each object and each detection counts once.
    """

    def __init__(self) -> None:
        self.hits = self.misses = self.false = 0
        self.errors_px: list[float] = []

    def add(
        self, found: NDArray[np.float64], wanted: Sequence[Object]
    ) -> list[tuple[int, int]]:
        """Match one frame's detections.

        Parameters
        ----------
        found : ndarray of float64, shape (N, 2)
            Their centres.
        wanted : sequence of Object

        Returns
        -------
        list of (int, int)
            The hits: which object, and which detection.
        """
        hits: list[tuple[int, int]] = []
        if len(found) and wanted:
            true = np.array([(one.x, one.y) for one in wanted])
            gate = np.array([max(_MIN_GATE_PX, one.length / 2) for one in wanted])
            away = np.hypot(*(true[:, None] - found[None]).transpose(2, 0, 1))
            is_near = away <= gate[:, None]
            rows, columns = linear_sum_assignment(np.where(is_near, away, 1e6))
            pairs = zip(rows.tolist(), columns.tolist(), strict=True)
            hits = [pair for pair in pairs if is_near[pair]]
            self.errors_px += [float(away[pair]) for pair in hits]
        self.hits += len(hits)
        self.misses += len(wanted) - len(hits)
        self.false += len(found) - len(hits)
        return hits

    def merge(self, other: Tally) -> None:
        """Add another clip's counts."""
        self.hits += other.hits
        self.misses += other.misses
        self.false += other.false
        self.errors_px += other.errors_px

    @property
    def precision(self) -> float:
        """Share of detections that are objects."""
        return self.hits / max(1, self.hits + self.false)

    @property
    def recall(self) -> float:
        """Share of objects that were found."""
        return self.hits / max(1, self.hits + self.misses)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.hits / max(1, 2 * self.hits + self.misses + self.false)

    @property
    def error_px(self) -> float:
        """Median distance of hits from the true centre."""
        return float(np.median(self.errors_px)) if self.errors_px else float("nan")
