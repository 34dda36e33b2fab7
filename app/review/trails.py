"""Trails of a recorded session, back from any of its frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from app.frames import Trail

if TYPE_CHECKING:
    from app.review.analysis import Analysis

_MOST_POINTS = 240


class ReviewTrails:
    """Where tracks were before a frame: obeys `TrailSource`.

    Told by one thread and asked by another.
    """

    def __init__(self) -> None:
        self._analysis: Analysis | None = None
        self._start_s = 0.0
        self.back_s = 0.5
        """How far trails reach back."""

    def show(self, analysis: Analysis) -> None:
        """Give trails of this from now on."""
        frames = analysis.contents.frames
        if len(frames):
            self._start_s = int(frames.timestamp_ns[0]) * 1e-9
        self._analysis = analysis

    def snapshot(self, until_s: float | None = None) -> tuple[Trail, ...]:
        """The trails as they were at this time of the source's clock."""
        analysis = self._analysis
        if analysis is None or until_s is None or self.back_s <= 0:
            return ()
        now_s = until_s - self._start_s
        made = []
        for track_id in analysis.ids_between(now_s - self.back_s, now_s):
            points = analysis.way(track_id, now_s - self.back_s, now_s)
            # The last one too: a trail ends at its object.
            thinned = points[:: -max(1, len(points) // _MOST_POINTS)][::-1]
            if len(thinned):
                path = np.ascontiguousarray(thinned, np.float32)
                path.setflags(write=False)
                made.append(Trail(track_id, path))
        return tuple(made)
