"""Feeds in the process of their own that the window uses."""

from __future__ import annotations

import logging
import os
import pickle
import signal
import time
import traceback
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from app.camera_desk import read_controls
from app.engine_trial import TrialLimits, TrialPhase
from app.errors import FeedLostError, SourceLostError, SourceNotFoundError
from app.feed_messages import portable_fault
from app.feed_options import FeedOptions
from app.pipeline import PipelineState
from app.remote_feed import FeedProcess
from app.segmentation import Thresholds
from app.sources.base import FrameMode
from app.sources.catalogue import open_source
from app.tracking.settings import TrackerSettings
from engines.errors import InferenceError
from tests.fakes.engines import FakeEngine
from tests.fakes.sources import FakeSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from app.frames import FrameResult
    from app.pipeline import PipelineStatus
    from app.remote_feed import RemoteFeed

EVERY, LIVE = FrameMode.EVERY_FRAME, FrameMode.LIVE
_PATIENCE_S = 20.0


class TalkativeSource(FakeSource):
    """Logs when it is opened."""

    def open(self) -> Any:
        logging.getLogger("tests.source").warning("opened in %d", os.getpid())
        return super().open()


class BrokenSource(FakeSource):
    """Has a bug."""

    def read(self, _timeout_s: float) -> Any:
        raise ZeroDivisionError("a bug of the source")


class DeadlySource(FakeSource):
    """Takes its process with it, as a driver may."""

    def read(self, _timeout_s: float) -> Any:
        os.kill(os.getpid(), signal.SIGSEGV)
        time.sleep(_PATIENCE_S)


class HangingSource(FakeSource):
    """Does not come back from a read, and says so before."""

    def read(self, _timeout_s: float) -> Any:
        logging.getLogger("tests.source").warning("hangs")
        time.sleep(1000)


@pytest.fixture
def process() -> Iterator[FeedProcess]:
    process = FeedProcess()
    yield process
    process.close()


def _until(is_so: Callable[[], object], what: str) -> None:
    deadline_s = time.monotonic() + _PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline_s, f"waited in vain until {what}"
        time.sleep(0.01)


def _finish(feed: RemoteFeed) -> tuple[PipelineStatus, FrameResult | None]:
    """Run a feed to its end; the newest result of all."""
    feed.start()
    newest = None
    _until(lambda: feed.status().state.is_over, "the feed is over")
    while not feed.results.is_drained:
        newest = feed.results.take(timeout_s=1) or newest
    return feed.status(), newest


def test_a_question_is_answered_over_there_while_a_feed_runs(
    process: FeedProcess,
) -> None:
    feed = process.make_feed(partial(FakeSource, None, delay_s=0.01), FakeEngine, LIVE)
    feed.start()
    _until(lambda: feed.status().ledger.inferred > 3, "the feed runs")

    answer = process.ask(os.getpid).result(_PATIENCE_S)

    assert answer not in (0, os.getpid())
    assert feed.status().state is PipelineState.RUNNING
    feed.stop()


def test_a_question_that_fails_tells_why(process: FeedProcess) -> None:
    missing = partial(read_controls, "/dev/missing")

    with pytest.raises(SourceNotFoundError, match="/dev/missing"):
        process.ask(missing).result(_PATIENCE_S)


def test_a_question_is_not_waited_for_when_the_process_has_died(
    process: FeedProcess,
) -> None:
    answer = process.ask(partial(time.sleep, 1000))

    process.kill()

    with pytest.raises(FeedLostError):
        answer.result(_PATIENCE_S)


def test_a_feed_runs_to_its_end_in_another_process(process: FeedProcess) -> None:
    feed = process.make_feed(partial(FakeSource, 50), FakeEngine, EVERY)

    status, newest = _finish(feed)

    assert status.state is PipelineState.FINISHED
    assert (status.ledger.inferred, status.ledger.pending) == (50, 0)
    assert status.source is not None
    assert status.source.title == "moving square"
    assert newest is not None
    assert newest.frame.index == 49


