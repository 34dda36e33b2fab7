"""What can be changed about a feed while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.process import DISPLAY_PERIOD_S
from app.tracking.settings import TrackerSettings


@dataclass(frozen=True, slots=True)
class FeedOptions:
    """Heeded from the next frame on; tracks and their ids stay."""

    tracker: TrackerSettings = field(default_factory=TrackerSettings)
    trail_s: float = 0.5
    """Larger gives longer trails."""
    picture_period_s: float = DISPLAY_PERIOD_S
    """Shortest time from one picture to the next. Larger saves time for the engine."""
    second_look: int = 0
    """Further inferences of each frame, at full resolution. Larger looks at more small
    objects, and finds new ones sooner."""
