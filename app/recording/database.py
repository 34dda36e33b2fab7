"""`session.db`: frames, tracks, telemetry, events and gaps of a session."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from app.recording.stored import make_agree

if TYPE_CHECKING:
    from pathlib import Path

    from app.recording.rows import EventRow, GapRow, ResultRow, TelemetryRow
    from app.recording.stored import Agreement, StoredFrame

NAME = "session.db"

SCHEMA = """
CREATE TABLE IF NOT EXISTS frames (
    number INTEGER PRIMARY KEY,      -- place in the recording, from 0
    source_index INTEGER NOT NULL,   -- number given by the source
    segment INTEGER NOT NULL,        -- which video file, from 0
    pts_us INTEGER NOT NULL,         -- time in that file, microseconds
    timestamp_ns INTEGER NOT NULL,   -- when it was taken, on the source's clock
    captured_ns INTEGER NOT NULL,    -- when it arrived, on the monotonic clock
    is_key INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    flags INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS results (
    source_index INTEGER PRIMARY KEY, -- a frame that went through the network
    captured_ns INTEGER NOT NULL, done_ns INTEGER NOT NULL,
    prepare_ms REAL, infer_ms REAL, segment_ms REAL, track_ms REAL
);
CREATE TABLE IF NOT EXISTS tracks (
    source_index INTEGER NOT NULL, id INTEGER NOT NULL,
    state INTEGER NOT NULL,          -- 0 tentative, 1 confirmed, 2 lost, 3 ended
    x_px REAL, y_px REAL, vx_px_s REAL, vy_px_s REAL,
    width_px REAL, height_px REAL, area_px REAL, confidence REAL,
    blob INTEGER, age_s REAL, sigma_px REAL,
    length_px REAL, breadth_px REAL, angle_rad REAL,
    PRIMARY KEY (source_index, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS masks (
    source_index INTEGER PRIMARY KEY,
    left_px REAL, top_px REAL, width_px REAL, height_px REAL,
    png BLOB NOT NULL                -- at the network's size, covers that area
);
CREATE TABLE IF NOT EXISTS telemetry (
    time_ns INTEGER PRIMARY KEY, sample TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS events (
    time_ns INTEGER NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL, sample TEXT
);
CREATE TABLE IF NOT EXISTS gaps (
    first_index INTEGER NOT NULL, count INTEGER NOT NULL, cause TEXT NOT NULL,
    time_ns INTEGER NOT NULL
);
PRAGMA user_version=1;
"""
_INSERTS = {
    "frames": "INSERT INTO frames VALUES (?,?,?,?,?,?,?,?,?)",
    "results": "INSERT OR IGNORE INTO results VALUES (?,?,?,?,?,?,?)",
    "tracks": f"INSERT OR IGNORE INTO tracks VALUES ({','.join('?' * 17)})",
    "masks": "INSERT OR IGNORE INTO masks VALUES (?,?,?,?,?,?)",
    "telemetry": "INSERT OR IGNORE INTO telemetry VALUES (?,?)",
    "events": "INSERT INTO events VALUES (?,?,?,?)",
    "gaps": "INSERT INTO gaps VALUES (?,?,?,?)",
}


class SessionDatabase:
    """Writes the rows of a session; made and used by one thread, `sync` apart.

    Rows are held until `commit`, and also after one that failed: where the disk was
    full for a while, nothing is lost.

    Parameters
    ----------
    folder : Path
        Of the session; it has no database yet.

    Raises
    ------
    OSError
        If the file cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self._waiting: dict[str, list[tuple[Any, ...]]] = {
            each: [] for each in _INSERTS
        }
        self._frames = 0
        self.results = 0
        self.samples = 0
        """Rows of results and of measurements committed."""
        try:
            self._connection = sqlite3.connect(
                folder / NAME, isolation_level=None, check_same_thread=False
            )
            # One writer and no reader: -wal and -shm beside it, flushed by `sync`.
            # A commit writes whole pages: a third as much as with those of 4 kB.
            self._connection.execute("PRAGMA page_size=1024")
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            # `checkpoint` does it: it waits for the disk, which this thread should not.
            self._connection.execute("PRAGMA wal_autocheckpoint=0")
            self._connection.executescript(f"BEGIN;{SCHEMA}COMMIT;")
            # SQLite's locks are not on this file: closing the descriptor drops none.
            self._wal = os.open(folder / f"{NAME}-wal", os.O_RDONLY)
            self._sync_lock = threading.Lock()
            self._is_open = True
            self._checkpoint_lock = threading.Lock()
            self._checkpointer = sqlite3.connect(
                folder / NAME, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise OSError(0, f"{folder / NAME}: {error}") from error

    def add_frame(
        self,
        source_index: int,
        segment: int,
        pts_us: int,
        timestamp_ns: int,
        captured_ns: int,
        size_bytes: int,
        *,
        is_key: bool,
    ) -> None:
        """Add a frame that is in the video."""
        times = (pts_us, timestamp_ns, captured_ns)
        row = (self._frames, source_index, segment, *times, is_key, size_bytes, 0)
        self._waiting["frames"].append(row)
        self._frames += 1

    def add_result(self, row: ResultRow) -> None:
        """Add what was found in a frame."""
        stages = row.stages
        self._waiting["results"].append(
            (
                row.index,
                row.captured_ns,
                row.done_ns,
                stages.prepare_ms,
                stages.infer_ms,
                stages.segment_ms,
                stages.track_ms,
            )
        )
        self._waiting["tracks"].extend(row.track_rows())
        if row.mask is not None:
            _, png = cv2.imencode(
                ".png",
                row.mask.astype(np.uint8) * 255,
                [cv2.IMWRITE_PNG_BILEVEL, 1, cv2.IMWRITE_PNG_COMPRESSION, 1],
            )
            self._waiting["masks"].append((row.index, *row.mask_area_px, png.tobytes()))

    def add_gap(self, gap: GapRow) -> None:
        """Add frames that are missing."""
        row = (gap.first_index, gap.count, gap.cause, gap.time_ns)
        self._waiting["gaps"].append(row)

    def add_event(self, event: EventRow) -> None:
        """Add something that happened."""
        values = json.dumps(event.values, default=str) if event.values else None
        row = (event.time_ns, event.kind, event.text, values)
        self._waiting["events"].append(row)

    def add_telemetry(self, row: TelemetryRow) -> None:
        """Add a set of measurements."""
        self._waiting["telemetry"].append((row.time_ns, json.dumps(row.values)))

    def commit(self) -> None:
        """Hand all rows to the file system; those of a failed call go with the next.

        Raises
        ------
        OSError
            If the disk is full or gone.
        """
        if not any(self._waiting.values()):
            return
        connection = self._connection
        try:
            connection.execute("BEGIN")
            for table, rows in self._waiting.items():
                if rows:
                    connection.executemany(_INSERTS[table], rows)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise OSError(0, f"the database cannot be written: {error}") from error
        self.results += len(self._waiting["results"])
        self.samples += len(self._waiting["telemetry"])
        for rows in self._waiting.values():
            rows.clear()

    def sync(self) -> None:
        """Have what is committed on the disk; any thread may call it.

        Raises
        ------
        OSError
            If the disk is gone.
        """
        with self._sync_lock:
            if self._is_open:
                os.fdatasync(self._wal)

    def checkpoint(self) -> None:
        """Bring what is committed from the log into the database; any thread may.

        It waits for the disk, and neither `commit` nor `sync` wait for it.

        Raises
        ------
        OSError
            If the disk is full or gone.
        """
        with self._checkpoint_lock:
            if not self._is_open:
                return
            try:
                # The log begins anew where all of it has gone into the database.
                self._checkpointer.execute("PRAGMA wal_checkpoint(PASSIVE)")
            except sqlite3.Error as error:
                raise OSError(0, f"the database cannot be written: {error}") from error

    def make_agree(self, stored: list[StoredFrame], started_ns: int) -> Agreement:
        """Have the rows tell what is in the video, as `stored.make_agree` does.

        Raises
        ------
        OSError
            If the disk is full or gone.
        """
        try:
            return make_agree(self._connection, stored, started_ns)
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise OSError(0, f"the database cannot be written: {error}") from error

    def count_tracks(self) -> int:
        """Tracks that were confirmed, of what is committed.

        Raises
        ------
        OSError
            If the database cannot be read.
        """
        try:
            [(count,)] = self._connection.execute(
                "SELECT count(DISTINCT id) FROM tracks WHERE state = 1"
            )
        except sqlite3.Error as error:
            raise OSError(0, f"the database cannot be read: {error}") from error
        return int(count)

    def close(self) -> None:
        """Commit what is left, and make it one file.

        Raises
        ------
        OSError
            If the disk is full or gone; what is committed stays readable.
        """
        with self._sync_lock, self._checkpoint_lock:
            self._is_open = False
            self._checkpointer.close()
            os.close(self._wal)
        try:
            self.commit()
            self._connection.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.Error as error:
            raise OSError(0, f"the database cannot be closed: {error}") from error
        finally:
            self._connection.close()
