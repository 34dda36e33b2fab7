"""Encoders that only GStreamer has: those of Jetsons, and VA-API."""

from __future__ import annotations

import contextlib
import io
import os
import select
import shutil
import subprocess
import time
from collections import deque
from fractions import Fraction
from typing import TYPE_CHECKING, BinaryIO, cast

import av
import numpy as np
from av.error import FFmpegError
from av.packet import Packet

from app.errors import RecordingError
from app.recording.encoder import EncodedFrame, padding, planes_of
from app.worker import Worker

if TYPE_CHECKING:
    import threading

    from av.container import InputContainer
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    from app.frames import Frame
    from app.recording.codecs import Codec

_LAUNCH, _INSPECT = "gst-launch-1.0", "gst-inspect-1.0"
_BOUNDARY = "peregrine"
_INSPECT_S = 10.0
# An encoder that takes no picture for so long does not work any more.
_PATIENCE_S = 5.0
# What begins a picture that needs no other: IDR of H.264; IDR and CRA of H.265.
_H264_KEYS, _HEVC_KEYS = frozenset({5}), frozenset({19, 20, 21})


def pipeline_text(
    codec: Codec, width_px: int, height_px: int, frame_rate_hz: float
) -> str:
    """What `gst-launch-1.0` is given: pictures come in, packets go out.

    Pictures are I420, one after another. Packets are parts of a multipart stream,
    which tells their lengths; each is a picture, with its parameter sets where it
    needs no other.
    """
    rate = Fraction(frame_rate_hz).limit_denominator(1001)
    size_bytes = width_px * height_px * 3 // 2
    standard = "h265" if "265" in codec.encoder else "h264"
    return (
        f"fdsrc fd=0 blocksize={size_bytes}"
        f" ! rawvideoparse format=i420 width={width_px} height={height_px}"
        f" framerate={rate.numerator}/{rate.denominator}"
        f" ! {codec.elements}"
        f" ! {standard}parse config-interval=-1"
        f" ! video/x-{standard},stream-format=byte-stream,alignment=au"
        f" ! multipartmux boundary={_BOUNDARY} ! fdsink fd=1 sync=false"
    )


class GstreamerEncoder:
    """Encodes in a process of GStreamer's own, which obeys `Encoder`.

    The console's environment has no GStreamer, and the system's Python has none of
    the console: the two meet at the program that every installation has.

    Parameters
    ----------
    codec : Codec
        With elements.
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
        right_px, below_px = padding(codec, width_px, height_px)
        size = width_px + right_px, height_px + below_px
        self._waiting: deque[tuple[int, Frame]] = deque()
        self._last_us: int | None = None
        self._parts: deque[bytes] = deque()
        self._source: InputContainer | None = None
        self._template: VideoStream | None = None
        _require_element(codec.encoder)
        self._process = subprocess.Popen(
            [_LAUNCH, "-q", *pipeline_text(codec, *size, frame_rate_hz).split()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Ctrl+C in the terminal is for the console.
            start_new_session=True,
        )
        assert self._process.stdin is not None
        self._input = self._process.stdin.fileno()
        os.set_blocking(self._input, False)
        self._reader = Worker("packets", self._read, lambda _: None)
        self._reader.start()

    @property
    def template(self) -> VideoStream:
        """What a file needs to know; there after the first packet."""
        assert self._template is not None
        return self._template

    def encode(self, frame: Frame) -> list[EncodedFrame]:
        """Encode a frame; gives what is ready, which may be frames before it.

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
        self._write(planes_of(frame.image, self.codec))
        return self._ready()

    def flush(self) -> list[EncodedFrame]:
        """Give what the encoder held back; it takes no more frames."""
        self._close_input()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE_S)
        self._reader.join(_PATIENCE_S)
        return self._ready()

    @property
    def held(self) -> list[Frame]:
        """Frames that were taken and not given back."""
        return [frame for _, frame in self._waiting]

    def close(self) -> None:
        """End the process."""
        self._close_input()
        self._process.kill()
        self._process.wait()
        self._reader.request_stop()
        self._reader.join(_PATIENCE_S)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._waiting.clear()

    def _write(self, planes: NDArray[np.uint8]) -> None:
        view = np.ascontiguousarray(planes).data.cast("B")
        deadline_s = time.monotonic() + _PATIENCE_S
        while view:
            _, is_free, _ = select.select([], [self._input], [], _PATIENCE_S)
            try:
                view = view[os.write(self._input, view) :] if is_free else view
            except (OSError, ValueError) as error:
                raise self._failure(f"ended: {error}") from error
            if view and time.monotonic() > deadline_s:
                raise self._failure("takes no pictures any more")

    def _close_input(self) -> None:
        assert self._process.stdin is not None
        # What Python has buffered is nothing: pictures are written past it.
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def _failure(self, what: str) -> RecordingError:
        return RecordingError(
            f"{self.codec.encoder} {what}",
            hint="Another encoder takes over where there is one.",
        )

    def _ready(self) -> list[EncodedFrame]:
        found = []
        while self._parts and self._waiting:
            found.append(self._encoded(self._parts.popleft()))
        return found

    def _encoded(self, data: bytes) -> EncodedFrame:
        is_hevc = "265" in self.codec.encoder
        if self._template is None:
            self._open_template(data, "hevc" if is_hevc else "h264")
        pts_us, frame = self._waiting.popleft()
        packet = Packet(data)
        packet.is_keyframe = is_key(data, is_hevc=is_hevc)
        return EncodedFrame(
            index=frame.index,
            timestamp_ns=frame.timestamp_ns,
            captured_ns=frame.captured_ns,
            pts_us=pts_us,
            is_key=packet.is_keyframe,
            size_bytes=len(data),
            packet=packet,
            encoder=self,
        )

    def _open_template(self, data: bytes, name: str) -> None:
        try:
            self._source = av.open(io.BytesIO(data), "r", format=name)
            self._template = self._source.streams.video[0]
        except (FFmpegError, IndexError) as error:
            raise self._failure(f"gives what is no {name}: {error}") from error

    def _read(self, stop: threading.Event) -> None:
        stream = cast("BinaryIO", self._process.stdout)
        while not stop.is_set():
            part = read_part(stream)
            if part is None:
                return
            self._parts.append(part)


def read_part(stream: BinaryIO) -> bytes | None:
    """Read the next part of a multipart stream; None at its end."""
    length = None
    while line := stream.readline():
        word, _, value = line.strip().partition(b":")
        if word.lower() == b"content-length":
            length = int(value)
        elif not line.strip() and length is not None:
            part = stream.read(length)
            return part if len(part) == length else None
    return None


def is_key(data: bytes, *, is_hevc: bool) -> bool:
    """Whether a picture of an H.264 or H.265 byte stream needs no other."""
    at = data.find(b"\0\0\1")
    while at >= 0 and at + 3 < len(data):
        header = data[at + 3]
        kind = header >> 1 & 0x3F if is_hevc else header & 0x1F
        if kind in (_HEVC_KEYS if is_hevc else _H264_KEYS):
            return True
        at = data.find(b"\0\0\1", at + 3)
    return False


def _require_element(name: str) -> None:
    if shutil.which(_LAUNCH) is None or shutil.which(_INSPECT) is None:
        raise RecordingError(f"{name} needs GStreamer, which is not installed")
    try:
        found = subprocess.run(
            [_INSPECT, "--exists", name],
            capture_output=True,
            timeout=_INSPECT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise RecordingError(f"GStreamer does not say whether it has {name}") from error
    if found.returncode:
        raise RecordingError(f"GStreamer has no {name} here")
