"""Which new tracks are old ones that were lost.

An object that was hit goes off faster than its track reckons with, and comes back as
a new track. If that track's way, followed backwards, meets the way that the lost one
went on, the two are one object that turned where they meet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from app.tracking.association import assign

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]

COST = 1.0
"""Of taking a new track for a lost one. Larger leaves more of them apart."""
MISS_BODIES = 0.5
"""How far apart the two may pass, in body lengths..."""
MISS_STEPS = 0.2
"""...and in parts of the new one's movement between two frames."""


def rejoin(
    old: Floats,
    new: Floats,
    ago_s: Floats,
    gap_s: Floats,
    body_px: Floats,
    interval_s: float,
    density_px2: float,
    other_cost: Floats,
) -> tuple[Ints, Ints]:
    """Choose the new tracks that go on from lost ones.

    Parameters
    ----------
    old : ndarray of float64, shape (4, T)
        Where the lost ones would be now: x, y and their velocities.
    new : ndarray of float64, shape (4, N)
        Where the new ones are now.
    ago_s : ndarray of float64, shape (T,)
        How long ago the lost ones were seen.
    gap_s : ndarray of float64, shape (N, T)
        From then to the first sight of the new ones; pairs without one are left out.
    body_px : ndarray of float64, shape (T,)
    interval_s : float
        Usual time between frames.
    density_px2 : float
        Of blobs without a track.
    other_cost : ndarray of float64, shape (N, T)
        Natural log of how much less likely a pair is for other reasons.

    Returns
    -------
    new, old : ndarray of intp
        Rows of each chosen pair.
    """
    step_px = np.hypot(new[2], new[3])[:, None] * interval_s
    steps = np.maximum(gap_s, 0) / interval_s
    variance = (MISS_BODIES * body_px) ** 2 * (1 + steps) + (MISS_STEPS * step_px) ** 2
    cost = _meeting_px2(old, new, ago_s, gap_s) / (2 * variance)
    cost += np.log(2 * np.pi * variance * density_px2) + other_cost + COST
    row, column = np.nonzero((cost < 0) & (gap_s > 0))
    chosen = assign(row, column, cost[row, column])
    return row[chosen], column[chosen]


def _meeting_px2(old: Floats, new: Floats, ago_s: Floats, gap_s: Floats) -> Floats:
    """Squared distance at which ways pass, at the best moment of the gap."""
    new_velocity = new[2:, :, None]
    start = old[:2] - old[2:] * ago_s
    apart = start[:, None] - (new[:2, :, None] - new_velocity * ago_s)
    closing = old[2:, None] - new_velocity
    speed2 = np.maximum((closing * closing).sum(axis=0), 1e-9)
    moment_s = -(apart * closing).sum(axis=0) / speed2
    apart += closing * np.clip(moment_s, 0, np.maximum(gap_s, 0))
    squared: Floats = (apart * apart).sum(axis=0)
    return squared
