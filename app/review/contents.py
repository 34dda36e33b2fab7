"""What a session holds, read once for a review."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from app.recording.manifest import SessionManifest
    from app.recording.session import FrameTable, Session, TrackRows

_WHY = {
    "source": "never arrived",
    "encoder": "the encoder was too slow",
    "disk": "the disk was too slow",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened while it was recorded."""

    time_s: float
    number: int
    """Place in the recording of the frame that was shown then."""
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Frames that are missing between two that are there."""

    start_s: float
    end_s: float
    count: int
    cause: str

    def text(self) -> str:
        """For a person."""
        what = "1 frame is" if self.count == 1 else f"{self.count} frames are"
        return f"{what} missing: {_WHY.get(self.cause, self.cause)}"


@dataclass(frozen=True, slots=True)
class Curve:
    """One measurement over time."""

    name: str
    unit: str
    time_s: NDArray[np.float64]
    values: NDArray[np.float64]
    """Not a number where it was not known."""


@dataclass(frozen=True, slots=True)
class SessionContents:
    """All of a session but the pictures; its clock starts with the first frame."""

    manifest: SessionManifest
    frames: FrameTable
    tracks: TrackRows
    """As they were recorded."""
    inferred: NDArray[np.int64]
    """Places of the frames that went through the network."""
    moments: tuple[Moment, ...]
    gaps: tuple[Gap, ...]
    telemetry: tuple[Curve, ...]

    @property
    def length_s(self) -> float:
        """From the first frame to the last."""
        return float(self.frames.time_s[-1]) if len(self.frames) else 0.0


# What a review shows, by the names in the database: the first of a line that is there.
_CURVES = (
    ("captured", "fps", ("capture_hz",)),
    ("inferred", "fps", ("infer_hz",)),
    ("latency", "ms", ("latency_p50_ms",)),
    ("temperature", "°C", ("temperature_hottest_c", "temperature_cpu_c")),
)


def read_contents(
    session: Session, on_rows: Callable[[int], object] = lambda _: None
) -> SessionContents:
    """Read a session.

    Parameters
    ----------
    session : Session
    on_rows : callable
        Told how many rows of tracks are read, now and then; what it raises ends this.

    Raises
    ------
    SessionError
        If the database is damaged.
    """
    clock = _Clock(session.frames)
    return SessionContents(
        manifest=session.manifest,
        frames=session.frames,
        tracks=session.tracks(on_rows),
        inferred=session.inferred(),
        moments=tuple(
            Moment(*clock.at(event.time_ns), event.kind, event.text)
            for event in session.events()
        ),
        gaps=tuple(
            Gap(*clock.between(gap.first_index), gap.count, gap.cause)
            for gap in session.gaps()
        ),
        telemetry=_telemetry(session, clock),
    )


class _Clock:
    """Brings the clocks of a session onto that of its frames."""

    def __init__(self, frames: FrameTable) -> None:
        self._frames = frames
        self._time_s = frames.time_s
        self._captured_ns = np.maximum.accumulate(frames.captured_ns)

    def at(self, time_ns: int) -> tuple[float, int]:
        """Session time of a moment of the monotonic clock, and the frame shown then."""
        if not len(self._time_s):
            return 0.0, 0
        time_s = float(np.interp(time_ns, self._captured_ns, self._time_s))
        number = int(np.searchsorted(self._captured_ns, time_ns, side="right")) - 1
        return time_s, max(number, 0)

    def between(self, source_index: int) -> tuple[float, float]:
        """Session time of the frames before and after one that is missing."""
        if not len(self._time_s):
            return 0.0, 0.0
        after = int(np.searchsorted(self._frames.source_index, source_index))
        last = len(self._time_s) - 1
        ends = self._time_s[[max(after - 1, 0), min(after, last)]]
        return float(ends[0]), float(ends[1])


def _telemetry(session: Session, clock: _Clock) -> tuple[Curve, ...]:
    rows = session.telemetry()
    time_s = np.array([clock.at(row.time_ns)[0] for row in rows])
    made = []
    for name, unit, keys in _CURVES:
        known = [key for key in keys if any(key in row.values for row in rows)]
        if known:
            values = [row.values.get(known[0], np.nan) for row in rows]
            made.append(Curve(name, unit, time_s, np.array(values, np.float64)))
    return tuple(made)
