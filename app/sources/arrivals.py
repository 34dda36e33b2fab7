"""How evenly frames come: rate, jitter and a histogram of the time between them."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from app.frames import Frame

_HELD = 600
_BINS = 41
# The histogram reaches from nothing to this many times the usual interval.
_REACH = 3.0


@dataclass(frozen=True, slots=True)
class ArrivalStatistics:
    """Of the last 600 intervals."""

    count: int = 0
    interval_p50_ms: float = 0.0
    """Between two frames, by the source's clock."""
    jitter_p99_ms: float = 0.0
    """How far an interval is from the usual one, 99 of 100 times at most."""
    arrival_jitter_p99_ms: float = 0.0
    """The same of the times at which frames arrived here."""
    bin_ms: float = 0.0
    """Width of a column of the histogram."""
    histogram: tuple[int, ...] = ()
    """Intervals by the source's clock, from 0 on; the last column holds all longer."""

    @property
    def rate_hz(self) -> float:
        """What the usual interval makes of it."""
        return 1e3 / self.interval_p50_ms if self.interval_p50_ms else 0.0


class ArrivalMeter:
    """Keeps the times of the last frames; written by one thread, read by any."""

    def __init__(self) -> None:
        self._ring_lock = threading.Lock()
        self._times_ns = np.zeros((_HELD + 1, 2), np.int64)
        self._count = 0

    def add(self, frame: Frame) -> None:
        """Note one frame."""
        with self._ring_lock:
            at = self._count % len(self._times_ns)
            self._times_ns[at] = frame.timestamp_ns, frame.captured_ns
            self._count += 1

    def statistics(self) -> ArrivalStatistics:
        """One snapshot."""
        with self._ring_lock:
            held = min(self._count, len(self._times_ns))
            first = self._count % len(self._times_ns) if held < self._count else 0
            times_ns = np.roll(self._times_ns[:held], -first, axis=0)
        if held < 2:
            return ArrivalStatistics()
        steps_ms = np.diff(times_ns, axis=0) * 1e-6
        usual_ms = float(np.median(steps_ms[:, 0]))
        jitter_ms = np.percentile(np.abs(steps_ms - np.median(steps_ms, 0)), 99, axis=0)
        bin_ms = max(usual_ms * _REACH / _BINS, 1e-3)
        columns = np.minimum(steps_ms[:, 0] // bin_ms, _BINS - 1).astype(np.int64)
        counts = np.bincount(np.maximum(columns, 0), minlength=_BINS)
        return ArrivalStatistics(
            count=held - 1,
            interval_p50_ms=usual_ms,
            jitter_p99_ms=float(jitter_ms[0]),
            arrival_jitter_p99_ms=float(jitter_ms[1]),
            bin_ms=bin_ms,
            histogram=tuple(counts.tolist()),
        )
