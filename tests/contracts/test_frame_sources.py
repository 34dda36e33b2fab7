"""What every `FrameSource` promises; a new source is added to `CASES`."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.errors import SourceError, SourceNotFoundError
from app.sources.base import EndOfSource
from app.sources.catalogue import SOURCE_SCHEMES, open_source
from app.sources.uri import parse_uri
from app.sources.v4l2 import capture
from tests.app.review.sessions import record
from tests.app.sources.clips import write_images, write_video
from tests.fakes.gstreamer import why_no_gstreamer
from tests.fakes.jetson import install_jetson
from tests.fakes.rtsp import RtpSender, RtspServer
from tests.fakes.v4l2 import FakeCamera

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from app.frames import Frame
    from app.sources.base import FrameSource

FRAME_COUNT = 10


@dataclass(frozen=True, slots=True)
class Case:
    """A source of ten frames, and the URI of one that is not there."""

    name: str
    scheme: str
    """Of its URI; empty for a path."""
    make_uri: Callable[[Path], str]
    missing_uri: str | None
    """None for a source that is always there."""
    needs_gstreamer: bool = False
    needs_jetson: bool = False
    """Whether the elements of a board are played."""


def _camera(_: Path) -> str:
    return "v4l2:///dev/video0?format=GREY&size=320x180&fps=200&frames=10"


def _stream(_: Path) -> str:
    return f"{_servers[-1].uri}#frames=10"


def _stream_by_board(_: Path) -> str:
    return f"{_servers[-1].uri}#frames=10&decoder=hardware"


def _sent(_: Path) -> str:
    return f"rtp://@:{_senders[-1].port}?frames=10&timeout=5"


def _sent_by_board(_: Path) -> str:
    return f"rtp://@:{_senders[-1].port}?frames=10&decoder=hardware"


def _session(folder: Path) -> str:
    return f"session://{record(folder, {1: lambda at: (at, 9.0)}, FRAME_COUNT)}"


_servers: list[RtspServer] = []
_senders: list[RtpSender] = []


CASES = [
    Case(
        "synthetic",
        "synthetic",
        lambda _: "synthetic://?size=64x48&fps=500&frames=10",
        None,
    ),
    Case(
        "colour video",
        "",
        lambda folder: str(write_video(folder / "clip.mp4", FRAME_COUNT)),
        "missing.mp4",
    ),
    Case(
        "grey video",
        "",
        lambda folder: str(
            write_video(folder / "clip.mkv", FRAME_COUNT, codec="ffv1", pix_fmt="gray")
        ),
        "missing.mkv",
    ),
    Case(
        "file URI",
        "file",
        lambda folder: write_video(folder / "a clip.mp4", FRAME_COUNT).as_uri(),
        "file:///missing/clip.mp4",
    ),
    Case(
        "image folder",
        "folder",
        lambda folder: f"folder://{write_images(folder / 'images')}?fps=500",
        "folder:///missing/images",
    ),
    Case(
        "folder by its path",
        "",
        lambda folder: str(write_images(folder / "images")),
        "missing/images",
    ),
    Case(
        "pattern",
        "",
        lambda folder: str(
            write_images(folder / "images", is_colour=True) / "frame*.png"
        ),
        "missing/*.png",
    ),
    Case("session", "session", _session, "session:///missing/session"),
    Case("V4L2 camera", "v4l2", _camera, "v4l2:///dev/missing"),
    Case("RTSP stream", "rtsp", _stream, "rtsp://127.0.0.1:9/missing"),
    Case("RTP stream", "rtp", _sent, None),
    Case(
        "GStreamer pipeline",
        "gst",
        lambda _: (
            "gst://videotestsrc num-buffers=10 !"
            " video/x-raw,format=GRAY8,width=64,height=48,framerate=100/1"
        ),
        "gst://filesrc location=/missing.mp4 ! decodebin ! videoconvert",
        needs_gstreamer=True,
    ),
    Case(
        "CSI camera, played",
        "csi",
        lambda _: "csi://0?size=320x180&fps=200&frames=10",
        None,
        needs_gstreamer=True,
        needs_jetson=True,
    ),
    Case(
        "RTSP stream, the board's decoder played",
        "rtsp",
        _stream_by_board,
        None,
        needs_gstreamer=True,
        needs_jetson=True,
    ),
    Case(
        "RTP stream, the board's decoder played",
        "rtp",
        _sent_by_board,
        None,
        needs_gstreamer=True,
        needs_jetson=True,
    ),
]


def test_every_kind_of_source_is_in_the_list() -> None:
    schemes = {parse_uri(written).scheme for written in SOURCE_SCHEMES}

    assert schemes == {case.scheme for case in CASES}


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Case]:
    found: Case = request.param
    if found.needs_gstreamer and why_no_gstreamer():
        pytest.skip(why_no_gstreamer())
    if found.needs_jetson:
        install_jetson()
    with ExitStack() as stack:
        if found.make_uri is _camera:
            monkeypatch.setattr(capture, "open_node", FakeCamera().open_device)
        elif found.scheme == "rtsp":
            _servers.append(stack.enter_context(RtspServer()))
        elif found.scheme == "rtp":
            _senders.append(stack.enter_context(RtpSender()))
        yield found


@pytest.fixture(params=[True, False], ids=["paced", "unpaced"])
def source(request: pytest.FixtureRequest, case: Case, tmp_path: Path) -> FrameSource:
    uri = case.make_uri(tmp_path)
    assert parse_uri(uri).scheme == case.scheme
    return open_source(uri, is_paced=request.param)


def _frames_of(source: FrameSource) -> list[Frame]:
    frames: list[Frame] = []
    while True:
        try:
            frame = source.read(0.5)
        except EndOfSource:
            return frames
        if frame is not None:
            frames.append(frame)


def test_indices_and_times_increase_from_zero(source: FrameSource) -> None:
    with closing(source):
        source.open()
        frames = _frames_of(source)

    indices = [frame.index for frame in frames]
    times_ns = [frame.timestamp_ns for frame in frames]
    assert (indices[0], times_ns[0]) == (0, 0)
    assert (np.diff(indices) > 0).all()
    assert (np.diff(times_ns) > 0).all()


def test_frames_are_as_many_as_the_source_says(case: Case, tmp_path: Path) -> None:
    source = open_source(case.make_uri(tmp_path), is_paced=False)
    with closing(source):
        spec = source.open()
        frames = _frames_of(source)

    assert len(frames) == FRAME_COUNT
    assert spec.frame_count in (FRAME_COUNT, None)


def test_images_are_what_the_spec_says_and_read_only(source: FrameSource) -> None:
    with closing(source):
        spec = source.open()
        frames = _frames_of(source)

    grey_shape = (spec.height_px, spec.width_px)
    shape = (*grey_shape, 3) if spec.is_colour else grey_shape
    for frame in frames:
        assert frame.image.shape == shape
        assert frame.image.dtype == np.uint8
        assert not frame.image.flags.writeable


def test_an_image_is_kept_while_later_frames_are_read(source: FrameSource) -> None:
    with closing(source):
        source.open()
        first = source.read(1.0)
        assert first is not None
        before = first.image.copy()
        _frames_of(source)

        assert np.array_equal(first.image, before)


def test_arrival_is_measured_on_the_monotonic_clock(source: FrameSource) -> None:
    with closing(source):
        source.open()
        frames = _frames_of(source)

    assert (np.diff([frame.captured_ns for frame in frames]) >= 0).all()


def test_the_end_is_told_again_and_again(source: FrameSource) -> None:
    with closing(source):
        source.open()
        _frames_of(source)

        for _ in range(2):
            with pytest.raises(EndOfSource):
                source.read(0.0)


def test_a_source_closed_twice_opens_again(source: FrameSource) -> None:
    spec = source.open()

    source.close()
    source.close()

    with closing(source):
        assert source.open() == spec


def test_a_source_closed_before_it_is_open_can_be_opened(source: FrameSource) -> None:
    source.close()

    with closing(source):
        source.open()
        assert source.read(1.0) is not None


def test_a_closed_source_opens_again_from_the_start(source: FrameSource) -> None:
    with closing(source):
        spec = source.open()
        _frames_of(source)
        source.close()

        again = source.open()
        frame = source.read(1.0)

    assert again == spec
    assert frame is not None
    assert frame.index == 0


def test_the_uri_of_the_spec_opens_the_same_source(source: FrameSource) -> None:
    with closing(source):
        spec = source.open()

    with closing(open_source(spec.uri, is_paced=spec.is_live)) as other:
        assert other.open() == spec


def test_reading_before_opening_is_refused(source: FrameSource) -> None:
    with pytest.raises(SourceError, match="not open"):
        source.read(0.0)


@pytest.mark.parametrize(
    "missing",
    [case for case in CASES if case.missing_uri is not None],
    ids=lambda case: case.name,
)
def test_what_is_not_there_cannot_be_opened(missing: Case) -> None:
    if missing.needs_gstreamer and why_no_gstreamer():
        pytest.skip(why_no_gstreamer())
    assert missing.missing_uri is not None
    with pytest.raises(SourceNotFoundError) as caught:
        open_source(missing.missing_uri, is_paced=False).open()

    assert "missing" in caught.value.message
    assert caught.value.hint
