"""Frames of a session with what was found in them, as a video or as pictures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from app.annotated_video import AnnotatedVideo
from app.errors import OutputError
from app.frames import Blobs, Frame, FrameResult
from app.trails import Trails

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from app.frames import Trail
    from app.overlay import OverlayOptions
    from app.recording.session import Session, TrackRows

_NO_MASK = np.zeros((4, 4), np.bool_)


def result_at(session: Session, tracks: TrackRows, number: int) -> FrameResult:
    """What was found in a frame, as it was when it was live."""
    frames = session.frames
    timestamp_ns = int(frames.timestamp_ns[number])
    captured_ns = int(frames.captured_ns[number])
    image = session.video.image(number)
    frame = Frame(int(frames.source_index[number]), timestamp_ns, captured_ns, image)
    kept = session.mask(number)
    area = (0.0, 0.0, float(frame.width_px), float(frame.height_px))
    mask, mask_area_px = kept if kept is not None else (_NO_MASK, area)
    found = tracks.at(number)
    is_seen = found.blob >= 0
    # Blobs are not recorded: each seen track stands for its own.
    blob = np.where(is_seen, np.cumsum(is_seen) - 1, -1).astype(np.int32)
    return FrameResult(
        frame=frame,
        blobs=Blobs.of(found.x_px[is_seen], found.y_px[is_seen]),
        tracks=replace(found, blob=blob),
        mask=mask,
        mask_area_px=mask_area_px,
        done_ns=captured_ns,
    )


def results(
    session: Session, tracks: TrackRows
) -> Iterator[tuple[FrameResult, tuple[Trail, ...]]]:
    """Every frame with its trails, in order."""
    trails = Trails()
    inferred = set(session.inferred().tolist())
    for number in range(len(session.frames)):
        result = result_at(session, tracks, number)
        if number in inferred:
            trails.update(result.tracks, result.frame.time_s)
        yield result, trails.snapshot()


def write_video(
    session: Session,
    tracks: TrackRows,
    folder: Path,
    on_frame: Callable[[], object],
    options: OverlayOptions | None = None,
) -> list[Path]:
    """An H.264 video with outlines, ids and trails, at the recorded times."""
    path = folder / "annotated.mp4"
    manifest = session.manifest
    size = manifest.width_px, manifest.height_px
    with AnnotatedVideo(path, *size, manifest.frame_rate_hz, options) as video:
        for result, trails in results(session, tracks):
            video.write(result, trails)
            on_frame()
    return [path]


def write_frames(
    session: Session, folder: Path, on_frame: Callable[[], object]
) -> list[Path]:
    """Every frame as a PNG as it was recorded, named by its place."""
    target = folder / "frames"
    target.mkdir(exist_ok=True)
    for number in range(len(session.frames)):
        path = target / f"{number:06}.png"
        is_written, coded = cv2.imencode(".png", session.video.image(number))
        if not is_written:
            raise OutputError(f"frame {number} cannot be written as PNG")
        path.write_bytes(coded.tobytes())
        on_frame()
    return [target]
