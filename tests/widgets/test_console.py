from __future__ import annotations

import threading
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QDoubleSpinBox

from app.display import Display
from app.engine_choice import EngineChoice
from app.engine_trial import TrialLimits, TrialPhase
from app.errors import ConsoleError, SourceFormatError, SourceNotFoundError
from app.overlay import OverlayOptions
from app.pipeline import Pipeline, PipelineState
from app.recording.library import list_sessions
from app.segmentation import Thresholds
from app.settings.in_use import SettingsInUse
from app.settings.model import ThresholdSettings
from app.settings.store import SettingsStore
from app.sources.base import FrameMode
from engines.errors import EngineLoadError
from tests.fakes.engines import FakeEngine
from tests.fakes.sources import FakeSource
from widgets.actions import ActionId
from widgets.console import Console
from widgets.main_window import MainWindow
from widgets.memory import Memory
from widgets.message_bar import Remedy, Severity
from widgets.settings_desk import SettingsDesk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from app.frames import Frame
    from engines.base import Engine, EngineSpec

_PATIENCE_MS = 20_000
LIVE, EVERY = FrameMode.LIVE, FrameMode.EVERY_FRAME


def _no_engine() -> Engine:
    raise EngineLoadError("no TensorFlow here", hint="Install it.")


class _CautiousEngine(FakeEngine):
    """Asks for other thresholds."""

    @property
    def spec(self) -> EngineSpec:
        model = super().spec.model._replace(threshold_low=0.3, threshold_high=0.5)
        return super().spec._replace(model=model)


class Bench:
    """A console on fake sources, and what an operator sees of it."""

    def __init__(self, qtbot: QtBot, path: Path) -> None:
        self.sources: dict[str, Callable[[], FakeSource]] = {}
        self.make_engine: Callable[[], Engine] = FakeEngine
        self.made: list[Pipeline] = []
        self.reported: list[BaseException] = []
        self.memory = Memory(QSettings(str(path), QSettings.Format.IniFormat))
        self.window = MainWindow()
        store = SettingsStore(path.with_name("settings.json"))
        self.desk = SettingsDesk(SettingsInUse(store), self.window)
        self.display = Display()
        self._qtbot = qtbot
        qtbot.addWidget(self.window)
        self.window.show()
        self.display.start()
        self.console = self.make_console()

    def make_console(self) -> Console:
        return Console(
            self._make_pipeline,
            self.window,
            self.display,
            self.memory,
            self.desk,
            lambda error, _: self.reported.append(error),
        )

    def open(self, uri: str, mode: FrameMode = EVERY) -> None:
        self.window.source_requested.emit(uri, mode)

    def trigger(self, id_: ActionId) -> None:
        self.window.actions_by_id[id_].trigger()

    def wait_for_state(self, state: PipelineState) -> None:
        word = "Fault" if state is PipelineState.FAULTED else state.value.capitalize()
        self.wait(lambda: self.window.transport_bar.state_text == word)

    def wait(self, condition: Callable[[], bool]) -> None:
        self._qtbot.waitUntil(condition, timeout=_PATIENCE_MS)

    def message(self) -> str:
        message = self.window.message_bar.message
        return message.text if message else ""

    def _make_pipeline(self, uri: str, mode: FrameMode) -> Pipeline:
        if uri not in self.sources:
            raise SourceFormatError(f"no source {uri}", hint="Choose another.")
        pipeline = Pipeline(self.sources[uri](), self.make_engine, mode)
        self.made.append(pipeline)
        return pipeline


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(qtbot, tmp_path / "window.ini")
    bench.sources = {
        "short": lambda: FakeSource(4),
        "endless": lambda: FakeSource(None, delay_s=0.005),
        "camera": lambda: FakeSource(None, delay_s=0.005, is_live=True),
        "lost": lambda: FakeSource(None, lost_after=3),
        "missing": lambda: FakeSource(
            refusal=SourceNotFoundError("no file x.mp4", hint="Check the name.")
        ),
    }
    yield bench
    bench.console.close()
    bench.display.stop()


def test_a_source_is_shown(bench: Bench) -> None:
    bench.open("endless")

    bench.wait_for_state(PipelineState.RUNNING)
    bench.wait(bench.window.video_view.isVisible)
    assert bench.window.status_strip.source_text.startswith("moving square")


