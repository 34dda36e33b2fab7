"""A recorded session, open for reading."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from app.errors import SessionError
from app.frames import Tracks
from app.recording.database import NAME
from app.recording.lock import is_being_recorded
from app.recording.manifest import SessionState, load_session_manifest
from app.recording.rows import EventRow, GapRow, TelemetryRow
from app.recording.session_video import SessionVideo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_PIECE_ROWS = 5000
_VIDEO_STAYS = "Its video files can be read as they are."


@dataclass(frozen=True, slots=True)
class FrameTable:
    """The frames of a session as columns, in the order of the recording."""

    source_index: NDArray[np.int64]
    segment: NDArray[np.int64]
    pts_us: NDArray[np.int64]
    timestamp_ns: NDArray[np.int64]
    captured_ns: NDArray[np.int64]
    is_key: NDArray[np.bool_]
    flags: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.source_index)

    @property
    def time_s(self) -> NDArray[np.float64]:
        """Seconds since the first frame, on the source's clock."""
        if not len(self):
            return np.zeros(0)
        since: NDArray[np.float64] = (self.timestamp_ns - self.timestamp_ns[0]) * 1e-9
        return since


TRACK_COLUMNS = (
    "id",
    "state",
    "x_px",
    "y_px",
    "vx_px_s",
    "vy_px_s",
    "width_px",
    "height_px",
    "area_px",
    "confidence",
    "blob",
    "age_s",
    "sigma_px",
    "length_px",
    "breadth_px",
    "angle_rad",
)


@dataclass(frozen=True, slots=True)
class TrackRows:
    """Tracks of a session as columns, one row per track and frame, in time order."""

    number: NDArray[np.int64]
    """The frame's place in the recording."""
    columns: dict[str, NDArray[np.float64]]
    """By the names of `TRACK_COLUMNS`."""

    def __len__(self) -> int:
        return len(self.number)

    @property
    def id(self) -> NDArray[np.int64]:
        """Of the track."""
        return self.columns["id"].astype(np.int64)

    def at(self, number: int) -> Tracks:
        """The tracks of one frame."""
        first, last = np.searchsorted(self.number, (number, number + 1))
        cut = {name: column[first:last] for name, column in self.columns.items()}
        single = {
            name: _frozen(cut[name].astype(np.float32))
            for name in TRACK_COLUMNS[2:13]
            if name != "blob"
        }
        return Tracks(
            id=_frozen(cut["id"].astype(np.int64)),
            state=_frozen(cut["state"].astype(np.uint8)),
            blob=_frozen(cut["blob"].astype(np.int32)),
            **single,
        )


