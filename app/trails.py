"""Recent positions of each track, for drawing."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from app.errors import ConsoleError
from app.frames import TrackState, Trail

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from app.frames import Tracks

_ROWS_AT_START = 16


class Trails:
    """Remembers where believed tracks were seen during the last moments.

    A track that is not believed yet leaves no trail, and one that is lost or has ended
    keeps its own until the last point is too old.

    `update` is called from one thread, the others from any.

    Parameters
    ----------
    length_s : float
        Age of the oldest point. Larger gives longer trails.
    max_points : int
        Points of one trail. Larger costs memory and drawing time; fewer than come
        within `length_s` cut the trail short.

    Raises
    ------
    ConsoleError
        If the length is not over 0 or the number of points is under 2.
    """

    def __init__(self, length_s: float = 0.5, max_points: int = 64) -> None:
        _refuse_wrong(length_s, max_points)
        self._length_s = length_s
        self._max_points = max_points
        self._lock_of_rows = threading.Lock()
        self._row_of: dict[int, int] = {}
        self._free: list[int] = []
        self._points_px = np.zeros((0, max_points, 2), np.float32)
        self._times_s = np.zeros((0, max_points))
        self._written = np.zeros(0, np.int64)
        self._now_s = 0.0

    def resize(self, length_s: float, max_points: int) -> None:
        """Keep longer or shorter trails from now on; the parameters are the class's."""
        if (length_s, max_points) == (self._length_s, self._max_points):
            return
        _refuse_wrong(length_s, max_points)
        with self._lock_of_rows:
            points = np.zeros((len(self._written), max_points, 2), np.float32)
            times_s = np.zeros((len(self._written), max_points))
            for row in self._row_of.values():
                kept = self._order(int(self._written[row]))[-max_points:]
                points[row, : kept.size] = self._points_px[row, kept]
                times_s[row, : kept.size] = self._times_s[row, kept]
                self._written[row] = kept.size
            self._points_px, self._times_s = points, times_s
            self._length_s, self._max_points = length_s, max_points

    def update(self, tracks: Tracks, time_s: float) -> None:
        """Add the positions of the tracks in one frame.

        Parameters
        ----------
        tracks : Tracks
        time_s : float
            When the frame was taken.
        """
        is_shown = tracks.state == TrackState.CONFIRMED
        ids = tracks.id[is_shown].tolist()
        points = np.stack([tracks.x_px[is_shown], tracks.y_px[is_shown]], axis=1)
        with self._lock_of_rows:
            self._now_s = time_s
            self._forget()
            rows = np.array([self._row(each) for each in ids], np.intp)
            column = self._written[rows] % self._max_points
            self._points_px[rows, column] = points
            self._times_s[rows, column] = time_s
            self._written[rows] += 1

    def snapshot(self, until_s: float | None = None) -> tuple[Trail, ...]:
        """Copy the trails, in the order of their tracks' birth.

        Parameters
        ----------
        until_s : float, optional
            As they were at this time of a frame; None is now. A picture that is shown
            late must not have trails that run ahead of its objects.
        """
        with self._lock_of_rows:
            rows = dict(sorted(self._row_of.items()))
            index = np.fromiter(rows.values(), np.intp, len(rows))
            points, times = self._points_px[index], self._times_s[index]
            written, now_s = self._written[index], self._now_s
        now_s = now_s if until_s is None else min(until_s, now_s)
        trails = []
        for each, track_id in enumerate(rows):
            order = self._order(int(written[each]))
            age_s = now_s - times[each, order]
            order = order[(age_s >= 0) & (age_s <= self._length_s)]
            if not order.size:
                continue
            path = points[each, order]
            path.setflags(write=False)
            trails.append(Trail(track_id, path))
        return tuple(trails)

    def _order(self, written: int) -> NDArray[np.intp]:
        """Columns of a row that holds points, oldest first."""
        start = max(0, written - self._max_points)
        return np.arange(start, written) % self._max_points

    def _row(self, track_id: int) -> int:
        row = self._row_of.get(track_id)
        if row is None:
            if not self._free:
                self._grow()
            row = self._row_of[track_id] = self._free.pop()
            self._written[row] = 0
        return row

    def _grow(self) -> None:
        old = self._written.size
        new = max(_ROWS_AT_START, old)
        points = np.zeros((new, self._max_points, 2), np.float32)
        self._points_px = np.concatenate([self._points_px, points])
        self._times_s = np.concatenate(
            [self._times_s, np.zeros((new, self._max_points))]
        )
        self._written = np.concatenate([self._written, np.zeros(new, np.int64)])
        self._free.extend(range(old + new - 1, old - 1, -1))

    def _forget(self) -> None:
        """Free the rows whose last point is too old."""
        ids = list(self._row_of)
        rows = np.fromiter(self._row_of.values(), np.intp, len(ids))
        last = (self._written[rows] - 1) % self._max_points
        is_old = self._times_s[rows, last] < self._now_s - self._length_s
        for each in np.flatnonzero(is_old).tolist():
            self._free.append(self._row_of.pop(ids[each]))


def _refuse_wrong(length_s: float, max_points: int) -> None:
    if not length_s > 0:
        raise ConsoleError(
            f"the length of trails is {length_s} s", hint="Set it above 0."
        )
    if max_points < 2:
        raise ConsoleError(
            f"trails have {max_points} points", hint="Give them at least 2."
        )
