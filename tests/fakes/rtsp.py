"""A server of one RTSP stream, which dies, stalls, spoils and returns as it is told.

Speaks what RFC 2326 asks of a server, over TCP with the pictures between the messages,
and sends real H.264 that is encoded once and then repeated.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from functools import cache
from typing import TYPE_CHECKING

import av
import numpy as np

from tests.fakes.v4l2 import moving_square

if TYPE_CHECKING:
    from types import TracebackType

_GROUP = 30
_PAYLOAD = 96
_MOST_BYTES = 1300
_CLOCK_HZ = 90_000


@cache
def encoded_loop(
    width: int, height: int, rate_hz: int
) -> tuple[tuple[bytes, ...], ...]:
    """NAL units of each picture of a loop; the first one needs no other."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height = width, height
    encoder.pix_fmt = "yuv420p"
    encoder.framerate = rate_hz
    encoder.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "g": str(_GROUP),
        "x264-params": "sliced-threads=0:slices=1:repeat-headers=1",
    }
    pictures = []
    for index in range(_GROUP):
        luma = moving_square(index, width, height)
        frame = av.VideoFrame.from_ndarray(luma, "gray").reformat(format="yuv420p")
        frame.pts = index
        pictures += [bytes(packet) for packet in encoder.encode(frame)]
    return tuple(tuple(_units(picture)) for picture in pictures)


def _units(picture: bytes) -> list[bytes]:
    parts = picture.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")
    return [part for part in parts if part]


def rtp_packets(units: tuple[bytes, ...], sequence: int, stamp: int) -> list[bytes]:
    """One picture as RTP: RFC 6184, large units in fragments."""
    payloads: list[bytes] = []
    for unit in units:
        if len(unit) <= _MOST_BYTES:
            payloads.append(unit)
            continue
        indicator = (unit[0] & 0xE0) | 28
        body = unit[1:]
        for at in range(0, len(body), _MOST_BYTES):
            is_first, is_last = at == 0, at + _MOST_BYTES >= len(body)
            header = is_first << 7 | is_last << 6 | unit[0] & 0x1F
            piece = body[at : at + _MOST_BYTES]
            payloads.append(bytes((indicator, header)) + piece)
    packets = []
    for number, payload in enumerate(payloads):
        marker = 0x80 if number == len(payloads) - 1 else 0
        head = struct.pack(
            ">BBHII",
            0x80,
            marker | _PAYLOAD,
            (sequence + number) & 0xFFFF,
            stamp & 0xFFFFFFFF,
            0x5045,
        )
        packets.append(head + payload)
    return packets


