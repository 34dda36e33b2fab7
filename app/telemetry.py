"""Rates, latencies and their history, in fixed memory."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class RateMeter:
    """Events per second over the last window; written by one thread.

    Parameters
    ----------
    window_s : float
        Larger is steadier and slower to show a change.
    """

    def __init__(self, window_s: float = 1.0, capacity: int = 1024) -> None:
        self._window_ns = int(window_s * 1e9)
        self._times_ns = np.zeros(capacity, np.int64)
        self._count = 0
        self._ring_lock = threading.Lock()

    def tick(self, now_ns: int) -> None:
        """Count one event at `time.monotonic_ns()`."""
        with self._ring_lock:
            self._times_ns[self._count % len(self._times_ns)] = now_ns
            self._count += 1

    def rate_hz(self, now_ns: int | None = None) -> float:
        """Events per second in the window that ends now; 0 without two events."""
        now_ns = time.monotonic_ns() if now_ns is None else now_ns
        with self._ring_lock:
            held = min(self._count, len(self._times_ns))
            times = self._times_ns[:held].copy()
        recent = times[times > now_ns - self._window_ns]
        if len(recent) < 2:
            return 0.0
        span_ns = int(recent.max() - recent.min())
        # A source that stalled shows a falling rate, not the one it had before.
        span_ns = max(span_ns, now_ns - int(recent.max()))
        return (len(recent) - 1) * 1e9 / span_ns if span_ns else 0.0


class DurationWindow:
    """The last durations of something, for percentiles; written by one thread."""

    def __init__(self, capacity: int = 600) -> None:
        self._values_ms = np.zeros(capacity, np.float64)
        self._count = 0
        self._ring_lock = threading.Lock()

    def add(self, value_ms: float) -> None:
        """Append one duration."""
        with self._ring_lock:
            self._values_ms[self._count % len(self._values_ms)] = value_ms
            self._count += 1

    def percentiles_ms(self, *percents: float) -> tuple[float, ...]:
        """Percentiles of what is held; zeros while nothing is."""
        with self._ring_lock:
            held = self._values_ms[: min(self._count, len(self._values_ms))].copy()
        if not len(held):
            return (0.0,) * len(percents)
        return tuple(float(value) for value in np.percentile(held, percents))


@dataclass(frozen=True, slots=True)
class TelemetrySample:
    """One set of measurements at one time."""

    time_s: float
    """Monotonic."""
    capture_hz: float
    infer_hz: float
    display_hz: float
    latency_p50_ms: float
    latency_p99_ms: float
    prepare_ms: float
    infer_ms: float
    segment_ms: float
    track_ms: float
    """Median of the stage over the last frames, like the three before it."""
    tracks: float
    """Confirmed tracks in the newest result."""


class TelemetryHistory:
    """A ring of samples as columns; written and read by one thread.

    Parameters
    ----------
    capacity : int
        How many samples are kept; the oldest fall out.
    """

    def __init__(self, capacity: int = 600) -> None:
        self._names = [field.name for field in fields(TelemetrySample)]
        self._ring = np.full((len(self._names), capacity), np.nan)
        self._count = 0

    def append(self, sample: TelemetrySample) -> None:
        """Add one sample."""
        at = self._count % self._ring.shape[1]
        self._ring[:, at] = [getattr(sample, name) for name in self._names]
        self._count += 1

    def column(self, name: str) -> NDArray[np.float64]:
        """One measurement over time, oldest first; a copy."""
        row: NDArray[np.float64] = self._ring[self._names.index(name)]
        capacity = len(row)
        if self._count <= capacity:
            return row[: self._count].copy()
        rolled: NDArray[np.float64] = np.roll(row, -(self._count % capacity))
        return rolled

    def clear(self) -> None:
        """Forget everything."""
        self._count = 0