def test_a_source_that_ended_can_be_replayed(bench: Bench) -> None:
    bench.open("short")
    bench.wait_for_state(PipelineState.FINISHED)
    assert bench.message() == (
        "moving square has ended: 4 frames, 4 inferred, 1 tracks."
    )

    bench.window.message_bar.remedy_chosen.emit(Remedy.REPLAY)

    bench.wait(lambda: len(bench.made) == 2)
    bench.wait_for_state(PipelineState.FINISHED)


def test_the_last_picture_of_a_source_that_ended_stays(bench: Bench) -> None:
    bench.open("short")

    bench.wait_for_state(PipelineState.FINISHED)

    bench.wait(bench.window.video_view.isVisible)
    assert not bench.window.start_page.isVisible()


def test_a_missing_source_is_told_and_the_console_stays_up(bench: Bench) -> None:
    bench.open("missing")

    bench.wait_for_state(PipelineState.FAULTED)

    assert bench.message() == "No file x.mp4."
    assert bench.window.start_page.isVisible()
    assert bench.window.start_page.title == "Nothing to track yet"


def test_an_address_that_means_nothing_is_told(bench: Bench) -> None:
    bench.open("nonsense")

    assert bench.message() == "No source nonsense."


def test_another_source_can_be_opened_after_a_fault(bench: Bench) -> None:
    bench.open("missing")
    bench.wait_for_state(PipelineState.FAULTED)

    bench.open("endless")

    bench.wait_for_state(PipelineState.RUNNING)
    assert bench.message() == ""


def test_a_lost_source_can_be_tried_again(bench: Bench) -> None:
    bench.open("lost")
    bench.wait_for_state(PipelineState.FAULTED)
    assert bench.message() == "The moving square gave no frame 3."

    bench.window.message_bar.remedy_chosen.emit(Remedy.TRY_AGAIN)

    bench.wait(lambda: len(bench.made) == 2)


def test_an_engine_that_fails_is_told(bench: Bench) -> None:
    bench.make_engine = lambda: FakeEngine(fails_at=2)

    bench.open("endless")

    bench.wait_for_state(PipelineState.FAULTED)
    message = bench.window.message_bar.message
    assert message is not None
    assert message.severity is Severity.ERROR
    assert message.text == "Inference 2 failed."


def test_a_bug_is_reported_as_unexpected(bench: Bench) -> None:
    class Broken(FakeSource):
        def read(self, timeout_s: float) -> Frame | None:
            raise ZeroDivisionError(timeout_s)

    bench.sources["broken"] = Broken

    bench.open("broken")

    bench.wait(lambda: bool(bench.reported))
    assert isinstance(bench.reported[0], ZeroDivisionError)
    assert bench.message() == ""


def test_pause_holds_the_feed_and_lets_it_go(bench: Bench) -> None:
    bench.open("endless")
    bench.wait_for_state(PipelineState.RUNNING)

    bench.trigger(ActionId.PAUSE)
    bench.wait_for_state(PipelineState.PAUSED)
    assert bench.window.actions_by_id[ActionId.PAUSE].isChecked()

    bench.trigger(ActionId.PAUSE)
    bench.wait_for_state(PipelineState.RUNNING)


def test_a_step_pauses_and_the_next_lets_one_frame_through(bench: Bench) -> None:
    bench.open("endless")
    bench.wait_for_state(PipelineState.RUNNING)
    bench.trigger(ActionId.STEP)
    bench.wait_for_state(PipelineState.PAUSED)
    pipeline = bench.made[0]
    bench.wait(lambda: pipeline.status().ledger.pending == 0)
    before = pipeline.status().ledger.inferred

    bench.trigger(ActionId.STEP)

    bench.wait(lambda: pipeline.status().ledger.inferred > before)
    assert pipeline.status().ledger.inferred <= before + 2


def test_stop_ends_the_feed_and_start_begins_it_anew(bench: Bench) -> None:
    bench.open("endless")
    bench.wait_for_state(PipelineState.RUNNING)

    bench.trigger(ActionId.STOP)
    bench.wait_for_state(PipelineState.STOPPED)
    bench.trigger(ActionId.START)

    bench.wait_for_state(PipelineState.RUNNING)
    assert len(bench.made) == 2


