"""Puts sessions in order whose recorder died."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from app.durable import beside_of, flush
from app.errors import SessionError
from app.recording.database import NAME, SCHEMA
from app.recording.lock import SessionLock
from app.recording.manifest import NAME as SESSION_NAME
from app.recording.manifest import SessionState, load_session_manifest
from app.recording.session_folder import BALLAST
from app.recording.stored import make_agree, stored_frames

if TYPE_CHECKING:
    from pathlib import Path

    from app.recording.manifest import SessionManifest


def recover_session(folder: Path) -> SessionManifest:
    """Make video and database agree, and write down that the session is recovered.

    The video files stay as they are. A frame without a row gets one, with the time
    that the video has; a row without a frame goes.

    Raises
    ------
    SessionError
        If the session is being recorded, is none, or the disk cannot be written.
    """
    manifest = load_session_manifest(folder)
    if manifest.state is not SessionState.RECORDING:
        return manifest
    try:
        lock = SessionLock(folder)
    except OSError as error:
        raise SessionError(f"{folder.name} is being recorded") from error
    try:
        return _recover(folder, manifest)
    except (OSError, sqlite3.Error) as error:
        raise SessionError(
            f"{folder.name} cannot be recovered: {error}",
            hint="Its video files can be read as they are.",
        ) from error
    finally:
        lock.release()


def _recover(folder: Path, manifest: SessionManifest) -> SessionManifest:
    (folder / BALLAST).unlink(missing_ok=True)
    beside_of(folder / SESSION_NAME).unlink(missing_ok=True)
    paths = sorted(folder.glob("video_*.mp4"))
    stored = stored_frames(paths)
    done = []
    is_new = not (folder / NAME).exists()
    connection = sqlite3.connect(folder / NAME, isolation_level=None)
    if is_new:
        done.append("the database was made anew")
    try:
        # The recorder may have died before it had made every table.
        connection.executescript(SCHEMA)
        added, removed = make_agree(connection, stored, manifest.started_ns)
        (frames,) = connection.execute("SELECT count(*) FROM frames").fetchone()
        (tracks,) = connection.execute(
            "SELECT count(DISTINCT id) FROM tracks WHERE state = 1"
        ).fetchone()
        first, last = connection.execute(
            "SELECT min(timestamp_ns), max(timestamp_ns) FROM frames"
        ).fetchone()
        losses = dict(
            connection.execute("SELECT cause, sum(count) FROM gaps GROUP BY cause")
        )
        connection.execute("PRAGMA journal_mode=DELETE")
    finally:
        connection.close()
    if added:
        done.append(f"{added} frames were entered from the video")
    if removed:
        done.append(f"{len(removed)} frames were not in the video")
    recovered = manifest.changed(
        state=SessionState.RECOVERED,
        segments=tuple(path.name for path in paths),
        frames=int(frames),
        tracks=int(tracks),
        seconds=round(((last or 0) - (first or 0)) * 1e-9, 6),
        losses={cause: int(losses.get(cause, 0)) for cause in _CAUSES},
        ended="the recorder died",
        recovery="; ".join(done) or "nothing was missing",
    )
    for path in (*paths, folder / NAME):
        flush(path)
    recovered.save(folder)
    return recovered


_CAUSES = ("source", "encoder", "disk")
