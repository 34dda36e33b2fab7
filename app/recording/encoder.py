"""From frames to compressed packets that know their time to the microsecond."""

from __future__ import annotations

import os
import time
from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import av
import cv2
import numpy as np
from av.error import FFmpegError

from app.errors import RecordingError
from app.recording.settings import Quality

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    from app.frames import Frame

TIME_BASE = Fraction(1, 1_000_000)
# A quarter of a second at 120 a second: stepping back decodes at most this many.
GROUP_FRAMES = 30

# What FFmpeg calls ITU-R BT.601, full range and limited range.
_BT601, _FULL_RANGE, _LIMITED_RANGE = 6, 2, 1
_TRIAL_FRAMES, _WARM_UP_FRAMES = 14, 4
# A trial must leave this much of a frame's period to everything else.
_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class Codec:
    """An encoder of FFmpeg with its parameters for one quality."""

    encoder: str
    pixel_format: str
    options: tuple[tuple[str, str], ...]
    label: str
    """For the operator."""
    quantiser: int | None = None
    """Fixed, for encoders that take it only outside of their options."""


@dataclass(frozen=True, slots=True)
class CodecTrial:
    """How fast an encoder is here."""

    codec: Codec
    encode_ms: float
    """Median for one frame."""


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
    encoder: FrameEncoder
    """Made it: files are begun anew where it changes."""


def candidates(*, is_colour: bool, quality: Quality) -> tuple[Codec, ...]:
    """Encoders that can record, the one that is wanted most first."""
    if quality is Quality.LOSSLESS:
        # x264's own BGR is 4:4:4 and exact; 4:2:0 would halve the colour.
        fast = (("preset", "ultrafast"), ("tune", "zerolatency"), ("qp", "0"))
        if is_colour:
            return (Codec("libx264rgb", "bgr24", fast, "H.264 lossless, colour"),)
        return (Codec("libx264", "gray", fast, "H.264 lossless, grey"),)
    step = 34 if quality is Quality.SMALL else 26
    word = f"{'colour' if is_colour else 'grey'}, {quality.value}"
    constant = (("preset", "p1"), ("tune", "ull"), ("delay", "0"), ("rc", "constqp"))
    # A constant quantiser: x264 then leaves out the analysis that a constant rate
    # factor needs, half of its work, and the pictures are as good and as large.
    software = (("preset", "ultrafast"), ("tune", "zerolatency"), ("qp", str(step)))
    coded = "yuv420p" if is_colour else "yuvj420p"
    return (
        Codec("h264_nvenc", coded, (*constant, ("qp", str(step))), f"NVENC, {word}"),
        Codec(
            "libx264",
            "yuv420p" if is_colour else "gray",
            software,
            f"H.264 (x264), {word}",
        ),
        Codec(
            "mjpeg",
            "yuvj420p",
            (),
            f"Motion JPEG, {word}",
            quantiser=8 if quality is Quality.SMALL else 3,
        ),
    )


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
        # Colour is halved in both directions, and needs pairs of pixels.
        has_pairs = "420" in codec.pixel_format
        self._right_px = width_px % 2 if has_pairs else 0
        self._below_px = height_px % 2 if has_pairs else 0
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
            is_full = codec.pixel_format in ("gray", "yuvj420p")
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
        if self._right_px or self._below_px:
            image = np.asarray(
                cv2.copyMakeBorder(
                    image, 0, self._below_px, 0, self._right_px, cv2.BORDER_REPLICATE
                ),
                np.uint8,
            )
        if name == "yuv420p":
            planes = cv2.cvtColor(_colour(image), cv2.COLOR_BGR2YUV_I420)
            return av.VideoFrame.from_ndarray(np.asarray(planes, np.uint8), format=name)
        return av.VideoFrame.from_ndarray(_full_range_planes(image), format=name)


def choose_codec(
    width_px: int,
    height_px: int,
    frame_rate_hz: float,
    *,
    is_colour: bool,
    quality: Quality,
    without: frozenset[str] = frozenset(),
) -> CodecTrial:
    """Find the encoder that is wanted most among those that are fast enough here.

    Where none is, the fastest. Takes a tenth of a second the first time.

    Parameters
    ----------
    without : frozenset of str
        Encoders that have failed and are not tried again.

    Raises
    ------
    RecordingError
        If this machine has no encoder.
    """
    trials = [
        trial
        for trial in codec_trials(
            width_px,
            height_px,
            frame_rate_hz,
            is_colour=is_colour,
            quality=quality,
            is_complete=bool(without),
        )
        if trial.codec.encoder not in without
    ]
    if not trials:
        raise RecordingError(
            f"no encoder for {width_px} x {height_px} works on this machine",
            hint="Install FFmpeg's libraries with H.264 or Motion JPEG.",
        )
    budget_ms = _SHARE * 1e3 / frame_rate_hz
    fast = [trial for trial in trials if trial.encode_ms <= budget_ms]
    return fast[0] if fast else min(trials, key=lambda trial: trial.encode_ms)


@lru_cache(maxsize=32)
def codec_trials(
    width_px: int,
    height_px: int,
    frame_rate_hz: float,
    *,
    is_colour: bool,
    quality: Quality,
    is_complete: bool,
) -> tuple[CodecTrial, ...]:
    """Try encoders on a moving texture.

    Parameters
    ----------
    is_complete : bool
        Whether all are tried, or none after the first that is fast enough.
    """
    trials = []
    for codec in candidates(is_colour=is_colour, quality=quality):
        try:
            encoder = FrameEncoder(codec, width_px, height_px, frame_rate_hz)
            encode_ms = _trial_ms(encoder, is_colour=is_colour)
        except RecordingError:
            continue
        trials.append(CodecTrial(codec, encode_ms))
        if not is_complete and encode_ms <= _SHARE * 1e3 / frame_rate_hz:
            break
    return tuple(trials)


def _trial_ms(encoder: FrameEncoder, *, is_colour: bool) -> float:
    from app.frames import Frame

    shape = (encoder.height_px, encoder.width_px)
    noise = np.random.default_rng(1).integers(0, 12, shape, np.uint8)
    base = np.add(noise, np.linspace(20, 200, shape[1], dtype=np.uint8)[None, :])
    # The processor's time, where it does the work: what else runs just now must not
    # make a cheap encoder look slow and a dear one take its place.
    is_hardware = encoder.codec.encoder.endswith("nvenc")
    clock_ns = time.perf_counter_ns if is_hardware else time.thread_time_ns
    times_ms = []
    for number in range(_TRIAL_FRAMES):
        image = np.ascontiguousarray(np.roll(base, 3 * number, axis=1))
        if is_colour:
            image = np.repeat(image[..., None], 3, axis=2)
        started_ns = clock_ns()
        encoder.encode(Frame(number, number * 8_333_333, 0, image))
        times_ms.append((clock_ns() - started_ns) * 1e-6)
    return float(np.median(times_ms[_WARM_UP_FRAMES:]))


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
