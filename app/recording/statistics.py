"""Figures of each track of a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.frames import TrackState

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from app.recording.session import FrameTable, TrackRows


@dataclass(frozen=True, slots=True)
class TrackStatistics:
    """What one track did; lengths in pixels, or in metres where a scale is given."""

    id: int
    first: int
    """Place in the recording of its first frame."""
    last: int
    frames: int
    """In which it was seen."""
    seconds: float
    path: float
    mean_speed: float
    top_speed: float
    mean_acceleration: float
    heading_deg: float
    """From its first to its last position, counter-clockwise from the right."""


def track_statistics(
    frames: FrameTable, tracks: TrackRows, metres_per_px: float | None = None
) -> list[TrackStatistics]:
    """Figures of every track that was confirmed, in the order of their ids."""
    scale = 1.0 if metres_per_px is None else metres_per_px
    is_sure = tracks.columns["state"] == TrackState.CONFIRMED
    ids, numbers = tracks.id[is_sure], tracks.number[is_sure]
    x, y = tracks.columns["x_px"][is_sure], tracks.columns["y_px"][is_sure]
    order = np.lexsort((numbers, ids))
    ids, numbers, x, y = ids[order], numbers[order], x[order], y[order]
    if not len(ids):
        return []
    starts = np.flatnonzero(np.r_[True, np.diff(ids) != 0]).tolist()
    ends = [*starts[1:], len(ids)]
    time_s = frames.time_s
    return [
        _figures(
            int(ids[first]),
            numbers[first:end],
            time_s[numbers[first:end]],
            x[first:end] * scale,
            y[first:end] * scale,
        )
        for first, end in zip(starts, ends, strict=True)
    ]


def _figures(
    track_id: int,
    numbers: NDArray[np.int64],
    time_s: NDArray[np.float64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
) -> TrackStatistics:
    steps = np.hypot(np.diff(x), np.diff(y))
    passed_s = np.maximum(np.diff(time_s), 1e-9)
    speed = steps / passed_s
    change = np.abs(np.diff(speed)) / np.maximum(passed_s[1:], 1e-9)
    seconds = float(time_s[-1] - time_s[0])
    path = float(steps.sum())
    heading = np.degrees(np.arctan2(-(y[-1] - y[0]), x[-1] - x[0]))
    return TrackStatistics(
        id=track_id,
        first=int(numbers[0]),
        last=int(numbers[-1]),
        frames=len(numbers),
        seconds=seconds,
        path=path,
        mean_speed=path / seconds if seconds else 0.0,
        top_speed=float(speed.max(initial=0.0)),
        mean_acceleration=float(change.mean()) if len(change) else 0.0,
        heading_deg=float(heading),
    )
