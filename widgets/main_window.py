"""The window: picture, docks, bars and menus, and what connects them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QActionGroup, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QDockWidget,
    QFrame,
    QMainWindow,
    QMessageBox,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app import VERSION
from app.overlay import OverlayOptions
from app.pipeline import PipelineState
from app.settings.recording import RecordingOptions
from app.sources.base import FrameMode
from widgets.actions import ActionId, make_actions
from widgets.icons import icon
from widgets.memory import WindowLayout
from widgets.menus import RecentMenu, fill_menu_bar, open_menu
from widgets.message_bar import MessageBar, Remedy
from widgets.overlay_panel import OverlayPanel
from widgets.overrides import override
from widgets.recording_panel import RecordingPanel
from widgets.shortcuts_dialog import ShortcutsDialog
from widgets.source_dialogs import SourceDialogs
from widgets.start_page import StartPage
from widgets.status_strip import StatusStrip
from widgets.telemetry_dock import TelemetryDock
from widgets.theme import Colour
from widgets.transport_bar import TransportBar
from widgets.video_view import VideoView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QShowEvent

    from app.display import Picture
    from app.pipeline import PipelineStatus
    from app.telemetry import TelemetrySample
    from widgets.message_bar import Message

NAME = "Peregrine"
_MODES = {
    ActionId.LIVE: FrameMode.LIVE,
    ActionId.EVERY_FRAME: FrameMode.EVERY_FRAME,
}
_SIZE_PX = (1280, 800)
_DOCK_PX = 340
# What a dock's frame takes that its size hint does not tell.
_SLACK_PX = 8
# On a smaller screen the docks lie behind each other.
_ROOMY_PX = 700

# Raised when docks or bars are added: Qt then ignores an older layout.
_LAYOUT_VERSION = 2

_ID = ActionId


class MainWindow(QMainWindow):
    """Shows what it is told and says what the operator asked; computes nothing.

    Parameters
    ----------
    options : OverlayOptions
        What is drawn at first.
    mode : FrameMode
        Chosen at first.
    folder : str
        Where files are looked for at first.
    """

    source_requested = Signal(str, object)  # address, FrameMode
    mode_chosen = Signal(object)  # FrameMode for this source and those to come
    start_requested = Signal()
    stop_requested = Signal()
    pause_requested = Signal()  # to pause, or to go on
    step_requested = Signal()
    settings_requested = Signal()  # to see and change them
    cameras_requested = Signal()  # to choose and set them
    engines_requested = Signal()  # to see, build and try engines
    remedy_chosen = Signal(object)  # Remedy: what a message's button does
    options_changed = Signal(object)  # OverlayOptions to draw from now on
    thresholds_changed = Signal(object)  # Thresholds to use from now on
    thresholds_reset = Signal()
    view_changed = Signal(object)  # View to compose pictures for
    folder_changed = Signal(str)  # where the operator found a file
    record_requested = Signal(bool)  # to record, or to stop
    mark_requested = Signal()
    sessions_requested = Signal()
    recording_changed = Signal(object)  # RecordingSettings from now on
    closed = Signal()

    def __init__(
        self,
        options: OverlayOptions | None = None,
        mode: FrameMode = FrameMode.LIVE,
        folder: str = "",
    ) -> None:
        super().__init__()
        self.setWindowTitle(NAME)
        self.setWindowIcon(icon("peregrine", Colour.ACCENT))
        self.setAcceptDrops(True)
        self.actions_by_id = make_actions(self)
        self._modes = QActionGroup(self)
        for id_ in _MODES:
            self._modes.addAction(self.actions_by_id[id_])
        self._dialogs = SourceDialogs(self, folder)
        self.recent_menu = RecentMenu(self)
        self.message_bar = MessageBar()
        self.start_page = StartPage(self.actions_by_id)
        self.video_view = VideoView()
        self.status_strip = StatusStrip()
        self.overlay_panel = OverlayPanel(
            self.actions_by_id, options or OverlayOptions()
        )
        self.telemetry_dock = TelemetryDock()
        self.overlay_dock = _scrolling_dock("Overlay", self.overlay_panel)
        self.recording_panel = RecordingPanel(
            self.actions_by_id, RecordingOptions().recorder()
        )
        self.recording_dock = _scrolling_dock("Recording", self.recording_panel)
        self.transport_bar = TransportBar(
            self.actions_by_id, open_menu(self, self.actions_by_id, self.recent_menu)
        )
        self._pane = QStackedWidget()
        self._has_layout = False
        self._lay_out()
        fill_menu_bar(self.menuBar(), self.actions_by_id, self.recent_menu)
        # Keys work in full screen too, where the menus are hidden.
        self.addActions(list(self.actions_by_id.values()))
        self._connect()
        self.reset_layout()
        self.show_mode(mode)
        self.show_recent([])
        self.show_state(None, has_source=False)

    # --- what is shown

    def show_picture(self, picture: Picture) -> None:
        """Show what the display composed."""
        self.video_view.show_picture(picture)
        if self._pane.currentWidget() is not self.video_view:
            self._pane.setCurrentWidget(self.video_view)
            self.video_view.setFocus()

    def show_opening(self, title: str) -> None:
        """Show which source is being opened."""
        self.setWindowTitle(f"{title} - {NAME}")
        self.start_page.show_waiting(title)
        self.overlay_panel.disable_thresholds()
        self.telemetry_dock.end_lines()
        self.status_strip.clear()

    def show_start_page(self) -> None:
        """Show how to open a source, in the picture's place."""
        self.start_page.show_waiting("")
        self._pane.setCurrentWidget(self.start_page)

    def show_status(self, status: PipelineStatus) -> None:
        """Show a pipeline's figures."""
        self.status_strip.show_status(status)
        self.transport_bar.show_status(status)
        self.recording_panel.show_status(status.recording)
        if status.recording.advice:
            # Frames are being lost: that is seen wherever one looks.
            self.recording_dock.show()
            self.recording_dock.raise_()
        self.actions_by_id[_ID.RECORD].setChecked(status.recording.is_recording)
        self.actions_by_id[_ID.MARK].setEnabled(status.recording.is_recording)
        if status.source is not None and not self.video_view.isVisible():
            # Pictures are composed for the view's size, which a hidden one is not told.
            self.video_view.resize(self._pane.size())
            self.video_view.set_frame_size(
                status.source.width_px, status.source.height_px
            )

    def show_state(self, state: PipelineState | None, *, has_source: bool) -> None:
        """Offer what can be done in a state.

        Parameters
        ----------
        state : PipelineState or None
            None while there is no pipeline.
        has_source : bool
            Whether there is a source to start.
        """
        is_over = state is None or state.is_over
        is_flowing = state in (PipelineState.RUNNING, PipelineState.PAUSED)
        self.actions_by_id[_ID.START].setEnabled(is_over and has_source)
        self.actions_by_id[_ID.STOP].setEnabled(not is_over)
        self.actions_by_id[_ID.STEP].setEnabled(is_flowing)
        self.actions_by_id[_ID.RECORD].setEnabled(not is_over)
        if is_over:
            self.actions_by_id[_ID.RECORD].setChecked(False)
            self.actions_by_id[_ID.MARK].setEnabled(False)
        self.actions_by_id[_ID.PAUSE].setEnabled(is_flowing)
        self.actions_by_id[_ID.PAUSE].setChecked(state is PipelineState.PAUSED)
        self.transport_bar.show_state(state)

    def show_mode(self, mode: FrameMode) -> None:
        """Show which frames are inferred."""
        for id_, its_mode in _MODES.items():
            self.actions_by_id[id_].setChecked(its_mode is mode)

    def show_sample(self, sample: TelemetrySample) -> None:
        """Add one set of measurements to the graphs."""
        self.telemetry_dock.show_sample(sample)

    def show_recent(self, uris: Sequence[str]) -> None:
        """Offer the sources opened before, newest first."""
        self.start_page.show_recent(uris)
        self.recent_menu.show_recent(uris)

    def show_message(self, message: Message) -> None:
        """Show what happened and what to do."""
        self.message_bar.show_message(message)

    @property
    def mode(self) -> FrameMode:
        """The mode that is chosen."""
        is_every = self.actions_by_id[_ID.EVERY_FRAME].isChecked()
        return FrameMode.EVERY_FRAME if is_every else FrameMode.LIVE

    @property
    def layout_now(self) -> WindowLayout:
        """Where the window and its docks are."""
        return WindowLayout(self.saveGeometry(), self.saveState(_LAYOUT_VERSION))

    def restore_layout(self, layout: WindowLayout) -> None:
        """Put the window and its docks where they were; nonsense is ignored."""
        self.restoreGeometry(layout.geometry)
        self._has_layout = self.restoreState(layout.docks, _LAYOUT_VERSION)

    def reset_layout(self) -> None:
        """Put every dock where it is at first."""
        for dock in (self.telemetry_dock, self.overlay_dock, self.recording_dock):
            dock.setFloating(False)
            self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
            dock.show()
        room = self.screen().availableGeometry()
        if room.height() < _ROOMY_PX:
            self.tabifyDockWidget(self.telemetry_dock, self.overlay_dock)
            self.telemetry_dock.raise_()
        else:
            below = Qt.Orientation.Vertical
            self.splitDockWidget(self.telemetry_dock, self.overlay_dock, below)
            needed_px = self.overlay_dock.sizeHint().height() + _SLACK_PX
            left_px = max(1, self._pane.height() - needed_px)
            self.resizeDocks(
                [self.telemetry_dock, self.overlay_dock], [left_px, needed_px], below
            )
        self.tabifyDockWidget(self.overlay_dock, self.recording_dock)
        self.overlay_dock.raise_()
        self.resizeDocks([self.telemetry_dock], [_DOCK_PX], Qt.Orientation.Horizontal)
        if not self.isVisible():
            self.resize(min(_SIZE_PX[0], room.width()), min(_SIZE_PX[1], room.height()))

    # --- Qt's own

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._has_layout:
            # Docks take their sizes only in a window that has one.
            self._has_layout = True
            QTimer.singleShot(0, self.reset_layout)

    @override
    def closeEvent(self, event: QCloseEvent) -> None:
        self.closed.emit()
        super().closeEvent(event)

    @override
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _dropped_path(event):
            event.acceptProposedAction()

    @override
    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self._on_uri_chosen(_dropped_path(event))

    # --- making

    def _lay_out(self) -> None:
        self._pane.setObjectName("picturePane")
        self._pane.addWidget(self.start_page)
        self._pane.addWidget(self.video_view)
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.message_bar)
        column.addWidget(self._pane, 1)
        self.setCentralWidget(centre)
        self.addToolBar(self.transport_bar)
        self.statusBar().setSizeGripEnabled(False)
        self.statusBar().addWidget(self.status_strip, 1)
        self.setDockNestingEnabled(True)

    def _connect(self) -> None:
        for id_, slot in {
            _ID.OPEN_VIDEO: self._dialogs.ask_video,
            _ID.OPEN_FOLDER: self._dialogs.ask_folder,
            _ID.OPEN_SYNTHETIC: self._dialogs.ask_synthetic,
            _ID.OPEN_ADDRESS: self._dialogs.ask_address,
            _ID.CAMERAS: self.cameras_requested,
            _ID.SETTINGS: self.settings_requested,
            _ID.QUIT: self.close,
            _ID.START: self.start_requested,
            _ID.PAUSE: self.pause_requested,
            _ID.STEP: self.step_requested,
            _ID.STOP: self.stop_requested,
            _ID.RECORD: self.record_requested,
            _ID.MARK: self.mark_requested,
            _ID.SESSIONS: self.sessions_requested,
            _ID.ENGINES: self.engines_requested,
            _ID.ZOOM_FIT: self.video_view.zoom_fit,
            _ID.ZOOM_ACTUAL: self.video_view.zoom_actual,
            _ID.ZOOM_IN: self.video_view.zoom_in,
            _ID.ZOOM_OUT: self.video_view.zoom_out,
            _ID.FULL_SCREEN: self._on_full_screen_triggered,
            _ID.RESET_LAYOUT: self.reset_layout,
            _ID.SHORTCUTS: self._on_shortcuts_triggered,
            _ID.ABOUT: self._on_about_triggered,
        }.items():
            self.actions_by_id[id_].triggered.connect(slot)
        self._modes.triggered.connect(self._on_mode_triggered)
        self._connect_dock(_ID.SHOW_TELEMETRY, self.telemetry_dock)
        self._connect_dock(_ID.SHOW_OVERLAY, self.overlay_dock)
        self._connect_dock(_ID.SHOW_RECORDING, self.recording_dock)
        self.recording_panel.settings_changed.connect(self.recording_changed)
        self._dialogs.uri_chosen.connect(self._on_uri_chosen)
        self._dialogs.folder_changed.connect(self.folder_changed)
        self.recent_menu.uri_chosen.connect(self._on_uri_chosen)
        self.start_page.recent_chosen.connect(self._on_uri_chosen)
        self.message_bar.remedy_chosen.connect(self._on_remedy_chosen)
        self.overlay_panel.options_changed.connect(self.options_changed)
        self.overlay_panel.thresholds_changed.connect(self.thresholds_changed)
        self.overlay_panel.thresholds_reset.connect(self.thresholds_reset)
        self.video_view.view_changed.connect(self.view_changed)
        self.video_view.frame_point_hovered.connect(self.status_strip.show_cursor)
        self.video_view.hover_ended.connect(self.status_strip.hide_cursor)
        self.video_view.file_dropped.connect(self._on_uri_chosen)
        self._escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), self)
        self._escape.activated.connect(self._on_escape)
        # Space presses the focused button elsewhere, so it pauses only from here.
        self._space = QShortcut(QKeySequence(Qt.Key.Key_Space), self.video_view)
        self._space.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._space.activated.connect(self.actions_by_id[_ID.PAUSE].trigger)

    def _connect_dock(self, id_: ActionId, dock: QDockWidget) -> None:
        action, qt_action = self.actions_by_id[id_], dock.toggleViewAction()
        action.triggered.connect(qt_action.trigger)
        qt_action.toggled.connect(action.setChecked)

    # --- what the operator did

    def _on_uri_chosen(self, uri: str) -> None:
        self.source_requested.emit(uri, self.mode)

    def _on_remedy_chosen(self, remedy: Remedy) -> None:
        if remedy is Remedy.OPEN_VIDEO:
            self._dialogs.ask_video()
        else:
            self.remedy_chosen.emit(remedy)

    def _on_mode_triggered(self) -> None:
        self.mode_chosen.emit(self.mode)

    def _on_full_screen_triggered(self, is_full: bool) -> None:
        if is_full:
            self.showFullScreen()
        else:
            self.showNormal()

    def _on_escape(self) -> None:
        if self.message_bar.message is not None:
            self.message_bar.clear()
        elif self.isFullScreen():
            self.actions_by_id[_ID.FULL_SCREEN].trigger()

    def _on_shortcuts_triggered(self) -> None:
        ShortcutsDialog(self).open()

    def _on_about_triggered(self) -> None:
        about = QMessageBox(self)
        about.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        about.setWindowTitle(f"About {NAME}")
        about.setIconPixmap(icon("peregrine", Colour.ACCENT).pixmap(48, 48))
        about.setText(f"{NAME} {VERSION} tracks fast objects in 120 fps video.")
        about.setInformativeText("Licensed under the Apache License, version 2.0.")
        about.open()


class _Scroll(QScrollArea):
    """As large as what it holds, where the screen has room for that."""

    @override
    def sizeHint(self) -> QSize:
        held = self.widget()
        return held.sizeHint() if held is not None else super().sizeHint()


def _scrolling_dock(title: str, panel: QWidget) -> QDockWidget:
    area = _Scroll()
    area.setWidget(panel)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    dock = QDockWidget(title)
    dock.setObjectName(f"{title.lower()}Dock")
    dock.setWidget(area)
    return dock


def _dropped_path(event: QDropEvent) -> str:
    """Find the first local file or folder dragged; empty if there is none."""
    for url in event.mimeData().urls():
        if url.isLocalFile():
            return url.toLocalFile()
    return ""
