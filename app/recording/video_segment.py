"""One video file of a session, readable at every moment while it grows."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import av
from av.error import FFmpegError

from app.recording.encoder import TIME_BASE

if TYPE_CHECKING:
    from pathlib import Path

    from app.recording.encoder import EncodedFrame, Encoder

_OPTIONS = {
    # A fragment a frame: what a killed process has written can be read up to the frame
    # before the last. `close` turns it into an ordinary MP4 with one index.
    "movflags": "hybrid_fragmented+frag_every_frame",
    "flush_packets": "1",
}


class VideoSegment:
    """Writes packets of one encoder into one MP4 file; used by one thread.

    Its clock ticks in microseconds and starts with its first frame.

    Parameters
    ----------
    path : Path
        Must not exist.
    encoder : Encoder
        Made the packets.

    Raises
    ------
    OSError
        If the file cannot be made.
    """

    def __init__(self, path: Path, encoder: Encoder) -> None:
        # Opened without FFmpeg once, so that nothing is ever overwritten.
        self._descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644)
        self.path = path
        self.encoder = encoder
        self._start_us: int | None = None
        self._is_open = True
        self.readable = 0
        """Frames that can be read, also if the process ends now. FFmpeg keeps the
        newest until it knows how long it lasts: when the next one comes."""
        self._taken = 0
        try:
            self._container = av.open(str(path), "w", format="mp4", options=_OPTIONS)
            self._stream = self._container.add_stream_from_template(encoder.template)
            self._stream.time_base = TIME_BASE
            self._container.start_encoding()
        except (FFmpegError, OSError) as error:
            os.close(self._descriptor)
            raise _os_error(error) from error

    def write(self, frame: EncodedFrame) -> int:
        """Append a frame; gives its time in the file, in microseconds.

        Raises
        ------
        OSError
            If the disk is full or gone; every further call then fails too.
        """
        if self._start_us is None:
            self._start_us = frame.pts_us
        pts_us = frame.pts_us - self._start_us
        packet = frame.packet
        packet.stream = self._stream
        packet.time_base = TIME_BASE
        packet.pts = packet.dts = pts_us
        try:
            self._container.mux(packet)
        except (FFmpegError, OSError) as error:
            raise _os_error(error) from error
        self.readable = self._taken
        self._taken += 1
        return pts_us

    def sync(self) -> None:
        """Have what is written on the disk; any thread may call it.

        Raises
        ------
        OSError
            If the disk is gone.
        """
        os.fdatasync(self._descriptor)

    def size_bytes(self) -> int:
        """How large the file is."""
        return os.fstat(self._descriptor).st_size

    def close(self) -> None:
        """Write the index. Calling it again does nothing.

        Raises
        ------
        OSError
            If the disk is full or gone; what was written stays readable.
        """
        if not self._is_open:
            return
        self._is_open = False
        try:
            self._container.close()
            os.fdatasync(self._descriptor)
        except (FFmpegError, OSError) as error:
            raise _os_error(error) from error
        self.readable = self._taken

    def release(self) -> None:
        """Close what `sync` needs; `sync` must not be called any more."""
        with contextlib.suppress(OSError):
            self.close()
        os.close(self._descriptor)


def _os_error(error: Exception) -> OSError:
    if isinstance(error, OSError):
        return error
    return OSError(getattr(error, "errno", 0) or 0, str(error))
