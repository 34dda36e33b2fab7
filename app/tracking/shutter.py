"""How long the shutter is open: what turns the length of a streak into a speed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SHARES = np.log(np.geomspace(0.05, 2.5, 40))
"""Natural logs of the parts of a frame interval that are looked at."""
MOST_SHARE = 1.1
"""A larger share is none: objects are long by shape, or blobs larger than they are."""
LONGEST = 3.0
"""Streaks of more steps are of objects that hardly move."""
SPREAD = 0.15
"""Error of the natural log of the share that one streak shows."""
ASTRAY = 0.3
"""Part of the streaks that may show anything: bounces, and wrong pairs."""
SURE = 10.0
"""How much likelier the best share is than none, natural log, before it is heeded.

Larger learns it later, and takes chance for it less often.
"""
MEMORY = 500.0
"""Streaks that what is learned goes back."""
MOST = 64
"""Streaks of one frame that are looked at."""

_SPAN = float(SHARES[-1] - SHARES[0])


class ShutterMeter:
    """Learns for which part of a frame interval the shutter is open."""

    def __init__(self) -> None:
        self._log_odds = np.zeros(SHARES.size)
        self.share: float | None = None
        """That part, or None while it is not known."""

    def update(self, streak_px: Floats, step_px: Floats) -> None:
        """Take streaks and how far their objects went in a frame interval.

        Parameters
        ----------
        streak_px, step_px : ndarray of float64, shape (N,)
        """
        moved = streak_px < LONGEST * step_px
        streak_px, step_px = streak_px[moved][:MOST], step_px[moved][:MOST]
        if not streak_px.size:
            return
        apart = np.log(streak_px / step_px)[:, None] - SHARES
        likely = np.exp(apart * apart * (-0.5 / SPREAD**2))
        likely *= (1 - ASTRAY) * _SPAN / (math.sqrt(2 * math.pi) * SPREAD)
        self._log_odds *= 1 - streak_px.size / MEMORY
        self._log_odds += np.log(likely + ASTRAY).sum(axis=0)
        best = self._log_odds.max()
        weight = np.exp(self._log_odds - best)
        share = math.exp(float(weight @ SHARES) / float(weight.sum()))
        self.share = share if best > SURE and share < MOST_SHARE else None
