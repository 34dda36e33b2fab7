"""How many blobs there are that belong to no track: what chance is measured by."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from app.tracking.sightings import Sightings

RATE = 0.05
"""How fast the density follows what is seen, per frame."""
FLOOR = 0.05
"""Blobs without a track per frame that are always reckoned with."""
FIELD_BODIES = 70.0
"""The field of view is at least so many body lengths wide and high."""
BLOBS_OF_NEWBORN = 2
"""Blobs that a new track is made of, and that were counted as free, at least."""
FIRST_BODY_PX = 8.0


class Background(NamedTuple):
    """Blobs without a track."""

    per_frame: float
    per_px2: float
    """Per frame and square pixel of the field of view."""

    def with_at_least(self, per_frame: float) -> Background:
        """The same, or as dense as so many blobs per frame make it."""
        factor = max(1.0, per_frame / self.per_frame)
        return Background(self.per_frame * factor, self.per_px2 * factor)


class BackgroundMeter:
    """Learns the density of blobs without a track, frame by frame.

    Where the size of the field of view is not told, it is what blobs were seen in so
    far, and no smaller than some body lengths.
    """

    def __init__(self) -> None:
        self._low_px, self._high_px = [math.inf] * 2, [-math.inf] * 2
        self._body_px = 0.0
        self._per_frame = FLOOR

    def update(
        self, seen: Sightings, free: int, field_px: tuple[int, int] | None = None
    ) -> Background:
        """Take a frame's blobs, `free` of which no track took.

        `field_px` is the width and height of the field of view.
        """
        self._per_frame += RATE * (free + FLOOR - self._per_frame)
        if field_px is not None:
            area_px2 = float(math.prod(field_px))
            return Background(self._per_frame, self._per_frame / area_px2)
        count = len(seen)
        if count:
            low = np.minimum.reduce(seen.point_px, axis=1)
            high = np.maximum.reduce(seen.point_px, axis=1)
            # Plain numbers: for two of them, a call of numpy costs ten times as much.
            self._low_px = list(map(min, self._low_px, low.tolist()))
            self._high_px = list(map(max, self._high_px, high.tolist()))
            body_px = float(np.add.reduce(seen.body_px)) / count
            self._body_px += (
                RATE * (body_px - self._body_px) if self._body_px else body_px
            )
        least = FIELD_BODIES * (self._body_px or FIRST_BODY_PX)
        width, height = map(operator.sub, self._high_px, self._low_px)
        area_px2 = max(width, least) * max(height, least)
        return Background(self._per_frame, self._per_frame / area_px2)

    def take_back(self, newborn: int) -> None:
        """Blobs that were taken for background turned out to be of new tracks."""
        blobs = BLOBS_OF_NEWBORN * newborn
        self._per_frame = max(self._per_frame - RATE * blobs, FLOOR)
