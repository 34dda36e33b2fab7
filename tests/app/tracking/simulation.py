"""Points that move as they are told, seen by a camera with faults, and what became
of them in a tracker."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from app.frames import Blobs, Tracks, TrackState
from app.tracking.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from app.tracking.settings import TrackerSettings

    Floats = NDArray[np.float64]
    Path = Callable[[float], tuple[float, float] | None]

WIDTH_PX, HEIGHT_PX = 1280.0, 720.0


def line(
    x_px: float,
    y_px: float,
    vx_px_s: float,
    vy_px_s: float,
    *,
    start_s: float = 0.0,
    hidden_s: tuple[float, float] = (np.inf, np.inf),
) -> Path:
    """A path at constant velocity, at (x, y) at time 0; unseen while hidden."""

    def path(time_s: float) -> tuple[float, float] | None:
        if time_s < start_s or hidden_s[0] <= time_s < hidden_s[1]:
            return None
        return x_px + vx_px_s * time_s, y_px + vy_px_s * time_s

    return path


def billiard(x_px: float, y_px: float, vx_px_s: float, vy_px_s: float) -> Path:
    """A path that is reflected by the edges of the frame."""

    def reflected(value: float, size: float) -> float:
        return size - abs(value % (2 * size) - size)

    def path(time_s: float) -> tuple[float, float]:
        x, y = x_px + vx_px_s * time_s, y_px + vy_px_s * time_s
        return reflected(x, WIDTH_PX), reflected(y, HEIGHT_PX)

    return path


@dataclass(frozen=True)
class Camera:
    """How paths are seen."""

    rate_hz: float = 120.0
    body_px: float = 10.0
    noise_px: float = 0.5
    miss_ratio: float = 0.0
    clutter_per_frame: float = 0.0
    exposure_ratio: float = 0.0
    """Part of the frame interval the shutter is open; over 0 gives streaks."""
    confidence: float = 0.9
    seed: int = 1


@dataclass(frozen=True)
class Shot:
    """One frame: its blobs, and which object each one is."""

    time_s: float
    blobs: Blobs
    truth: Floats
    """Shape (objects, 2): where each one is, NaN while it is unseen."""


def film(
    paths: Sequence[Path], camera: Camera, frames: int | Iterable[int]
) -> list[Shot]:
    """See the paths in the given frames (a number: so many from 0)."""
    random = np.random.default_rng(camera.seed)
    numbers = range(frames) if isinstance(frames, int) else frames
    return [
        _shoot(paths, camera, number / camera.rate_hz, random) for number in numbers
    ]


def _shoot(
    paths: Sequence[Path], camera: Camera, time_s: float, random: np.random.Generator
) -> Shot:
    truth = np.array([path(time_s) or (np.nan, np.nan) for path in paths])
    truth = truth.reshape(-1, 2)
    before = [path(time_s - 0.25 / camera.rate_hz) for path in paths]
    is_seen = np.isfinite(truth[:, 0]) & (
        random.random(len(paths)) >= camera.miss_ratio
    )
    noise = random.normal(0, camera.noise_px, truth.shape)
    clutter = random.random((random.poisson(camera.clutter_per_frame), 2))
    points = np.concatenate(
        [(truth + noise)[is_seen], clutter * (WIDTH_PX, HEIGHT_PX)]
    ).astype(np.float32)
    size = np.full(len(points), camera.body_px, np.float32)
    length, angle = size.copy(), np.zeros_like(size)
    for row, which in enumerate(np.flatnonzero(is_seen)):
        was = before[which]
        if was is None or not camera.exposure_ratio:
            continue
        step = 4 * (truth[which] - was)
        streak = camera.exposure_ratio * float(np.hypot(*step))
        length[row] = np.sqrt(camera.body_px**2 + streak**2 / 0.75)
        angle[row] = np.arctan(step[1] / step[0]) if step[0] else np.pi / 2
    blobs = Blobs(
        x_px=points[:, 0],
        y_px=points[:, 1],
        width_px=size,
        height_px=size,
        area_px=np.pi / 4 * size**2,
        confidence=np.full_like(size, camera.confidence),
        length_px=length,
        breadth_px=size,
        angle_rad=angle,
    )
    return Shot(time_s, blobs, truth)


@dataclass
class Story:
    """What a tracker made of a film."""

    tracks: list[Tracks] = field(default_factory=list)
    ids: list[list[int]] = field(default_factory=list)
    """For each object, the ids it was confirmed under, in order."""
    first_seen_frame: list[int] = field(default_factory=list)
    confirmed_frame: list[int | None] = field(default_factory=list)
    error_px: list[float] = field(default_factory=list)
    """Of every confirmed track that is an object."""
    ghosts: set[int] = field(default_factory=set)
    """Ids of confirmed tracks that were never near an object."""

    @property
    def switches(self) -> int:
        """How often an object went on under another id."""
        return sum(len(ids) - 1 for ids in self.ids if ids)

    @property
    def rms_px(self) -> float:
        """Root of the mean squared error."""
        return float(np.sqrt(np.mean(np.square(self.error_px))))


def follow(
    shots: Sequence[Shot],
    settings: TrackerSettings | None = None,
    near_px: float = 12.0,
) -> Story:
    """Track a film, and compare with the truth.

    An object is followed by the confirmed track nearest to it within `near_px`.
    """
    tracker = Tracker(settings)
    objects = len(shots[0].truth)
    story = Story(
        ids=[[] for _ in range(objects)],
        first_seen_frame=[-1] * objects,
        confirmed_frame=[None] * objects,
    )
    true_ids: set[int] = set()
    for number, shot in enumerate(shots):
        tracks = tracker.update(shot.blobs, shot.time_s)
        story.tracks.append(tracks)
        confirmed = np.flatnonzero(tracks.state == TrackState.CONFIRMED)
        story.ghosts.update(tracks.id[confirmed].tolist())
        for which, truth in enumerate(shot.truth):
            if not np.isfinite(truth[0]):
                continue
            if story.first_seen_frame[which] < 0:
                story.first_seen_frame[which] = number
            if not confirmed.size:
                continue
            apart = np.hypot(
                tracks.x_px[confirmed] - truth[0], tracks.y_px[confirmed] - truth[1]
            )
            if apart.min() > near_px:
                continue
            # Where two objects meet, the one it was followed by is still meant.
            kept = (tracks.id[confirmed] == (story.ids[which] or [0])[-1]) & (
                apart <= near_px
            )
            best = int(kept.argmax() if kept.any() else apart.argmin())
            track_id = int(tracks.id[confirmed[best]])
            true_ids.add(track_id)
            story.error_px.append(float(apart[best]))
            if story.confirmed_frame[which] is None:
                story.confirmed_frame[which] = number
            if track_id not in story.ids[which][-1:]:
                story.ids[which].append(track_id)
    story.ghosts -= true_ids
    return story
