from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import (
    QDialog,
    QDockWidget,
    QMessageBox,
    QSlider,
    QToolButton,
    QWidget,
)

from app.display import Picture
from app.overlay import OverlayOptions, View
from app.pipeline import PipelineState
from app.segmentation import Thresholds
from app.sources.base import FrameMode
from tests.fakes.statuses import RUNNING, sample
from widgets.actions import ActionId
from widgets.main_window import MainWindow
from widgets.message_bar import Message, Remedy, Severity
from widgets.shortcuts_dialog import ShortcutsDialog
from widgets.synthetic_dialog import SyntheticDialog

if TYPE_CHECKING:
    from PySide6.QtCore import SignalInstance
    from pytestqt.qtbot import QtBot

MESSAGE = Message(Severity.ERROR, "It is gone.", "Try another.", Remedy.OPEN_VIDEO)


@pytest.fixture
def window(qtbot: QtBot) -> MainWindow:
    window = MainWindow()
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    return window


def picture(width_px: int = 64, height_px: int = 48) -> Picture:
    image = np.full((height_px, width_px, 4), 255, np.uint8)
    image.setflags(write=False)
    view = View.fit(width_px, height_px, width_px, height_px)
    return Picture(image, 0, width_px, height_px, view, latency_ms=1.0)


def can(window: MainWindow) -> set[ActionId]:
    """Which of the actions that run the feed are offered."""
    running = (ActionId.START, ActionId.PAUSE, ActionId.STEP, ActionId.STOP)
    return {id_ for id_ in running if window.actions_by_id[id_].isEnabled()}


@pytest.mark.parametrize(
    ("state", "has_source", "offered"),
    [
        (None, False, set()),
        (None, True, {ActionId.START}),
        (PipelineState.STARTING, True, {ActionId.STOP}),
        (
            PipelineState.RUNNING,
            True,
            {ActionId.PAUSE, ActionId.STEP, ActionId.STOP},
        ),
        (
            PipelineState.PAUSED,
            True,
            {ActionId.PAUSE, ActionId.STEP, ActionId.STOP},
        ),
        (PipelineState.FINISHED, True, {ActionId.START}),
        (PipelineState.STOPPED, True, {ActionId.START}),
        (PipelineState.FAULTED, True, {ActionId.START}),
    ],
)
def test_only_what_can_be_done_is_offered(
    window: MainWindow,
    state: PipelineState | None,
    has_source: bool,
    offered: set[ActionId],
) -> None:
    window.show_state(state, has_source=has_source)

    assert can(window) == offered


def test_pause_is_checked_while_paused(window: MainWindow) -> None:
    window.show_state(PipelineState.PAUSED, has_source=True)

    assert window.actions_by_id[ActionId.PAUSE].isChecked()


@pytest.mark.parametrize(
    ("key", "modifiers", "signal"),
    [
        (Qt.Key.Key_F5, Qt.KeyboardModifier.NoModifier, "start_requested"),
        (Qt.Key.Key_F5, Qt.KeyboardModifier.ShiftModifier, "stop_requested"),
        (Qt.Key.Key_P, Qt.KeyboardModifier.NoModifier, "pause_requested"),
        (Qt.Key.Key_Period, Qt.KeyboardModifier.NoModifier, "step_requested"),
        (Qt.Key.Key_T, Qt.KeyboardModifier.NoModifier, "options_changed"),
        (Qt.Key.Key_BracketRight, Qt.KeyboardModifier.NoModifier, "options_changed"),
        (Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier, "mode_chosen"),
    ],
)
def test_keys_do_what_buttons_do(
    window: MainWindow,
    qtbot: QtBot,
    key: Qt.Key,
    modifiers: Qt.KeyboardModifier,
    signal: str,
) -> None:
    for action in window.actions_by_id.values():
        action.setEnabled(True)

    told: list[object] = []
    getattr(window, signal).connect(lambda *values: told.append(values))

    qtbot.keyClick(window, key, modifiers)

    assert len(told) == 1


def test_space_on_the_picture_pauses(window: MainWindow, qtbot: QtBot) -> None:
    window.show_picture(picture())
    window.show_state(PipelineState.RUNNING, has_source=True)

    asked: list[bool] = []
    window.pause_requested.connect(lambda: asked.append(True))

    qtbot.keyClick(window.video_view, Qt.Key.Key_Space)

    assert asked == [True]


