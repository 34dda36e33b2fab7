from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from app.display import Display
from app.evidence import Cause
from app.hardware.readings import HardwareSample
from app.overlay import View
from app.pipeline import Pipeline, PipelineState
from app.sources.base import FrameMode
from app.trails import Trails
from app.verdict import Judge
from tests.fakes.engines import FakeEngine
from tests.fakes.sources import FakeSource
from widgets.feed_bridge import FeedBridge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from PySide6.QtCore import SignalInstance
    from pytestqt.qtbot import QtBot

    from app.display import Picture
    from app.frames import Trail


@pytest.fixture
def display() -> Iterator[Display]:
    display = Display()
    display.set_view(View.fit(64, 48, 64, 48))
    display.start()
    yield display
    display.stop()


@pytest.fixture
def bridge(display: Display) -> FeedBridge:
    return FeedBridge(display)


@pytest.fixture
def run(display: Display) -> Iterator[Callable[..., Pipeline]]:
    """Start a pipeline on a source whose frames show in the display."""
    running = []

    def start(source: FakeSource) -> Pipeline:
        pipeline = Pipeline(source, FakeEngine, FrameMode.EVERY_FRAME)
        display.set_feed(pipeline.results, pipeline.trails)
        pipeline.start()
        running.append(pipeline)
        return pipeline

    yield start
    for pipeline in running:
        pipeline.stop()


class BrokenTrails(Trails):
    def snapshot(self) -> tuple[Trail, ...]:
        raise ZeroDivisionError


def gathered(signal: SignalInstance) -> list[Any]:
    """Everything that a signal carries from now on."""
    seen: list[Any] = []
    signal.connect(seen.append)
    return seen


def poll_until(bridge: FeedBridge, qtbot: QtBot, condition: Callable[[], bool]) -> None:
    def look() -> bool:
        bridge.hurry()
        bridge.poll()
        return condition()

    qtbot.waitUntil(look, timeout=20_000)


def test_the_newest_picture_is_taken(
    bridge: FeedBridge, run: Callable[..., Pipeline], qtbot: QtBot
) -> None:
    pictures: list[Picture] = gathered(bridge.picture_taken)
    run(FakeSource(5))

    poll_until(bridge, qtbot, lambda: bool(pictures) and pictures[-1].frame_index == 4)

    assert (pictures[-1].frame_width_px, pictures[-1].frame_height_px) == (64, 48)


def test_a_state_is_told_once(
    bridge: FeedBridge, run: Callable[..., Pipeline], qtbot: QtBot
) -> None:
    changes = gathered(bridge.state_changed)
    bridge.watch(run(FakeSource(3)))
    bridge.stop()

    poll_until(bridge, qtbot, lambda: bool(changes) and changes[-1].state.is_over)

    states = [change.state for change in changes]
    assert states[-1] is PipelineState.FINISHED
    assert len(set(states)) == len(states)


def test_the_fault_comes_with_the_state(
    bridge: FeedBridge, run: Callable[..., Pipeline], qtbot: QtBot
) -> None:
    changes = gathered(bridge.state_changed)
    bridge.watch(run(FakeSource(3, lost_after=2)))
    bridge.stop()

    poll_until(bridge, qtbot, lambda: bool(changes) and changes[-1].state.is_over)

    assert "gave no frame 2" in str(changes[-1].fault)


def test_samples_carry_the_figures_of_pipeline_and_display(
    bridge: FeedBridge, run: Callable[..., Pipeline], qtbot: QtBot
) -> None:
    samples = gathered(bridge.sample_taken)
    bridge.watch(run(FakeSource(None, delay_s=0.005)))
    bridge.stop()

    poll_until(bridge, qtbot, lambda: bool(samples) and samples[-1].display_hz > 0)

    assert samples[-1].capture_hz > 0
    assert samples[-1].latency_p99_ms > 0


def test_figures_are_read_less_often_than_pictures_are_shown(
    bridge: FeedBridge, run: Callable[..., Pipeline]
) -> None:
    samples = gathered(bridge.sample_taken)
    bridge.watch(run(FakeSource(None, delay_s=0.01)))
    bridge.stop()

    for _ in range(5):
        bridge.poll()

    assert len(samples) == 1


def test_a_pipeline_that_was_left_is_told_of_no_more(
    bridge: FeedBridge, run: Callable[..., Pipeline]
) -> None:
    bridge.watch(run(FakeSource(None, delay_s=0.01)))
    bridge.stop()
    bridge.leave()
    statuses = gathered(bridge.status_taken)

    bridge.hurry()
    bridge.poll()

    assert statuses == []


def test_a_bug_in_the_display_is_told_once(
    bridge: FeedBridge,
    display: Display,
    run: Callable[..., Pipeline],
    qtbot: QtBot,
) -> None:
    faults = gathered(bridge.display_faulted)
    pipeline = run(FakeSource(3))
    display.set_feed(pipeline.results, BrokenTrails())

    poll_until(bridge, qtbot, lambda: bool(faults))
    bridge.hurry()
    bridge.poll()

    assert len(faults) == 1


def test_a_window_that_is_slow_to_paint_is_the_bottleneck(
    bridge: FeedBridge, display: Display, qtbot: QtBot
) -> None:
    pipeline = Pipeline(
        FakeSource(None, rate_hz=40.0, delay_s=0.022), FakeEngine, FrameMode.LIVE
    )
    display.set_feed(pipeline.results, pipeline.trails)
    judge, verdicts = Judge(), []
    samples = gathered(bridge.sample_taken)

    def look() -> bool:
        bridge.hurry()
        bridge.poll()
        if samples:
            now = pipeline.status(), samples[-1].display_hz, HardwareSample()
            verdicts.append(judge.look(*now, time.monotonic()))
        return bool(verdicts) and verdicts[-1].cause is Cause.DISPLAY

    bridge.picture_taken.connect(lambda _: time.sleep(0.3))
    pipeline.start()
    bridge.watch(pipeline)
    bridge.stop()
    try:
        qtbot.waitUntil(look, timeout=20_000)
    finally:
        pipeline.stop()

    # They are composed all the same, and only not seen.
    assert display.status().display_hz > 2 * samples[-1].display_hz
    assert "inference keeps up" in verdicts[-1].text
