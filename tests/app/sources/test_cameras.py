from __future__ import annotations

import itertools
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from app.errors import (
    SourceDeniedError,
    SourceFormatError,
    SourceLostError,
    SourceNotFoundError,
    SourceUnavailableError,
)
from app.paths import ROOT
from app.sources import cameras, network
from app.sources.base import EndOfSource
from app.sources.cameras import OPTIONS, open_camera
from app.sources.catalogue import open_source
from app.sources.gstreamer import library
from app.sources.gstreamer.capture import GStreamerCapture
from app.sources.gstreamer.launch import (
    CsiRequest,
    csi_pipeline,
    hardware_rtsp_pipeline,
    own_pipeline,
)
from app.sources.live import LinkState, LiveSource
from app.sources.network import StreamCapture
from app.sources.stream_clock import StreamClock
from app.sources.uri import parse_uri
from app.sources.v4l2.capture import V4l2Capture
from tests.fakes.gstreamer import why_no_gstreamer
from tests.fakes.rtsp import RtspServer

needs_gstreamer = pytest.mark.skipif(
    bool(why_no_gstreamer()), reason=why_no_gstreamer() or "it is there"
)


@pytest.mark.parametrize(
    ("uri", "kind"),
    [
        ("v4l2:///dev/video0?size=1280x720&fps=120&format=MJPG", V4l2Capture),
        ("v4l2://2", V4l2Capture),
        ("/dev/video0", V4l2Capture),
        ("rtsp://user:secret@camera:8554/a/b?c=1#transport=udp", StreamCapture),
        ("rtp://@:5000", StreamCapture),
        ("rtp://239.1.2.3:5004?codec=jpeg", StreamCapture),
        ("csi://0?size=1280x720&fps=120", GStreamerCapture),
        ("gst://videotestsrc ! videoconvert", GStreamerCapture),
    ],
)
def test_the_scheme_decides_what_captures(uri: str, kind: type) -> None:
    source = open_source(uri, is_paced=True)

    assert isinstance(source, LiveSource)
    assert isinstance(source._capture, kind)