@pytest.mark.parametrize("is_colour", [False, True])
def test_a_result_comes_over_with_its_pixels(
    process: FeedProcess, is_colour: bool
) -> None:
    source = FakeSource(9, is_colour=is_colour)
    make_source = partial(FakeSource, 9, is_colour=is_colour)

    _, result = _finish(process.make_feed(make_source, FakeEngine, EVERY))

    assert result is not None
    np.testing.assert_array_equal(result.frame.image, source.image(8))
    assert result.mask.dtype == np.bool_
    assert result.mask.sum() == 64
    assert not result.frame.image.flags.writeable
    assert result.tracks.vx_px_s[0] == pytest.approx(6 * 120, rel=0.05)


def test_the_trails_come_with_the_result(process: FeedProcess) -> None:
    feed = process.make_feed(partial(FakeSource, 9), FakeEngine, EVERY)

    _finish(feed)

    [trail] = feed.trails.snapshot()
    assert len(trail.points_px) > 3


def test_feeds_follow_one_another_in_one_process(process: FeedProcess) -> None:
    # given: the second has larger frames than the memory of the first holds
    _finish(process.make_feed(partial(FakeSource, 3), FakeEngine, EVERY))
    make_source = partial(FakeSource, 3, size=(640, 480))

    _, result = _finish(
        process.make_feed(make_source, partial(FakeEngine, (640, 480)), EVERY)
    )

    assert result is not None
    np.testing.assert_array_equal(
        result.frame.image, FakeSource(3, size=(640, 480)).image(2)
    )


def test_a_paused_feed_steps_frame_by_frame(process: FeedProcess) -> None:
    feed = process.make_feed(partial(FakeSource, None), FakeEngine, EVERY)
    feed.start()
    _until(lambda: feed.status().state is PipelineState.RUNNING, "it runs")

    feed.pause()
    _until(lambda: feed.status().state is PipelineState.PAUSED, "it is paused")
    _until(lambda: feed.status().ledger.pending == 0, "nothing is pending")
    held = feed.status().ledger.inferred
    feed.step()

    _until(lambda: feed.status().ledger.inferred == held + 1, "one frame more is in")
    feed.resume()
    _until(lambda: feed.status().ledger.inferred > held + 5, "it goes on")
    feed.stop()
    assert feed.status().state is PipelineState.STOPPED


@pytest.mark.parametrize("is_early", [False, True])
def test_thresholds_reach_the_process(process: FeedProcess, is_early: bool) -> None:
    feed = process.make_feed(partial(FakeSource, None), FakeEngine, EVERY)
    if not is_early:
        feed.start()

    feed.set_thresholds(Thresholds(0.1, 0.2))

    if is_early:
        feed.start()
    _until(lambda: feed.status().thresholds == (0.1, 0.2), "they are in use")
    feed.stop()
    assert feed.status().thresholds == Thresholds(0.1, 0.2)


@pytest.mark.parametrize("is_early", [False, True])
def test_options_reach_the_process(process: FeedProcess, is_early: bool) -> None:
    """The square is seen: with tracks of bright blobs only it has none."""
    never = FeedOptions(TrackerSettings(min_confidence=1.0, birth_confidence=1.0))
    # So wide that the square does not reach the edge, where it starts anew.
    size = (12_000, 48)
    make_source = partial(FakeSource, None, size=size, delay_s=0.005)
    feed = process.make_feed(make_source, partial(FakeEngine, size), EVERY)
    feed.adjust(FeedOptions())
    if not is_early:
        feed.start()
        _until(lambda: feed.status().confirmed_tracks == 1, "it is tracked")

    feed.adjust(never)

    if is_early:
        feed.start()
    _until(lambda: feed.status().ledger.inferred > 60, "frames are inferred")
    _until(lambda: feed.status().confirmed_tracks == 0, "it is tracked no more")
    assert feed.status().tracks_born == (0 if is_early else 1)
    feed.stop()


def test_a_refused_source_is_a_fault(process: FeedProcess, tmp_path: Path) -> None:
    missing = partial(open_source, str(tmp_path / "none.mp4"), is_paced=False)

    status, _ = _finish(process.make_feed(missing, FakeEngine, EVERY))

    assert status.state is PipelineState.FAULTED
    assert isinstance(status.fault, SourceNotFoundError)
    assert status.fault.hint