class Session:
    """A session folder, read; nothing in it is changed.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    SessionError
        If it is no session, is being recorded, or has to be recovered first.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = load_session_manifest(folder)
        if self.manifest.state is SessionState.RECORDING:
            if is_being_recorded(folder):
                raise SessionError(
                    f"{folder.name} is being recorded",
                    hint="Stop the recording first.",
                )
            raise SessionError(
                f"{folder.name} was never finished",
                hint="Recover it: the list of sessions does, and 'verify --recover'.",
            )
        path = folder / NAME
        if not path.exists():
            raise SessionError(f"{folder.name} has no {NAME}", hint=_VIDEO_STAYS)
        try:
            # Also where the folder is on a medium that cannot be written.
            self._connection = sqlite3.connect(
                f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False
            )
            self.frames = self._read_frames()
        except sqlite3.Error as error:
            raise SessionError(
                f"{path} cannot be read: {error}", hint=_VIDEO_STAYS
            ) from error
        frames = self.frames
        self.video = SessionVideo(
            folder, self.manifest, frames.segment, frames.pts_us, frames.is_key
        )

    def tracks(self, on_rows: Callable[[int], object] = lambda _: None) -> TrackRows:
        """Every row of every track.

        Parameters
        ----------
        on_rows : callable
            Told how many are read, now and then; what it raises ends this.
        """
        names = ", ".join(TRACK_COLUMNS)
        width = 1 + len(TRACK_COLUMNS)
        pieces = [np.zeros((0, width))]
        read = 0
        for found in self._pieces(
            f"SELECT number, {names} FROM tracks JOIN frames USING (source_index)"
            " ORDER BY number, id"
        ):
            pieces.append(np.array(found, np.float64).reshape(-1, width))
            read += len(found)
            on_rows(read)
        table = np.concatenate(pieces)
        columns = {
            name: _frozen(table[:, at].copy())
            for at, name in enumerate(TRACK_COLUMNS, start=1)
        }
        return TrackRows(_frozen(table[:, 0].astype(np.int64)), columns)

    def track_rows(self) -> int:
        """How many rows of tracks there are, also of frames that were not recorded."""
        return int(self._rows("SELECT count(*) FROM tracks")[0][0])

    def inferred(self) -> NDArray[np.int64]:
        """Places in the recording of the frames that went through the network."""
        found = self._rows(
            "SELECT number FROM results JOIN frames USING (source_index)"
            " ORDER BY number"
        )
        return np.array([number for (number,) in found], np.int64)

    def mask(
        self, number: int
    ) -> tuple[NDArray[np.bool_], tuple[float, float, float, float]] | None:
        """The mask of a frame and the area it covers; None where none was kept."""
        index = int(self.frames.source_index[number])
        found = self._rows(
            "SELECT left_px, top_px, width_px, height_px, png FROM masks"
            " WHERE source_index = ?",
            index,
        )
        if not found:
            return None
        left, top, width, height, png = found[0]
        coded = np.frombuffer(png, np.uint8)
        mask = cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)
        if mask is None:
            raise SessionError(f"the mask of frame {number} is damaged")
        return np.asarray(mask) > 0, (left, top, width, height)

    def events(self) -> list[EventRow]:
        """What happened, in order."""
        return [
            EventRow(time_ns, kind, text, json.loads(values) if values else {})
            for time_ns, kind, text, values in self._rows(
                "SELECT time_ns, kind, text, sample FROM events ORDER BY time_ns"
            )
        ]

    def gaps(self) -> list[GapRow]:
        """Frames that are missing, in order."""
        return [
            GapRow(*row)
            for row in self._rows(
                "SELECT first_index, count, cause, time_ns FROM gaps"
                " ORDER BY first_index"
            )
        ]

    def telemetry(self) -> list[TelemetryRow]:
        """Measurements, in order."""
        return [
            TelemetryRow(time_ns, json.loads(sample))
            for time_ns, sample in self._rows(
                "SELECT time_ns, sample FROM telemetry ORDER BY time_ns"
            )
        ]

    def integrity_problem(self) -> str:
        """What SQLite finds wrong in the database; empty if nothing."""
        found = self._rows("PRAGMA integrity_check")
        return "" if found == [("ok",)] else str(found[0][0])

    def close(self) -> None:
        """Close the files."""
        self.video.close()
        self._connection.close()

    def _rows(self, query: str, *values: object) -> list[Any]:
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise SessionError(
                f"{self.folder / NAME}: {error}", hint=_VIDEO_STAYS
            ) from error

    def _pieces(self, query: str) -> Iterator[list[Any]]:
        """Rows in pieces: all of them as Python's objects would take much memory."""
        try:
            cursor = self._connection.execute(query)
            while found := cursor.fetchmany(_PIECE_ROWS):
                yield found
        except sqlite3.Error as error:
            raise SessionError(
                f"{self.folder / NAME}: {error}", hint=_VIDEO_STAYS
            ) from error

    def _read_frames(self) -> FrameTable:
        found = self._rows(
            "SELECT source_index, segment, pts_us, timestamp_ns, captured_ns, is_key,"
            " flags FROM frames ORDER BY number"
        )
        table = np.array(found, np.int64).reshape(-1, 7)
        index, segment, pts_us, timestamp_ns, captured_ns, is_key, flags = table.T
        return FrameTable(
            index, segment, pts_us, timestamp_ns, captured_ns, is_key > 0, flags
        )


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.setflags(write=False)
    return array
