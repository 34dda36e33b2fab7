from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, TypeVar

import pytest
from PySide6.QtCore import QSettings, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from app.overlay import OverlayOptions
from app.pipeline import Pipeline, PipelineState
from app.sources.base import FrameMode
from tests.fakes.engines import FakeEngine
from tests.fakes.sources import FakeSource
from widgets.actions import ActionId
from widgets.application import make_application, run_console
from widgets.error_dialog import ErrorDialog
from widgets.main_window import MainWindow
from widgets.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T", bound=QWidget)


def visible(kind: type[T]) -> list[T]:
    return [
        each
        for each in QApplication.topLevelWidgets()
        if isinstance(each, kind) and each.isVisible()
    ]


class Runs:
    """Runs of the console, with what a test does while its window is open."""

    def __init__(self, folder: Path) -> None:
        self.settings = QSettings(
            str(folder / "window.ini"), QSettings.Format.IniFormat
        )
        self.made: list[tuple[str, FrameMode, Pipeline]] = []
        self._log_path = folder / "console.log"

    def run(
        self,
        step: Callable[[MainWindow], bool],
        uri: str | None = None,
        mode: FrameMode | None = None,
    ) -> int:
        """Run until a step, called again and again, says that it is done."""
        timer = QTimer()
        timer.setInterval(10)
        unexpected: list[str] = []

        def look() -> None:
            for each in visible(ErrorDialog):
                unexpected.append(each.details)
                each.close()
            windows = visible(MainWindow)
            if unexpected or not windows or step(windows[0]):
                timer.stop()
                for window in windows:
                    window.close()

        timer.timeout.connect(look)
        timer.start()
        code = run_console(self._make, uri, mode, self.settings, self._log_path)
        assert not unexpected, unexpected[0]
        return code

    def _make(self, uri: str, mode: FrameMode) -> Pipeline:
        pipeline = Pipeline(FakeSource(None, delay_s=0.005), FakeEngine, mode)
        self.made.append((uri, mode, pipeline))
        return pipeline


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


def is_running(window: MainWindow) -> bool:
    return window.transport_bar.state_text == "Running"


def test_there_is_one_application(qapp: QApplication) -> None:
    assert make_application() is qapp


def test_the_source_of_the_command_line_is_opened_and_stopped(runs: Runs) -> None:
    code = runs.run(is_running, "fake://square", FrameMode.EVERY_FRAME)

    assert code == 0
    [(uri, mode, pipeline)] = runs.made
    assert (uri, mode) == ("fake://square", FrameMode.EVERY_FRAME)
    assert pipeline.status().state is PipelineState.STOPPED


def test_without_a_source_the_window_waits_for_one(runs: Runs) -> None:
    runs.run(lambda window: window.start_page.isVisible())

    assert runs.made == []


def test_the_next_run_offers_the_source_of_the_last(runs: Runs) -> None:
    runs.run(is_running, "fake://square", FrameMode.EVERY_FRAME)

    offered: list[list[str]] = []
    modes: list[FrameMode] = []

    def look(window: MainWindow) -> bool:
        offered.append(window.start_page.recent)
        modes.append(window.mode)
        return True

    runs.run(look)
    assert offered == [["fake://square"]]
    assert modes == [FrameMode.EVERY_FRAME]


def test_the_layout_of_the_last_run_is_restored(runs: Runs) -> None:
    def hide_telemetry(window: MainWindow) -> bool:
        window.actions_by_id[ActionId.SHOW_TELEMETRY].trigger()
        return True

    runs.run(hide_telemetry)

    seen: list[bool] = []

    def look(window: MainWindow) -> bool:
        seen.append(window.telemetry_dock.isVisible())
        return True

    runs.run(look)
    assert seen == [False]


def test_what_was_drawn_in_the_last_run_is_drawn_in_the_next(runs: Runs) -> None:
    Memory(runs.settings).options = OverlayOptions(shows_mask=False)

    seen: list[OverlayOptions] = []

    def look(window: MainWindow) -> bool:
        seen.append(window.overlay_panel.options)
        return True

    runs.run(look)
    assert seen == [OverlayOptions(shows_mask=False)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_the_window_in_order(
    runs: Runs, number: signal.Signals
) -> None:
    sent: list[bool] = []

    def interrupt(window: MainWindow) -> bool:
        if is_running(window) and not sent:
            sent.append(True)
            os.kill(os.getpid(), number)
        return False

    code = runs.run(interrupt, "fake://square")

    assert code == 0
    assert runs.made[0][2].status().state is PipelineState.STOPPED
