"""A video file, decoded frame by frame with its true timestamps."""

from __future__ import annotations

import time
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np

from app.errors import (
    SourceError,
    SourceFormatError,
    SourceLostError,
    SourceNotFoundError,
)
from app.frames import Frame
from app.sources.base import EndOfSource, SourceSpec
from app.sources.decoded import pixels_of
from app.sources.options import take_options
from app.sources.pacing import Pacer
from app.sources.uri import is_there, parse_uri

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

_FALLBACK_RATE_HZ = 25.0
_INVALID_DATA = -0x41444E49  # FFmpeg's AVERROR_INVALIDDATA
_NO_INDEX_HINT = (
    "It is no video, or its end is missing: an MP4 file that was not finished has no"
    " index."
)
_TURNS = {
    90: cv2.ROTATE_90_COUNTERCLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_CLOCKWISE,
}
"""By the angle that a file asks for, counter-clockwise."""


class VideoFileSource:
    """Obeys `FrameSource`; reads a file with FFmpeg.

    A frame's timestamp is the one stored in the file, counted from the first frame;
    where it is missing or not later than the one before, the average distance is
    added instead. Files without colour give grey frames.

    Parameters
    ----------
    uri : str
        A path, or `file:///path`.
    is_paced : bool
        Whether frames come at their own time, or as fast as they are read. No frame
        is skipped either way: a slow reader slows the film.

    Raises
    ------
    SourceFormatError
        If the URI has options.
    """

    def __init__(self, uri: str, *, is_paced: bool) -> None:
        parsed = parse_uri(uri)
        take_options(parsed, {})
        self._uri = uri
        self._path = parsed.path
        self._is_paced = is_paced
        self._pacer = Pacer(is_paced=is_paced)
        self._film: _Film | None = None
        self._pictures: Iterator[_Picture] = iter(())
        self._next: _Picture | None = None

    def open(self) -> SourceSpec:
        """Open the file and decode its first frame.

        Raises
        ------
        SourceNotFoundError
            If there is no such file.
        SourceFormatError
            If it is no video, or no frame of it can be decoded.
        """
        self.close()
        film = self._film = _Film(self._path)
        self._pictures = film.pictures()
        self._pacer = Pacer(is_paced=self._is_paced)
        self._next = next(self._pictures, None)
        if self._next is None:
            self.close()
            raise SourceFormatError(
                f"no frame of {self._path} can be decoded",
                hint="The file is damaged or was never finished.",
            )
        height_px, width_px = self._next.image.shape[:2]
        return SourceSpec(
            uri=self._uri,
            title=self._path.name,
            width_px=width_px,
            height_px=height_px,
            frame_rate_hz=film.rate_hz,
            frame_count=film.frame_count,
            is_live=False,
            is_colour=self._next.image.ndim == 3,
        )

    def read(self, timeout_s: float) -> Frame | None:
        """Give the next frame, as `FrameSource` says.

        Raises
        ------
        SourceLostError
            Where the file is damaged, or ends before its declared length.
        """
        if self._film is None:
            raise SourceError(f"{self._path} is not open")
        if self._next is None:
            self._next = next(self._pictures, None)
        picture = self._next
        if picture is None:
            raise EndOfSource
        if not self._pacer.wait(picture.timestamp_ns, timeout_s):
            return None
        self._next = None
        return Frame(
            picture.index, picture.timestamp_ns, time.monotonic_ns(), picture.image
        )

    def close(self) -> None:
        """Close the file."""
        if self._film is not None:
            self._film.close()
        self._film = self._next = None
        self._pictures = iter(())


@dataclass(frozen=True, slots=True)
class _Picture:
    index: int
    timestamp_ns: int
    image: NDArray[np.uint8]


