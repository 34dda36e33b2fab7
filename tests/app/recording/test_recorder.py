from __future__ import annotations

import sqlite3
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
import pytest

from app.recording.encoder import FrameEncoder
from app.recording.recorder import Recorder
from app.recording.session import Session
from app.recording.session_writer import SessionWriter
from app.recording.settings import Quality, RecordingSettings, TriggerZone
from app.recording.status import RecordingState
from app.recording.verify import verify_session
from app.recording.video_segment import VideoSegment
from tests.fakes.engines import FakeEngine
from tests.fakes.recording import (
    make_frame,
    make_result,
    number_in,
    source_spec,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app.recording.encoder import EncodedFrame, Encoder
    from app.recording.status import RecordingStatus


@pytest.fixture(autouse=True)
def _advice_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the machine takes to look at it."""
    monkeypatch.setattr("app.recording.recorder._RECENT_S", 3600.0)


def _settings(folder: Path, **changes: object) -> RecordingSettings:
    return replace(RecordingSettings(folder, reserve_bytes=1_000_000), **changes)


def _recorder(
    folder: Path,
    *,
    is_colour: bool = False,
    size: tuple[int, int] = (64, 48),
    open_segment: Callable[[Path, Encoder], VideoSegment] = VideoSegment,
    **changes: object,
) -> Recorder:
    recorder = Recorder(dict, waits=True, open_segment=open_segment)
    recorder.configure(_settings(folder, **changes))
    recorder.open(source_spec(size, is_colour=is_colour))
    return recorder


def _feed(recorder: Recorder, indices: range, **options: object) -> None:
    for index in indices:
        frame = make_frame(index, **options)
        recorder.take_frame(frame)
        recorder.take_result(make_result(frame))


def _record(folder: Path, count: int = 60, **changes: object) -> Session:
    """Record frames from the first to the last; gives the session."""
    recorder = _recorder(folder, **changes)
    recorder.start("session")
    options = {name: changes[name] for name in ("is_colour", "size") if name in changes}
    _feed(recorder, range(count), **options)
    recorder.finish()
    return Session(folder / "session")


def test_every_frame_and_every_track_is_in_the_session(tmp_path: Path) -> None:
    session = _record(tmp_path, 100)

    report = verify_session(session)
    rows = session.tracks()
    session.close()

    assert report.frames == 100
    assert report.results == 100
    assert report.tracks == 3
    assert report.problems == ()
    assert len(rows) == 300
    assert rows.at(7).x_px.tolist() == [24.0, 34.0, 44.0]


def test_times_are_exact_to_the_microsecond_in_the_video(tmp_path: Path) -> None:
    session = _record(tmp_path)
    expected_us = [make_frame(at).timestamp_ns // 1000 for at in range(60)]

    with av.open(str(session.folder / "video_000.mp4")) as container:
        stream = container.streams.video[0]
        times_us = [
            round(frame.pts * frame.time_base * 1_000_000)
            for frame in container.decode(stream)
        ]
    exact_ns = session.frames.timestamp_ns.tolist()
    session.close()

    assert times_us == [each - expected_us[0] for each in expected_us]
    assert exact_ns == [make_frame(at).timestamp_ns for at in range(60)]


def test_opencv_reads_as_many_frames(tmp_path: Path) -> None:
    _record(tmp_path).close()

    video = cv2.VideoCapture(str(tmp_path / "session" / "video_000.mp4"))
    count = 0
    while video.read()[0]:
        count += 1
    video.release()

    assert count == 60


@pytest.mark.parametrize("is_colour", [False, True])
@pytest.mark.parametrize("size", [(64, 48), (61, 47)])
def test_lossless_gives_every_pixel_back(
    tmp_path: Path, size: tuple[int, int], *, is_colour: bool
) -> None:
    session = _record(
        tmp_path, 40, size=size, is_colour=is_colour, quality=Quality.LOSSLESS
    )

    images = [session.video.image(at) for at in range(40)]
    session.close()

    for at, image in enumerate(images):
        assert np.array_equal(image, make_frame(at, size, is_colour=is_colour).image)


@pytest.mark.parametrize("is_colour", [False, True])
@pytest.mark.parametrize("size", [(64, 48), (61, 47)])
def test_good_quality_is_close_to_what_was_captured(
    tmp_path: Path, size: tuple[int, int], *, is_colour: bool
) -> None:
    smooth = np.linspace(20, 220, size[0], dtype=np.uint8)[None, :].repeat(size[1], 0)
    recorder = _recorder(tmp_path, size=size, is_colour=is_colour)
    recorder.start("session")
    if is_colour:
        smooth = np.stack([smooth, smooth[:, ::-1], smooth // 2], axis=-1)
    for at in range(20):
        frame = make_frame(at, size, is_colour=is_colour)
        recorder.take_frame(replace(frame, image=np.ascontiguousarray(smooth)))
    recorder.finish()

    session = Session(tmp_path / "session")
    image = session.video.image(11).astype(int)
    session.close()

    assert image.shape == smooth.shape
    assert np.abs(image - smooth).mean() < 4


def test_any_frame_can_be_had_in_any_order(tmp_path: Path) -> None:
    session = _record(tmp_path, 150)

    order = [149, 0, 75, 74, 73, 76, 31, 30, 29, 148]
    seen = [number_in(session.video.image(at)) for at in order]
    session.close()

    assert seen == order


def test_what_was_before_the_start_is_recorded_too(tmp_path: Path) -> None:
    recorder = _recorder(tmp_path, pretrigger_s=0.25)
    now_ns = time.monotonic_ns()
    for at in range(120):
        # As if a second had passed: the ring goes by the time of capture.
        captured_ns = now_ns + (at - 119) * 8_333_333
        frame = make_frame(at, captured_ns=captured_ns)
        recorder.take_frame(frame)
        recorder.take_result(make_result(frame))
    wait_until(lambda: len(recorder._raw) == 0)
    wait_until(lambda: recorder.status().ring_s > 0.24)
    held = recorder.status()

    recorder.start("session")
    wait_until(lambda: recorder.status().taken > 0)
    _feed(recorder, range(120, 130))
    recorder.finish()
    session = Session(tmp_path / "session")
    first = int(session.frames.source_index[0])
    numbers = [number_in(session.video.image(at)) for at in (0, 1, 20)]
    report = verify_session(session)
    session.close()

    assert held.state is RecordingState.ARMED
    assert held.ring_bytes > 0
    # A quarter of a second and up to one group of 30 frames.
    assert 130 - 10 - 31 - 30 <= first <= 120 - 30
    assert numbers == [first, first + 1, first + 20]
    assert report.frames == report.results == 130 - first
    assert report.problems == ()


def test_nothing_is_ever_overwritten(tmp_path: Path) -> None:
    (tmp_path / "session").mkdir()
    (tmp_path / "session" / "thesis.txt").write_text("mine")
    recorder = _recorder(tmp_path)

    recorder.start("session")
    wait_until(lambda: bool(recorder.status().ended))
    status = recorder.status()
    recorder.finish()

    assert "overwritten" in status.ended
    assert status.state is RecordingState.OFF
    assert [path.name for path in (tmp_path / "session").iterdir()] == ["thesis.txt"]


def test_two_sessions_of_one_second_have_two_folders(tmp_path: Path) -> None:
    recorder = _recorder(tmp_path)
    for first in (0, 50):
        recorder.start()
        _feed(recorder, range(first, first + 20))
        recorder.stop()
        wait_until(lambda: recorder.status().state is RecordingState.OFF)
    recorder.finish()

    folders = sorted(tmp_path.iterdir())
    frames = []
    for folder in folders:
        session = Session(folder)
        frames.append(session.frames.source_index.tolist())
        session.close()
    assert sorted(frames) == [list(range(20)), list(range(50, 70))]


def test_frames_that_the_source_lost_are_a_gap_with_its_cause(tmp_path: Path) -> None:
    recorder = _recorder(tmp_path)
    recorder.start("session")
    _feed(recorder, range(10))
    _feed(recorder, range(14, 20))
    recorder.finish()

    session = Session(tmp_path / "session")
    gaps = session.gaps()
    report = verify_session(session)
    session.close()

    assert [(gap.first_index, gap.count, gap.cause) for gap in gaps] == [
        (10, 4, "source")
    ]
    assert report.problems == ()
    assert recorder.status().losses.source == 4


def _stall(
    recorder: Recorder,
    folder: Path,
    frames: int,
    cause: str,
    let_go: Callable[[], None],
) -> RecordingStatus:
    """Record while something stands still, then go on; gives how it stood then.

    What is missing must be counted under its cause, as a gap, and nothing else.
    """
    recorder.start("session")
    _feed(recorder, range(frames))
    wait_until(lambda: getattr(recorder.status().losses, cause) > 0)
    slow = recorder.status()
    let_go()
    # The newest frame waits for the next one.
    wait_until(lambda: recorder.status().waiting <= 1)
    _feed(recorder, range(frames, frames + 10))
    recorder.finish()
    end = recorder.status()
    session = Session(folder / "session")
    report = verify_session(session)
    missing = sum(gap.count for gap in session.gaps() if gap.cause == cause)
    session.close()
    lost = getattr(end.losses, cause)
    assert end.taken == end.written + lost == frames + 10
    assert missing == lost
    assert report.frames == end.written
    assert report.problems == ()
    return slow


class _SlowSegment(VideoSegment):
    """A disk that takes a frame now and then."""

    gate = threading.Event()

    def write(self, frame: EncodedFrame) -> int:
        self.gate.wait(10)
        return super().write(frame)


class _UnflushedSegment(VideoSegment):
    """A disk that the kernel holds everything back from."""

    gate = threading.Event()

    def sync(self) -> None:
        self.gate.wait(10)
        super().sync()


def test_a_disk_that_is_too_slow_is_the_cause_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.recording.session_writer._QUEUE_BYTES", 4_000)
    _SlowSegment.gate.clear()
    recorder = _recorder(tmp_path, open_segment=_SlowSegment)

    slow = _stall(recorder, tmp_path, 200, "disk", _SlowSegment.gate.set)

    assert "disk is too slow" in slow.advice


def test_what_the_disk_has_not_taken_yet_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.recording.session_writer._BEHIND_AT_FIRST_BYTES", 4_000)
    _UnflushedSegment.gate.clear()
    recorder = _recorder(tmp_path, open_segment=_UnflushedSegment)

    def let_go() -> None:
        _UnflushedSegment.gate.set()
        wait_until(lambda: recorder._writer is not None and recorder._writer.has_room)

    slow = _stall(recorder, tmp_path, 200, "disk", let_go)

    assert "disk is too slow" in slow.advice


def test_an_encoder_that_is_too_slow_is_the_cause_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(dict)
    recorder.configure(_settings(tmp_path))
    monkeypatch.setattr("app.recording.recorder._RAW_FRAMES", (16, 16))
    recorder.open(source_spec())
    monkeypatch.setattr("app.recording.recorder.open_encoder", _SleepyEncoder)
    _SleepyEncoder.gate.clear()

    slow = _stall(recorder, tmp_path, 60, "encoder", _SleepyEncoder.gate.set)

    assert "encoder is too slow" in slow.advice
    assert slow.losses.encoder >= 40


def test_frames_refused_while_a_session_begins_have_their_cause_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class _LateWriter(SessionWriter):
        """Begins when the frames have come."""

        gate = threading.Event()

        def start(self) -> None:
            self.gate.wait(10)
            super().start()

    recorder = Recorder(dict)
    recorder.configure(_settings(tmp_path))
    monkeypatch.setattr("app.recording.recorder._RAW_FRAMES", (16, 16))
    monkeypatch.setattr("app.recording.recorder.SessionWriter", _LateWriter)
    monkeypatch.setattr("app.recording.recorder.open_encoder", _SleepyEncoder)
    recorder.open(source_spec())
    _SleepyEncoder.gate.clear()
    recorder.start("session")

    _feed(recorder, range(60))
    _LateWriter.gate.set()
    wait_until(lambda: recorder.status().losses.encoder > 0)
    slow = recorder.status()
    _SleepyEncoder.gate.set()
    recorder.finish()

    assert "encoder is too slow" in slow.advice
    assert slow.losses.encoder >= 40


def test_who_may_skip_frames_waits_while_the_encoder_is_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(dict)
    recorder.configure(_settings(tmp_path))
    monkeypatch.setattr("app.recording.recorder._RAW_FRAMES", (100, 100))
    monkeypatch.setattr("app.recording.recorder.open_encoder", _SleepyEncoder)
    recorder.open(source_spec())
    _SleepyEncoder.gate.clear()
    recorder.start("session")

    _feed(recorder, range(15))
    is_in_time_with_few = recorder.wait_until_in_time(0)
    _feed(recorder, range(15, 40))
    is_in_time_with_many = recorder.wait_until_in_time(0.05)
    _SleepyEncoder.gate.set()
    has_caught_up = recorder.wait_until_in_time(20)
    recorder.finish()
    end = recorder.status()

    assert is_in_time_with_few
    assert not is_in_time_with_many
    assert has_caught_up
    assert end.written == end.taken == 40
    assert end.losses.not_recorded == 0


class _SleepyEncoder(FrameEncoder):
    """Stands still, as one in trouble does."""

    gate = threading.Event()

    def encode(self, frame: object) -> list[EncodedFrame]:
        self.gate.wait(10)
        return super().encode(frame)


class _BrokenEncoder(FrameEncoder):
    """Fails in the middle."""

    broken: frozenset[str] = frozenset({"libx264"})

    def encode(self, frame: object) -> list[EncodedFrame]:
        from app.errors import RecordingError

        if self.codec.encoder in self.broken and frame.index == 30:
            raise RecordingError("the encoder failed")
        return super().encode(frame)


def test_another_encoder_takes_over_from_one_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.recording.recorder.open_encoder", _BrokenEncoder)

    session = _record(tmp_path, 60)
    report = verify_session(session)
    session.close()

    assert session.manifest.segments == ("video_000.mp4", "video_001.mp4")
    assert "JPEG" in session.manifest.codec
    assert report.frames == 59
    assert [gap["cause"] for gap in report.gaps] == ["encoder"]
    assert report.problems == ()


def test_lower_quality_begins_a_new_file_of_the_same_session(tmp_path: Path) -> None:
    recorder = _recorder(tmp_path, is_colour=True)
    recorder.start("session")
    _feed(recorder, range(40), is_colour=True)
    wait_until(lambda: recorder.status().written == 39)
    recorder.configure(_settings(tmp_path, quality=Quality.SMALL, is_grey=True))
    _feed(recorder, range(40, 80), is_colour=True)
    recorder.finish()

    session = Session(tmp_path / "session")
    report = verify_session(session)
    shapes = {session.video.image(at).shape for at in (0, 39, 40, 79)}
    session.close()

    assert session.manifest.segments == ("video_000.mp4", "video_001.mp4")
    assert report.frames == 80
    assert report.problems == ()
    assert shapes == {(48, 64, 3)}


def test_a_recording_ends_after_its_time(tmp_path: Path) -> None:
    recorder = _recorder(tmp_path, seconds_limit=0.5)
    recorder.start("session")
    _feed(recorder, range(100))
    recorder.finish()

    session = Session(tmp_path / "session")
    session.close()

    assert session.manifest.ended == "0.5 s are over"
    assert len(session.frames) == 60
    assert recorder.status().ended == "0.5 s are over"


def test_a_track_in_the_zone_starts_and_its_leaving_stops(tmp_path: Path) -> None:
    # The first track is at x = 2 index + 10: in the zone from 30 to 45.
    zone = TriggerZone(((70, 0), (101, 0), (101, 48), (70, 48)), after_s=0.1)
    recorder = _recorder(tmp_path, zone=zone, pretrigger_s=0.05)
    now_ns = time.monotonic_ns()
    for at in range(120):
        frame = make_frame(at, captured_ns=now_ns + at * 8_333_333)
        recorder.take_frame(frame)
        recorder.take_result(make_result(frame, tracks=1))
        wait_until(lambda: len(recorder._raw) == 0)
    recorder.finish()

    sessions = list(tmp_path.iterdir())
    assert len(sessions) == 1
    session = Session(sessions[0])
    index, events = session.frames.source_index, session.events()
    session.close()
    assert index[0] <= 29
    assert index[-1] >= 45
    assert ("start", "a track is in the zone") in [
        (event.kind, event.text) for event in events
    ]


def test_marks_and_measurements_are_kept(tmp_path: Path) -> None:
    recorder = Recorder(lambda: {"infer_hz": 119.5}, waits=True)
    recorder.configure(_settings(tmp_path, keeps_masks=True))
    recorder.open(source_spec())
    recorder.start("session")
    _feed(recorder, range(10))
    wait_until(lambda: recorder.status().taken == 10)
    recorder.mark("it jumps")
    time.sleep(0.6)
    _feed(recorder, range(10, 20))
    recorder.finish()

    session = Session(tmp_path / "session")
    events, telemetry = session.events(), session.telemetry()
    mask = session.mask(5)
    session.close()

    assert ("mark", "it jumps") in [(event.kind, event.text) for event in events]
    assert telemetry[0].values == {"infer_hz": 119.5}
    assert mask is not None
    assert np.array_equal(mask[0], make_frame(5).image[:, :16] > 200)


def test_another_engine_is_an_event_of_the_session(tmp_path: Path) -> None:
    recorder = _recorder(tmp_path)
    recorder.set_engine(FakeEngine().spec)
    recorder.start("session")
    _feed(recorder, range(5))
    wait_until(lambda: recorder.status().taken == 5)
    recorder.set_engine(FakeEngine().spec._replace(library="other 2.0"))
    _feed(recorder, range(5, 10))
    recorder.finish()

    session = Session(tmp_path / "session")
    events = [event for event in session.events() if event.kind == "engine"]
    session.close()

    [event] = events
    assert event.values["library"] == "other 2.0"


def test_the_database_is_one_file_that_anybody_can_open(tmp_path: Path) -> None:
    session = _record(tmp_path)
    session.close()

    names = sorted(path.name for path in session.folder.iterdir())
    connection = sqlite3.connect(session.folder / "session.db")
    (count,) = connection.execute("SELECT count(*) FROM frames").fetchone()
    connection.close()

    assert names == ["session.db", "session.json", "video_000.mp4"]
    assert count == 60
