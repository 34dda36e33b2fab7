"""How often objects bounce: balls do, people and animals hardly ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FIRST_RATE = 0.06
"""Probability of a bounce in a frame interval, before any object was seen."""
INTERVALS_BEFORE = 300.0
"""Frame intervals of one object that it counts like."""
MEMORY_INTERVALS = 3000.0
"""How far back what is learned goes."""


class BounceMeter:
    """Learns how likely an object bounces until the next frame.

    Where nothing bounces, what turns up far beside a track is another object.
    """

    def __init__(self) -> None:
        self._bounces = FIRST_RATE * INTERVALS_BEFORE
        self._intervals = INTERVALS_BEFORE

    @property
    def rate(self) -> float:
        """Probability of a bounce in a frame interval."""
        return self._bounces / self._intervals

    def update(self, bounced: NDArray[np.float64], intervals: float) -> None:
        """Take how objects went on that were seen in this frame and the one before.

        Parameters
        ----------
        bounced : ndarray of float64, shape (N,)
            Probability that each bounced in between.
        intervals : float
            Frame intervals between the two.
        """
        self._bounces += float(bounced.sum())
        self._intervals += intervals * bounced.size
        kept = min(1.0, MEMORY_INTERVALS / self._intervals)
        self._bounces *= kept
        self._intervals *= kept
