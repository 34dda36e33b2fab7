"""How far blobs are from where they should be: what uncertainty is measured by."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

EVERY = 3
"""Frames from one look to the next: what is learned changes slowly."""
RATE = 0.05
"""How fast the scale follows, for each blob looked at."""
MAX_STEP = 0.5
"""In the logarithm of the scale, in one frame."""
LOWEST, HIGHEST = 0.1, 12.0
HALFWAY = 1.1
"""What the surprise of half of the blobs stays under. For a single model it would be
2 ln 2; those of the tracker allow for turns that mostly do not come."""


class NoiseMeter:
    """Learns how wrong blobs are, as a factor on the variance that is assumed.

    Half of the blobs should surprise their tracks less than `HALFWAY`. Only on which
    side of it they are counts, so that bounces and mistaken blobs, which are far off
    but few, change nothing.
    """

    def __init__(self) -> None:
        self.scale = 1.0
        self._frame = 0

    def is_due(self) -> bool:
        """Count a frame; true if it is one to look at."""
        self._frame = (self._frame + 1) % EVERY
        return self._frame == 0

    def update(self, surprise: NDArray[np.float64]) -> None:
        """Take what `Motion.surprise` gave for the blobs of one frame."""
        beyond = int(np.count_nonzero(surprise > HALFWAY))
        step = RATE * (2 * beyond - surprise.size)
        step = min(max(step, -MAX_STEP), MAX_STEP)
        self.scale = min(max(self.scale * math.exp(step), LOWEST), HIGHEST)