def test_another_source_waits_until_the_first_has_stopped(bench: Bench) -> None:
    bench.open("endless")
    bench.wait_for_state(PipelineState.RUNNING)

    bench.open("camera")

    assert len(bench.made) == 1
    bench.wait(lambda: len(bench.made) == 2)
    assert bench.made[0].status().state is PipelineState.STOPPED
    bench.wait_for_state(PipelineState.RUNNING)


def test_only_the_last_of_several_requests_is_opened(bench: Bench) -> None:
    bench.open("endless")
    bench.wait_for_state(PipelineState.RUNNING)

    bench.open("camera")
    bench.open("short")

    bench.wait_for_state(PipelineState.FINISHED)
    assert len(bench.made) == 2


def test_stopping_a_slow_engine_does_not_hold_the_window(bench: Bench) -> None:
    bench.make_engine = lambda: FakeEngine(delay_s=0.5)
    bench.open("endless", LIVE)
    bench.wait(lambda: bench.made[0].status().ledger.captured > 5)

    began_s = time.monotonic()
    bench.open("short")

    assert time.monotonic() - began_s < 0.3
    bench.make_engine = FakeEngine
    bench.wait(lambda: len(bench.made) == 2)


def test_a_source_that_never_stops_is_given_up_and_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("widgets.console._STOP_S", 0.2)
    reading, release = threading.Event(), threading.Event()

    class Stuck(FakeSource):
        def read(self, timeout_s: float) -> Frame | None:
            reading.set()
            release.wait()
            return super().read(timeout_s)

    bench.sources["stuck"] = Stuck
    bench.open("stuck")
    bench.wait(reading.is_set)

    bench.trigger(ActionId.STOP)

    bench.wait(lambda: "did not stop within 0.2 s" in bench.message())
    bench.wait_for_state(PipelineState.FAULTED)
    assert bench.window.isVisible()
    release.set()
    bench.made[0].stop()


def test_another_mode_starts_the_source_anew(bench: Bench) -> None:
    bench.open("endless", LIVE)
    bench.wait_for_state(PipelineState.RUNNING)

    bench.trigger(ActionId.EVERY_FRAME)

    bench.wait(lambda: len(bench.made) == 2)
    assert bench.made[1].status().mode is EVERY
    assert bench.desk.settings.source.mode is EVERY


def test_a_mode_chosen_while_nothing_runs_starts_nothing(bench: Bench) -> None:
    bench.trigger(ActionId.EVERY_FRAME)

    assert bench.made == []
    assert bench.desk.settings.source.mode is EVERY


def test_the_window_shows_the_mode_a_source_runs_in(bench: Bench) -> None:
    bench.open("endless", EVERY)

    assert bench.window.mode is EVERY


def test_the_thresholds_of_the_model_are_shown(bench: Bench) -> None:
    bench.open("endless")

    bench.wait(bench.window.overlay_panel.low.isEnabled)
    assert bench.window.overlay_panel.thresholds == (0.4, 0.6)


def test_moved_thresholds_reach_this_source_and_the_next(bench: Bench) -> None:
    bench.open("endless")
    bench.wait_for_state(PipelineState.RUNNING)
    moved = Thresholds(0.1, 0.2)

    bench.window.thresholds_changed.emit(moved)
    assert bench.made[0].status().thresholds == moved

    bench.open("camera")
    bench.wait(lambda: len(bench.made) == 2)
    assert bench.made[1].status().thresholds == moved


def test_the_thresholds_of_the_model_can_be_had_again(bench: Bench) -> None:
    bench.open("endless")
    bench.wait_for_state(PipelineState.RUNNING)
    bench.window.thresholds_changed.emit(Thresholds(0.1, 0.2))

    bench.window.thresholds_reset.emit()

    assert bench.made[0].status().thresholds == (0.4, 0.6)
    assert bench.window.overlay_panel.thresholds == (0.4, 0.6)


def test_a_source_that_opened_is_remembered(bench: Bench) -> None:
    bench.open("endless")
    bench.wait_for_state(PipelineState.RUNNING)

    assert bench.memory.recent == ["endless"]
    assert bench.window.start_page.recent == ["endless"]


def test_a_source_that_did_not_open_is_not_remembered(bench: Bench) -> None:
    bench.open("missing")
    bench.wait_for_state(PipelineState.FAULTED)

    assert bench.memory.recent == []


