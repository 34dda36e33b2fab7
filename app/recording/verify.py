"""Checks a session against itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.error import FFmpegError

from app.recording.manifest import SessionState
from app.recording.session_video import pts_in_us

if TYPE_CHECKING:
    from app.recording.session import Session

_MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class SessionReport:
    """What a check found."""

    frames: int = 0
    """That can be decoded."""
    tracks: int = 0
    """That were confirmed."""
    results: int = 0
    """Frames with results."""
    seconds: float = 0.0
    gaps: tuple[dict[str, Any], ...] = ()
    """Frames that are missing, with the cause."""
    recovered: str = ""
    """What recovery did; empty for a session that ended in order."""
    problems: tuple[str, ...] = ()

    def figures(self) -> dict[str, Any]:
        """The same as one JSON object."""
        return asdict(self)


def verify_session(session: Session) -> SessionReport:
    """Decode every frame, and compare video, database and manifest."""
    frames, manifest = session.frames, session.manifest
    problems = [session.integrity_problem()]
    decoded, ends = _decoded(session, problems)
    rows = list(zip(frames.segment.tolist(), frames.pts_us.tolist(), strict=True))
    if rows != decoded:
        first = next(
            (
                at
                for at, pair in enumerate(zip(rows, decoded, strict=False))
                if pair[0] != pair[1]
            ),
            min(len(rows), len(decoded)),
        )
        problems.append(
            f"the database has {len(rows)} frames, the video {len(decoded)};"
            f" they differ from frame {first} on"
        )
        problems += ends
    problems += _time_problems(session)
    gaps = session.gaps()
    problems += _gap_problems(session)
    if manifest.frames != len(frames):
        problems.append(f"the manifest tells of {manifest.frames} frames")
    is_recovered = manifest.state is SessionState.RECOVERED
    tracks = session.tracks()
    confirmed = tracks.id[tracks.columns["state"] == 1]
    return SessionReport(
        frames=len(decoded),
        tracks=len(np.unique(confirmed)),
        results=len(session.inferred()),
        seconds=float(frames.time_s[-1]) if len(frames) else 0.0,
        gaps=tuple(asdict(gap) for gap in gaps),
        recovered=manifest.recovery if is_recovered else "",
        problems=tuple(each for each in problems if each)[:_MOST_PROBLEMS],
    )


def _decoded(
    session: Session, problems: list[str]
) -> tuple[list[tuple[int, int]], list[str]]:
    """Segment and time of every frame that can be decoded, and why files ended.

    A file that was cut is complete up to there: that it was is no problem of its own.
    """
    found: list[tuple[int, int]] = []
    ends: list[str] = []
    for at, name in enumerate(session.manifest.segments):
        try:
            with av.open(str(session.folder / name)) as container:
                for frame in container.decode(container.streams.video[0]):
                    if frame.is_corrupt:
                        problems.append(f"frame {len(found)} is damaged")
                    found.append((at, pts_in_us(frame)))
        except (FFmpegError, OSError) as error:
            ends.append(f"{name}: {error}")
    return found, ends


def _time_problems(session: Session) -> list[str]:
    frames = session.frames
    problems = []
    if np.any(np.diff(frames.timestamp_ns) <= 0):
        problems.append("times of frames do not increase")
    if np.any(np.diff(frames.source_index) <= 0):
        problems.append("numbers of frames do not increase")
    for segment in np.unique(frames.segment):
        is_here = frames.segment == segment
        exact_us = frames.timestamp_ns[is_here] // 1000
        off_us = np.abs(exact_us - exact_us[0] - frames.pts_us[is_here])
        # Frames closer than a microsecond are set apart by one.
        if off_us.max(initial=0) > 1:
            problems.append(
                f"times in video {segment} are up to {off_us.max()} us off the index"
            )
    return problems


def _gap_problems(session: Session) -> list[str]:
    """Jumps in the numbers of frames that no gap explains."""
    index = session.frames.source_index
    jumps = int(np.sum(np.diff(index) - 1)) if len(index) else 0
    if not len(index):
        return []
    inside = sum(
        gap.count for gap in session.gaps() if index[0] < gap.first_index <= index[-1]
    )
    if inside != jumps:
        return [f"{jumps} frames are missing, and the gaps tell of {inside}"]
    return []