class RtspServer:
    """Serves `rtsp://127.0.0.1:PORT/square`; a context manager.

    Parameters
    ----------
    size : tuple of int
        Width and height in pixels.
    rate_hz : int
    frame_limit : int, optional
        Ends the stream after as many pictures.
    port : int
        0 takes a free one, and keeps it.
    """

    def __init__(
        self,
        size: tuple[int, int] = (64, 48),
        rate_hz: int = 100,
        frame_limit: int | None = None,
        port: int = 0,
    ) -> None:
        self.size = size
        self.is_stalled = False
        self.is_garbage = False
        self.password = ""
        self.sent = 0
        self.dropped: set[int] = set()
        """Pictures that are left out, by their number in a connection."""
        self._rate_hz = rate_hz
        self._frame_limit = frame_limit
        self._port = port
        self._listener: socket.socket | None = None
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        self._stop = threading.Event()

    @property
    def uri(self) -> str:
        return f"rtsp://127.0.0.1:{self._port}/square"

    def start(self) -> None:
        """Listen, at the same port as before."""
        encoded_loop(*self.size, self._rate_hz)
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._port = self._listener.getsockname()[1]
        self._run(self._accept, self._listener, self._stop)

    def stop(self) -> None:
        """Be gone, with every connection."""
        self._stop.set()
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        self.hang_up()
        for thread in self._threads:
            thread.join(5)
        self._threads.clear()

    def hang_up(self) -> None:
        """End every connection, and go on listening."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> RtspServer:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self, body: object, *arguments: object) -> None:
        thread = threading.Thread(target=body, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._run(self._serve, connection, stop)

    def _serve(self, connection: socket.socket, stop: threading.Event) -> None:
        self._open.add(connection)
        try:
            with connection, contextlib.suppress(OSError):
                self._converse(connection, stop)
        finally:
            self._open.discard(connection)

    def _converse(self, connection: socket.socket, stop: threading.Event) -> None:
        waiting = b""
        while not stop.is_set():
            data = connection.recv(4096)
            if not data:
                return
            waiting += data
            while b"\r\n\r\n" in waiting:
                request, _, waiting = waiting.partition(b"\r\n\r\n")
                method = request.split(b" ", 1)[0].lstrip(b"$\0\1").decode("ascii")
                self._answer(connection, method, request.decode("latin-1"))
                if method == "PLAY":
                    self._play(connection, stop)
                    return

    def _answer(self, connection: socket.socket, method: str, request: str) -> None:
        fields = dict(
            line.split(": ", 1) for line in request.split("\r\n")[1:] if ": " in line
        )
        head = f"CSeq: {fields.get('CSeq', '0')}\r\nSession: 1\r\n"
        if self.password and "Authorization" not in fields:
            challenge = 'WWW-Authenticate: Basic realm="camera"\r\n'
            connection.sendall(
                f"RTSP/1.0 401 Unauthorized\r\n{head}{challenge}\r\n".encode()
            )
            return
        body = ""
        if method == "OPTIONS":
            head += "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
        elif method == "DESCRIBE":
            body = (
                "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=square\r\nt=0 0\r\n"
                f"m=video 0 RTP/AVP {_PAYLOAD}\r\n"
                f"a=rtpmap:{_PAYLOAD} H264/{_CLOCK_HZ}\r\n"
                f"a=framerate:{self._rate_hz}\r\na=control:track\r\n"
            )
            head += f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
        elif method == "SETUP":
            head += "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
        connection.sendall(f"RTSP/1.0 200 OK\r\n{head}\r\n{body}".encode())

    def _play(self, connection: socket.socket, stop: threading.Event) -> None:
        loop = encoded_loop(*self.size, self._rate_hz)
        began_s, number, sequence = time.monotonic(), 0, 0
        noise = np.random.default_rng(7)
        while not stop.is_set():
            if self._frame_limit is not None and number >= self._frame_limit:
                return
            if self.is_stalled:
                time.sleep(0.005)
                began_s = time.monotonic() - number / self._rate_hz
                continue
            time.sleep(max(0.0, began_s + number / self._rate_hz - time.monotonic()))
            packets = rtp_packets(
                loop[number % len(loop)], sequence, number * _CLOCK_HZ // self._rate_hz
            )
            sequence += len(packets)
            for packet in packets if number not in self.dropped else ():
                data = packet
                if self.is_garbage:
                    data = packet[:12] + noise.bytes(len(packet) - 12)
                connection.sendall(b"$\0" + struct.pack(">H", len(data)) + data)
            number += 1
            self.sent += 1


class RtpSender:
    """Sends the same pictures to a port of this machine; a context manager."""

    def __init__(self, size: tuple[int, int] = (64, 48), rate_hz: int = 100) -> None:
        self._size, self._rate_hz = size, rate_hz
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            # RTP takes an even port, and the next one for its control.
            self.port = free.getsockname()[1] // 2 * 2
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)

    def __enter__(self) -> RtpSender:
        encoded_loop(*self._size, self._rate_hz)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(5)

    def _send(self) -> None:
        loop = encoded_loop(*self._size, self._rate_hz)
        began_s, number, sequence = time.monotonic(), 0, 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            while not self._stop.is_set():
                due_s = began_s + number / self._rate_hz
                time.sleep(max(0.0, due_s - time.monotonic()))
                stamp = number * _CLOCK_HZ // self._rate_hz
                packets = rtp_packets(loop[number % len(loop)], sequence, stamp)
                sequence += len(packets)
                for packet in packets:
                    # Nobody may be listening yet.
                    with contextlib.suppress(OSError):
                        out.sendto(packet, ("127.0.0.1", self.port))
                number += 1
