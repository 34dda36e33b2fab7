"""Streams from the network, read with FFmpeg: RTSP and RTP."""

from __future__ import annotations

import io
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import av
import av.error

from app.errors import (
    SourceDeniedError,
    SourceError,
    SourceFormatError,
    SourceLostError,
    SourceNotFoundError,
)
from app.sources.decoded import luma_of, pixels_of
from app.sources.live import CaptureSpec, Sample
from app.sources.stream_clock import StreamClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

RTP_CODECS = {"h264": "H264", "h265": "H265", "jpeg": "JPEG"}
"""What `codec=` of an `rtp://` URI may say, and what SDP calls it."""
_JPEG_PAYLOAD = 26
OPEN_TIMEOUT_S = 1.8
_READ_TIMEOUT_S = 1.5
_MOST_DAMAGED = 100
_FALLBACK_RATE_HZ = 30.0
_SANE_HZ = (0.5, 1000.0)
_MEASURED_FRAMES = 8
# A packet that comes later than this is not waited for to put the others in order.
_REORDER_US = 50_000


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """Which stream, and how it is fetched."""

    address: str
    """For FFmpeg; the text of an SDP description where `is_sdp`."""
    title: str
    """For the operator: without user name and password."""
    is_sdp: bool = False
    transport: str = "tcp"
    timeout_s: float = OPEN_TIMEOUT_S
    is_colour: bool = False