@pytest.mark.parametrize("scheme", [each for each in OPTIONS if OPTIONS[each]])
def test_an_unknown_option_is_refused_with_those_that_are_known(scheme: str) -> None:
    mark = "#" if scheme in ("rtsp", "rtsps", "gst") else "?"
    with pytest.raises(SourceFormatError, match="no option 'colr'") as caught:
        open_camera(f"{scheme}://0{mark}colr=1")

    assert all(name in caught.value.hint for name in OPTIONS[scheme])


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("v4l2:///dev/video0?size=720p", "1280x720"),
        ("v4l2:///dev/video0?size=0x720", "1280x720"),
        ("v4l2:///dev/video0?fps=0", "above 0"),
        ("v4l2:///dev/video0?fps=nan", "above 0"),
        ("v4l2:///dev/video0?fps=fast", "a number"),
        ("v4l2:///dev/video0?format=H264", "MJPG"),
        ("v4l2:///dev/video0?colour=maybe", "yes or no"),
        ("v4l2:///dev/video0?reconnect=-1", "from 0"),
        ("v4l2://camera", "v4l2:///dev/video0"),
        ("csi://front", "csi://0"),
        ("csi://0?flip=upside-down", "rotate-180"),
        ("csi://0?exposure=900-100", "us as"),
        ("rtsp://camera/a#transport=pigeon", "tcp, udp"),
        ("rtsp://camera/a#timeout=0", "from 0.1"),
        ("rtp://@", "rtp://@:5000"),
        ("rtp://@:99999", "rtp://@:5000"),
        ("rtp://@:5000?payload=200", "from 0 to 127"),
        ("rtp://@:5000?codec=jpeg&decoder=hardware", "h264, h265"),
        ("gst://", "gst-launch-1.0"),
        ("gst://videotestsrc#reconnect=soon", "a number"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_right(uri: str, said: str) -> None:
    with pytest.raises(SourceFormatError) as caught:
        open_camera(uri)

    assert said in caught.value.hint


def test_what_follows_a_question_mark_of_rtsp_is_the_servers() -> None:
    parsed = parse_uri("rtsp://h/axis.amp?fps=30&camera=2#transport=udp")

    assert parsed.body == "h/axis.amp?fps=30&camera=2"
    assert parsed.options == {"transport": "udp"}


@pytest.mark.parametrize(
    "text",
    [
        "filesrc location=/a%20b?x=1 ! decodebin",
        "filesrc location=/a#b.mp4 ! decodebin",
        "videotestsrc foreground-color=#ff00ff ! videoconvert",
        'filesrc location="/a #b=1" ! decodebin',
    ],
)
def test_all_of_a_gst_uri_is_the_pipeline(text: str) -> None:
    parsed = parse_uri(f"gst://{text}")

    assert (parsed.body, parsed.options) == (text, {})


def test_options_of_a_pipeline_follow_a_hash_at_its_end() -> None:
    parsed = parse_uri("gst://v4l2src ! videoconvert #reconnect=5&colour=yes")

    assert parsed.body == "v4l2src ! videoconvert"
    assert parsed.options == {"reconnect": "5", "colour": "yes"}


def test_the_network_decides_on_colour_and_the_uri_overrules_it() -> None:
    def wants(uri: str, is_colour: bool) -> bool:
        capture = open_camera(uri, is_colour=is_colour)._capture
        assert isinstance(capture, V4l2Capture)
        return capture._request.is_colour

    assert not wants("v4l2://0", is_colour=False)
    assert wants("v4l2://0", is_colour=True)
    assert wants("v4l2://0?colour=yes", is_colour=False)
    assert not wants("v4l2://0?colour=no", is_colour=True)


def test_a_password_is_never_shown() -> None:
    with pytest.raises(SourceNotFoundError) as caught:
        open_camera("rtsp://user:secret@127.0.0.1:9/live?key=hidden").open()

    said = caught.value.message + caught.value.hint
    assert "secret" not in said
    assert "hidden" not in said
    assert "rtsp://127.0.0.1:9/live" in said


def test_a_server_that_refuses_the_password_is_said_to() -> None:
    server = RtspServer()
    server.password = "secret"
    with server, pytest.raises(SourceDeniedError, match="password") as caught:
        open_camera(server.uri).open()

    assert "user:password@host" in caught.value.hint


def test_a_silent_server_is_given_up_in_time() -> None:
    server = RtspServer()
    server.is_stalled = True
    with server, pytest.raises(SourceNotFoundError, match=r"within 0\.4 s"):
        open_camera(f"{server.uri}#timeout=0.4").open()


def test_a_server_that_dies_and_returns_is_found_again() -> None:
    server = RtspServer()
    with server:
        source = open_camera(server.uri)
        source.open()
        for _ in range(20):
            source.read(0.1)
        server.stop()
        while source.report().link is LinkState.UP:
            source.read(0.1)
        server.start()
        frame = None
        while frame is None:
            frame = source.read(0.1)
        source.close()

    assert source.report().outages == 1
    # Frames that the server would have sent meanwhile are losses in the ledger.
    assert frame.index > source.report().outage_lost > 0


def test_pictures_that_a_server_leaves_out_are_counted() -> None:
    server = RtspServer()
    # Later than what the clock learns the distance of frames from.
    server.dropped = {60, 61, 75}
    with server:
        source = open_camera(server.uri)
        source.open()
        frames = []
        while len(frames) < 90:
            frame = source.read(0.1)
            if frame is not None:
                frames.append(frame)
        source.close()

    assert frames[-1].index + 1 - len(frames) >= 3
    assert source.report().driver_lost >= 3


def test_a_stream_for_a_grey_network_is_never_made_colour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[str] = []
    monkeypatch.setattr(network, "pixels_of", lambda _: made.append("colour"))
    with RtspServer() as server:
        source = open_camera(server.uri, is_colour=False)
        with closing(source):
            source.open()
            frame = None
            while frame is None:
                frame = source.read(0.1)

    assert made == []
    assert frame.image.ndim == 2


def _elements(launch: str) -> list[str]:
    return [part.strip() for part in launch.split(" ! ")]


def test_the_pipeline_of_a_csi_camera_is_that_of_the_documentation() -> None:
    # NVIDIA's Accelerated GStreamer guide: nvarguscamerasrc, caps in NVMM memory,
    # nvvidconv out of it. Size and rate choose the sensor's mode.
    elements = _elements(csi_pipeline(CsiRequest()))

    assert elements == [
        "nvarguscamerasrc sensor-id=0",
        "video/x-raw(memory:NVMM), width=(int)1280, height=(int)720,"
        " framerate=(fraction)120/1, format=(string)NV12",
        "nvvidconv flip-method=0",
        "video/x-raw, format=(string)GRAY8",
        "appsink name=peregrine sync=false enable-last-sample=false max-buffers=32",
    ]


def test_a_csi_camera_is_set_as_its_uri_says() -> None:
    request = CsiRequest(
        sensor=1,
        size_px=(1920, 1080),
        rate_hz=59.94,
        is_colour=True,
        flip="rotate-180",
        exposure_us=(13, 4000),
        gain=(1, 8),
        locks_exposure=True,
        locks_white_balance=True,
    )
    elements = _elements(csi_pipeline(request))

    assert elements[0] == (
        'nvarguscamerasrc sensor-id=1 exposuretimerange="13000 4000000"'
        ' gainrange="1 8" aelock=true awblock=true'
    )
    assert "width=(int)1920, height=(int)1080" in elements[1]
    assert "framerate=(fraction)2997/50" in elements[1]
    assert elements[2] == "nvvidconv flip-method=2"
    assert elements[3] == "video/x-raw, format=(string)BGRx"


def test_the_uri_of_a_csi_camera_makes_that_pipeline() -> None:
    capture = open_camera("csi://1?size=640x480&fps=90&gain=1-4")._capture
    assert isinstance(capture, GStreamerCapture)

    expected = CsiRequest(sensor=1, size_px=(640, 480), rate_hz=90, gain=(1, 4))
    assert capture._request.launch == csi_pipeline(expected)


def test_a_jetson_decodes_streams_with_its_own_decoder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tree = tmp_path / "compatible"
    tree.write_bytes(b"nvidia,p3768\0nvidia,tegra234\0")
    monkeypatch.setattr(cameras, "_DEVICE_TREE", tree)

    own = open_camera("rtsp://h/s")._capture
    plain = open_camera("rtsp://h/s#decoder=software")._capture

    assert isinstance(own, GStreamerCapture)
    assert isinstance(plain, StreamCapture)
    assert _elements(own._request.launch)[:5] == [
        'rtspsrc location="rtsp://h/s" protocols=tcp latency=50',
        "rtph264depay",
        "h264parse",
        "nvv4l2decoder enable-max-performance=true",
        "nvvidconv",
    ]


def test_an_address_cannot_break_out_of_the_pipeline() -> None:
    launch = hardware_rtsp_pipeline('rtsp://h/"x\\', "h264", "tcp", is_colour=False)

    assert 'location="rtsp://h/\\"x\\\\"' in launch


def test_an_own_pipeline_ends_in_our_sink() -> None:
    elements = _elements(own_pipeline("videotestsrc ! videoconvert !"))

    assert elements[:2] == ["videotestsrc", "videoconvert"]
    assert elements[2].startswith("appsink name=peregrine")
    assert len(elements) == 3


def test_without_pygobject_what_to_install_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(library, "_SYSTEM_PACKAGES", tmp_path)
    monkeypatch.setattr(library.importlib.util, "find_spec", lambda _: None)
    monkeypatch.delitem(library.sys.modules, "gi", raising=False)

    with pytest.raises(SourceUnavailableError, match="not installed") as caught:
        open_camera("csi://0").open()

    assert "sudo apt install python3-gi" in caught.value.hint


def test_a_pygobject_for_another_python_is_said_to_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "gi").mkdir()
    (tmp_path / "gi" / "__init__.py").touch()
    (tmp_path / "gi" / "_gi.cpython-36m-aarch64-linux-gnu.so").touch()
    monkeypatch.setattr(library, "_SYSTEM_PACKAGES", tmp_path)
    monkeypatch.setattr(library.importlib.util, "find_spec", lambda _: None)
    monkeypatch.delitem(library.sys.modules, "gi", raising=False)

    with pytest.raises(SourceUnavailableError, match="not for Python") as caught:
        open_camera("csi://0").open()

    assert "PYTHON=/usr/bin/python3" in caught.value.hint


