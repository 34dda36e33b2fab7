"""How many blobs there are that belong to no track: what chance is measured by."""

from __future__ import annotations

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

    The size of the field of view is not told: it is what blobs were seen in so far,
    and no smaller than some body lengths.
    """

    def __init__(self) -> None:
        self._low_px, self._high_px = np.full(2, np.inf), np.full(2, -np.inf)
        self._body_px = 0.0
        self._per_frame = FLOOR

    def update(self, seen: Sightings, free: int) -> Background:
        """Take a frame's blobs, `free` of which no track took."""
        self._per_frame += RATE * (free + FLOOR - self._per_frame)
        if len(seen):
            self._low_px = np.minimum(self._low_px, seen.point_px.min(axis=1))
            self._high_px = np.maximum(self._high_px, seen.point_px.max(axis=1))
            body_px = float(seen.body_px.mean())
            self._body_px += (
                RATE * (body_px - self._body_px) if self._body_px else body_px
            )
        least = FIELD_BODIES * (self._body_px or FIRST_BODY_PX)
        width, height = np.maximum(self._high_px - self._low_px, least).tolist()
        return Background(self._per_frame, self._per_frame / (width * height))
