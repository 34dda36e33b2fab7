"""Figures of each track of a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from app.frames import TrackState
from app.recording.kinematics import motion_of
from app.recording.paths import TrackPaths

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from app.recording.ground import Ground
    from app.recording.kinematics import Motion
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
    return [each.statistics for each in track_figures(seen, ground)]


class TrackFigures(NamedTuple):
    """What is found of one track."""

    statistics: TrackStatistics
    motion: Motion
    """Along its path."""


def track_figures(
    seen: TrackPaths,
    ground: Ground | None = None,
    known: TrackPaths | None = None,
    known_figures: Sequence[TrackFigures] = (),
) -> list[TrackFigures]:
    """Figures and motion of each path, in the order of their ids.

    Parameters
    ----------
    seen : TrackPaths
    ground : Ground, optional
        Gives metres instead of pixels.
    known : TrackPaths, optional
        Paths whose figures are known, on the same ground: those that are the same in
        `seen` keep them.
    known_figures : sequence of TrackFigures
        Of `known`, in the order of their ids.
    """
    places = (
        {} if known is None else {id_: at for at, id_ in enumerate(known.ids.tolist())}
    )
    made = []
    for track_id, own in zip(seen.ids.tolist(), seen.slices(), strict=True):
        at = places.get(track_id)
        if at is not None and known is not None and _is_same(seen, known, track_id):
            made.append(known_figures[at])
            continue
        x, y = seen.x_px[own], seen.y_px[own]
        if ground is not None:
            x, y = ground.to_metres(x, y)
        made.append(_figures(track_id, seen.number[own], seen.time_s[own], x, y))
    return made


def _is_same(seen: TrackPaths, known: TrackPaths, track_id: int) -> bool:
    ours, theirs = seen.rows_of(track_id), known.rows_of(track_id)
    return all(
        np.array_equal(mine[ours], other[theirs])
        for mine, other in (
            (seen.number, known.number),
            (seen.x_px, known.x_px),
            (seen.y_px, known.y_px),
        )
    )


def _figures(
    track_id: int,
    numbers: NDArray[np.int64],
    time_s: NDArray[np.float64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
) -> TrackFigures:
    motion = motion_of(time_s, x, y)
    seconds = float(time_s[-1] - time_s[0])
    path = float(np.hypot(np.diff(x), np.diff(y)).sum())
    heading = np.degrees(np.arctan2(-(y[-1] - y[0]), x[-1] - x[0]))
    statistics = TrackStatistics(
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
    return TrackFigures(statistics, motion)


def _known(
    values: NDArray[np.float64], summary: Callable[[NDArray[np.float64]], np.floating]
) -> float:
    known = values[~np.isnan(values)]
    return float(summary(known)) if len(known) else 0.0