@needs_gstreamer
def test_an_element_that_is_not_installed_is_named() -> None:
    with pytest.raises(SourceUnavailableError, match="nosuchelement"):
        open_camera("gst://nosuchelement").open()


@needs_gstreamer
@pytest.mark.parametrize(
    "pipeline",
    ["videotestsrc ! ! videoconvert", "videotestsrc pattern=nonsense ! videoconvert"],
)
def test_a_pipeline_that_cannot_be_parsed_is_refused(pipeline: str) -> None:
    with pytest.raises(SourceFormatError) as caught:
        open_camera(f"gst://{pipeline}").open()

    assert "gst-launch-1.0" in caught.value.hint


@needs_gstreamer
def test_pixels_that_are_not_read_are_refused_with_what_helps() -> None:
    caps = "video/x-raw,format=Y444_16LE,width=64,height=48"
    with pytest.raises(SourceFormatError) as caught:
        open_camera(f"gst://videotestsrc ! {caps}").open()

    assert "videoconvert" in caught.value.hint


@needs_gstreamer
@pytest.mark.parametrize(
    "pixels",
    ["GRAY8", "GRAY16_LE", "NV12", "I420", "YUY2", "UYVY", "BGR", "RGB", "BGRx"],
)
@pytest.mark.parametrize("is_colour", [False, True])
def test_all_raw_pixels_of_gstreamer_are_read(pixels: str, is_colour: bool) -> None:
    # 70 is no multiple of 4: rows are padded.
    caps = f"video/x-raw,format={pixels},width=70,height=48,framerate=30/1"
    source = open_camera(
        f"gst://videotestsrc num-buffers=2 pattern=smpte ! {caps}", is_colour=is_colour
    )
    spec = source.open()
    frame = None
    while frame is None:
        frame = source.read(0.5)
    source.close()

    is_grey = not is_colour or pixels.startswith("GRAY")
    assert frame.image.shape == ((48, 70) if is_grey else (48, 70, 3))
    assert spec.is_colour is not is_grey
    # White is on the left of the test picture's bars, blue on the right.
    upper = frame.image[10]
    assert upper[3].mean() > 150 > upper[66].mean()


