"""What is in the video files of a session, and its database brought in line with it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

import av
from av.error import FFmpegError

from app.recording.encoder import TIME_BASE
from app.recording.rows import RECOVERED_FLAG

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from pathlib import Path

log = logging.getLogger(__name__)


class StoredFrame(NamedTuple):
    """A frame that is in a video file."""

    segment: int
    pts_us: int
    is_key: bool
    size_bytes: int


class Agreement(NamedTuple):
    """What was done to the table of frames."""

    added: int
    """Frames of the video that had no row."""
    removed: tuple[tuple[int, int], ...]
    """Frames with a row that are not in the video: their number, given by the source,
    and when they were captured."""


def stored_frames(paths: Sequence[Path]) -> list[StoredFrame]:
    """What is in video files, whether they were finished or not, in order."""
    found: list[StoredFrame] = []
    for segment, path in enumerate(paths):
        try:
            with av.open(str(path)) as container:
                stream = container.streams.video[0]
                base = stream.time_base or TIME_BASE
                for packet in container.demux(stream):
                    if packet.pts is None or not packet.size or packet.is_corrupt:
                        continue
                    ticks = packet.pts * base.numerator * 1_000_000
                    pts_us = ticks // base.denominator
                    row = StoredFrame(segment, pts_us, packet.is_keyframe, packet.size)
                    found.append(row)
        except (FFmpegError, OSError, IndexError) as error:
            # Where a file was cut, its reader ends with an error.
            log.info("%s ends with: %s", path.name, error)
    return found


def make_agree(
    connection: sqlite3.Connection, stored: list[StoredFrame], started_ns: int
) -> Agreement:
    """Make the table of frames tell what is in the video.

    A frame without a row gets one, with the time that the video has and a number that
    is counted on; a row without a frame goes.

    Parameters
    ----------
    connection : sqlite3.Connection
        Of the database; no transaction is under way.
    stored : list of StoredFrame
    started_ns : int
        When the first frame was captured.

    Raises
    ------
    sqlite3.Error
        If the database cannot be written.
    """
    known = {
        (segment, pts_us): (index, timestamp_ns, captured_ns, flags)
        for index, segment, pts_us, timestamp_ns, captured_ns, flags in (
            connection.execute(
                "SELECT source_index, segment, pts_us, timestamp_ns, captured_ns, flags"
                " FROM frames ORDER BY number"
            )
        )
    }
    here = {(frame.segment, frame.pts_us) for frame in stored}
    added = len(here - known.keys())
    removed = tuple(
        (index, captured_ns)
        for key, (index, _, captured_ns, _) in known.items()
        if key not in here
    )
    if not added and not removed:
        return Agreement(0, ())
    rows = []
    last = (-1, -1, started_ns, 0)
    last_key = (0, 0)
    for number, frame in enumerate(stored):
        key = (frame.segment, frame.pts_us)
        if key in known:
            last = known[key]
        else:
            # Within a file the clock goes on; the next file begins at 0 anew.
            same = frame.segment == last_key[0]
            passed_us = frame.pts_us - (last_key[1] if same else 0)
            timestamp_ns = max(last[1], 0) + passed_us * 1000
            captured_ns = last[2] + passed_us * 1000
            last = (last[0] + 1, timestamp_ns, captured_ns, RECOVERED_FLAG)
        last_key = key
        index, timestamp_ns, captured_ns, flags = last
        times = (frame.pts_us, timestamp_ns, captured_ns)
        tail = (frame.is_key, frame.size_bytes, flags)
        rows.append((number, index, frame.segment, *times, *tail))
    connection.execute("BEGIN")
    connection.execute("DELETE FROM frames")
    connection.executemany("INSERT INTO frames VALUES (?,?,?,?,?,?,?,?,?)", rows)
    connection.execute("COMMIT")
    return Agreement(added, removed)