class StreamCapture:
    """Obeys `Capture`; decodes in the thread that reads.

    Parameters
    ----------
    request : StreamRequest
    """

    def __init__(self, request: StreamRequest) -> None:
        self._request = request
        self._container: InputContainer | None = None
        self._packets: Iterator[Packet[VideoStream]] = iter(())
        self._frames: list[VideoFrame] = []
        self._clock = StreamClock(_FALLBACK_RATE_HZ)
        self._size = (0, 0)
        self._damaged = 0

    def open(self) -> CaptureSpec:
        """Connect, and wait for the first picture; as `Capture` says."""
        self.close()
        try:
            return self._set_up()
        except av.FFmpegError as error:
            self.close()
            raise self._refusal(error) from error
        except SourceError:
            self.close()
            raise

    def read(self, timeout_s: float) -> Sample | None:  # noqa: ARG002  FFmpeg has its own
        """Give the next picture, as `Capture` says."""
        if self._container is None:
            raise SourceError(f"{self._request.title} is not open")
        if not self._frames:
            try:
                self._frames = self._decoded()
            except av.FFmpegError as error:
                raise self._loss(error) from error
        if not self._frames:
            return None
        return self._sample(self._frames.pop(0))

    def close(self) -> None:
        """Disconnect."""
        self._packets, self._frames = iter(()), []
        if self._container is not None:
            self._container.close()
        self._container = None

    def warnings(self) -> tuple[str, ...]:
        """Nothing that the rate does not tell."""
        return ()

    def _set_up(self) -> CaptureSpec:
        request = self._request
        options = {
            "fflags": "nobuffer",
            "flags": "low_delay",
            # What a description names needs no analysis; the rest needs a moment.
            "analyzeduration": "200000",
            "max_delay": str(_REORDER_US),
        }
        if request.is_sdp:
            options["protocol_whitelist"] = "rtp,udp"
        else:
            options["rtsp_transport"] = request.transport
        self._container = container = av.open(
            io.BytesIO(request.address.encode()) if request.is_sdp else request.address,
            "r",
            format="sdp" if request.is_sdp else None,
            options=options,
            timeout=(request.timeout_s, _READ_TIMEOUT_S),
        )
        if not container.streams.video:
            raise SourceFormatError(
                f"{request.title} has no picture", hint="Choose another stream of it."
            )
        stream = container.streams.video[0]
        # A second decoding thread gains nothing at 720p and delays every frame.
        stream.codec_context.thread_count = 1
        self._packets = container.demux(stream)
        self._damaged = 0
        while not self._frames:
            self._frames = self._decoded()
        rate_hz = float(stream.average_rate or stream.guessed_rate or 0)
        if not _SANE_HZ[0] <= rate_hz <= _SANE_HZ[1]:
            rate_hz = self._measured_rate()
        self._clock = StreamClock(rate_hz)
        first = self._frames[0]
        self._size = (first.width, first.height)
        image = self._image_of(first)
        return CaptureSpec(
            title=request.title,
            width_px=first.width,
            height_px=first.height,
            frame_rate_hz=rate_hz,
            is_colour=image.ndim == 3,
            pixels=stream.codec_context.name.upper(),
        )

    def _measured_rate(self) -> float:
        """Where a stream tells none, as JPEG over RTP: by its first pictures."""
        while len(self._frames) < _MEASURED_FRAMES:
            self._frames += self._decoded()
        times_s = [frame.time for frame in self._frames if frame.pts is not None]
        steps_s = [b - a for a, b in pairwise(times_s) if b > a]
        return 1 / median(steps_s) if steps_s else _FALLBACK_RATE_HZ

    def _decoded(self) -> list[VideoFrame]:
        """Frames of the next packet: mostly one, sometimes none."""
        packet = next(self._packets, None)
        if packet is None or packet.size == 0:
            raise SourceLostError(
                f"{self._request.title} has ended its stream",
                hint="Check that the server still runs.",
            )
        try:
            frames: list[VideoFrame] = packet.decode()
        except av.FFmpegError as error:
            self._damaged += 1
            if self._damaged >= _MOST_DAMAGED:
                raise SourceLostError(
                    f"{self._request.title}: {self._damaged} damaged pictures in a row",
                    hint="Use transport=tcp, or a lower bit rate.",
                ) from error
            return []
        self._damaged = 0
        return frames

    def _sample(self, frame: VideoFrame) -> Sample | None:
        if (frame.width, frame.height) != self._size:
            raise SourceLostError(
                f"{self._request.title} gives {frame.width}x{frame.height} now, and"
                f" gave {self._size[0]}x{self._size[1]} before",
                hint="Start the source again to go on at the new size.",
            )
        if frame.is_corrupt:
            return None
        stream_ns = None
        if frame.pts is not None and frame.time_base is not None:
            base = frame.time_base
            stream_ns = frame.pts * base.numerator * 1_000_000_000 // base.denominator
        sequence, taken_ns = self._clock.take(stream_ns)
        return Sample(sequence, taken_ns, self._image_of(frame))

    def _image_of(self, frame: VideoFrame) -> NDArray[np.uint8]:
        image = pixels_of(frame) if self._request.is_colour else luma_of(frame)
        image.setflags(write=False)
        return image

    def _refusal(self, error: av.FFmpegError) -> SourceError:
        title = self._request.title
        if isinstance(error, av.error.HTTPUnauthorizedError):
            return SourceDeniedError(
                f"{title} refuses the user name or the password",
                hint="Write them before the host: rtsp://user:password@host/stream.",
            )
        if isinstance(error, av.error.HTTPNotFoundError):
            return SourceNotFoundError(
                f"{title} has no stream of this name",
                hint="The manual of the camera names its streams.",
            )
        if isinstance(error, av.error.ConnectionRefusedError):
            return SourceNotFoundError(
                f"nothing answers at {title}: connection refused",
                hint="Check the address, and that the server runs.",
            )
        if isinstance(error, (av.error.ExitError, av.error.TimeoutError)):
            return SourceNotFoundError(
                f"{title} gave no picture within {self._request.timeout_s:g} s",
                hint="Check the address; timeout= allows it more time.",
            )
        return SourceNotFoundError(
            f"{title} cannot be opened: {error.strerror}",
            hint="Check the address, and that the server runs.",
        )

    def _loss(self, error: av.FFmpegError) -> SourceLostError:
        if isinstance(error, (av.error.ExitError, av.error.TimeoutError)):
            return SourceLostError(
                f"{self._request.title} sent nothing for {_READ_TIMEOUT_S:g} s",
                hint="Check the network, and that the server runs.",
            )
        return SourceLostError(
            f"{self._request.title} broke off: {error.strerror}",
            hint="Check the network, and that the server runs.",
        )


def title_of(address: str) -> str:
    """An address as it may be shown: without user name, password and query."""
    parts = urlsplit(address)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


def rtp_description(host: str, port: int, codec: str, payload: int) -> str:
    """What an RTP stream is, as SDP says it: a stream does not tell itself.

    Parameters
    ----------
    host : str
        Address of a group to join, or of the sender; empty takes any sender.
    port : int
    codec : str
        One of `RTP_CODECS`.
    payload : int
        The stream's number for it; the one of JPEG is fixed.
    """
    number = _JPEG_PAYLOAD if codec == "jpeg" else payload
    return "\r\n".join(
        (
            "v=0",
            "o=- 0 0 IN IP4 127.0.0.1",
            "s=Peregrine",
            f"c=IN IP4 {host or '0.0.0.0'}",
            "t=0 0",
            f"m=video {port} RTP/AVP {number}",
            f"a=rtpmap:{number} {RTP_CODECS[codec]}/90000",
            "",
        )
    )
