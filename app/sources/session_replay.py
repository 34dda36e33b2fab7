"""A recorded session, frame by frame with its true times."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import (
    SessionError,
    SourceError,
    SourceFormatError,
    SourceLostError,
    SourceNotFoundError,
)
from app.frames import Frame
from app.sources.base import EndOfSource, SourceSpec
from app.sources.options import take_options
from app.sources.pacing import Pacer
from app.sources.uri import is_there, parse_uri

if TYPE_CHECKING:
    from app.recording.session import Session

SCHEME = "session"


class SessionReplay:
    """Obeys `FrameSource`; reads what a recorder wrote.

    Frames have the numbers and the times that they had when they were recorded, gaps
    included; time starts at 0.

    Parameters
    ----------
    uri : str
        A folder, or `session://folder`.
    is_paced : bool
        Whether frames come at their own time, or as fast as they are read.

    Raises
    ------
    SourceFormatError
        If the URI has options.
    """

    def __init__(self, uri: str, *, is_paced: bool) -> None:
        parsed = parse_uri(uri)
        take_options(parsed, {})
        self._uri = uri
        self._folder = Path(parsed.path)
        self._pacer = Pacer(is_paced=is_paced)
        self._is_paced = is_paced
        self._session: Session | None = None
        self._number = 0

    def open(self) -> SourceSpec:
        """Open the session.

        Raises
        ------
        SourceNotFoundError
            If there is no such folder.
        SourceFormatError
            If it is none, or has to be recovered first.
        """
        from app.recording.session import Session

        self.close()
        if not is_there(self._folder):
            raise SourceNotFoundError(
                f"there is no {self._folder}",
                hint="Name the folder of a recorded session.",
            )
        try:
            session = Session(self._folder)
        except SessionError as error:
            raise SourceFormatError(error.message, hint=error.hint) from error
        self._session = session
        self._pacer = Pacer(is_paced=self._is_paced)
        self._number = 0
        manifest = session.manifest
        return SourceSpec(
            uri=self._uri,
            title=manifest.name,
            width_px=manifest.width_px,
            height_px=manifest.height_px,
            frame_rate_hz=manifest.frame_rate_hz,
            frame_count=len(session.frames),
            is_live=False,
            is_colour=manifest.is_colour,
        )

    def read(self, timeout_s: float) -> Frame | None:
        """Give the next frame, as `FrameSource` says.

        Raises
        ------
        SourceLostError
            Where the video is damaged.
        """
        if self._session is None:
            raise SourceError(f"{self._folder} is not open")
        frames = self._session.frames
        if self._number >= len(frames):
            raise EndOfSource
        at = self._number
        timestamp_ns = int(frames.timestamp_ns[at] - frames.timestamp_ns[0])
        if not self._pacer.wait(timestamp_ns, timeout_s):
            return None
        try:
            image = self._session.video.image(at)
        except SessionError as error:
            raise SourceLostError(
                f"{self._folder.name}: {error.message}", hint=error.hint
            ) from error
        self._number += 1
        index = int(frames.source_index[at] - frames.source_index[0])
        return Frame(index, timestamp_ns, time.monotonic_ns(), image)

    def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            self._session.close()
        self._session = None