def test_an_expected_fault_keeps_its_type_and_its_hint(process: FeedProcess) -> None:
    make_source = partial(FakeSource, None, lost_after=4)

    status, _ = _finish(process.make_feed(make_source, FakeEngine, EVERY))

    assert isinstance(status.fault, SourceLostError)
    assert status.fault.hint == "Open it again."
    assert status.fault.__cause__ is None


def test_a_failing_engine_is_a_fault(process: FeedProcess) -> None:
    engine = partial(FakeEngine, fails_at=3)

    status, _ = _finish(process.make_feed(partial(FakeSource, 9), engine, EVERY))

    assert isinstance(status.fault, InferenceError)
    assert status.ledger.is_balanced


def test_a_bug_comes_over_with_its_traceback(process: FeedProcess) -> None:
    status, _ = _finish(process.make_feed(BrokenSource, FakeEngine, EVERY))

    assert isinstance(status.fault, ZeroDivisionError)
    shown = "".join(traceback.format_exception(status.fault))
    assert "in the feed's process" in shown
    assert "in read" in shown


def test_a_process_that_dies_is_a_fault_and_the_next_feed_gets_another(
    process: FeedProcess,
) -> None:
    status, _ = _finish(process.make_feed(DeadlySource, FakeEngine, EVERY))

    assert isinstance(status.fault, FeedLostError)
    assert "SIGSEGV" in status.fault.message
    status, _ = _finish(process.make_feed(partial(FakeSource, 3), FakeEngine, EVERY))
    assert status.state is PipelineState.FINISHED


def test_a_source_that_hangs_is_ended_with_its_process(
    process: FeedProcess, caplog: pytest.LogCaptureFixture
) -> None:
    feed = process.make_feed(HangingSource, FakeEngine, LIVE)
    feed.start()
    _until(lambda: "hangs" in caplog.messages, "it hangs")

    feed.stop()

    assert isinstance(feed.status().fault, FeedLostError)
    status, _ = _finish(process.make_feed(partial(FakeSource, 3), FakeEngine, EVERY))
    assert status.state is PipelineState.FINISHED


def test_what_it_logs_is_in_the_log_of_the_window(
    process: FeedProcess, caplog: pytest.LogCaptureFixture
) -> None:
    _finish(process.make_feed(partial(TalkativeSource, 3), FakeEngine, EVERY))

    [text] = [each.getMessage() for each in caplog.records if "opened" in each.msg]
    assert text != f"opened in {os.getpid()}"


def test_another_engine_takes_over_in_the_process(process: FeedProcess) -> None:
    make_source = partial(FakeSource, None, delay_s=0.002, is_live=True)
    feed = process.make_feed(make_source, FakeEngine, LIVE)
    feed.start()
    _until(lambda: feed.status().state is PipelineState.RUNNING, "it runs")

    feed.try_engine(FakeEngine, TrialLimits(1.0, 1000.0, 0.05, 0.05))

    def is_accepted() -> bool:
        trial = feed.status().trial
        return trial is not None and trial.phase is TrialPhase.ACCEPTED

    _until(is_accepted, "it is accepted")
    inferred = feed.status().ledger.inferred
    _until(lambda: feed.status().ledger.inferred > inferred + 5, "it infers on")
    feed.stop()
    assert feed.status().state is PipelineState.STOPPED
    assert feed.status().fault is None


def test_closing_ends_a_running_feed(process: FeedProcess) -> None:
    feed = process.make_feed(partial(FakeSource, None, delay_s=0.002), FakeEngine, LIVE)
    feed.start()
    _until(lambda: feed.status().state is PipelineState.RUNNING, "it runs")

    process.close()

    assert feed.results.is_drained or feed.results.take(0) is not None


class StubbornError(Exception):
    """Cannot be made from its arguments alone."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first + second)


def test_a_fault_that_cannot_be_pickled_is_told_in_words() -> None:
    fault, text = portable_fault(StubbornError("no ", "camera"))

    assert str(pickle.loads(pickle.dumps(fault))) == "StubbornError: no camera"
    assert "StubbornError" in text
