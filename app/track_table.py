"""Writes tracks as a CSV table, one row per track and frame."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from app.errors import OutputError
from app.frames import TrackState

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from app.frames import FrameResult

COLUMNS = (
    "frame",
    "time_us",
    "track_id",
    "state",
    "x_px",
    "y_px",
    "vx_px_s",
    "vy_px_s",
    "width_px",
    "height_px",
    "area_px",
    "confidence",
)
_STATE_NAMES = {state: state.name.lower() for state in TrackState}


class TrackTable:
    """A CSV file of tracks, open for writing; a context manager.

    Parameters
    ----------
    path : Path
        Overwritten. The first row names the columns.

    Raises
    ------
    OutputError
        If the file cannot be written; from every method.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = path.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise self._error(error) from error
        self._writer = csv.writer(self._file)
        self._write([COLUMNS])

    def write(self, result: FrameResult) -> None:
        """Append one row for each track that has not ended."""
        frame, tracks = result.frame, result.tracks
        time_us = frame.timestamp_ns // 1000
        columns = (
            tracks.x_px,
            tracks.y_px,
            tracks.vx_px_s,
            tracks.vy_px_s,
            tracks.width_px,
            tracks.height_px,
            tracks.area_px,
            tracks.confidence,
        )
        self._write(
            [
                (
                    frame.index,
                    time_us,
                    int(tracks.id[row]),
                    _STATE_NAMES[TrackState(tracks.state[row])],
                    *(f"{column[row]:.3f}" for column in columns),
                )
                for row in range(len(tracks))
                if tracks.state[row] != TrackState.ENDED
            ]
        )

    def __enter__(self) -> TrackTable:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._file.close()
        except OSError as close_error:
            raise self._error(close_error) from close_error

    def _write(self, rows: list[tuple[object, ...]]) -> None:
        try:
            self._writer.writerows(rows)
        except OSError as error:
            raise self._error(error) from error

    def _error(self, error: OSError) -> OutputError:
        return OutputError(
            f"cannot write {self._path}: {error.strerror}",
            hint="Free space, or name another folder with --out.",
        )
