"""What it costs to take 120 frames a second from cameras and streams.

    python -m tests.benchmarks.streams [--seconds 30]

Each source runs for some seconds at 640x480 and at 1280x720 and is read as the capture
thread reads it. Streams are encoded once, before, and then sent by processes of their
own: where two cores encode and decode 120 pictures a second, the figures would be those
of the encoder. What is left out for lack of GStreamer is said to be.
"""

from __future__ import annotations

import argparse
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np

from app.errors import SourceError
from app.process import hurry_thread, prepare_process
from app.sources.catalogue import open_source
from app.sources.decoded import luma_of
from app.sources.live import LiveSource
from app.sources.pixels import PixelLayout, decode
from app.sources.v4l2.capture import V4l2Capture, V4l2Request
from tests.fakes.gstreamer import why_no_gstreamer

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.sources.base import FrameSource

_SIZES = ((640, 480), (1280, 720))
_RATE_HZ = 120
_SETTLE_S = 2.0
_SPARE_S = 12.0
"""Longer than a stream is read: for its start, and for opening it."""
_ENCODERS = {
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=60"
    " bitrate=8000 ! h264parse",
    "jpeg": "jpegenc",
}
_SELF = (sys.executable, "-m", "tests.benchmarks.streams")


@dataclass(frozen=True, slots=True)
class Row:
    """One source at one size."""

    name: str
    needs_gstreamer: bool
    open: Callable[[tuple[int, int], Bench], FrameSource]
    has_sender_here: bool = False
    """Whether the pictures are made in the same process, and cost what is told."""


def _test_pictures(size: tuple[int, int], pixels: str, made: str) -> str:
    width, height = size
    return (
        f"videotestsrc {made} ! video/x-raw,format={pixels},width={width},"
        f"height={height},framerate={_RATE_HZ}/1"
    )


def _live(size: tuple[int, int], _: Bench) -> FrameSource:
    pictures = _test_pictures(size, "NV12", "is-live=true pattern=ball")
    return open_source(f"gst://{pictures}", is_paced=True)


def _rtp(size: tuple[int, int], bench: Bench) -> FrameSource:
    port = _free_port()
    launch = f"{_from_file(bench.file(size, 'h264'), 'h264')} ! rtph264pay pt=96"
    bench.run("gst", f"{launch} ! udpsink host=127.0.0.1 port={port}")
    return open_source(f"rtp://@:{port}?timeout=10", is_paced=True)


def _rtp_jpeg(size: tuple[int, int], bench: Bench) -> FrameSource:
    port = _send_jpeg(size, bench)
    return open_source(f"rtp://@:{port}?codec=jpeg&timeout=10", is_paced=True)


def _gst_jpeg(size: tuple[int, int], bench: Bench) -> FrameSource:
    port = _send_jpeg(size, bench)
    caps = "application/x-rtp,media=video,encoding-name=JPEG,clock-rate=90000"
    launch = (
        f"udpsrc port={port} buffer-size=4000000 caps={caps} !"
        " rtpjitterbuffer latency=20 ! rtpjpegdepay"
    )
    return open_source(f"gst://{launch}", is_paced=True)


def _send_jpeg(size: tuple[int, int], bench: Bench) -> int:
    port = _free_port()
    launch = f"{_from_file(bench.file(size, 'jpeg'), 'jpeg')} ! rtpjpegpay"
    bench.run("gst", f"{launch} ! udpsink host=127.0.0.1 port={port}")
    return port


def _rtsp(size: tuple[int, int], bench: Bench) -> FrameSource:
    port = _free_port()
    launch = _from_file(bench.file(size, "h264"), "h264")
    bench.run("rtsp", str(port), f"{launch} ! rtph264pay pt=96 name=pay0")
    _wait_for_port(port)
    return open_source(f"rtsp://127.0.0.1:{port}/test#timeout=10", is_paced=True)


def _from_file(path: Path, codec: str) -> str:
    parser = "h264parse config-interval=-1" if codec == "h264" else "jpegparse"
    return f"filesrc location={path} ! qtdemux ! {parser}"


def _own_rtsp(size: tuple[int, int], bench: Bench) -> FrameSource:
    width, height = size
    port = _free_port()
    bench.run("own", str(port), str(width), str(height))
    _wait_for_port(port)
    return open_source(f"rtsp://127.0.0.1:{port}/square#timeout=10", is_paced=True)


