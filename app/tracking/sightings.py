"""What the tracker takes from blobs: where, how large, how sure, and which way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from app.tracking.columns import Column, Columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from app.frames import Blobs
    from app.tracking.settings import TrackerSettings

    Floats = NDArray[np.float64]

NOISE_BODIES = 0.07
"""Error of a blob's centre that grows with the blob, in body lengths."""
MIN_ELONGATION = 1.4
"""Blobs less long for their breadth are taken to be round."""
ANGLE_NOISE_RAD = 0.15
"""Error of the angle of a blob twice as long as broad."""
MAX_SHARPNESS = 25.0
MIN_MOVED = 0.7
"""Part of its own streak that an object moves between two frames at least."""
WRONG_RATIO = 0.15
"""Part of the streaks that say nothing: bounces, and blobs grown together."""

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
    area_px = Column(4)
    confidence = Column(5)
    body_px = Column(6)
    """Geometric mean of width and height, at least 1."""
    noise_px2 = Column(7)
    """Variance of the centre along one axis."""
    streak_px = Column(8)
    """How far the object moved while the shutter was open; 0 if it does not show."""
    angle_rad = Column(9)
    """Along the streak."""
    sharpness = Column(10)
    """Concentration of twice the angle (von Mises); 0 if it tells nothing."""
    row = Column(11)
    """In the frame's `Blobs`."""

    COUNT = 12
    POINT = slice(0, 2)
    BOX = slice(2, 4)
    """Width and height."""
    LOOK = slice(2, 6)
    """Width, height, area and confidence."""

    @property
    def point_px(self) -> Floats:
        """Centres, shape (2, N). Not a copy."""
        return self.values[self.POINT]


def position_noise_px2(
    box_px2: Floats, settings: TrackerSettings, scale: float = 1.0
) -> Floats:
    """Variance of the centre of blobs along one axis, times `scale`.

    `box_px2` is the area of their boxes: the square of their size.
    """
    noise_px2 = box_px2 * (scale * NOISE_BODIES**2)
    noise_px2 += scale * settings.position_noise_px**2
    return noise_px2


def sightings_of(
    blobs: Blobs, settings: TrackerSettings, noise_scale: float = 1.0
) -> Sightings:
    """Take the blobs that are confident enough to be looked at.

    Parameters
    ----------
    blobs : Blobs
    settings : TrackerSettings
    noise_scale : float
        Factor on the variance of their centres.
    """
    seen = Sightings(np.zeros((Sightings.COUNT, len(blobs))))
    seen.values[:6] = (
        blobs.x_px,
        blobs.y_px,
        blobs.width_px,
        blobs.height_px,
        blobs.area_px,
        blobs.confidence,
    )
    extent = seen.values[2:5]
    np.maximum(extent, 1.0, out=extent)
    box_px2 = extent[0] * extent[1]
    np.sqrt(box_px2, out=seen.body_px)
    seen.noise_px2 = position_noise_px2(box_px2, settings, noise_scale)
    seen.row = np.arange(len(blobs))
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
    seen.sharpness[long] = np.minimum(0.25 / noise_rad**2, MAX_SHARPNESS)


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
