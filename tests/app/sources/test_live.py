from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.errors import SourceLostError
from app.ledger import FrameLedger
from app.sources.base import EndOfSource
from app.sources.live import (
    CaptureSpec,
    LinkState,
    LiveOptions,
    LiveSource,
    Sample,
)

if TYPE_CHECKING:
    from app.frames import Frame

_IMAGE = np.zeros((4, 6), np.uint8)


class ScriptedCapture:
    """Gives what a list says: samples, None, or errors."""

    def __init__(self, *script: object, rate_hz: float = 100.0) -> None:
        self.script = list(script)
        self.rate_hz = rate_hz
        self.sizes = [(6, 4)]
        self.opened = 0
        self.refusals: list[Exception] = []
        self.limits: tuple[str, ...] = ()
        self.asked_hz: float | None = None

    def open(self) -> CaptureSpec:
        self.opened += 1
        if self.refusals:
            raise self.refusals.pop(0)
        width, height = self.sizes.pop(0) if len(self.sizes) > 1 else self.sizes[0]
        return CaptureSpec(
            "scripted", width, height, self.rate_hz, False, self.asked_hz, "GREY"
        )

    def read(self, timeout_s: float) -> Sample | None:
        if not self.script:
            time.sleep(timeout_s)
            return None
        item = self.script.pop(0)
        if isinstance(item, Exception):
            raise item
        if isinstance(item, int):
            return Sample(item, time.monotonic_ns(), _IMAGE)
        assert item is None or isinstance(item, Sample)
        return item

    def close(self) -> None:
        pass

    def warnings(self) -> tuple[str, ...]:
        return self.limits


def _read(source: LiveSource, count: int) -> list[Frame]:
    frames: list[Frame] = []
    deadline_s = time.monotonic() + 5
    while len(frames) < count and time.monotonic() < deadline_s:
        frame = source.read(0.01)
        if frame is not None:
            frames.append(frame)
    return frames


def _opened(*script: object, options: LiveOptions | None = None) -> LiveSource:
    source = LiveSource("scripted://", ScriptedCapture(*script), options)
    source.open()
    return source


def test_a_gap_in_the_drivers_numbers_is_a_loss_in_the_ledger() -> None:
    ledger = FrameLedger()
    with closing(_opened(7, 8, 12, 13)) as source:
        for frame in _read(source, 4):
            ledger.capture(frame.index)

        assert ledger.counts().lost == 3
        assert ledger.counts().is_balanced
        assert source.report().driver_lost == 3


def test_numbers_that_wrap_around_are_no_loss() -> None:
    with closing(_opened(2**32 - 2, 2**32 - 1, 0, 1)) as source:
        assert [frame.index for frame in _read(source, 4)] == [0, 1, 2, 3]


@pytest.mark.parametrize("noise", [5, 0, 3_000_000_000])
def test_numbers_that_the_time_has_no_room_for_are_not_believed(noise: int) -> None:
    with closing(_opened(5, 6, noise, 8)) as source:
        indices = [frame.index for frame in _read(source, 4)]

    assert indices == [0, 1, 2, 3]


def test_a_wrong_clock_is_replaced_by_the_time_of_arrival() -> None:
    now_ns = time.monotonic_ns()
    samples = [
        Sample(0, now_ns, _IMAGE),
        Sample(1, 0, _IMAGE),
        Sample(2, 2**62, _IMAGE),
        Sample(3, now_ns, _IMAGE),
    ]
    with closing(_opened(*samples)) as source:
        times_ns = [frame.timestamp_ns for frame in _read(source, 4)]

    assert times_ns[0] == 0
    assert (np.diff(times_ns) > 0).all()
    assert times_ns[-1] < 5e9


def test_what_waited_before_the_first_read_is_no_loss() -> None:
    old_ns = time.monotonic_ns() - 400_000_000
    waiting = [Sample(number, old_ns + number, _IMAGE) for number in range(3)]
    with closing(_opened(*waiting, 90, 91)) as source:
        frames = _read(source, 2)

        assert [frame.index for frame in frames] == [0, 1]
        assert source.report().driver_lost == 0


def test_a_lost_source_is_opened_again_and_counts_what_it_missed() -> None:
    capture = ScriptedCapture(0, 1, SourceLostError("pulled out", hint="Plug it in."))
    source = LiveSource("scripted://", capture)
    with closing(source):
        source.open()
        before = _read(source, 2)
        capture.refusals = [SourceLostError("not there")] * 2
        assert source.read(0.0) is None
        report = source.report()
        assert report.link is LinkState.LOST
        assert "pulled out" in report.text
        assert "Plug it in." in report.text

        capture.script = [0, 1]
        after = _read(source, 2)

    passed_s = (after[0].timestamp_ns - before[-1].timestamp_ns) * 1e-9
    step = after[0].index - before[-1].index
    assert step == pytest.approx(passed_s * 100, abs=1)
    assert after[1].index == after[0].index + 1
    assert source.report().link is LinkState.UP
    assert source.report().outages == 1
    assert source.report().outage_lost == step - 1
    assert capture.opened == 4


