"""From frames to compressed packets that know their time to the microsecond."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol, cast

import av
import cv2
import numpy as np
from av.error import FFmpegError

from app.errors import RecordingError

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    from app.frames import Frame
    from app.recording.codecs import Codec

TIME_BASE = Fraction(1, 1_000_000)
# A quarter of a second at 120 a second: stepping back decodes at most this many.
GROUP_FRAMES = 30

# What FFmpeg calls ITU-R BT.601, full range and limited range.
_BT601, _FULL_RANGE, _LIMITED_RANGE = 6, 2, 1


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """A frame as a packet."""

    index: int
    """Number given by the source."""
    timestamp_ns: int
    captured_ns: int
    pts_us: int
    """`timestamp_ns` in whole microseconds, later than the frame's before."""
    is_key: bool
    size_bytes: int
    packet: Packet[Any]
    encoder: Encoder
    """Made it: files are begun anew where it changes."""


class Encoder(Protocol):
    """Encodes frames of one size with one codec; used by one thread."""

    codec: Codec
    width_px: int
    height_px: int

    @property
    def template(self) -> VideoStream:
        """What a file needs to know about the packets; once there is one."""
        ...

    def encode(self, frame: Frame) -> list[EncodedFrame]:
        """Encode a frame; gives what is ready, this frame in most cases.

        Raises
        ------
        RecordingError
            If the encoder fails.
        """
        ...

    def flush(self) -> list[EncodedFrame]:
        """Give what the encoder held back; it takes no more frames.

        Raises
        ------
        RecordingError
            If the encoder fails.
        """
        ...

    @property
    def held(self) -> list[Frame]:
        """Frames that were taken and not given back: lost, once it is flushed."""
        ...

    def close(self) -> None:
        """Release the encoder; `template` stays usable until its files are closed."""
        ...


class FrameEncoder:
    """Encodes frames of one size with one codec; used by one thread.

    Parameters
    ----------
    codec : Codec
    width_px, height_px : int
        Of the frames.
    frame_rate_hz : float
        A hint; true times go with the frames.

    Raises
    ------
    RecordingError
        If this machine does not have the encoder.
    """

    def __init__(
        self, codec: Codec, width_px: int, height_px: int, frame_rate_hz: float
    ) -> None:
        self.codec = codec
        self.width_px, self.height_px = width_px, height_px
        self._right_px, self._below_px = padding(codec, width_px, height_px)
        self._waiting: deque[tuple[int, Frame]] = deque()
        self._last_us: int | None = None
        try:
            # A container that writes nothing: files made from `template` later then
            # know the codec's parameters, which a bare encoder cannot tell them.
            self._container = av.open(os.devnull, "w", format="null")
            rate = Fraction(frame_rate_hz).limit_denominator(1001)
            stream = cast(
                "VideoStream", self._container.add_stream(codec.encoder, rate=rate)
            )
        except (FFmpegError, ValueError) as error:
            raise _cannot(codec, error) from error
        self.template: VideoStream = stream
        """What a file needs to know about the packets."""
        stream.width = width_px + self._right_px
        stream.height = height_px + self._below_px
        stream.pix_fmt = codec.pixel_format
        context = stream.codec_context
        context.time_base = TIME_BASE
        context.gop_size = GROUP_FRAMES
        context.max_b_frames = 0
        # A second thread would hold frames back, and take turns from the inference.
        context.thread_count = 1
        context.options = dict(codec.options)
        if codec.quantiser is not None:
            context.qmin = context.qmax = codec.quantiser
        if codec.pixel_format != "bgr24":
            context.colorspace = _BT601
            is_full = codec.is_full_range or codec.pixel_format != "yuv420p"
            context.color_range = _FULL_RANGE if is_full else _LIMITED_RANGE
        # Parameter sets go into the file's header, where MP4 wants them.
        context.flags |= 1 << 22
        try:
            self._container.start_encoding()
        except (FFmpegError, ValueError) as error:
            raise _cannot(codec, error) from error

    def encode(self, frame: Frame) -> list[EncodedFrame]:
        """Encode a frame; gives what is ready, this frame in most cases.

        Raises
        ------
        RecordingError
            If the encoder fails.
        """
        pts_us = frame.timestamp_ns // 1000
        if self._last_us is not None:
            pts_us = max(pts_us, self._last_us + 1)
        self._last_us = pts_us
        self._waiting.append((pts_us, frame))
        picture = self._picture(frame.image)
        picture.pts = pts_us
        picture.time_base = TIME_BASE
        return self._packets(picture)

    def flush(self) -> list[EncodedFrame]:
        """Give what the encoder held back; it takes no more frames.

        Raises
        ------
        RecordingError
            If the encoder fails.
        """
        return self._packets(None)

    @property
    def held(self) -> list[Frame]:
        """Frames that were taken and not given back."""
        return [frame for _, frame in self._waiting]

    def close(self) -> None:
        """Release the encoder; `template` stays usable until its files are closed."""
        self._waiting.clear()

    def _packets(self, picture: av.VideoFrame | None) -> list[EncodedFrame]:
        try:
            packets = self.template.encode(picture)
        except (FFmpegError, ValueError) as error:
            raise RecordingError(
                f"{self.codec.encoder} failed: {error}",
                hint="Another encoder takes over where there is one.",
            ) from error
        return [self._encoded(packet) for packet in packets]

    def _encoded(self, packet: Packet[Any]) -> EncodedFrame:
        pts_us, frame = self._waiting.popleft()
        return EncodedFrame(
            index=frame.index,
            timestamp_ns=frame.timestamp_ns,
            captured_ns=frame.captured_ns,
            pts_us=pts_us,
            is_key=packet.is_keyframe,
            size_bytes=packet.size,
            packet=packet,
            encoder=self,
        )

    def _picture(self, image: NDArray[np.uint8]) -> av.VideoFrame:
        name = self.codec.pixel_format
        if name == "gray":
            return _borrowed(_grey(image), "gray")
        if name == "bgr24":
            return _borrowed(_colour(image), "bgr24")
        planes = planes_of(image, self.codec)
        return av.VideoFrame.from_ndarray(planes, format=name)


