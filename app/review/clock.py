"""Which frame is due while a session is played."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPEEDS = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Seconds of the session a second."""


class Loop(NamedTuple):
    """A part of a session that is played again and again: its first and last frame."""

    first: int
    last: int


class PlaybackClock:
    """Plays frames at the times at which they were taken; used by one thread.

    It is told what time it is and tells which frame is due: it neither waits nor looks
    at a clock.

    Parameters
    ----------
    time_s : ndarray of float64, shape (N,)
        When each frame was taken.
    """

    def __init__(self, time_s: NDArray[np.float64]) -> None:
        # Searched: a source's clock that was set back must not confuse that.
        self._time_s = np.maximum.accumulate(time_s)
        self._number = 0
        self._rate = 0.0
        self._speed = 1.0
        self._from_s = 0.0
        self._since_s = 0.0
        self._loop: Loop | None = None

    @property
    def number(self) -> int:
        """The frame that is due; 0 also where there is none."""
        return self._number

    @property
    def rate(self) -> float:
        """Seconds of the session a second: under 0 backwards, 0 while it stands."""
        return self._rate

    @property
    def speed(self) -> float:
        """At which it plays when it plays; over 0."""
        return self._speed

    @property
    def loop(self) -> Loop | None:
        """The part that is repeated."""
        return self._loop

    def seek(self, number: int, now_s: float) -> None:
        """Go to a frame, or the nearest there is; go on playing from there."""
        self._number = max(0, min(number, len(self._time_s) - 1))
        self._anchor(now_s)

    def seek_time(self, time_s: float, now_s: float) -> None:
        """Go to the frame that is shown at a time of the session."""
        self.seek(self._at(time_s), now_s)

    def step(self, frames: int, now_s: float) -> None:
        """Stand, and go on or back by this many frames."""
        self._rate = 0.0
        self.seek(self._number + frames, now_s)

    def set_speed(self, speed: float, now_s: float) -> None:
        """Play at this speed, now or next; the direction stays."""
        self._speed = speed
        if self._rate:
            self._play(np.sign(self._rate) * speed, now_s)

    def play(self, now_s: float, direction: int = 1) -> None:
        """Play on (1) or back (-1); at an end, from the other one."""
        first, last = self._range()
        is_at_end = self._number >= last if direction > 0 else self._number <= first
        if is_at_end:
            self._number = first if direction > 0 else last
        self._play(direction * self._speed, now_s)

    def pause(self, now_s: float) -> None:
        """Stand where it is."""
        self.advance(now_s)
        self._rate = 0.0

    def shuttle(self, direction: int, now_s: float) -> None:
        """Play in a direction; once more, faster."""
        if self._rate * direction > 0:
            faster = [speed for speed in SPEEDS if speed > self._speed]
            self.advance(now_s)
            self.set_speed(faster[0] if faster else self._speed, now_s)
        else:
            self.play(now_s, direction)

    def set_loop(self, loop: Loop | None) -> None:
        """Repeat a part from now on, or nothing."""
        if loop is not None and loop.first > loop.last:
            loop = Loop(loop.last, loop.first)
        self._loop = loop

    def loop_from(self, number: int) -> None:
        """Repeat from a frame on; up to the end where the loop ended before it."""
        last = self._range().last
        whole = len(self._time_s) - 1
        self.set_loop(Loop(number, last if number <= last else whole))

    def loop_to(self, number: int) -> None:
        """Repeat up to a frame; from the start where the loop began after it."""
        first = self._range().first
        self.set_loop(Loop(first if first <= number else 0, number))

    def advance(self, now_s: float) -> int:
        """The frame that is due now."""
        if not self._rate or not len(self._time_s):
            return self._number
        at_s = self._from_s + (now_s - self._since_s) * self._rate
        first, last = self._range()
        start_s, end_s = float(self._time_s[first]), float(self._time_s[last])
        if start_s <= at_s <= end_s:
            self._number = self._at(at_s)
        elif self._loop is None or end_s <= start_s:
            self._number = last if self._rate > 0 else first
            self._rate = 0.0
        else:
            span_s = end_s - start_s
            # By how much it went beyond the end that it plays towards; it begins anew
            # where somebody has put it before the other one.
            over_s = at_s - end_s if self._rate > 0 else start_s - at_s
            over_s = max(over_s, 0.0) % span_s
            at_s = start_s + over_s if self._rate > 0 else end_s - over_s
            self._from_s, self._since_s = at_s, now_s
            self._number = self._at(at_s)
        return self._number

    def _play(self, rate: float, now_s: float) -> None:
        if self._rate:
            self.advance(now_s)
        self._rate = float(rate)
        self._anchor(now_s)

    def _anchor(self, now_s: float) -> None:
        self._from_s = float(self._time_s[self._number]) if len(self._time_s) else 0.0
        self._since_s = now_s

    def _range(self) -> Loop:
        return self._loop or Loop(0, max(0, len(self._time_s) - 1))

    def _at(self, time_s: float) -> int:
        at = int(np.searchsorted(self._time_s, time_s, side="right")) - 1
        return max(0, min(at, len(self._time_s) - 1))
