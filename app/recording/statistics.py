"""Figures of each track of a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.frames import TrackState
from app.recording.kinematics import motion_of
from app.recording.paths import TrackPaths

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from app.recording.ground import Ground
    from app.recording.session import FrameTable, TrackRows


@dataclass(frozen=True, slots=True)
class TrackStatistics:
    """What one track did; lengths in pixels, or in metres where the ground is known."""

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
    """Of the fitted motion, like the acceleration."""
    mean_acceleration: float
    heading_deg: float
    """From its first to its last position, counter-clockwise from the right."""


def track_statistics(
    frames: FrameTable, tracks: TrackRows, ground: Ground | None = None
) -> list[TrackStatistics]:
    """Figures of every track that was confirmed, in the order of their ids."""
    return path_statistics(
        TrackPaths.of(frames, tracks, (TrackState.CONFIRMED,)), ground
    )


def path_statistics(
    seen: TrackPaths, ground: Ground | None = None
) -> list[TrackStatistics]:
    """The same, of paths."""
    x, y = seen.x_px, seen.y_px
    if ground is not None:
        x, y = ground.to_metres(x, y)
    return [
        _figures(track_id, seen.number[own], seen.time_s[own], x[own], y[own])
        for track_id, own in zip(seen.ids.tolist(), seen.slices(), strict=True)
    ]


def _figures(
    track_id: int,
    numbers: NDArray[np.int64],
    time_s: NDArray[np.float64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
) -> TrackStatistics:
    motion = motion_of(time_s, x, y)
    seconds = float(time_s[-1] - time_s[0])
    path = float(np.hypot(np.diff(x), np.diff(y)).sum())
    heading = np.degrees(np.arctan2(-(y[-1] - y[0]), x[-1] - x[0]))
    return TrackStatistics(
        id=track_id,
        first=int(numbers[0]),
        last=int(numbers[-1]),
        frames=len(numbers),
        seconds=seconds,
        path=path,
        mean_speed=path / seconds if seconds else 0.0,
        top_speed=_known(motion.speed, np.max),
        mean_acceleration=_known(motion.acceleration, np.mean),
        heading_deg=float(heading),
    )


def _known(
    values: NDArray[np.float64], summary: Callable[[NDArray[np.float64]], np.floating]
) -> float:
    known = values[~np.isnan(values)]
    return float(summary(known)) if len(known) else 0.0
