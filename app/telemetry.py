"""Rates, latencies and their history, in fixed memory."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from app.pipeline import PipelineStatus


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
    look_ms: float = 0.0
    """Of the second look per frame; a mean, for some frames may go without."""
    crops: float = 0.0
    """Looked at again per frame, a mean over the last ones."""

    @classmethod
    def of(
        cls, status: PipelineStatus, time_s: float, display_hz: float = math.nan
    ) -> TelemetrySample:
        """Take the measurements of a pipeline.

        Parameters
        ----------
        status : PipelineStatus
        time_s : float
            Monotonic.
        display_hz : float
            Not a number where nothing is displayed.
        """
        stages = status.stages
        return cls(
            time_s=time_s,
            capture_hz=status.capture_hz,
            infer_hz=status.infer_hz,
            display_hz=display_hz,
            latency_p50_ms=status.latency_p50_ms,
            latency_p99_ms=status.latency_p99_ms,
            prepare_ms=stages.prepare_ms,
            infer_ms=stages.infer_ms,
            segment_ms=stages.segment_ms,
            track_ms=stages.track_ms,
            tracks=status.confirmed_tracks,
            look_ms=status.second_look.look_ms,
            crops=status.second_look.crops,
        )


class TelemetryHistory:
    """A ring of samples as columns; written and read by one thread.

    Every sample is written twice, half a ring apart: what is held then lies in one
    piece, and reading it copies nothing.

    Parameters
    ----------
    capacity : int
        How many samples are kept; the oldest fall out.
    kind : type
        A frozen dataclass of numbers, `time_s` first.
    """

    def __init__(self, capacity: int = 600, kind: type[Any] = TelemetrySample) -> None:
        self._names = [field.name for field in fields(kind)]
        self._capacity = capacity
        self._ring = np.full((len(self._names), 2 * capacity), np.nan)
        self._count = 0

    def __len__(self) -> int:
        return min(self._count, self._capacity)

    @property
    def names(self) -> tuple[str, ...]:
        """The measurements, `time_s` first."""
        return tuple(self._names)

    def append(self, sample: object) -> None:
        """Add one sample."""
        self._write([getattr(sample, name) for name in self._names])

    def append_gap(self, time_s: float) -> None:
        """Add a time at which nothing was measured: lines end and begin there."""
        self._write([time_s, *([np.nan] * (len(self._names) - 1))])

    def column(self, name: str) -> NDArray[np.float64]:
        """One measurement over time, oldest first; a copy."""
        return self._held(self._names.index(name)).copy()

    def span(
        self, names: Sequence[str], from_s: float, to_s: float, most: int = 1200
    ) -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
        """Times and measurements within a span, thinned to what a graph can show.

        Where there are more samples than `most`, each bucket of neighbours is given by
        its least and its largest value, so that no peak is lost. A bucket holds the
        same samples at every call: a graph that moves does not flicker.

        Returns
        -------
        tuple of ndarray and list of ndarray
            Times in seconds, and one array for each name; valid until the next
            sample.
        """
        times_s = self._held(0)
        first = max(0, int(np.searchsorted(times_s, from_s)) - 1)
        last = int(np.searchsorted(times_s, to_s, side="right"))
        columns = [self._held(self._names.index(name)) for name in names]
        size = -(-2 * (last - first) // most)
        if size < 2:
            return times_s[first:last], [column[first:last] for column in columns]
        # Counted from the first sample ever, not from the oldest that is held.
        oldest = self._count - len(self)
        first += -(oldest + first) % size
        count = (last - first) // size
        cut = slice(first, first + count * size)
        thinned = []
        for column in columns:
            buckets = column[cut].reshape(count, size)
            pair = np.fmin.reduce(buckets, axis=1), np.fmax.reduce(buckets, axis=1)
            thinned.append(np.stack(pair, axis=1).ravel())
        return np.repeat(times_s[cut][::size], 2), thinned

    def clear(self) -> None:
        """Forget everything."""
        self._count = 0

    def _write(self, values: list[float]) -> None:
        at = self._count % self._capacity
        self._ring[:, at] = values
        self._ring[:, at + self._capacity] = values
        self._count += 1

    def _held(self, row: int) -> NDArray[np.float64]:
        """A view of what is held, oldest first."""
        first = self._count % self._capacity if self._count > self._capacity else 0
        held: NDArray[np.float64] = self._ring[row, first : first + len(self)]
        return held


@dataclass(frozen=True, slots=True)
class TelemetryEvent:
    """Something that happened, on the clock of the samples."""

    time_s: float
    text: str
    is_alarming: bool = False


class TelemetryEvents:
    """The last events, oldest first; used by one thread."""

    def __init__(self, capacity: int = 500) -> None:
        self._events: deque[TelemetryEvent] = deque(maxlen=capacity)

    def append(self, event: TelemetryEvent) -> None:
        """Add one; they come in the order of their times."""
        self._events.append(event)

    def within(self, from_s: float, to_s: float) -> tuple[TelemetryEvent, ...]:
        """Those of a span."""
        return tuple(each for each in self._events if from_s <= each.time_s <= to_s)
