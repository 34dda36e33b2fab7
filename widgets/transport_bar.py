"""The bar along the top: open, start, pause, step, stop, mode, progress, state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QSizePolicy,
    QToolBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.pipeline import PipelineState
from widgets.actions import ActionId
from widgets.icons import icon
from widgets.theme import GAP_PX, ICON_PX, Colour

if TYPE_CHECKING:
    from PySide6.QtGui import QAction
    from PySide6.QtWidgets import QMenu

    from app.pipeline import PipelineStatus

_STATE_PX = 92
_PROGRESS_PX = 120

# Told by shape and word; the colour only helps.
_SIGNS: dict[PipelineState | None, tuple[str, str, Colour]] = {
    None: ("idle", "No source", Colour.MUTED),
    PipelineState.STARTING: ("waiting", "Starting", Colour.WARNING),
    PipelineState.RUNNING: ("start", "Running", Colour.ACCENT),
    PipelineState.PAUSED: ("pause", "Paused", Colour.WARNING),
    PipelineState.FINISHED: ("done", "Finished", Colour.TEXT),
    PipelineState.STOPPED: ("stop", "Stopped", Colour.MUTED),
    PipelineState.FAULTED: ("error", "Fault", Colour.ERROR),
}
_BUTTONS = (
    ActionId.START,
    ActionId.PAUSE,
    ActionId.STEP,
    ActionId.STOP,
    ActionId.RECORD,
    None,
    ActionId.LIVE,
    ActionId.EVERY_FRAME,
)


class TransportBar(QToolBar):
    """Buttons for what runs the feed, and a sign that tells its state.

    Parameters
    ----------
    actions : dict of ActionId to QAction
        Those the buttons trigger.
    open_menu : QMenu
        Opened by the first button.
    """

    def __init__(self, actions: dict[ActionId, QAction], open_menu: QMenu) -> None:
        super().__init__("Transport")
        self.setObjectName("transport")
        self.setMovable(False)
        self.setIconSize(QSize(ICON_PX, ICON_PX))
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self._state: PipelineState | None = PipelineState.STOPPED
        self._open = QToolButton()
        self._open.setText("Open")
        self._open.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._open.setIcon(icon("open"))
        self._open.setMenu(open_menu)
        self._open.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._open.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._open.setToolTip("Choose what to track")
        self._sign = QLabel()
        self._sign.setObjectName("sign")
        self._word = QLabel()
        self._position = QLabel()
        self._progress = QProgressBar()
        self._progress.setTextVisible(False)
        self._lay_out(actions)
        self.show_state(None)

    @property
    def state_text(self) -> str:
        """The word that tells the state."""
        return self._word.text()

    @property
    def position_text(self) -> str:
        """How far the source is."""
        return self._position.text()

    def show_state(self, state: PipelineState | None) -> None:
        """Show a pipeline's state, or that there is none."""
        if state is self._state:
            return
        self._state = state
        name, word, colour = _SIGNS[state]
        size = QSize(ICON_PX, ICON_PX)
        self._sign.setPixmap(icon(name, colour).pixmap(size, self.devicePixelRatioF()))
        self._word.setText(word)
        if state is None:
            self._show_position("", None)

    def show_status(self, status: PipelineStatus) -> None:
        """Show state and position of a pipeline."""
        self.show_state(status.state)
        if status.source is None or not status.source.frame_count:
            self._show_position("", None)
            return
        at, count = status.ledger.numbered, status.source.frame_count
        rate_hz = status.source.frame_rate_hz
        text = f"{time_text(at / rate_hz)} / {time_text(count / rate_hz)}"
        self._show_position(text, at / count)

    def _lay_out(self, actions: dict[ActionId, QAction]) -> None:
        self.addWidget(self._open)
        self.addSeparator()
        for id_ in _BUTTONS:
            if id_ is None:
                self.addSeparator()
                continue
            self.addAction(actions[id_])
            self.widgetForAction(actions[id_]).setFocusPolicy(
                Qt.FocusPolicy.StrongFocus
            )
        # Its sign is known from every player; a small screen has no room for the word.
        step = self.widgetForAction(actions[ActionId.STEP])
        if isinstance(step, QToolButton):
            step.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        gap = QWidget()
        gap.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.addWidget(gap)
        position = QWidget()
        position.setFixedWidth(_PROGRESS_PX)
        column = QVBoxLayout(position)
        column.setContentsMargins(GAP_PX, 0, GAP_PX, 0)
        column.setSpacing(GAP_PX // 2)
        self._position.setAlignment(Qt.AlignmentFlag.AlignRight)
        column.addStretch()
        column.addWidget(self._position)
        column.addWidget(self._progress)
        column.addStretch()
        self._position_action = self.addWidget(position)
        state = QWidget()
        row = QHBoxLayout(state)
        row.setContentsMargins(GAP_PX, 0, GAP_PX, 0)
        row.setSpacing(GAP_PX)
        row.addWidget(self._sign)
        row.addWidget(self._word)
        # The word's length must not move the bar.
        self._word.setMinimumWidth(_STATE_PX - ICON_PX)
        self._word.setProperty("role", "title")
        self.addWidget(state)

    def _show_position(self, text: str, ratio: float | None) -> None:
        if text != self._position.text():
            self._position.setText(text)
        self._position_action.setVisible(ratio is not None)
        if ratio is not None:
            self._progress.setValue(round(100 * min(ratio, 1.0)))


def time_text(time_s: float) -> str:
    """Write a time as minutes and seconds."""
    minutes, seconds = divmod(int(time_s), 60)
    return f"{minutes}:{seconds:02d}"
