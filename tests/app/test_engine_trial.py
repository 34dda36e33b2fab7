"""Another engine is tried on a running feed, takes over, or has to leave."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from app.engine_trial import TrialLimits, TrialPhase
from app.pipeline import Pipeline, PipelineState
from app.process import Urgency
from app.sources.base import FrameMode
from engines.errors import EngineLoadError, InferenceError
from tests.fakes.engines import FakeEngine
from tests.fakes.sources import FakeSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from app.engine_trial import TrialStatus
    from engines.base import EngineSpec

_PATIENCE_S = 20.0
QUICK = TrialLimits(max_time_ratio=1000.0, shadow_s=0.05, probation_s=0.05)


class BlindEngine(FakeEngine):
    """Sees nothing."""

    def infer(self, tensor: NDArray[Any]) -> NDArray[Any]:
        return super().infer(tensor) * 0


class StripedEngine(FakeEngine):
    """Sees two of three columns."""

    def infer(self, tensor: NDArray[Any]) -> NDArray[Any]:
        seen = super().infer(tensor).copy()
        seen[:, :, ::3] = 0
        return seen


class CautiousStripedEngine(StripedEngine):
    """And asks for another threshold."""

    @property
    def spec(self) -> EngineSpec:
        model = super().spec.model._replace(threshold_high=0.5)
        return super().spec._replace(model=model)


class WatchedEngine(FakeEngine):
    """Notes which threads opened and closed it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.opened_in = threading.get_ident()
        self.closed_in = 0

    def close(self) -> None:
        self.closed_in = threading.get_ident()
        super().close()


class Made:
    """Makes engines, and keeps what it made."""

    def __init__(self, make: Callable[[], FakeEngine]) -> None:
        self.engines: list[FakeEngine] = []
        self._make = make

    def __call__(self) -> FakeEngine:
        self.engines.append(self._make())
        return self.engines[-1]


def _until(is_so: Callable[[], object], what: str) -> None:
    deadline_s = time.monotonic() + _PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline_s, f"waited in vain until {what}"
        time.sleep(0.005)


@pytest.fixture
def first() -> Made:
    return Made(WatchedEngine)


@pytest.fixture
def pipeline(first: Made) -> Iterator[Pipeline]:
    source = FakeSource(None, is_live=True, delay_s=0.002)
    pipeline = Pipeline(source, first, FrameMode.LIVE)
    pipeline.start()
    _until(lambda: pipeline.status().ledger.inferred > 5, "it runs")
    yield pipeline
    pipeline.stop()
    counts = pipeline.status().ledger
    assert counts.is_balanced
    assert counts.pending == 0


def _try(
    pipeline: Pipeline, make: Callable[[], FakeEngine], limits: TrialLimits = QUICK
) -> TrialStatus:
    before = pipeline.status().trial
    pipeline.try_engine(make, limits)

    def decided() -> TrialStatus | None:
        trial = pipeline.status().trial
        is_new = trial is not None and trial is not before
        return trial if is_new and trial is not None and trial.phase.is_over else None

    _until(decided, "the trial is decided")
    trial = decided()
    assert trial is not None
    return trial


def test_an_engine_that_is_as_good_takes_over(pipeline: Pipeline, first: Made) -> None:
    second = Made(WatchedEngine)

    trial = _try(pipeline, second)

    assert trial.phase is TrialPhase.ACCEPTED
    assert trial.mask_iou == 1.0
    assert trial.frames >= 20
    assert trial.tried.infer_p50_ms > 0
    _until(lambda: first.engines[0].is_closed, "the first is closed")
    counted = second.engines[0].inferred
    _until(lambda: second.engines[0].inferred > counted + 5, "the second infers")


def test_a_track_keeps_its_id() -> None:
    # given: an object that stays where it is
    class StillSource(FakeSource):
        def image(self, index: int) -> NDArray[np.uint8]:
            return super().image(0 * index)

    pipeline = Pipeline(
        StillSource(None, is_live=True, delay_s=0.004), FakeEngine, FrameMode.LIVE
    )
    pipeline.start()
    _until(lambda: pipeline.status().confirmed_tracks == 1, "there is a track")

    trials = [_try(pipeline, FakeEngine) for _ in range(3)]

    assert {trial.phase for trial in trials} == {TrialPhase.ACCEPTED}
    assert pipeline.status().tracks_born == 1
    assert pipeline.status().confirmed_tracks == 1
    assert pipeline.status().ledger.lost == 0
    pipeline.stop()


def test_each_engine_is_opened_and_closed_in_one_thread(
    pipeline: Pipeline, first: Made
) -> None:
    second = Made(WatchedEngine)

    _try(pipeline, second)
    pipeline.stop()

    for made in (first, second):
        [engine] = made.engines
        assert isinstance(engine, WatchedEngine)
        assert engine.closed_in == engine.opened_in