class _Film:
    """An open file.

    Raises
    ------
    SourceNotFoundError, SourceFormatError
        If the file is not there, or is no video.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._container = _opened(path)
        streams = self._container.streams
        if not streams.video:
            # Asked before closing: PyAV crashes on streams of a closed file.
            has_sound = bool(streams.audio)
            self.close()
            raise SourceFormatError(
                f"{path} has sound and no picture"
                if has_sound
                else f"no picture can be found in {path}",
                hint="Choose a video file." if has_sound else _NO_INDEX_HINT,
            )
        self._stream: VideoStream = streams.video[0]
        # A second decoding thread gains nothing at 720p and delays every frame.
        self._stream.codec_context.thread_count = 1
        rate = self._stream.average_rate or self._stream.guessed_rate
        self.rate_hz = float(rate) if rate else _FALLBACK_RATE_HZ
        self.frame_count = self._stream.frames or None
        """As the file declares it; None where it does not."""

    def close(self) -> None:
        self._container.close()

    def pictures(self) -> Iterator[_Picture]:
        """Decode all frames; raises `SourceLostError` where they end too soon."""
        clock = _Clock(self.rate_hz)
        index, shape, end_ns = 0, None, 0
        try:
            for frame in self._decoded():
                image = _image_of(frame)
                if shape not in (None, image.shape):
                    raise self._lost(index, end_ns, "changes its size")
                shape = image.shape
                timestamp_ns = clock.timestamp_ns(frame)
                end_ns = timestamp_ns + clock.length_ns(frame)
                yield _Picture(index, timestamp_ns, image)
                index += 1
        except av.FFmpegError as error:
            raise self._lost(index, end_ns, "is damaged") from error
        if index and self._is_too_short(index, end_ns):
            raise self._lost(index, end_ns, "ends early")

    def _decoded(self) -> Iterator[VideoFrame]:
        """All good frames, then the error that ended them, if one did."""
        is_started = False
        try:
            for packet in self._container.demux(self._stream):
                if packet.is_corrupt and is_started:
                    # Where a file is cut there is half a frame: decoders complete it.
                    raise av.InvalidDataError(_INVALID_DATA, "half a packet")
                try:
                    frames = packet.decode()
                except av.FFmpegError:
                    # What was cut out of a stream begins with undecodable frames.
                    if is_started:
                        raise
                    continue
                for frame in frames:
                    is_started = True
                    yield frame
        except av.FFmpegError as error:
            yield from self._held_back()
            raise error from None

    def _held_back(self) -> Iterator[VideoFrame]:
        """Good frames that the decoder kept to put them in order."""
        try:
            frames = self._stream.codec_context.decode(None)
        except av.FFmpegError:
            return
        yield from frames

    def _is_too_short(self, count: int, end_ns: int) -> bool:
        period_ns = 1e9 / self.rate_hz
        if self._stream.duration is not None and self._stream.time_base is not None:
            declared_s = float(self._stream.duration * self._stream.time_base)
            if self._container.format.name == "avi" and self.frame_count:
                # Without its index, which is at the end, FFmpeg tells what it found;
                # the header tells the number of frames, at a constant rate.
                declared_s = max(declared_s, self.frame_count / self.rate_hz)
            is_missing = self.frame_count is None or count < self.frame_count
            return is_missing and declared_s * 1e9 - end_ns > 1.5 * period_ns
        # The whole file's duration: that of the sound, where there is any.
        if self._container.duration is None or self._container.streams.audio:
            return False
        declared_ns = self._container.duration * 1_000_000_000 // av.time_base
        return declared_ns - end_ns > max(1.5 * period_ns, 50e6)

    def _lost(self, index: int, end_ns: int, what: str) -> SourceLostError:
        total = ""
        if self.frame_count:
            total = f" of {self.frame_count}"
        elif self._container.duration is not None:
            total = f" ({self._container.duration / av.time_base:.2f} s declared)"
        return SourceLostError(
            f"{self._path.name} {what} after {index} frames{total},"
            f" at {end_ns * 1e-9:.2f} s",
            hint="The frames before are good. Copy the file again if it was copied.",
        )


class _Clock:
    """Timestamps that increase, whatever the file says."""

    def __init__(self, rate_hz: float) -> None:
        self._period_ns = round(1e9 / rate_hz)
        self._expected_ns = 0
        self._zero_ns: int | None = None

    def timestamp_ns(self, frame: VideoFrame) -> int:
        timestamp_ns = self._expected_ns
        if frame.pts is not None:
            stored_ns = _nanoseconds(frame, frame.pts)
            if self._zero_ns is None:
                self._zero_ns = stored_ns - self._expected_ns
            last_ns = self._expected_ns - self._period_ns
            if stored_ns - self._zero_ns > last_ns:
                timestamp_ns = stored_ns - self._zero_ns
        self._expected_ns = timestamp_ns + self._period_ns
        return timestamp_ns

    def length_ns(self, frame: VideoFrame) -> int:
        """How long a frame is shown."""
        return max(self._period_ns, _nanoseconds(frame, frame.duration or 0))


def _nanoseconds(frame: VideoFrame, ticks: int) -> int:
    # In whole numbers: floats lose nanoseconds after some months of a long clock.
    base = frame.time_base or Fraction(1, av.time_base)
    return ticks * base.numerator * 1_000_000_000 // base.denominator


def _opened(path: Path) -> InputContainer:
    if not is_there(path):
        raise SourceNotFoundError(
            f"there is no file {path}", hint="Check the path, or open another file."
        )
    if path.is_dir():
        raise SourceFormatError(
            f"{path} is a folder, not a video file",
            hint="A folder of images opens as folder://PATH?fps=120.",
        )
    if path.stat().st_size == 0:
        raise SourceFormatError(
            f"{path} is empty (0 bytes)", hint="Copy or record it again."
        )
    try:
        return av.open(str(path))
    except av.FFmpegError as error:
        raise SourceFormatError(
            f"{path} cannot be read as video: {error.strerror}",
            hint=_NO_INDEX_HINT,
        ) from error


def _image_of(frame: VideoFrame) -> NDArray[np.uint8]:
    """Grey or BGR image, turned as the file asks, read-only."""
    image = _upright(pixels_of(frame), round(frame.rotation) % 360)
    image.setflags(write=False)
    return image


def _upright(image: NDArray[np.uint8], angle_deg: int) -> NDArray[np.uint8]:
    turn = _TURNS.get(angle_deg)
    return image if turn is None else np.asarray(cv2.rotate(image, turn), np.uint8)
