"""How telling confidence is: learned, for every detector has its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEAST, MOST = 0.01, 0.999
"""Confidence beyond these says no more."""
MEMORY_BLOBS = 1000.0
"""How far back what is learned goes, for each kind of blob."""
BLOBS_BEFORE = 30.0
"""Blobs of either kind that it takes to believe half of the difference."""
VARIANCE_BEFORE = 0.1
"""Of the log odds within a kind, at least."""
STRONGEST = 3.0
"""What one blob's confidence may say for or against it, natural log."""


def log_odds(confidence: Floats) -> Floats:
    """Natural log of the odds that confidence from 0 to 1 stands for."""
    held = np.minimum(np.maximum(confidence, LEAST), MOST)
    odds: Floats = np.log(held / (1 - held))
    return odds


class _Moments:
    """Mean and variance of the last numbers, the latest counting most."""

    def __init__(self) -> None:
        self.count = self._sum = self._squares = 0.0

    def add(self, values: Floats) -> None:
        kept = max(1 - values.size / MEMORY_BLOBS, 0.0)
        self.count = kept * self.count + values.size
        self._sum = kept * self._sum + float(np.add.reduce(values))
        self._squares = kept * self._squares + float(values @ values)

    @property
    def mean(self) -> float:
        return self._sum / self.count

    @property
    def scatter(self) -> float:
        """Variance times the count."""
        return max(self._squares - self._sum * self.mean, 0.0)


class ConfidenceMeter:
    """Learns how confidence differs between blobs of objects and false ones.

    The log odds of both are taken to be normal with one variance, so that their
    likelihoods' ratio is a line (Fisher's discriminant). Where both kinds are alike, or
    one of them was not seen yet, it is 0.
    """

    def __init__(self) -> None:
        self._true, self._false = _Moments(), _Moments()
        self._slope, self._middle = 0.0, 0.0

    def update(self, true: Floats, false: Floats) -> None:
        """Take the `log_odds` of blobs of believed tracks, and of those of no track."""
        if true.size:
            self._true.add(true)
        if false.size:
            self._false.add(false)
        true_count, false_count = self._true.count, self._false.count
        if not (true_count and false_count):
            return
        scatter = self._true.scatter + self._false.scatter
        variance = scatter / (true_count + false_count) + VARIANCE_BEFORE
        trust = true_count / (true_count + BLOBS_BEFORE)
        trust *= false_count / (false_count + BLOBS_BEFORE)
        difference = self._true.mean - self._false.mean
        # What is surer is never taken to be worse.
        self._slope = max(trust * difference / variance, 0.0)
        self._middle = (self._true.mean + self._false.mean) / 2

    def log_ratio(self, odds: Floats) -> Floats:
        """How much likelier blobs with such `log_odds` are of objects than false.

        Natural log, at most `STRONGEST` to either side.
        """
        ratio = odds - self._middle
        ratio *= self._slope
        np.minimum(ratio, STRONGEST, out=ratio)
        return np.maximum(ratio, -STRONGEST, out=ratio)
