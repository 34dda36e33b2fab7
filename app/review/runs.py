"""Stretches of a track without an interruption, for a timeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.frames import TrackState

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from app.recording.paths import TrackPaths


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of a track without an interruption."""

    start_s: float
    end_s: float
    is_seen: bool


def runs_of(
    paths: TrackPaths, track_id: int, inferred_s: NDArray[np.float64]
) -> list[Run]:
    """Stretches in which a track is in every inferred frame, in one state."""
    own = paths.rows_of(track_id)
    time_s = paths.time_s[own]
    if not len(time_s):
        return []
    is_seen = paths.state[own] == TrackState.CONFIRMED
    place = np.searchsorted(inferred_s, time_s)
    ends = np.flatnonzero((np.diff(place) > 1) | (np.diff(is_seen.astype(int)) != 0))
    starts = np.r_[0, ends + 1]
    ends = np.r_[ends, len(time_s) - 1]
    # Up to the next position, where there is one: stretches then touch each other.
    until = np.minimum(ends + 1, len(time_s) - 1)
    touches = place[until] - place[ends] <= 1
    end_s = np.where(touches, time_s[until], time_s[ends])
    return [
        Run(*each)
        for each in zip(
            time_s[starts].tolist(),
            end_s.tolist(),
            is_seen[starts].tolist(),
            strict=True,
        )
    ]
