"""Puts sessions in order whose recorder died."""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

import av
from av.error import FFmpegError

from app.durable import beside_of, flush
from app.errors import SessionError
from app.recording.database import NAME, RECOVERED_FLAG, SCHEMA
from app.recording.encoder import TIME_BASE
from app.recording.lock import SessionLock
from app.recording.manifest import NAME as SESSION_NAME
from app.recording.manifest import SessionState, load_session_manifest

if TYPE_CHECKING:
    from pathlib import Path

    from app.recording.manifest import SessionManifest

log = logging.getLogger(__name__)


class _Stored(NamedTuple):
    """A frame that is in a video file."""

    segment: int
    pts_us: int
    is_key: bool
    size_bytes: int


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


def stored_frames(path: Path, segment: int) -> list[_Stored]:
    """What is in a video file, whether it was finished or not."""
    found: list[_Stored] = []
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            base = stream.time_base or TIME_BASE
            for packet in container.demux(stream):
                if packet.pts is None or not packet.size or packet.is_corrupt:
                    continue
                pts_us = packet.pts * base.numerator * 1_000_000 // base.denominator
                found.append(_Stored(segment, pts_us, packet.is_keyframe, packet.size))
    except (FFmpegError, OSError, IndexError) as error:
        # Where a file was cut, its reader ends with an error.
        log.info("%s ends with: %s", path.name, error)
    return found


def _recover(folder: Path, manifest: SessionManifest) -> SessionManifest:
    (folder / ".ballast").unlink(missing_ok=True)
    beside_of(folder / SESSION_NAME).unlink(missing_ok=True)
    paths = sorted(folder.glob("video_*.mp4"))
    stored = [
        frame for at, path in enumerate(paths) for frame in stored_frames(path, at)
    ]
    done = []
    is_new = not (folder / NAME).exists()
    connection = sqlite3.connect(folder / NAME, isolation_level=None)
    if is_new:
        done.append("the database was made anew")
    try:
        # The recorder may have died before it had made every table.
        connection.executescript(SCHEMA)
        added, removed = _reconcile(connection, stored, manifest)
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
        done.append(f"{removed} frames were not in the video")
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


def _reconcile(
    connection: sqlite3.Connection, stored: list[_Stored], manifest: SessionManifest
) -> tuple[int, int]:
    """Make the table of frames tell what is in the video; gives added and removed."""
    known = {
        (segment, pts_us): (index, timestamp_ns, captured_ns, flags)
        for index, segment, pts_us, timestamp_ns, captured_ns, flags in (
            connection.execute(
                "SELECT source_index, segment, pts_us, timestamp_ns, captured_ns, flags"
                " FROM frames"
            )
        )
    }
    here = {(frame.segment, frame.pts_us) for frame in stored}
    added, removed = len(here - known.keys()), len(known.keys() - here)
    if not added and not removed:
        return 0, 0
    rows = []
    last = (-1, -1, manifest.started_ns, 0)
    last_key = (0, 0)
    for number, frame in enumerate(stored):
        key = (frame.segment, frame.pts_us)
        if key in known:
            last = known[key]
        else:
            # Within a file the clock goes on; the next file begins at 0 anew.
            same = frame.segment == last_key[0]
            passed_us = frame.pts_us - (last_key[1] if same else 0)
            timestamp_ns = (max(last[1], 0)) + passed_us * 1000
            captured_ns = last[2] + passed_us * 1000
            last = (last[0] + 1, timestamp_ns, captured_ns, RECOVERED_FLAG)
        last_key = key
        index, timestamp_ns, captured_ns, flags = last
        times = (frame.pts_us, timestamp_ns, captured_ns)
        rows.append(
            (
                number,
                index,
                frame.segment,
                *times,
                frame.is_key,
                frame.size_bytes,
                flags,
            )
        )
    connection.execute("BEGIN")
    connection.execute("DELETE FROM frames")
    connection.executemany("INSERT INTO frames VALUES (?,?,?,?,?,?,?,?,?)", rows)
    connection.execute("COMMIT")
    return added, removed
