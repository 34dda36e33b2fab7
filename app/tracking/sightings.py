"""What the tracker takes from blobs: where, how large, how sure, and which way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from app.tracking.columns import Column, Columns
from app.tracking.confidence import log_odds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from app.frames import Blobs
    from app.tracking.confidence import ConfidenceMeter
    from app.tracking.settings import TrackerSettings

    Floats = NDArray[np.float64]

NOISE_BODIES = 0.07
"""Error of a blob's centre that grows with the blob, in body lengths."""
MIN_ELONGATION = 1.4
"""Blobs less long for their breadth are taken to be round."""
ANGLE_NOISE_RAD = 0.15
"""Error of the angle of a blob twice as long as broad."""
MAX_SHARPNESS = 25.0
LENGTH_NOISE = 0.1
"""Error of a blob's length and breadth, as a part of them."""
MIN_MOVED = 0.7
"""Part of its own streak that an object moves between two frames at least."""
WRONG_RATIO = 0.15
"""Part of the streaks that say nothing: bounces, and blobs grown together."""
SIZE_COST = 30.0
"""Of a blob, times the square of the log of its size over the track's."""
MAX_SIZE_COST = 5.0

# The norm of the von Mises distribution, which takes a tenth of a frame's time to
# compute: between these points it is right to 0.01 %.
_SHARPNESS = np.linspace(0.0, MAX_SHARPNESS, 501)
_LOG_I0 = np.log(np.i0(_SHARPNESS))


class Sightings(Columns):
    """Blobs of one frame that the tracker looks at."""

    x_px = Column(0)
    y_px = Column(1)
    width_px = Column(2)
    height_px = Column(3)
    long_px = Column(4)
    """Along its longer axis: the blob's length, or its box's width without one."""
    broad_px = Column(5)
    """Across it: the blob's breadth, or its box's height."""
    area_px = Column(6)
    confidence = Column(7)
    body_px = Column(8)
    """Geometric mean of the two: as large whichever way a streak points."""
    noise_px2 = Column(9)
    """Variance of the centre along one axis."""
    streak_px = Column(10)
    """How far the object moved while the shutter was open; 0 if it does not show."""
    streak_noise_px2 = Column(11)
    """Variance of the streak along one axis, where it shows."""
    angle_rad = Column(12)
    """Along the streak."""
    sharpness = Column(13)
    """Concentration of twice the angle (von Mises); 0 if it tells nothing."""
    row = Column(14)
    """In the frame's `Blobs`."""
    odds = Column(15)
    """Natural log of those that the confidence stands for."""
    evidence = Column(16)
    """How much likelier such confidence is of an object than of a false blob, natural
    log."""

    COUNT = 17
    POINT = slice(0, 2)
    BOX = slice(2, 4)
    """Width and height."""
    LOOK = slice(2, 8)
    """Box, axes, area and confidence."""

    @property
    def point_px(self) -> Floats:
        """Centres, shape (2, N). Not a copy."""
        return self.values[self.POINT]


def position_noise_px2(
    body_px2: Floats, settings: TrackerSettings, scale: float = 1.0
) -> Floats:
    """Variance of the centre of blobs along one axis, times `scale`.

    `body_px2` is the square of their size.
    """
    noise_px2 = body_px2 * (scale * NOISE_BODIES**2)
    noise_px2 += scale * settings.position_noise_px**2
    return noise_px2


