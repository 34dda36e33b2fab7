"""Recorded sessions whose tracks are known, made by the real recorder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from app.frames import Blobs, FrameResult, Tracks, TrackState
from app.recording.recorder import Recorder
from app.recording.session import Session
from app.recording.settings import RecordingSettings
from tests.fakes.recording import make_frame, source_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from app.frames import Frame

    Way = Callable[[int], tuple[float, float] | None]

SIZE_PX = (64, 48)


def record(
    folder: Path,
    ways: Mapping[int, Way],
    frames: int = 60,
    *,
    missing: tuple[int, ...] = (),
    not_inferred: tuple[int, ...] = (),
    name: str = "session",
) -> Path:
    """Record tracks whose ways are given; gives the session's folder.

    Parameters
    ----------
    ways : mapping
        By the track's id: where it is at each frame of the source, or None.
    missing : tuple of int
        Numbers that the source never gave.
    not_inferred : tuple of int
        Frames without a result.
    """
    recorder = Recorder(lambda: {"capture_hz": 120.0, "infer_hz": 90.0}, waits=True)
    recorder.configure(
        RecordingSettings(folder, reserve_bytes=1_000_000, keeps_masks=True)
    )
    recorder.open(source_spec(SIZE_PX))
    recorder.start(name)
    for at in range(frames):
        if at in missing:
            continue
        frame = make_frame(at, SIZE_PX)
        recorder.take_frame(frame)
        if at not in not_inferred:
            recorder.take_result(_result(frame, ways))
    recorder.finish()
    return folder / name


def opened(folder: Path, ways: Mapping[int, Way], **options: int) -> Session:
    """Record, and open it."""
    return Session(record(folder, ways, **options))


def _result(frame: Frame, ways: Mapping[int, Way]) -> FrameResult:
    places = {each: way(frame.index) for each, way in ways.items()}
    there = {each: place for each, place in places.items() if place is not None}
    count = len(there)
    x_px, y_px = np.array(list(there.values()), np.float32).reshape(-1, 2).T
    one = np.ones(count, np.float32)
    return FrameResult(
        frame=frame,
        blobs=Blobs.of(x_px, y_px),
        tracks=Tracks(
            id=np.array(list(there), np.int64),
            state=np.full(count, TrackState.CONFIRMED, np.uint8),
            x_px=x_px,
            y_px=y_px,
            vx_px_s=0 * one,
            vy_px_s=0 * one,
            width_px=6 * one,
            height_px=6 * one,
            area_px=30 * one,
            confidence=0.9 * one,
            blob=np.arange(count, dtype=np.int32),
            age_s=one,
            sigma_px=0.5 * one,
        ),
        mask=np.zeros((12, 16), bool),
        mask_area_px=(0.0, 0.0, 64.0, 48.0),
        done_ns=frame.captured_ns + 4_000_000,
    )
