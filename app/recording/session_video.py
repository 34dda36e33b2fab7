"""The frames of a session, any of them, exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
from av.error import FFmpegError

from app.errors import SessionError
from app.recording.encoder import TIME_BASE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    from app.recording.manifest import SessionManifest

# Enough to step back through a group of pictures without decoding it again.
_HELD_BYTES = 120_000_000
# Part of the held frames between a frame and the group of pictures before its own.
_NEARNESS = 4


class SessionVideo:
    """Decodes the video files of a session; used by one thread.

    Parameters
    ----------
    folder : Path
    manifest : SessionManifest
    segment, pts_us, is_key : ndarray
        Of each frame, as the database has them.
    """

    def __init__(
        self,
        folder: Path,
        manifest: SessionManifest,
        segment: NDArray[np.int64],
        pts_us: NDArray[np.int64],
        is_key: NDArray[np.bool_],
    ) -> None:
        self._folder = folder
        self._manifest = manifest
        self._segment = segment
        self._pts_us = pts_us
        self._keys = np.flatnonzero(is_key)
        self._held: dict[int, NDArray[np.uint8]] = {}
        self._asked = 0
        frame_bytes = manifest.width_px * manifest.height_px * 3
        self._most = max(32, min(240, _HELD_BYTES // max(1, frame_bytes)))
        self._container: InputContainer | None = None
        self._open_segment = -1
        self._frames: Iterator[VideoFrame] = iter(())
        self._next = -1
        self.decoded = 0
        """Frames decoded so far; shows what a jump cost."""

    def image(self, number: int) -> NDArray[np.uint8]:
        """Give a frame by its place in the recording.

        Returns
        -------
        ndarray of uint8
            Grey (H, W) or BGR (H, W, 3); read-only.

        Raises
        ------
        SessionError
            If there is no such frame, or its file is damaged.
        """
        if not 0 <= number < len(self._pts_us):
            raise SessionError(f"the session has no frame {number}")
        self._asked = number
        held = self._held.get(number)
        if held is not None:
            return held
        segment = int(self._segment[number])
        key = self._key_before(number)
        is_ahead = segment == self._open_segment and key <= self._next <= number
        if not is_ahead:
            self._seek(segment, key)
        while True:
            at, image = self._decode()
            self._hold(at, image)
            if at == number:
                return image
            if at > number:
                raise SessionError(f"frame {number} is missing in the video")

    def prepare(self, number: int) -> bool:
        """Have the frames before one ready, as far as there is room; whether it had to.

        Whoever steps back then never waits for a group of pictures to be decoded.
        """
        key = self._key_before(number)
        before = key - 1
        is_near = number - key <= self._most // _NEARNESS
        if before < 0 or before in self._held or not is_near:
            return False
        self.image(before)
        return True

    def close(self) -> None:
        """Close the files. Calling it again does nothing."""
        self._frames = iter(())
        if self._container is not None:
            self._container.close()
        self._container = None
        self._open_segment = -1

    def _key_before(self, number: int) -> int:
        at = int(np.searchsorted(self._keys, number, side="right")) - 1
        return int(self._keys[at]) if at >= 0 else 0

    def _seek(self, segment: int, key: int) -> None:
        if segment != self._open_segment:
            self.close()
            if not 0 <= segment < len(self._manifest.segments):
                raise SessionError(f"the session names no video file {segment}")
            path = self._folder / self._manifest.segments[segment]
            try:
                self._container = av.open(str(path))
            except (FFmpegError, OSError) as error:
                raise SessionError(f"{path} cannot be read: {error}") from error
            self._container.streams.video[0].codec_context.thread_count = 1
            self._open_segment = segment
        assert self._container is not None
        stream = self._container.streams.video[0]
        base = stream.time_base or TIME_BASE
        target = round(int(self._pts_us[key]) / 1_000_000 / base)
        self._container.seek(target, stream=stream, backward=True)
        self._frames = self._container.decode(stream)
        self._next = key

    def _decode(self) -> tuple[int, NDArray[np.uint8]]:
        try:
            frame = next(self._frames)
        except StopIteration as end:
            raise SessionError("the video ends before this frame") from end
        except (FFmpegError, OSError) as error:
            raise SessionError(f"the video is damaged: {error}") from error
        self.decoded += 1
        at = self._number_of(frame)
        self._next = at + 1
        image = image_of(frame, self._manifest)
        image.setflags(write=False)
        return at, image

    def _number_of(self, frame: VideoFrame) -> int:
        pts_us = pts_in_us(frame)
        rows = np.flatnonzero(self._segment == self._open_segment)
        if not len(rows):
            raise SessionError("the video has frames that the database does not know")
        at = int(np.searchsorted(self._pts_us[rows], pts_us))
        if at >= len(rows) or int(self._pts_us[rows[at]]) != pts_us:
            raise SessionError(f"no frame of the database is at {pts_us} us")
        return int(rows[at])

    def _hold(self, number: int, image: NDArray[np.uint8]) -> None:
        self._held[number] = image
        while len(self._held) > self._most:
            # Who steps to and fro asks for the neighbours next.
            farthest = max(self._held, key=lambda held: abs(held - self._asked))
            del self._held[farthest]


def pts_in_us(frame: VideoFrame) -> int:
    """Time of a decoded frame in its file, in whole microseconds."""
    base = frame.time_base or TIME_BASE
    return (frame.pts or 0) * base.numerator * 1_000_000 // base.denominator


def image_of(frame: VideoFrame, manifest: SessionManifest) -> NDArray[np.uint8]:
    """The pixels as they were recorded, without what the codec added."""
    height, width = manifest.height_px, manifest.width_px
    name = frame.format.name
    is_grey = name.startswith("gray") or (
        # Grey H.264 is decoded as colour of full range, with nothing in it.
        name == "yuvj420p" and "JPEG" not in manifest.codec
    )
    if not manifest.is_colour or is_grey:
        plane = frame.planes[0]
        rows = np.frombuffer(memoryview(plane), np.uint8)
        grey = rows.reshape(plane.height, plane.line_size)[:height, :width]
        if manifest.is_colour:
            return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)
        return np.ascontiguousarray(grey)
    if name == "yuv420p":
        pixels = cv2.cvtColor(frame.to_ndarray(), cv2.COLOR_YUV2BGR_I420)
    else:
        pixels = frame.to_ndarray(format="bgr24")
    return np.ascontiguousarray(np.asarray(pixels, np.uint8)[:height, :width])