def test_an_engine_that_sees_something_else_is_rejected(
    pipeline: Pipeline, first: Made
) -> None:
    second = Made(BlindEngine)

    trial = _try(pipeline, second)

    assert trial.phase is TrialPhase.REJECTED
    assert "overlap" in trial.reason
    assert trial.hint
    _until(lambda: second.engines[0].is_closed, "it is closed")
    assert not first.engines[0].is_closed


@pytest.mark.parametrize(
    ("make", "hint"),
    [(StripedEngine, "more precision"), (CautiousStripedEngine, "0.6 and 0.5")],
)
def test_masks_that_are_less_alike_are_told_with_what_may_be_the_cause(
    pipeline: Pipeline, make: Callable[[], FakeEngine], hint: str
) -> None:
    trial = _try(pipeline, make)

    assert trial.mask_iou == pytest.approx(0.67, abs=0.1)
    assert trial.phase is TrialPhase.REJECTED
    assert hint in trial.hint


def test_an_engine_that_is_slower_is_rejected(pipeline: Pipeline) -> None:
    limits = TrialLimits(max_time_ratio=2.0, shadow_s=0.05, probation_s=0.05)

    trial = _try(pipeline, partial(FakeEngine, delay_s=0.02), limits)

    assert trial.phase is TrialPhase.REJECTED
    assert "times as long" in trial.reason


def test_an_engine_that_fails_after_it_took_over_gives_the_feed_back(
    pipeline: Pipeline, first: Made
) -> None:
    # given: it fails in its probation, after 3 to warm up and 20 compared
    second = Made(partial(FakeEngine, fails_at=40))
    limits = TrialLimits(max_time_ratio=1000.0, shadow_s=0.0, probation_s=5.0)

    trial = _try(pipeline, second, limits)

    assert trial.phase is TrialPhase.ROLLED_BACK
    assert "inference 40 failed" in trial.reason
    counted = first.engines[0].inferred
    _until(lambda: first.engines[0].inferred > counted + 5, "the first infers again")
    assert pipeline.status().state is PipelineState.RUNNING


def test_an_engine_that_is_slower_once_it_has_taken_over_gives_the_feed_back() -> None:
    class Tiring(FakeEngine):
        def infer(self, tensor: NDArray[Any]) -> NDArray[Any]:
            if self.inferred > 30:
                time.sleep(0.1)
            return super().infer(tensor)

    # given: until then both take 10 ms, which is much beside a wait for the other
    first = Made(partial(WatchedEngine, delay_s=0.01))
    limits = TrialLimits(max_time_ratio=4.0, shadow_s=0.0, probation_s=0.5)
    source = FakeSource(None, is_live=True, delay_s=0.002)
    pipeline = Pipeline(source, first, FrameMode.LIVE)
    pipeline.start()
    try:
        _until(lambda: pipeline.status().ledger.inferred > 5, "it runs")

        trial = _try(pipeline, Made(partial(Tiring, delay_s=0.01)), limits)

        assert trial.phase is TrialPhase.ROLLED_BACK
        assert "times as long" in trial.reason
        assert "Raise the limit" in trial.hint
        counted = first.engines[0].inferred
        _until(
            lambda: first.engines[0].inferred > counted + 5, "the first infers again"
        )
    finally:
        pipeline.stop()


def test_an_engine_that_cannot_be_opened_changes_nothing(pipeline: Pipeline) -> None:
    def make() -> FakeEngine:
        raise EngineLoadError("no such plan", hint="Build it.")

    trial = _try(pipeline, make)

    assert (trial.phase, trial.reason) == (TrialPhase.REJECTED, "no such plan")
    assert trial.hint == "Build it."


@pytest.mark.parametrize(
    ("fails_from", "phase"),
    [(10, TrialPhase.REJECTED), (40, TrialPhase.ROLLED_BACK)],
)
def test_a_bug_in_an_engine_changes_nothing(
    pipeline: Pipeline, fails_from: int, phase: TrialPhase
) -> None:
    # given: a bug that shows beside the running engine, or after it took over
    class Broken(FakeEngine):
        def infer(self, tensor: NDArray[Any]) -> NDArray[Any]:
            if self.inferred > fails_from:
                raise ZeroDivisionError("a bug of the engine")
            return super().infer(tensor)

    limits = TrialLimits(max_time_ratio=1000.0, shadow_s=0.0, probation_s=5.0)

    trial = _try(pipeline, Made(Broken), limits)

    assert trial.phase is phase
    assert pipeline.status().state is PipelineState.RUNNING


