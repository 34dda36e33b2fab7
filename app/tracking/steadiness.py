"""How steadily objects go: people far more so than the fast things of their size."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

RATE = 0.05
"""How fast the scale follows, for each blob looked at."""
MAX_STEP = 0.2
"""In the logarithm of the scale, in one frame."""
LOWEST, HIGHEST = 0.05, 1.0


class SteadinessMeter:
    """Learns how much objects accelerate, as a factor on what is assumed.

    A filter that expects what happens errs to either side in turn without a rule. One
    that takes the jitter of blobs for turns overshoots: its next error is to the other
    side. One that expects too little lags, and errs to the same side again (Mehra
    1970). Only the angle between two errors in a row counts, so that one that is far
    off says no more than others.
    """

    def __init__(self) -> None:
        self.scale = 1.0

    def update(self, before: Floats, now: Floats) -> None:
        """Take how blobs of one frame, and of the frame before, were off.

        Parameters
        ----------
        before, now : ndarray of float64, shape (2, N)
            From `ways_off`; 0 for what was not seen says nothing.
        """
        step = RATE * float(np.vdot(before, now))
        step = min(max(step, -MAX_STEP), MAX_STEP)
        self.scale = min(max(self.scale * math.exp(step), LOWEST), HIGHEST)


def ways_off(points_px: Floats, expected_px: Floats) -> Floats:
    """Unit vectors from where blobs were expected to where they are, shape (2, N)."""
    off = points_px - expected_px
    off /= np.maximum(np.hypot(off[0], off[1]), 1e-9)
    return off