def test_there_is_no_picture_before_the_first(window: MainWindow) -> None:
    assert window.start_page.isVisible()
    assert not window.video_view.isVisible()


def test_the_first_picture_takes_the_place_of_the_start_page(
    window: MainWindow,
) -> None:
    window.show_picture(picture())

    assert window.video_view.isVisible()
    assert not window.start_page.isVisible()


def test_a_view_is_asked_for_before_the_first_picture(
    window: MainWindow, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(window.view_changed) as changed:
        window.show_status(RUNNING)

    view = changed.args[0]
    assert view.width_px == window.start_page.width()
    assert view.height_px == window.start_page.height()


def test_opening_a_source_names_it_and_clears_the_figures(window: MainWindow) -> None:
    window.show_status(RUNNING)

    window.show_opening("serve.mp4")

    assert window.windowTitle() == "serve.mp4 - Peregrine"
    assert window.start_page.title == "Opening serve.mp4"
    assert window.status_strip.source_text == "No source"


def test_escape_closes_a_message(window: MainWindow, qtbot: QtBot) -> None:
    window.show_message(MESSAGE)

    qtbot.keyClick(window, Qt.Key.Key_Escape)

    assert not window.message_bar.isVisible()


def test_a_message_pushes_the_picture_down_and_hides_none_of_it(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.show_picture(picture())
    before = window.video_view.height()

    window.show_message(MESSAGE)

    qtbot.waitUntil(lambda: window.video_view.height() < before)
    bar, view = window.message_bar, window.video_view
    assert bar.mapTo(window, bar.rect().bottomLeft()).y() < (
        view.mapTo(window, view.rect().topLeft()).y()
    )


def test_the_remedy_of_a_wrong_source_is_another(window: MainWindow) -> None:
    window.show_message(MESSAGE)

    window.message_bar.remedy_chosen.emit(Remedy.OPEN_VIDEO)

    dialogs = [each for each in window.findChildren(QDialog) if each.isVisible()]
    assert [each.windowTitle() for each in dialogs] == ["Open video"]
    dialogs[0].reject()


def test_a_file_dropped_on_the_window_is_asked_for(
    window: MainWindow, qtbot: QtBot
) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile("/data/serve.mp4")])
    drop = QDropEvent(
        QPointF(5, 5),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )

    with qtbot.waitSignal(window.source_requested) as requested:
        window.dropEvent(drop)

    assert requested.args == ["/data/serve.mp4", FrameMode.LIVE]