def _fake_camera(pixels: str) -> Callable[..., FrameSource]:
    def make(size: tuple[int, int], _: Bench) -> FrameSource:
        from tests.fakes.v4l2 import FakeCamera

        # The recorded driver has 640x360 where others have 640x480.
        known = (640, 360) if size == (640, 480) else size
        camera = FakeCamera()
        request = V4l2Request("/dev/video0", pixels, known, _RATE_HZ)
        return LiveSource("", V4l2Capture(request, open_device=camera.open_device))

    return make


_ROWS = (
    Row("GStreamer, videotestsrc is-live, raw NV12", True, _live, True),
    Row("GStreamer, JPEG over RTP", True, _gst_jpeg),
    Row("RTSP, x264, GStreamer's server", True, _rtsp),
    Row("RTP, x264", True, _rtp),
    Row("RTP, JPEG", True, _rtp_jpeg),
    Row("RTSP, x264, the tests' server", False, _own_rtsp),
    Row("V4L2, grey, fake driver", False, _fake_camera("GREY"), True),
    Row("V4L2, YUYV, fake driver", False, _fake_camera("YUYV"), True),
)


class Bench:
    """Encodes once, and starts senders; a context manager.

    Parameters
    ----------
    seconds : float
        How long a stream is.
    """

    def __init__(self, seconds: float) -> None:
        self._frames = round(seconds * _RATE_HZ)
        self._folder = tempfile.TemporaryDirectory()
        self._senders: list[subprocess.Popen[bytes]] = []

    def file(self, size: tuple[int, int], codec: str) -> Path:
        """Encoded pictures of a size; made at the first call."""
        path = Path(self._folder.name) / f"{codec}-{size[0]}.mp4"
        if not path.exists():
            # Structure in all of the picture, which moves: as hard as it gets.
            made = f"num-buffers={self._frames} pattern=zone-plate kx2=10 ky2=10 kt=30"
            pictures = _test_pictures(size, "I420", made)
            launch = f"{pictures} ! {_ENCODERS[codec]} ! qtmux ! filesink"
            subprocess.run([*_SELF, "encode", f"{launch} location={path}"], check=True)
        return path

    def run(self, *words: str) -> None:
        """Start a sender."""
        self._senders.append(subprocess.Popen([*_SELF, *words]))

    def stop(self) -> None:
        """Stop the senders."""
        for sender in self._senders:
            sender.terminate()
            sender.wait()
        self._senders.clear()

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._folder.cleanup()


def main() -> int:
    """Run it and print a table."""
    if len(sys.argv) > 1 and sys.argv[1] in _SENDERS:
        _SENDERS[sys.argv[1]](sys.argv[2:])
        return 0
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument(
        "--only",
        nargs="*",
        metavar="TEXT",
        help="sources whose name holds one of these",
    )
    arguments = parser.parse_args()
    prepare_process()
    hurry_thread(3)
    obstacle = why_no_gstreamer()
    if obstacle:
        print(f"left out, all of GStreamer's: {obstacle}")
    print(
        "| source | size | frames | of | lost | interval p50 | jitter p99 | arrival"
        " jitter p99 | CPU a frame |"
    )
    print("| --- " * 9 + "|")
    with Bench(arguments.seconds + _SPARE_S) as bench:
        for row in _ROWS:
            chosen = arguments.only or [""]
            if (row.needs_gstreamer and obstacle) or not any(
                text in row.name for text in chosen
            ):
                continue
            for size in _SIZES:
                print(_measured(row, size, arguments.seconds, bench), flush=True)
                bench.stop()
        print("\\* with the making of the pictures, which is in the same process\n")
        if not obstacle and not arguments.only:
            print("| decoding alone, as fast as it goes | size | CPU a frame | fps |")
            print("| --- " * 4 + "|")
            for codec in _ENCODERS:
                for size in _SIZES:
                    print(_decoded_alone(bench.file(size, codec), codec, size))
    return 0


