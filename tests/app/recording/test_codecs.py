from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.errors import RecordingError
from app.recording import codecs
from app.recording.codecs import Codec, candidates, choose_codec, codec_trials
from app.recording.gstreamer_encoder import GstreamerEncoder, is_key, pipeline_text
from app.recording.recorder import Recorder
from app.recording.session import Session
from app.recording.settings import EncoderChoice, Quality, RecordingSettings
from app.recording.verify import verify_session
from tests.fakes import gst_launch
from tests.fakes.recording import make_frame, make_result, number_in, source_spec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _forget_trials() -> Iterator[None]:
    codec_trials.cache_clear()
    yield
    codec_trials.cache_clear()


def _named(name: str, **wanted: object) -> Codec:
    found = candidates(is_colour=False, quality=Quality.GOOD, **wanted)
    return next(codec for codec in found if codec.encoder == name)


def test_hardware_comes_first_and_software_takes_over() -> None:
    names = [
        codec.encoder for codec in candidates(is_colour=True, quality=Quality.GOOD)
    ]
    software = candidates(
        is_colour=True, quality=Quality.GOOD, choice=EncoderChoice.SOFTWARE
    )

    assert names == [
        "h264_nvenc",
        "nvv4l2h264enc",
        "vah264enc",
        "vaapih264enc",
        "libx264",
        "mjpeg",
    ]
    assert [codec.encoder for codec in software] == ["libx264", "mjpeg"]


def test_hevc_is_asked_for_first_where_it_is_wanted() -> None:
    names = [
        codec.encoder
        for codec in candidates(
            is_colour=False, quality=Quality.SMALL, choice=EncoderChoice.HEVC
        )
    ]

    assert names[:2] == ["hevc_nvenc", "nvv4l2h265enc"]
    assert names[-2:] == ["libx264", "mjpeg"]


def test_what_a_jetson_is_asked_is_a_whole_pipeline() -> None:
    text = pipeline_text(_named("nvv4l2h264enc"), 1280, 720, 120.0)

    assert text.split(" ! ") == [
        "fdsrc fd=0 blocksize=1382400",
        "rawvideoparse format=i420 width=1280 height=720 framerate=120/1",
        "nvvidconv",
        "video/x-raw(memory:NVMM),format=NV12",
        "nvv4l2h264enc maxperf-enable=1 preset-level=1 ratecontrol-enable=0"
        " quant-i-frames=26 quant-p-frames=26 quant-b-frames=26"
        " insert-sps-pps=1 insert-vui=1 num-B-Frames=0"
        " iframeinterval=30 idrinterval=30",
        "h264parse config-interval=-1",
        "video/x-h264,stream-format=byte-stream,alignment=au",
        "multipartmux boundary=peregrine",
        "fdsink fd=1 sync=false",
    ]


def test_hevc_has_a_parser_of_its_own() -> None:
    codec = _named("nvv4l2h265enc", choice=EncoderChoice.HEVC)

    assert " ! h265parse config-interval=-1 ! video/x-h265," in pipeline_text(
        codec, 640, 480, 119.88
    )


def test_hardware_without_its_device_is_not_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def refuse(codec: Codec, *_: object) -> None:
        asked.append(codec.encoder)
        raise RecordingError("not here")

    monkeypatch.setattr(codecs, "open_encoder", refuse)
    monkeypatch.setattr(codecs, "glob", lambda _: [])

    with pytest.raises(RecordingError, match="no encoder"):
        choose_codec(64, 48, 120.0, is_colour=False, quality=Quality.GOOD)

    assert asked == ["h264_nvenc", "libx264", "mjpeg"]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    gst_launch.install(folder)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder


@pytest.mark.usefixtures("programs")
def test_a_session_of_gstreamers_packets_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = codecs.CodecTrial(gst_launch.CODEC, 1.0)
    monkeypatch.setattr("app.recording.recorder.choose_codec", lambda *_, **__: trial)

    session = _record(tmp_path, gst_launch.FRAMES)
    report = verify_session(session)
    numbers = [number_in(session.video.image(at)) for at in (0, 1, 29, 30, 39)]
    keys = session.frames.is_key.nonzero()[0].tolist()
    session.close()

    assert session.manifest.codec == "GStreamer H.264, grey, good"
    assert report.frames == gst_launch.FRAMES
    assert report.problems == ()
    assert numbers == [0, 1, 29, 30, 39]
    assert keys == [0, 30]


def test_software_takes_over_from_a_program_that_ends(
    tmp_path: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gst_launch.install(programs, dies_after=20)
    trial = codecs.CodecTrial(gst_launch.CODEC, 1.0)

    def choose(*size: float, without: frozenset[str], **wanted: object) -> object:
        return choose_codec(*size, **wanted) if without else trial

    monkeypatch.setattr("app.recording.recorder.choose_codec", choose)

    session = _record(tmp_path, 100)
    report = verify_session(session)
    gaps = session.gaps()
    session.close()

    assert len(session.manifest.segments) == 2
    assert "x264" in session.manifest.codec
    # What the program had taken and not given back is counted, too.
    assert {gap.cause for gap in gaps} == {"encoder"}
    assert report.frames + sum(gap.count for gap in gaps) == 100
    assert report.problems == ()


@pytest.mark.usefixtures("programs")
def test_the_speed_of_a_program_is_measured() -> None:
    encoder = GstreamerEncoder(gst_launch.CODEC, *gst_launch.SIZE, 120.0)
    try:
        assert codecs._trial_ms(encoder, is_colour=False) > 0
    finally:
        encoder.close()


def test_the_first_picture_of_a_group_is_known_by_its_kind() -> None:
    assert is_key(b"\0\0\0\1\x67ab\0\0\1\x65cd", is_hevc=False)
    assert not is_key(b"\0\0\0\1\x41cd", is_hevc=False)
    assert is_key(b"\0\0\0\1\x40\1a\0\0\1\x26\1cd", is_hevc=True)
    assert not is_key(b"\0\0\0\1\x02\1cd", is_hevc=True)


def _record(folder: Path, count: int) -> Session:
    recorder = Recorder(dict, waits=True)
    recorder.configure(RecordingSettings(folder, reserve_bytes=1_000_000))
    recorder.open(source_spec(gst_launch.SIZE))
    recorder.start("session")
    for index in range(count):
        frame = make_frame(index, gst_launch.SIZE)
        recorder.take_frame(frame)
        recorder.take_result(make_result(frame))
    recorder.finish()
    return Session(folder / "session")
