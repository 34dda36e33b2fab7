from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from app.errors import SourceLostError, SourceNotFoundError
from app.feed_options import FeedOptions
from app.pipeline import Pipeline, PipelineState
from app.segmentation import Thresholds
from app.sources.base import FrameMode
from app.tracking.settings import TrackerSettings
from engines.errors import EngineLoadError, InferenceError
from tests.fakes.engines import FakeEngine
from tests.fakes.sources import FakeSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.frames import FrameResult
    from app.handoff import Backlog
    from app.ledger import LedgerCounts
    from engines.base import Engine


def _wait_until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline_s:
            raise TimeoutError
        time.sleep(0.002)


def _run(pipeline: Pipeline) -> list[FrameResult]:
    """Run to the end; gives every result."""
    backlog = pipeline.subscribe()
    pipeline.start()
    return _drain(backlog)


def _drain(backlog: Backlog[FrameResult]) -> list[FrameResult]:
    results = []
    while not backlog.is_drained:
        result = backlog.take(timeout_s=5)
        if result is not None:
            results.append(result)
    return results


def _check_books(counts: LedgerCounts) -> None:
    assert counts.is_balanced
    assert counts.pending == 0


def test_every_frame_of_a_source_is_inferred_in_order() -> None:
    pipeline = Pipeline(FakeSource(50), FakeEngine, FrameMode.EVERY_FRAME)

    results = _run(pipeline)

    status = pipeline.status()
    assert [result.frame.index for result in results] == list(range(50))
    assert status.state is PipelineState.FINISHED
    assert status.ledger.inferred == 50
    _check_books(status.ledger)


def test_what_moves_is_found_where_it_is() -> None:
    source = FakeSource(1)
    pipeline = Pipeline(source, FakeEngine, FrameMode.EVERY_FRAME)

    result = _run(pipeline)[0]

    assert (result.blobs.x_px[0], result.blobs.y_px[0]) == pytest.approx(
        source.centre_px(0), abs=0.1
    )


def test_a_moving_square_becomes_one_track() -> None:
    pipeline = Pipeline(FakeSource(9), FakeEngine, FrameMode.EVERY_FRAME)

    results = _run(pipeline)

    assert pipeline.status().tracks_born == 1
    assert results[-1].tracks.vx_px_s[0] == pytest.approx(6 * 120, rel=0.05)


def test_a_slow_engine_takes_the_newest_frame_and_the_rest_is_counted() -> None:
    source = FakeSource(60, is_live=True, delay_s=0.002)
    pipeline = Pipeline(source, lambda: FakeEngine(delay_s=0.01), FrameMode.LIVE)

    results = _run(pipeline)

    counts = pipeline.status().ledger
    assert counts.replaced > 0
    assert counts.inferred == len(results)
    assert results[-1].frame.index == 59
    _check_books(counts)


def test_frames_the_source_lost_are_counted() -> None:
    source = FakeSource(10, gaps={3, 4, 7})
    pipeline = Pipeline(source, FakeEngine, FrameMode.EVERY_FRAME)

    _run(pipeline)

    counts = pipeline.status().ledger
    assert (counts.numbered, counts.captured, counts.lost) == (10, 7, 3)
    _check_books(counts)


def test_a_lost_camera_is_the_fault_that_is_shown() -> None:
    pipeline = Pipeline(FakeSource(10, lost_after=4), FakeEngine, FrameMode.EVERY_FRAME)

    results = _run(pipeline)

    status = pipeline.status()
    assert status.state is PipelineState.FAULTED
    assert isinstance(status.fault, SourceLostError)
    assert len(results) == 4
    _check_books(status.ledger)


def test_a_source_that_is_not_there_is_the_fault_that_is_shown() -> None:
    refusal = SourceNotFoundError("no such clip")
    pipeline = Pipeline(FakeSource(refusal=refusal), FakeEngine, FrameMode.EVERY_FRAME)

    results = _run(pipeline)

    assert results == []
    assert pipeline.status().fault is refusal


@pytest.mark.parametrize("mode", list(FrameMode))
def test_an_engine_that_fails_ends_the_pipeline_with_its_error(mode: FrameMode) -> None:
    source = FakeSource(None, is_live=True, delay_s=0.001)
    pipeline = Pipeline(source, lambda: FakeEngine(fails_at=3), mode)

    _run(pipeline)

    status = pipeline.status()
    assert status.state is PipelineState.FAULTED
    assert isinstance(status.fault, InferenceError)
    assert source.closed == 1
    # The frame it failed on is among those discarded.
    assert status.ledger.discarded >= 1
    _check_books(status.ledger)


def test_an_engine_that_cannot_be_opened_closes_the_source() -> None:
    def make_engine() -> Engine:
        raise EngineLoadError("no such plan")

    source = FakeSource(None, is_live=True)
    pipeline = Pipeline(source, make_engine, FrameMode.LIVE)

    _run(pipeline)

    assert isinstance(pipeline.status().fault, EngineLoadError)
    assert source.closed == source.opened