@needs_gstreamer
def test_a_live_pipelines_times_are_those_of_its_frames() -> None:
    caps = "video/x-raw,format=GRAY8,width=64,height=48,framerate=100/1"
    source = open_camera(f"gst://videotestsrc is-live=true ! {caps}")
    source.open()
    frames = []
    while len(frames) < 30:
        frame = source.read(0.5)
        if frame is not None:
            frames.append(frame)
    report = source.report()
    source.close()

    steps_ms = [
        (b.timestamp_ns - a.timestamp_ns) * 1e-6 / (b.index - a.index)
        for a, b in itertools.pairwise(frames)
    ]
    assert max(abs(step - 10) for step in steps_ms) < 0.5
    assert report.link is LinkState.UP


def test_no_frame_comes_before_it_was_taken() -> None:
    clock = StreamClock(100)
    now_ns = time.monotonic_ns()
    # The first one waited for its reader, the others did not.
    _, first_ns = clock.take(0)
    _, second_ns = clock.take(500_000_000)

    assert now_ns <= first_ns <= second_ns <= time.monotonic_ns()


def test_a_clock_that_is_the_machines_own_is_taken_as_it_is() -> None:
    clock = StreamClock(100, is_monotonic=True)
    taken_ns = time.monotonic_ns() - 30_000_000

    assert clock.take(taken_ns) == (0, taken_ns)


_ENDING = (
    "gst://videotestsrc is-live=true num-buffers=20 !"
    " video/x-raw,format=GRAY8,width=64,height=48,framerate=100/1"
)


def _run_out(source: LiveSource) -> None:
    source.open()
    for _ in range(200):
        source.read(0.1)


@needs_gstreamer
def test_the_end_of_a_pipeline_is_the_end_of_the_source() -> None:
    source = open_camera(_ENDING)
    with closing(source), pytest.raises(EndOfSource):
        _run_out(source)

    assert source.report().outages == 0


@needs_gstreamer
def test_a_pipeline_that_is_to_be_looked_for_comes_back_after_its_end() -> None:
    source = open_camera(f"{_ENDING}#reconnect=5")
    frames = []
    with closing(source):
        source.open()
        while len(frames) < 30:
            frame = source.read(0.1)
            if frame is not None:
                frames.append(frame)

    report = source.report()
    assert report.outages >= 1
    indices = [frame.index for frame in frames]
    assert indices == sorted(set(indices))
    assert indices[-1] + 1 - len(frames) >= report.outage_lost > 0


@needs_gstreamer
def test_a_pipeline_that_stays_away_is_given_up() -> None:
    uri = f"{_ENDING} ! identity error-after=15#reconnect=0"
    source = open_camera(uri)
    with closing(source), pytest.raises(SourceLostError):
        _run_out(source)


@needs_gstreamer
def test_the_rate_of_a_pipeline_that_tells_none_is_measured() -> None:
    caps = "video/x-raw,format=GRAY8,width=64,height=48,framerate=100/1"
    untold = "capssetter replace=true caps=video/x-raw,format=GRAY8,width=64,height=48"
    source = open_camera(f"gst://videotestsrc num-buffers=20 ! {caps} ! {untold}")
    with closing(source):
        spec = source.open()
        frames = []
        while len(frames) < 20:
            frame = source.read(0.5)
            if frame is not None:
                frames.append(frame.index)

    assert spec.frame_rate_hz == pytest.approx(100)
    assert frames == list(range(20))


@needs_gstreamer
def test_gstreamer_leaves_the_exceptions_of_other_libraries_alone() -> None:
    program = (
        "import ctypes;"
        "from app.sources.gstreamer.library import import_gstreamer;"
        "import_gstreamer();"
        "resume = ctypes.CDLL(None)._Unwind_Resume;"
        "print(ctypes.cast(resume, ctypes.c_void_p).value);"
        "print(open('/proc/self/maps').read())"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    address, *regions = done.stdout.split("\n")
    owners = [line.split()[-1] for line in regions if _holds(line, int(address))]
    assert [Path(owner).name for owner in owners] == ["libgcc_s.so.1"]


def _holds(region: str, address: int) -> bool:
    first, _, last = region.partition(" ")[0].partition("-")
    return bool(last) and int(first, 16) <= address < int(last, 16)
