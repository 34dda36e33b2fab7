from __future__ import annotations

import gc
import os
import signal
from typing import TYPE_CHECKING, TypeVar

import pytest
from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from app.overlay import OverlayOptions
from app.pipeline import Pipeline, PipelineState
from app.process import Urgency
from app.settings.draft import Key
from app.settings.in_use import SettingsInUse
from app.settings.store import SettingsStore
from app.sources.base import FrameMode
from tests.fakes.engines import FakeEngine
from tests.fakes.sources import FakeSource
from widgets import application
from widgets.actions import ActionId
from widgets.application import make_application, run_console
from widgets.error_dialog import ErrorDialog
from widgets.main_window import MainWindow
from widgets.settings_dialog import SettingsDialog

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
        self._folder = folder
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
        store = SettingsStore(self._folder / "settings.json")
        given = {Key("source", "mode"): mode} if mode else {}
        in_use = SettingsInUse(store, given)
        code = run_console(self._make, uri, in_use, self.settings, self._log_path)
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


def test_the_window_goes_before_other_programs_until_it_is_closed(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(application, "hurry_window", asked.append)
    served: list[str | int] = []

    class Server:
        def __init__(self, platform_name: str) -> None:
            served.append(platform_name)

        def hurry(self, urgency: int) -> None:
            served.append(urgency)

        def release(self) -> None:
            served.append("released")

    monkeypatch.setattr(application, "DisplayServer", Server)
    gc.enable()

    runs.run(lambda _: not gc.isenabled())

    assert asked == [Urgency.WINDOW, 0]
    assert served == ["offscreen", Urgency.WINDOW, "released"]
    assert gc.isenabled()


def test_without_a_source_the_window_waits_for_one(runs: Runs) -> None:
    runs.run(lambda window: window.start_page.isVisible())

    assert runs.made == []


def test_the_next_run_offers_the_source_of_the_last(runs: Runs) -> None:
    def choose_mode(window: MainWindow) -> bool:
        window.actions_by_id[ActionId.EVERY_FRAME].trigger()
        return True

    runs.run(is_running, "fake://square")
    runs.run(choose_mode)

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
    def hide_mask(window: MainWindow) -> bool:
        window.actions_by_id[ActionId.SHOW_MASK].trigger()
        return True

    runs.run(hide_mask)

    seen: list[OverlayOptions] = []

    def look(window: MainWindow) -> bool:
        seen.append(window.overlay_panel.options)
        return True

    runs.run(look)
    assert seen == [OverlayOptions(shows_mask=False)]


def test_the_keys_open_the_settings_beside_the_running_feed(runs: Runs) -> None:
    seen: list[SettingsDialog] = []

    def open_settings(window: MainWindow) -> bool:
        if not is_running(window):
            return False
        if not seen:
            keys = Qt.KeyboardModifier.ControlModifier
            QTest.keyClick(window, Qt.Key.Key_Comma, keys)
            seen.extend(visible(SettingsDialog))
            return False
        return bool(seen)

    runs.run(open_settings, "fake://square")

    assert len(seen) == 1
    assert runs.made[0][2].status().state is PipelineState.STOPPED


def test_a_bad_settings_file_is_told_and_the_console_starts(
    runs: Runs, tmp_path: Path
) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"schema_version": 1, "display": {"mask_opacity": 3}}')
    told: list[str] = []

    def look(window: MainWindow) -> bool:
        message = window.message_bar.message
        told.extend([message.text, message.hint] if message else [])
        return is_running(window)

    runs.run(look, "fake://square")

    assert told[0] == (
        "settings.json: display.mask_opacity is 3: it should be less than or equal"
        " to 1."
    )
    assert "settings.json.bad" in told[1]
    assert (tmp_path / "settings.json.bad").exists()


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