def test_a_source_without_frames_counts_as_lost() -> None:
    source = _opened(0, options=LiveOptions(stall_s=0.05))
    with closing(source):
        _read(source, 1)
        while source.report().link is LinkState.UP:
            source.read(0.01)

        assert "no frame for" in source.report().problem


def test_a_source_that_can_be_opened_and_gives_nothing_stays_lost() -> None:
    source = _opened(0, 1, options=LiveOptions(stall_s=0.05, reconnect_s=0.6))
    _read(source, 2)
    capture = source._capture
    assert isinstance(capture, ScriptedCapture)
    links = set()

    def wait() -> None:
        for _ in range(1000):
            source.read(0.01)
            if capture.opened > 1:
                links.add(source.report().link)

    with pytest.raises(SourceLostError, match="no frame"):
        wait()

    assert capture.opened > 2
    assert links == {LinkState.LOST}
    assert source.report().outages == 0


def test_a_triggered_camera_may_be_silent_for_long() -> None:
    source = _opened(0, options=LiveOptions(stall_s=0))
    with closing(source):
        _read(source, 1)
        source._quiet_since_s -= 3600
        source.read(0.0)

        assert source.report().link is LinkState.UP


def test_patience_ends_with_a_typed_fault() -> None:
    source = _opened(
        0,
        SourceLostError("pulled out", hint="Plug it in."),
        options=LiveOptions(reconnect_s=0),
    )
    with closing(source):
        _read(source, 1)
        with pytest.raises(SourceLostError, match="pulled out") as caught:
            source.read(0.1)

    assert caught.value.hint == "Plug it in."


def test_another_size_is_waited_out_and_said() -> None:
    capture = ScriptedCapture(0, SourceLostError("changed"))
    capture.sizes = [(6, 4), (12, 8), (6, 4)]
    source = LiveSource("scripted://", capture)
    with closing(source):
        source.open()
        _read(source, 1)
        source.read(0.0)
        while capture.opened < 2:
            source.read(0.02)
        assert "12x8 now" in source.report().problem
        capture.script = [0]

        assert _read(source, 1)[0].image.shape == (4, 6)


def test_a_limit_of_frames_ends_it_again_and_again() -> None:
    with closing(_opened(0, 1, 2, options=LiveOptions(frame_limit=2))) as source:
        assert len(_read(source, 2)) == 2
        for _ in range(2):
            with pytest.raises(EndOfSource):
                source.read(0.0)


def test_frames_that_were_lost_do_not_count_towards_a_limit() -> None:
    source = _opened(0, 1, 3, 4, options=LiveOptions(frame_limit=4))

    assert [frame.index for frame in _read(source, 4)] == [0, 1, 3, 4]
    with pytest.raises(EndOfSource):
        source.read(0.0)


def test_a_limit_of_time_ends_it() -> None:
    now_ns = time.monotonic_ns()
    early = [Sample(n, now_ns - (3 - n) * 10_000_000, _IMAGE) for n in range(3)]
    options = LiveOptions(seconds_limit=0.02)
    with closing(_opened(*early, 9, options=options)) as source:
        assert len(_read(source, 3)) == 3
        with pytest.raises(EndOfSource):
            source.read(0.0)


def _judged(capture: ScriptedCapture, period_s: float) -> str:
    """What is said of it after three seconds of frames at this distance."""
    source = LiveSource("scripted://", capture)
    with closing(source):
        source.open()
        now_ns = time.monotonic_ns()
        count = round(3 / period_s)
        source._up_since_s -= 3
        source._judge_due_s = 0
        for number in range(count):
            age_ns = round((count - 1 - number) * period_s * 1e9)
            capture.script.append(Sample(number, now_ns - age_ns, _IMAGE))
        source._first_read_s = 0.0
        for _ in range(count):
            source._judge_due_s = 0
            source.read(0.0)
        return source.report().text


def test_half_the_rate_is_said_in_words() -> None:
    capture = ScriptedCapture(rate_hz=120)
    capture.asked_hz = 120

    assert "it delivers 60" in (said := _judged(capture, 1 / 60))
    assert "120 were asked for" in said


def test_the_full_rate_is_not_worth_a_word() -> None:
    assert _judged(ScriptedCapture(rate_hz=120), 1 / 120) == ""


def test_a_rate_that_the_driver_does_not_grant_is_said() -> None:
    capture = ScriptedCapture(rate_hz=60)
    capture.asked_hz = 120

    assert "120 fps were asked for, 60 are the most at 6x4 GREY" in _judged(
        capture, 1 / 60
    )


def test_what_limits_the_device_is_said() -> None:
    capture = ScriptedCapture(rate_hz=120)
    capture.limits = ("exposure 20 ms allows 50 fps",)

    assert "exposure 20 ms allows 50 fps" in _judged(capture, 1 / 120)