def sightings_of(
    blobs: Blobs,
    settings: TrackerSettings,
    noise_scale: float = 1.0,
    meter: ConfidenceMeter | None = None,
) -> Sightings:
    """Take the blobs that are confident enough to be looked at.

    Parameters
    ----------
    blobs : Blobs
    settings : TrackerSettings
    noise_scale : float
        Factor on the variance of their centres.
    meter : ConfidenceMeter, optional
        Tells what their confidence says; without one, it says nothing.
    """
    seen = Sightings(np.zeros((Sightings.COUNT, len(blobs))))
    seen.values[:4] = blobs.x_px, blobs.y_px, blobs.width_px, blobs.height_px
    seen.values[4:8] = (
        blobs.length_px,
        blobs.breadth_px,
        blobs.area_px,
        blobs.confidence,
    )
    # As long as broad means that its axes are not known.
    box, axes = seen.values[2:4], seen.values[4:6]
    np.copyto(axes, box, where=axes[0] == axes[1])
    extent = seen.values[2:7]
    np.maximum(extent, 1.0, out=extent)
    body_px2 = axes[0] * axes[1]
    np.sqrt(body_px2, out=seen.body_px)
    seen.noise_px2 = position_noise_px2(body_px2, settings, noise_scale)
    seen.row = np.arange(len(blobs))
    seen.odds = log_odds(seen.confidence)
    seen.evidence = 0.0 if meter is None else meter.log_ratio(seen.odds)
    is_long = blobs.length_px >= MIN_ELONGATION * np.maximum(blobs.breadth_px, 1.0)
    long = is_long.nonzero()[0]
    if long.size:
        _add_streaks(seen, blobs, long)
    is_sure = seen.confidence >= settings.min_confidence
    return seen if np.count_nonzero(is_sure) == len(seen) else seen.take(is_sure)


def _add_streaks(seen: Sightings, blobs: Blobs, long: NDArray[np.intp]) -> None:
    length, breadth = blobs.length_px[long], np.maximum(blobs.breadth_px[long], 1)
    # A line of evenly spread mass is 4 / sqrt(12) as long as it measures here.
    seen.streak_px[long] = np.sqrt(0.75 * (length**2 - breadth**2))
    seen.angle_rad[long] = blobs.angle_rad[long]
    noise_rad = ANGLE_NOISE_RAD / (length / breadth - 1)
    sharpness = np.minimum(0.25 / noise_rad**2, MAX_SHARPNESS)
    seen.sharpness[long] = sharpness
    along = (0.75 * LENGTH_NOISE) ** 2 * (length**4 + breadth**4)
    along /= seen.streak_px[long] ** 2
    across = seen.streak_px[long] ** 2 * (0.25 / sharpness)
    seen.streak_noise_px2[long] = (along + across) / 2


def size_cost(blob_body_px: Floats, body_px: Floats) -> Floats:
    """How much less likely blobs of such sizes are for such objects, natural log."""
    cost: Floats = np.log(blob_body_px / body_px)
    cost *= cost
    cost *= SIZE_COST
    return np.minimum(cost, MAX_SIZE_COST, out=cost)


def streak_log_ratio(
    seen: Sightings, rows: NDArray[np.intp], step_px: Floats
) -> Floats:
    """How much likelier streaks are if the objects moved as said than if not.

    Parameters
    ----------
    seen : Sightings
    rows : ndarray of intp, shape (K,)
    step_px : ndarray of float64, shape (2, K)
        Movement in one frame interval.

    Returns
    -------
    ndarray of float64, shape (K,)
        Natural log; 0 where the blob is round, or longer than the way it went: then
        its length is its shape.
    """
    ratio = np.zeros(rows.size)
    sharpness = seen.sharpness[rows]
    if not np.count_nonzero(sharpness):
        return ratio
    moved = np.hypot(step_px[0], step_px[1])
    tells = (sharpness > 0) & (moved > MIN_MOVED * seen.streak_px[rows])
    sharpness = sharpness[tells]
    angle = np.arctan2(step_px[1], step_px[0])[tells] - seen.angle_rad[rows[tells]]
    log_norm = np.interp(sharpness, _SHARPNESS, _LOG_I0)
    right = np.exp(sharpness * np.cos(2 * angle) - log_norm)
    ratio[tells] = np.log(WRONG_RATIO + (1 - WRONG_RATIO) * right)
    return ratio
