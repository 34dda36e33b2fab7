"""What it costs to take 120 frames a second from cameras and streams.

    python -m tests.benchmarks.streams [--seconds 30]

Each source runs for some seconds at 640x480 and at 1280x720 and is read as the capture
thread reads it. Senders are processes of their own. GStreamer's sources are left out,
and said to be, where it is not installed.
"""

from __future__ import annotations

import argparse
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.errors import SourceError
from app.process import hurry_thread, prepare_process
from app.sources.catalogue import open_source
from app.sources.live import LiveSource
from app.sources.v4l2.capture import V4l2Capture, V4l2Request
from tests.fakes.gstreamer import why_no_gstreamer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from app.sources.base import FrameSource

_SIZES = ((640, 480), (1280, 720))
_RATE_HZ = 120
_SETTLE_S = 2.0


@dataclass(frozen=True, slots=True)
class Row:
    """One source at one size."""

    name: str
    needs_gstreamer: bool
    open: Callable[[tuple[int, int], ExitStack], FrameSource]
    has_sender_here: bool = False
    """Whether the pictures are made in the same process, and cost what is told."""


def _test_pictures(size: tuple[int, int], pixels: str) -> str:
    width, height = size
    return (
        f"videotestsrc is-live=true pattern=ball ! video/x-raw,format={pixels},"
        f"width={width},height={height},framerate={_RATE_HZ}/1"
    )


def _live(pixels: str, behind: str = "") -> Callable[..., FrameSource]:
    def make(size: tuple[int, int], _: ExitStack) -> FrameSource:
        launch = f"{_test_pictures(size, pixels)}{behind}"
        return open_source(f"gst://{launch}", is_paced=True)

    return make


def _encoded(size: tuple[int, int]) -> str:
    return (
        f"{_test_pictures(size, 'I420')} ! x264enc tune=zerolatency"
        " speed-preset=ultrafast key-int-max=60 bitrate=4000 !"
        " h264parse config-interval=-1 ! rtph264pay pt=96"
    )


def _rtp(size: tuple[int, int], stack: ExitStack) -> FrameSource:
    port = _free_port()
    _run(stack, "gst", f"{_encoded(size)} ! udpsink host=127.0.0.1 port={port}")
    return open_source(f"rtp://@:{port}?timeout=10", is_paced=True)


def _rtp_jpeg(size: tuple[int, int], stack: ExitStack) -> FrameSource:
    port = _free_port()
    launch = f"{_test_pictures(size, 'I420')} ! jpegenc ! rtpjpegpay"
    _run(stack, "gst", f"{launch} ! udpsink host=127.0.0.1 port={port}")
    return open_source(f"rtp://@:{port}?codec=jpeg&timeout=10", is_paced=True)


def _rtsp(size: tuple[int, int], stack: ExitStack) -> FrameSource:
    port = _free_port()
    _run(stack, "rtsp", str(port), f"{_encoded(size)} name=pay0")
    _wait_for_port(port)
    return open_source(f"rtsp://127.0.0.1:{port}/test#timeout=10", is_paced=True)


def _own_rtsp(size: tuple[int, int], stack: ExitStack) -> FrameSource:
    width, height = size
    port = _free_port()
    _run(stack, "own", str(port), str(width), str(height))
    _wait_for_port(port)
    return open_source(f"rtsp://127.0.0.1:{port}/square#timeout=10", is_paced=True)


def _fake_camera(pixels: str) -> Callable[..., FrameSource]:
    def make(size: tuple[int, int], _: ExitStack) -> FrameSource:
        from tests.fakes.v4l2 import FakeCamera

        # The recorded driver has 640x360 where others have 640x480.
        known = (640, 360) if size == (640, 480) else size
        camera = FakeCamera()
        request = V4l2Request("/dev/video0", pixels, known, _RATE_HZ)
        return LiveSource("", V4l2Capture(request, open_device=camera.open_device))

    return make


_ROWS = (
    Row("GStreamer, raw NV12", True, _live("NV12"), has_sender_here=True),
    Row("GStreamer, JPEG", True, _live("I420", " ! jpegenc"), has_sender_here=True),
    Row("RTSP, x264, GStreamer's server", True, _rtsp),
    Row("RTP, x264", True, _rtp),
    Row("RTP, JPEG", True, _rtp_jpeg),
    Row("RTSP, x264, the tests' server", False, _own_rtsp),
    Row("V4L2, grey, fake driver", False, _fake_camera("GREY"), has_sender_here=True),
    Row("V4L2, YUYV, fake driver", False, _fake_camera("YUYV"), has_sender_here=True),
)


def main() -> int:
    """Run it and print a table."""
    if len(sys.argv) > 1 and sys.argv[1] in _SENDERS:
        _SENDERS[sys.argv[1]](sys.argv[2:])
        return 0
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="sources whose name holds this"
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
    for row in _ROWS:
        if (row.needs_gstreamer and obstacle) or arguments.only not in row.name:
            continue
        for size in _SIZES:
            print(_measured(row, size, arguments.seconds), flush=True)
    print("\\* with the making of the pictures, which is in the same process")
    return 0


def _measured(row: Row, size: tuple[int, int], seconds: float) -> str:
    from app.sources.arrivals import ArrivalMeter

    name = f"| {row.name} | {size[0]}x{size[1]} | "
    with ExitStack() as stack:
        source = row.open(size, stack)
        try:
            spec = source.open()
        except SourceError as error:
            return f"{name}FAILED: {error.message} |"
        stack.enter_context(closing(source))
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
    "gst": _send_with_gstreamer,
    "rtsp": _serve_with_gstreamer,
    "own": _serve_our_own,
}


def _run(stack: ExitStack, *words: str) -> None:
    stack.enter_context(_sender(*words))


@contextmanager
def _sender(*words: str) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.benchmarks.streams", *words]
    with subprocess.Popen(command) as process:
        try:
            yield
        finally:
            process.terminate()


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