def test_start_opens_the_source_of_the_last_time(bench: Bench) -> None:
    bench.memory.add_recent("endless")
    again = bench.make_console()

    again.start()

    bench.wait(lambda: len(bench.made) == 1)
    bench.wait(lambda: bench.made[0].status().state is PipelineState.RUNNING)
    assert bench.made[0].source_spec is not None
    again.close()
    assert bench.made[0].status().state is PipelineState.STOPPED


def test_what_is_drawn_reaches_the_display_and_the_settings(bench: Bench) -> None:
    options = OverlayOptions(shows_mask=False)

    bench.window.options_changed.emit(options)

    assert bench.desk.settings.display.overlay() == options


# --- what the settings ask


def test_tracking_and_display_are_changed_while_the_feed_goes_on(
    bench: Bench,
) -> None:
    bench.open("endless")
    bench.wait_for_state(PipelineState.RUNNING)

    bench.desk.change("tracking", agility=3.0)
    bench.desk.change("display", picture_rate_hz=10.0, trail_s=2.0, shows_ids=False)

    assert len(bench.made) == 1
    assert bench.made[0]._tracker_settings.agility == 3.0
    assert bench.made[0].picture_period_s == 0.1
    assert not bench.window.overlay_panel.options.shows_ids
    assert not bench.window.actions_by_id[ActionId.SHOW_IDS].isChecked()
    bench.wait(lambda: bench.made[0].status().state is PipelineState.RUNNING)


def test_recordings_follow_the_settings_and_the_panel_changes_them(
    bench: Bench, tmp_path: Path
) -> None:
    bench.open("endless")
    bench.wait_for_state(PipelineState.RUNNING)

    bench.desk.change("recording", folder=tmp_path / "films", reserve_gb=0.01)
    bench.window.recording_panel.findChild(QDoubleSpinBox).setValue(1.5)
    bench.trigger(ActionId.RECORD)
    bench.wait(lambda: bench.made[0].status().recording.written > 0)
    bench.trigger(ActionId.STOP)
    bench.wait(lambda: bench.made[0].status().state.is_over)

    assert bench.desk.settings.recording.pretrigger_s == 1.5
    assert len(list_sessions(tmp_path / "films")) == 1


def test_the_thresholds_of_the_settings_are_heeded_and_shown(bench: Bench) -> None:
    bench.open("endless")
    bench.wait_for_state(PipelineState.RUNNING)

    bench.desk.change("tracking", thresholds=ThresholdSettings(low=0.2, high=0.3))

    assert bench.made[0].status().thresholds == (0.2, 0.3)
    assert bench.window.overlay_panel.thresholds == (0.2, 0.3)
    bench.desk.change("tracking", thresholds=None)
    assert bench.made[0].status().thresholds == (0.4, 0.6)
    assert bench.window.overlay_panel.thresholds == (0.4, 0.6)
    assert len(bench.made) == 1


@pytest.mark.parametrize(
    ("section", "values"),
    [("engine", {"threads": 2}), ("source", {"mode": LIVE})],
)
def test_another_engine_or_mode_starts_the_feed_anew(
    bench: Bench, section: str, values: dict[str, Any]
) -> None:
    bench.desk.change("tracking", agility=3.0)
    bench.open("endless")
    bench.wait_for_state(PipelineState.RUNNING)

    bench.desk.change(section, **values)

    bench.wait(lambda: len(bench.made) == 2)
    bench.wait_for_state(PipelineState.RUNNING)
    assert bench.made[0].status().state is PipelineState.STOPPED
    assert bench.made[1]._tracker_settings.agility == 3.0


def test_the_next_source_to_start_with_starts_nothing_now(bench: Bench) -> None:
    bench.open("endless")
    bench.wait_for_state(PipelineState.RUNNING)

    bench.desk.change("source", start_uri="short")

    bench.wait_for_state(PipelineState.RUNNING)
    assert len(bench.made) == 1


def test_another_engine_starts_nothing_that_was_stopped(bench: Bench) -> None:
    bench.open("endless")
    bench.wait_for_state(PipelineState.RUNNING)
    bench.trigger(ActionId.STOP)

    bench.desk.change("engine", threads=2)

    bench.wait_for_state(PipelineState.STOPPED)
    bench.desk.change("engine", threads=3)
    assert len(bench.made) == 1


