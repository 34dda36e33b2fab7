"""Times and numbers of frames that come with a clock of their own, and no numbers."""

from __future__ import annotations

import time
from collections import deque
from itertools import pairwise
from statistics import median

_HISTORY = 33
_FAR_NS = 1_000_000_000
# More than this many periods between two frames: at least one is missing.
_GAP_PERIODS = 1.6
_MOST_GAP = 1_000_000


class StreamClock:
    """Maps the stream's times to the monotonic clock, and numbers its frames.

    The distance of frames is the stream's own; its zero is where the frame with the
    shortest way arrived, as none arrives before it was taken. A jump against the clock
    here, as a server makes that was restarted, starts anew. Where the time between
    frames is longer than the one usual lately, some are missing, and the numbers leave
    them out.

    Parameters
    ----------
    rate_hz : float
        What the stream claims; taken until enough frames have come.
    is_monotonic : bool
        Whether the stream's clock is the monotonic one already.
    """

    def __init__(self, rate_hz: float, *, is_monotonic: bool = False) -> None:
        self._claimed_ns = 1e9 / rate_hz
        self._offset_ns: int | None = 0 if is_monotonic else None
        self._sequence = -1
        self._times_ns: deque[int] = deque(maxlen=_HISTORY)

    def take(self, stream_ns: int | None) -> tuple[int, int]:
        """Number and time of the next frame.

        Parameters
        ----------
        stream_ns : int or None
            Its time on the stream's clock; None where it has none.

        Returns
        -------
        tuple of int and int
            Its number, and its time on the clock of `time.monotonic_ns`.
        """
        now_ns = time.monotonic_ns()
        if stream_ns is None:
            self._sequence += 1
            return self._sequence, now_ns
        if (
            self._offset_ns is None
            or abs(stream_ns + self._offset_ns - now_ns) > _FAR_NS
        ):
            self._offset_ns = now_ns - stream_ns
            self._times_ns.clear()
        self._offset_ns = min(self._offset_ns, now_ns - stream_ns)
        self._sequence += 1 + self._missing(stream_ns)
        self._times_ns.append(stream_ns)
        return self._sequence, stream_ns + self._offset_ns

    def _missing(self, stream_ns: int) -> int:
        if not self._times_ns:
            return 0
        periods = (stream_ns - self._times_ns[-1]) / self._period_ns()
        if not _GAP_PERIODS < periods < _MOST_GAP:
            return 0
        return round(periods) - 1

    def _period_ns(self) -> float:
        times = list(self._times_ns)
        steps = [b - a for a, b in pairwise(times) if b > a]
        if len(steps) < _HISTORY // 4:
            return self._claimed_ns
        return median(steps)