def _decoded_alone(path: Path, codec: str, size: tuple[int, int]) -> str:
    """Without the source around it: FFmpeg's luma of H.264, OpenCV's of JPEG."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        packets = [packet for packet in container.demux(stream) if packet.size]
        data = [np.frombuffer(bytes(packet), np.uint8) for packet in packets]
        layout = PixelLayout("MJPG", *size)
        cpu_s, began_s = time.process_time(), time.monotonic()
        if codec == "jpeg":
            made = sum(
                decode(each, layout, is_colour=False) is not None for each in data
            )
        else:
            made = sum(
                len([luma_of(frame) for frame in packet.decode()]) for packet in packets
            )
        cpu_s, took_s = time.process_time() - cpu_s, time.monotonic() - began_s
    return (
        f"| {codec} | {size[0]}x{size[1]} | {1e3 * cpu_s / made:.2f} ms |"
        f" {made / took_s:.0f} |"
    )


def _measured(row: Row, size: tuple[int, int], seconds: float, bench: Bench) -> str:
    from app.sources.arrivals import ArrivalMeter

    name = f"| {row.name} | {size[0]}x{size[1]} | "
    with closing(row.open(size, bench)) as source:
        try:
            spec = source.open()
        except SourceError as error:
            return f"{name}FAILED: {error.message} |"
        meter = ArrivalMeter()
        _read_for(source, _SETTLE_S)
        cpu_s = time.process_time()
        frames = _read_for(source, seconds, meter)
        cpu_ms = 1e3 * (time.process_time() - cpu_s) / max(1, len(frames))
    numbers = [index for index, _ in frames]
    numbered = numbers[-1] - numbers[0] + 1
    arrivals_ms = np.diff([came for _, came in frames]) * 1e-6
    jitter = np.percentile(np.abs(arrivals_ms - np.median(arrivals_ms)), 99)
    statistics = meter.statistics()
    mark = " \\*" if row.has_sender_here else ""
    return (
        f"{name}{len(frames)} | {spec.frame_rate_hz * seconds:.0f} |"
        f" {numbered - len(frames)} |"
        f" {statistics.interval_p50_ms:.2f} ms | {statistics.jitter_p99_ms:.2f} ms |"
        f" {jitter:.1f} ms | {cpu_ms:.2f} ms{mark} |"
    )


def _read_for(
    source: FrameSource, seconds: float, meter: object = None
) -> list[tuple[int, int]]:
    from app.sources.arrivals import ArrivalMeter

    frames = []
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        frame = source.read(0.1)
        if frame is not None:
            frames.append((frame.index, frame.captured_ns))
            if isinstance(meter, ArrivalMeter):
                meter.add(frame)
    return frames


# --- senders, in processes of their own


def _encode(words: list[str]) -> None:
    from app.sources.gstreamer.library import import_gstreamer

    gst, _ = import_gstreamer()
    pipeline = gst.parse_launch(words[0])
    pipeline.set_state(gst.State.PLAYING)
    ends = gst.MessageType.EOS | gst.MessageType.ERROR
    message = pipeline.get_bus().timed_pop_filtered(gst.CLOCK_TIME_NONE, ends)
    pipeline.set_state(gst.State.NULL)
    if message.type == gst.MessageType.ERROR:
        raise SystemExit(message.parse_error()[0].message)


def _send_with_gstreamer(words: list[str]) -> None:
    from app.sources.gstreamer.library import import_gstreamer

    gst, _ = import_gstreamer()
    pipeline = gst.parse_launch(words[0])
    pipeline.set_state(gst.State.PLAYING)
    signal.pause()


def _serve_with_gstreamer(words: list[str]) -> None:
    from app.sources.gstreamer.library import import_gstreamer

    import_gstreamer()
    import gi

    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, GstRtspServer

    server = GstRtspServer.RTSPServer()
    server.set_service(words[0])
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(f"( {words[1]} )")
    factory.set_shared(True)
    server.get_mount_points().add_factory("/test", factory)
    server.attach(None)
    GLib.MainLoop().run()


def _serve_our_own(words: list[str]) -> None:
    from tests.fakes.rtsp import RtspServer

    port, width, height = map(int, words)
    with RtspServer((width, height), _RATE_HZ, port=port):
        signal.pause()


_SENDERS = {
    "encode": _encode,
    "gst": _send_with_gstreamer,
    "rtsp": _serve_with_gstreamer,
    "own": _serve_our_own,
}


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1]) // 2 * 2


def _wait_for_port(port: int) -> None:
    deadline_s = time.monotonic() + 20
    while time.monotonic() < deadline_s:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"no server at port {port}")


if __name__ == "__main__":
    sys.exit(main())
