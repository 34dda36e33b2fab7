"""Detections and tracks as files of the MOT Challenge.

A detection is a line of frame, id, left, top, width, height, confidence; what follows
is not looked at. Frames count from any number.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from app.errors import ConsoleError
from app.frames import Blobs, TrackState
from app.tracking.gaps import fill_gaps
from app.tracking.tracker import Tracker

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from app.frames import Tracks

_LEAST_COLUMNS = 6
_CONFIDENCE = 6
_HINT = "Each line needs frame, id, left, top, width, height, confidence."


class Associated(NamedTuple):
    """Tracks as lines of a file, and what they cost."""

    lines: list[str]
    track_count: int
    """Of ids that were written."""
    frames: int
    frames_per_s: float


def read_detections(path: Path) -> NDArray[np.float64]:
    """Read a file of detections.

    Parameters
    ----------
    path : Path
        Separated by commas or blanks. Without a confidence, or with one below 0, a
        detection is sure; one above 1 counts as 1.

    Returns
    -------
    ndarray of float64, shape (N, 6)
        Frame, left, top, width, height, confidence; by ascending frame.

    Raises
    ------
    ConsoleError
        If the file cannot be read or a line is no detection.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConsoleError(f"cannot read {path}: {error}", hint=_HINT) from error
    rows = [
        _detection(path, number, line)
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]
    table = np.array(rows, np.float64).reshape(len(rows), 6)
    return table[np.argsort(table[:, 0], kind="stable")]


def _detection(path: Path, number: int, line: str) -> list[float]:
    try:
        cells = [float(cell) for cell in line.replace(",", " ").split()]
    except ValueError:
        cells = []
    if len(cells) < _LEAST_COLUMNS or not np.isfinite(cells).all():
        raise ConsoleError(f"line {number} of {path} is {line.strip()!r}", hint=_HINT)
    frame, _, left, top, width, height = cells[:_LEAST_COLUMNS]
    if not frame.is_integer() or width <= 0 or height <= 0:
        raise ConsoleError(
            f"line {number} of {path} has frame {frame:g} and a box of"
            f" {width:g} x {height:g}",
            hint="Frames are whole numbers, widths and heights over 0.",
        )
    sure = cells[_CONFIDENCE] if len(cells) > _CONFIDENCE else 1.0
    return [frame, left, top, width, height, min(sure, 1.0) if sure >= 0 else 1.0]


def associate(
    detections: NDArray[np.float64],
    rate_hz: float,
    least_chance: float | None = None,
    filled_frames: int = 0,
    size_px: tuple[int, int] | None = None,
) -> Associated:
    """Track detections.

    Parameters
    ----------
    detections : ndarray of float64, shape (N, 6)
        From `read_detections`.
    rate_hz : float
        Frames a second.
    least_chance : float, optional
        Lost tracks are written, too, while their object is within a body length with
        at least this chance. None writes none.
    filled_frames : int
        Gaps up to so many frames are filled once the track is seen again.
    size_px : (int, int), optional
        Width and height of a frame; the tracker doubts less what it knows.

    Returns
    -------
    Associated
    """
    tracker = Tracker()
    rows_found: list[list[float]] = []
    if not len(detections):
        return Associated([], 0, 0, 0.0)
    first, last = int(detections[0, 0]), int(detections[-1, 0])
    ends = np.searchsorted(detections[:, 0], np.arange(first, last + 2))
    busy_s = 0.0
    for frame in range(first, last + 1):
        rows = detections[ends[frame - first] : ends[frame - first + 1]]
        started_s = time.perf_counter()
        tracks = tracker.update(_blobs(rows), frame / rate_hz, size_px)
        busy_s += time.perf_counter() - started_s
        is_shown = tracks.state == TrackState.CONFIRMED
        if least_chance is not None:
            is_shown |= np.isin(tracks.id, tracker.foreseen(least_chance))
        for row in is_shown.nonzero()[0]:
            rows_found.append([frame, float(tracks.id[row]), *_box(tracks, row)])
    table = np.array(rows_found, np.float64).reshape(len(rows_found), 7)
    number, track_id = table[:, :2].astype(np.int64).T
    number, track_id, boxes = fill_gaps(number, track_id, table[:, 2:], filled_frames)
    lines = [
        _line(*each)
        for each in zip(number.tolist(), track_id.tolist(), boxes.tolist(), strict=True)
    ]
    frames = last - first + 1
    return Associated(lines, len(set(track_id.tolist())), frames, frames / busy_s)


def _blobs(rows: NDArray[np.float64]) -> Blobs:
    left, top, width, height, confidence = rows[:, 1:].T.astype(np.float32)
    size = np.sqrt(width * height)
    return Blobs(
        x_px=left + width / 2,
        y_px=top + height / 2,
        width_px=width,
        height_px=height,
        area_px=width * height,
        confidence=confidence,
        # A box does not tell a streak from a long thing.
        length_px=size,
        breadth_px=size,
        angle_rad=np.zeros_like(size),
    )


def _box(tracks: Tracks, row: np.intp) -> tuple[float, ...]:
    """Left, top, width, height, confidence."""
    width, height = float(tracks.width_px[row]), float(tracks.height_px[row])
    left = float(tracks.x_px[row]) - width / 2
    top = float(tracks.y_px[row]) - height / 2
    return left, top, width, height, float(tracks.confidence[row])


def _line(frame: int, track_id: int, box: list[float]) -> str:
    numbers = ",".join(f"{cell:.3f}" for cell in box)
    return f"{frame},{track_id},{numbers},-1,-1,-1\n"