@pytest.mark.parametrize("after", [TrialPhase.SHADOW, TrialPhase.PROBATION])
def test_a_trial_can_be_cancelled(
    pipeline: Pipeline, first: Made, after: TrialPhase
) -> None:
    is_early = after is TrialPhase.SHADOW
    limits = TrialLimits(
        max_time_ratio=1000.0,
        shadow_s=60.0 if is_early else 0.0,
        probation_s=60.0,
    )
    second = Made(FakeEngine)
    pipeline.try_engine(second, limits)

    def phase() -> TrialPhase | None:
        trial = pipeline.status().trial
        return trial.phase if trial else None

    _until(lambda: phase() is after, "it is so far")
    pipeline.cancel_trial()

    end = TrialPhase.REJECTED if is_early else TrialPhase.ROLLED_BACK
    _until(lambda: phase() is end, "it is over")
    _until(lambda: second.engines[0].is_closed, "it is closed")
    counted, tried = first.engines[0].inferred, second.engines[0].inferred
    _until(lambda: first.engines[0].inferred > counted + 5, "the first infers")
    assert second.engines[0].inferred == tried
    assert pipeline.status().state is PipelineState.RUNNING


@pytest.mark.parametrize("after", [TrialPhase.SHADOW, TrialPhase.PROBATION])
def test_stopping_closes_both_engines(first: Made, after: TrialPhase) -> None:
    source = FakeSource(None, is_live=True, delay_s=0.002)
    pipeline = Pipeline(source, first, FrameMode.LIVE)
    pipeline.start()
    _until(lambda: pipeline.status().ledger.inferred > 5, "it runs")
    second = Made(FakeEngine)
    shadow_s = 60.0 if after is TrialPhase.SHADOW else 0.0
    limits = TrialLimits(max_time_ratio=1000.0, shadow_s=shadow_s, probation_s=60.0)
    pipeline.try_engine(second, limits)
    _until(
        lambda: (trial := pipeline.status().trial) and trial.phase is after, "so far"
    )

    pipeline.stop()

    _until(lambda: second.engines[0].is_closed, "the second is closed")
    assert first.engines[0].is_closed
    assert pipeline.status().state is PipelineState.STOPPED


def test_an_engine_that_fails_with_none_before_it_ends_the_feed(first: Made) -> None:
    source = FakeSource(None, is_live=True, delay_s=0.002)
    pipeline = Pipeline(source, first, FrameMode.LIVE)
    pipeline.start()
    _until(lambda: pipeline.status().ledger.inferred > 5, "it runs")

    fails = threading.Event()

    class Failing(FakeEngine):
        def infer(self, tensor: NDArray[Any]) -> NDArray[Any]:
            if fails.is_set():
                raise InferenceError("it was told to fail")
            return super().infer(tensor)

    # After its trial the engine is alone, and its failure is the feed's.
    trial = _try(pipeline, Failing)
    assert trial.phase is TrialPhase.ACCEPTED
    fails.set()

    _until(lambda: pipeline.status().state is PipelineState.FAULTED, "it failed")
    assert isinstance(pipeline.status().fault, InferenceError)
    pipeline.stop()


def test_in_the_shadow_it_infers_as_an_ordinary_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    urgencies: list[int] = []
    monkeypatch.setattr("app.pipeline.hurry_thread", urgencies.append)
    seen: list[int] = []

    class Noting(FakeEngine):
        def infer(self, tensor: NDArray[Any]) -> NDArray[Any]:
            if threading.current_thread().name == "trial":
                seen.append(urgencies[-1])
            return super().infer(tensor)

    pipeline = Pipeline(
        FakeSource(None, is_live=True, delay_s=0.002), FakeEngine, FrameMode.LIVE
    )
    pipeline.start()
    try:
        _until(lambda: pipeline.status().ledger.inferred > 5, "it runs")
        trial = _try(pipeline, Noting)
    finally:
        pipeline.stop()

    assert trial.phase is TrialPhase.ACCEPTED
    assert set(seen) == {0}
    assert urgencies[-1] == Urgency.BESIDE


def test_what_it_waits_for_a_core_in_the_shadow_is_not_its_own_time(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As long as all of it took: every inference then takes no time of its own.
    monkeypatch.setattr("app.engine_trial.waited_ms", lambda: 1e3 * time.perf_counter())
    trial = _try(
        pipeline,
        partial(BlindEngine, delay_s=0.05),
        TrialLimits(max_time_ratio=1.2, shadow_s=0.05, probation_s=0.05),
    )

    # For its masks; it would have been too slow as well.
    assert trial.phase is TrialPhase.REJECTED
    assert trial.frames >= 20
    assert trial.tried.infer_p50_ms < 50
