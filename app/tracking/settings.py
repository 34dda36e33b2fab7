"""What the operator can change about tracking."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from app.errors import ConsoleError

TRACKER_BOUNDS: dict[str, tuple[float, float]] = {
    "lost_after_s": (0.0, 60.0),
    "max_step_bodies": (0.1, 200.0),
    "agility": (0.01, 100.0),
    "position_noise_px": (0.01, 100.0),
    "false_tracks_per_frame": (1e-12, 1.0),
    "min_confidence": (0.0, 1.0),
    "birth_confidence": (0.0, 1.0),
}
"""Least and most of each setting."""


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """Settings of the tracker, good from 30 to 500 frames a second as they are.

    Lengths are measured in body lengths of the object and times in frame intervals
    where nothing else is said, so that neither another lens nor another frame rate
    needs other values.

    Raises
    ------
    ConsoleError
        If a value is outside its bounds.
    """

    lost_after_s: float = 5.0
    """Time a track may go unseen, and less if it is new.

    Larger keeps identities through longer gaps, and confuses objects more often.
    """
    max_step_bodies: float = 12.0
    """Body lengths a new object may move between two frames.

    Larger starts faster objects, and needs more hits to believe one in clutter.
    """
    agility: float = 1.0
    """Larger follows sharper turns, and smooths less."""
    position_noise_px: float = 0.7
    """Error of a blob's centre, to begin with: what it really is, is learned.

    Larger smooths the first tracks more, and accepts farther blobs for them.
    """
    false_tracks_per_frame: float = 3e-3
    """Larger believes new objects after fewer hits, and shows more ghosts."""
    min_confidence: float = 0.1
    """Blobs below are not looked at. Larger loses faint objects more often."""
    birth_confidence: float = 0.5
    """Blobs below continue tracks and start none. Larger shows fewer ghosts."""

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            low, high = TRACKER_BOUNDS[each.name]
            if not (math.isfinite(value) and low <= value <= high):
                raise ConsoleError(
                    f"tracking setting {each.name} is {value}",
                    hint=f"Set it to a value from {low:g} to {high:g}.",
                )