def test_another_engine_mends_a_feed_that_failed(bench: Bench) -> None:
    bench.make_engine = _no_engine
    bench.open("endless")
    bench.wait_for_state(PipelineState.FAULTED)
    bench.make_engine = FakeEngine

    bench.desk.change("engine", threads=2)

    bench.wait_for_state(PipelineState.RUNNING)
    assert bench.message() == ""


def test_an_engine_that_took_over_is_kept_and_starts_nothing_anew(
    bench: Bench,
) -> None:
    bench.open("endless")
    bench.wait_for_state(PipelineState.RUNNING)

    bench.console._keep_engine(EngineChoice(threads=4))

    assert bench.desk.settings.engine.threads == 4
    bench.desk.change("display", shows_ids=False)
    bench.wait_for_state(PipelineState.RUNNING)
    assert len(bench.made) == 1


def test_the_graphs_come_after_the_first_picture(bench: Bench) -> None:
    assert bench.window.telemetry_dock.graphs == ()

    bench.open("endless")

    bench.wait(lambda: len(bench.window.telemetry_dock.graphs) == 3)
    assert bench.window.video_view.isVisible()


def test_closing_stops_every_thread(bench: Bench) -> None:
    bench.open("camera", LIVE)
    bench.wait_for_state(PipelineState.RUNNING)

    bench.console.close()

    assert bench.made[0].status().state is PipelineState.STOPPED


def test_an_expected_error_of_the_factory_leaves_the_console_usable(
    bench: Bench,
) -> None:
    def refuse() -> FakeSource:
        raise ConsoleError("no memory", hint="Close something.")

    bench.sources["heavy"] = refuse
    bench.open("heavy")
    assert bench.message() == "No memory."

    bench.open("short")

    bench.wait_for_state(PipelineState.FINISHED)


def test_the_thresholds_of_an_engine_that_takes_over_are_shown(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EngineChoice, "factory", lambda *_: _CautiousEngine)
    bench.open("camera", LIVE)
    panel = bench.window.overlay_panel
    bench.wait(lambda: panel.low.value == pytest.approx(0.4))

    limits = TrialLimits(max_time_ratio=1000.0, shadow_s=0.05, probation_s=0.05)
    bench.console.try_engine(EngineChoice(), limits)

    bench.wait(lambda: panel.low.value == pytest.approx(0.3))
    assert panel.high.value == pytest.approx(0.5)


def test_an_engine_that_is_taken_back_is_told_where_the_operator_looks(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make() -> FakeEngine:
        # It fails on probation, after 3 to warm up and 20 compared.
        return FakeEngine(fails_at=40)

    monkeypatch.setattr(EngineChoice, "factory", lambda *_: make)
    bench.open("camera", LIVE)
    bench.wait_for_state(PipelineState.RUNNING)

    limits = TrialLimits(max_time_ratio=1000.0, shadow_s=0.0, probation_s=60.0)
    bench.console.try_engine(EngineChoice(), limits)

    bench.wait(lambda: "taken back" in bench.message())
    assert "inference 40 failed" in bench.message()
    assert bench.made[0].status().state is PipelineState.RUNNING


def test_an_engine_that_is_rejected_is_not_kept_for_one_that_took_over_before(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EngineChoice, "factory", lambda *_: FakeEngine)
    bench.open("camera", LIVE)
    bench.wait_for_state(PipelineState.RUNNING)
    limits = TrialLimits(max_time_ratio=1000.0, shadow_s=0.05, probation_s=0.05)

    def threads() -> int:
        return bench.console._desk.settings.engine.threads

    bench.console.try_engine(EngineChoice(threads=3), limits)
    bench.wait(lambda: threads() == 3)

    monkeypatch.setattr(EngineChoice, "factory", lambda *_: partial(FakeEngine, (8, 8)))
    bench.console.try_engine(EngineChoice(threads=5), replace(limits, min_mask_iou=2.0))
    # The window looks while the trial before is still the last one.
    bench.console.bridge.poll()

    bench.wait(
        lambda: (
            (trial := bench.made[0].status().trial) is not None
            and trial.number == 2
            and trial.phase is TrialPhase.REJECTED
        )
    )
    bench.console.bridge.poll()
    assert threads() == 3