def padding(codec: Codec, width_px: int, height_px: int) -> tuple[int, int]:
    """Columns and rows that are added: halved colour needs pairs of pixels."""
    if "420" not in codec.pixel_format:
        return 0, 0
    return width_px % 2, height_px % 2


def planes_of(image: NDArray[np.uint8], codec: Codec) -> NDArray[np.uint8]:
    """The planes Y, U, V of a picture under each other, padded to pairs of pixels."""
    height, width = image.shape[:2]
    right_px, below_px = padding(codec, width, height)
    if right_px or below_px:
        image = np.asarray(
            cv2.copyMakeBorder(image, 0, below_px, 0, right_px, cv2.BORDER_REPLICATE),
            np.uint8,
        )
    if codec.pixel_format == "yuv420p" and not codec.is_full_range:
        planes = cv2.cvtColor(_colour(image), cv2.COLOR_BGR2YUV_I420)
        return np.asarray(planes, np.uint8)
    # What is recorded in grey may have been captured in colour.
    return _full_range_planes(_grey(image) if codec.is_full_range else image)


def _cannot(codec: Codec, error: Exception) -> RecordingError:
    return RecordingError(f"{codec.encoder} cannot be used here: {error}")


def _borrowed(image: NDArray[np.uint8], name: str) -> av.VideoFrame:
    """A picture in the array's own memory, which it keeps alive."""
    return av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(image), format=name)


def _grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if image.ndim == 2:
        return image
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


def _colour(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if image.ndim == 3:
        return image
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)


def _full_range_planes(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Planes Y, U, V under each other, of full range: what JPEG files hold."""
    height, width = image.shape[:2]
    planes = np.full((height * 3 // 2, width), 128, np.uint8)
    if image.ndim == 2:
        planes[:height] = image
        return planes
    mixed = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YCrCb), np.uint8)
    planes[:height] = mixed[..., 0]
    half = (width // 2, height // 2)
    halves = [
        cv2.resize(mixed[..., at], half, interpolation=cv2.INTER_AREA) for at in (2, 1)
    ]
    planes[height:] = np.stack(halves).reshape(height // 2, width)
    return planes