def test_a_source_is_asked_for_in_the_mode_that_is_chosen(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.actions_by_id[ActionId.EVERY_FRAME].trigger()
    window.show_recent(["/data/serve.mp4"])

    with qtbot.waitSignal(window.source_requested) as requested:
        window.recent_menu.actions()[0].trigger()

    assert requested.args == ["/data/serve.mp4", FrameMode.EVERY_FRAME]


def test_one_mode_excludes_the_other(window: MainWindow) -> None:
    window.show_mode(FrameMode.EVERY_FRAME)

    window.actions_by_id[ActionId.LIVE].trigger()

    assert not window.actions_by_id[ActionId.EVERY_FRAME].isChecked()
    assert window.mode is FrameMode.LIVE


@pytest.mark.parametrize(
    ("id_", "kind"),
    [
        (ActionId.SHORTCUTS, ShortcutsDialog),
        (ActionId.OPEN_SYNTHETIC, SyntheticDialog),
        (ActionId.ABOUT, QMessageBox),
    ],
)
def test_dialogs_open_without_stopping_the_window(
    window: MainWindow, id_: ActionId, kind: type[QDialog]
) -> None:
    window.actions_by_id[id_].trigger()

    dialogs = [each for each in window.findChildren(kind) if each.isVisible()]
    assert len(dialogs) == 1
    dialogs[0].reject()


@pytest.mark.parametrize(
    ("key", "dock_name"),
    [(Qt.Key.Key_F2, "telemetryDock"), (Qt.Key.Key_F3, "overlayDock")],
)
def test_a_key_hides_a_dock_and_shows_it_again(
    window: MainWindow, qtbot: QtBot, key: Qt.Key, dock_name: str
) -> None:
    dock = window.findChildren(QDockWidget, dock_name)[0]

    seen = []
    for _ in range(2):
        qtbot.keyClick(window, key)
        seen.append(dock.isVisible())

    assert seen == [False, True]


def test_a_layout_survives_a_restart(window: MainWindow, qtbot: QtBot) -> None:
    window.telemetry_dock.hide()
    layout = window.layout_now
    other = MainWindow()
    qtbot.addWidget(other)

    other.restore_layout(layout)
    other.show()

    assert not other.telemetry_dock.isVisible()


def test_the_layout_can_be_reset(window: MainWindow) -> None:
    window.telemetry_dock.setFloating(True)
    window.telemetry_dock.hide()

    window.actions_by_id[ActionId.RESET_LAYOUT].trigger()

    assert window.telemetry_dock.isVisible()
    assert not window.telemetry_dock.isFloating()


def test_full_screen_ends_with_escape(window: MainWindow, qtbot: QtBot) -> None:
    window.actions_by_id[ActionId.FULL_SCREEN].trigger()
    assert window.isFullScreen()

    qtbot.keyClick(window, Qt.Key.Key_Escape)

    assert not window.isFullScreen()


def test_figures_reach_strip_bar_and_graphs(window: MainWindow) -> None:
    window.telemetry_dock.load_graphs()

    window.show_status(RUNNING)
    window.show_sample(sample(0.0))

    assert window.status_strip.engine_text == "reference  ·  fp32  ·  1 thread"
    assert window.transport_bar.state_text == "Running"
    assert window.telemetry_dock.graphs[0].legend.texts[0] == "120.0"


def test_the_mouse_s_place_in_the_frame_is_shown(window: MainWindow) -> None:
    window.video_view.frame_point_hovered.emit(3.25, 4.0)

    assert window.status_strip.cursor_text == "x 3.2 y 4.0"


def test_the_window_starts_with_what_was_drawn_last(qtbot: QtBot) -> None:
    options = OverlayOptions(mask_opacity=0.9, shows_trails=False)

    window = MainWindow(options, FrameMode.EVERY_FRAME)
    qtbot.addWidget(window)

    assert window.overlay_panel.options == options
    assert window.mode is FrameMode.EVERY_FRAME


def test_everything_fits_a_small_screen(window: MainWindow) -> None:
    window.telemetry_dock.load_graphs()
    window.show_status(RUNNING)
    window.tabifyDockWidget(window.telemetry_dock, window.overlay_dock)

    least = window.minimumSizeHint()

    assert least.width() <= 1024
    assert least.height() <= 600


def seen_by(signal: SignalInstance) -> list[tuple[Any, ...]]:
    seen: list[tuple[Any, ...]] = []
    signal.connect(lambda *values: seen.append(values))
    return seen


def test_tab_reaches_every_control(window: MainWindow, qtbot: QtBot) -> None:
    window.show_picture(picture())
    window.show_state(PipelineState.RUNNING, has_source=True)
    window.overlay_panel.show_thresholds(Thresholds(0.4, 0.6))
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.video_view.setFocus()

    reached = set()
    for _ in range(40):
        qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
        reached.add(window.focusWidget())

    controls = {
        each
        for kind in (QToolButton, QSlider)
        for each in window.findChildren(kind)
        if each.isVisible() and each.isEnabled() and not is_qt_s_own(each)
    }
    assert controls <= reached


def is_qt_s_own(widget: QWidget) -> bool:
    """Whether it belongs to a dock's title or a tool bar's overflow."""
    return widget.objectName().startswith("qt_")


@pytest.mark.parametrize("id_", [ActionId.PAUSE, ActionId.SHOW_TRAILS])
def test_the_focus_can_be_seen(window: MainWindow, qtbot: QtBot, id_: ActionId) -> None:
    window.show_state(PipelineState.RUNNING, has_source=True)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    action = window.actions_by_id[id_]
    action.setChecked(False)
    button = next(
        each
        for each in window.findChildren(QToolButton)
        if each.defaultAction() is action
    )
    window.start_page.setFocus()
    before = button.grab().toImage()

    button.setFocus()

    assert button.hasFocus()
    assert button.grab().toImage() != before


def test_closing_the_window_is_told_once(window: MainWindow) -> None:
    closed = seen_by(window.closed)

    window.close()

    assert closed == [()]
