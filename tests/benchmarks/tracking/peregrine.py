"""The tracker of this repository, as the benchmark's trackers are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from app.frames import Blobs, Tracks, TrackState
from app.tracking.gaps import fill_gaps
from app.tracking.tracker import Tracker
from tests.benchmarks.tracking.sequences import Found

if TYPE_CHECKING:
    from tests.benchmarks.tracking.sequences import Detections, Film

# NumPy compares with a plain number five times as fast as with a member of an enum.
CONFIRMED = int(TrackState.CONFIRMED)


class Peregrine:
    """The tracker of this repository with its defaults.

    Parameters
    ----------
    film : Film
        Only its rate and the size of its frames are looked at.
    least_chance : float, optional
        Lost tracks are reported, too, while their object is within a body length with
        at least this chance. None reports none.
    """

    def __init__(self, film: Film, least_chance: float | None = None) -> None:
        self._tracker = Tracker()
        self._size_px = film.size_px
        self._least_chance = least_chance
        self.tracks = Tracks.empty()
        """All there were in the last frame, believed or not."""

    def update(self, seen: Detections, time_s: float) -> Found:
        x, y, width, height = seen.box.T.astype(np.float32)
        area = width * height
        size = np.sqrt(area)
        length, breadth, angle = (
            (size, size, np.zeros_like(size))
            if seen.streak is None
            else seen.streak.T.astype(np.float32)
        )
        blobs = Blobs(
            x_px=x,
            y_px=y,
            width_px=width,
            height_px=height,
            area_px=area,
            confidence=seen.confidence.astype(np.float32),
            length_px=length,
            breadth_px=breadth,
            angle_rad=angle,
        )
        tracks = self._tracker.update(blobs, time_s, self._size_px)
        self.tracks = tracks
        is_shown = tracks.state == CONFIRMED
        if self._least_chance is not None:
            is_shown |= np.isin(tracks.id, self._tracker.foreseen(self._least_chance))
        columns = (tracks.x_px, tracks.y_px, tracks.width_px, tracks.height_px)
        return Found(tracks.id[is_shown], np.array(columns, float).T[is_shown])


class PeregrineFilled(Peregrine):
    """The same, with gaps filled once it is known how tracks went on."""

    MOST_FRAMES = 20

    def finish(self, found: list[Found]) -> list[Found]:
        """Give the tracks of a whole film anew."""
        number = np.repeat(np.arange(len(found)), [each.id.size for each in found])
        track_id = np.concatenate([each.id for each in found])
        box = np.concatenate([each.box for each in found])
        number, track_id, box = fill_gaps(number, track_id, box, self.MOST_FRAMES)
        ends = np.searchsorted(number, np.arange(1, len(found)))
        return [
            Found(*each)
            for each in zip(np.split(track_id, ends), np.split(box, ends), strict=True)
        ]