@pytest.mark.parametrize("mode", list(FrameMode))
def test_stopping_closes_source_and_engine_and_the_books(mode: FrameMode) -> None:
    source, engine = FakeSource(None, is_live=True, delay_s=0.001), FakeEngine()
    pipeline = Pipeline(source, lambda: engine, mode)
    pipeline.start()
    _wait_until(lambda: pipeline.status().ledger.inferred > 5)

    pipeline.stop()

    status = pipeline.status()
    assert status.state is PipelineState.STOPPED
    assert source.closed == 1
    assert engine.is_closed
    _check_books(status.ledger)


def test_each_part_is_used_in_one_thread_only() -> None:
    source = FakeSource(5)
    pipeline = Pipeline(source, FakeEngine, FrameMode.EVERY_FRAME)

    _run(pipeline)

    assert source.threads == {"capture"}


def test_a_paused_file_waits_and_steps_frame_by_frame() -> None:
    pipeline = Pipeline(FakeSource(None), FakeEngine, FrameMode.EVERY_FRAME)
    pipeline.pause()
    pipeline.start()

    for wanted in (1, 2, 3):
        pipeline.step()
        _wait_until(lambda wanted=wanted: pipeline.status().ledger.inferred == wanted)

    assert pipeline.status().state is PipelineState.PAUSED
    assert pipeline.status().ledger.captured == 3
    pipeline.stop()


def test_a_paused_camera_is_read_on_and_its_frames_are_counted_as_skipped() -> None:
    source = FakeSource(None, is_live=True, delay_s=0.001)
    pipeline = Pipeline(source, FakeEngine, FrameMode.LIVE)
    pipeline.start()
    _wait_until(lambda: pipeline.status().ledger.inferred > 2)

    pipeline.pause()
    _wait_until(lambda: pipeline.status().ledger.skipped > 2)

    assert pipeline.status().state is PipelineState.PAUSED
    pipeline.resume()
    before = pipeline.status().ledger.inferred
    _wait_until(lambda: pipeline.status().ledger.inferred > before)
    pipeline.stop()
    _check_books(pipeline.status().ledger)


def test_a_frame_limit_ends_the_pipeline() -> None:
    pipeline = Pipeline(
        FakeSource(None), FakeEngine, FrameMode.EVERY_FRAME, frame_limit=7
    )

    results = _run(pipeline)

    assert len(results) == 7
    assert pipeline.status().state is PipelineState.FINISHED


def test_other_thresholds_take_effect_while_it_runs() -> None:
    pipeline = Pipeline(
        FakeSource(None), FakeEngine, FrameMode.EVERY_FRAME, frame_limit=None
    )
    blobs: list[int] = []

    def see(count: int) -> bool:
        result = pipeline.results.take(0.1)
        if result is not None:
            blobs.append(len(result.blobs))
        return blobs[-1:] == [count]

    pipeline.start()
    _wait_until(lambda: see(1))

    pipeline.set_thresholds(Thresholds(0.95, 0.99))

    _wait_until(lambda: see(0))
    pipeline.stop()
    # One square in each, and none from some frame on.
    assert sorted(blobs, reverse=True) == blobs
    assert set(blobs) == {0, 1}


def test_thresholds_can_be_given_back_to_the_model() -> None:
    pipeline = Pipeline(FakeSource(3), FakeEngine, FrameMode.EVERY_FRAME)
    pipeline.set_thresholds(Thresholds(0.95, 0.99))
    _run(pipeline)

    pipeline.set_thresholds(None)

    assert pipeline.status().thresholds == (0.4, 0.6)


def test_other_options_take_effect_while_it_runs_and_tracks_stay() -> None:
    # So wide that the square does not reach the edge, where it starts anew.
    size = (12_000, 48)
    source = FakeSource(None, size=size, delay_s=0.002)
    pipeline = Pipeline(source, lambda: FakeEngine(size), FrameMode.EVERY_FRAME)
    pipeline.start()
    _wait_until(lambda: pipeline.status().confirmed_tracks == 1)
    _wait_until(lambda: len(pipeline.trails.snapshot()[0].points_px) > 20)
    before = pipeline.trails.snapshot()[0].track_id

    pipeline.adjust(FeedOptions(TrackerSettings(agility=3.0), 0.01, 0.5))

    _wait_until(lambda: len(pipeline.trails.snapshot()[0].points_px) < 20)
    assert pipeline.picture_period_s == 0.5
    assert pipeline.trails.snapshot()[0].track_id == before
    assert pipeline.status().tracks_born == 1
    pipeline.stop()


def test_without_a_source_of_frames_the_status_says_starting() -> None:
    pipeline = Pipeline(FakeSource(), FakeEngine, FrameMode.LIVE)

    status = pipeline.status()

    assert status.state is PipelineState.STARTING
    assert status.source is None
