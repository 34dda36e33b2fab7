"""Buttons that play a session, its speed, and where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QToolButton, QWidget

from app.review.clock import SPEEDS
from widgets.icons import icon
from widgets.theme import GAP_PX, ICON_PX, scaled_font

if TYPE_CHECKING:
    from PySide6.QtGui import QAction

_POSITION_PX = 300
_TRAILS_S = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
TRAIL_S = 0.5
"""How far trails reach at first."""


def speed_text(speed: float) -> str:
    """Write a speed: 1/100x to 4x."""
    return f"{speed:g}x" if speed >= 1 else f"1/{round(1 / speed)}x"


class ReviewTransport(QWidget):
    """One row under the picture.

    Parameters
    ----------
    actions : sequence of QAction
        Of the buttons, from left to right.
    """

    speed_chosen = Signal(float)  # seconds of the session a second
    trail_chosen = Signal(float)  # seconds that trails reach back, and ahead

    def __init__(self, actions: list[QAction]) -> None:
        super().__init__()
        self._speed = QComboBox()
        for speed in SPEEDS:
            self._speed.addItem(speed_text(speed), speed)
        self._speed.setCurrentIndex(SPEEDS.index(1.0))
        self._speed.setToolTip("Speed: a second of the session takes this much longer")
        self._speed.setAccessibleName("Speed")
        self._speed.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._trail = QComboBox()
        for length_s in _TRAILS_S:
            self._trail.addItem(f"Trails {length_s:g} s", length_s)
        self._trail.setCurrentIndex(_TRAILS_S.index(TRAIL_S))
        self._trail.setToolTip("How far trails reach back, and ahead")
        self._trail.setAccessibleName("Length of trails")
        self._trail.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._position = QLabel()
        self._position.setFont(scaled_font(self.font(), 1.0))
        self._position.setMinimumWidth(_POSITION_PX)
        self._position.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(GAP_PX, GAP_PX // 2, GAP_PX, GAP_PX // 2)
        row.setSpacing(GAP_PX // 2)
        for action in actions:
            button = QToolButton()
            button.setDefaultAction(action)
            button.setIconSize(QSize(ICON_PX, ICON_PX))
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            row.addWidget(button)
        row.addSpacing(GAP_PX)
        row.addWidget(self._speed)
        row.addWidget(self._trail)
        row.addStretch(1)
        row.addWidget(self._position)
        self._speed.activated.connect(self._on_speed_chosen)
        self._trail.activated.connect(
            lambda: self.trail_chosen.emit(float(self._trail.currentData()))
        )

    @property
    def position_text(self) -> str:
        """Where the session is, as it is shown."""
        return self._position.text()

    @property
    def speed(self) -> float:
        """The speed that is shown."""
        return float(self._speed.currentData())

    def show_speed(self, speed: float) -> None:
        """Show at which speed it plays."""
        self._speed.setCurrentIndex(SPEEDS.index(speed))

    def show_position(self, text: str) -> None:
        """Show where the session is."""
        self._position.setText(text)

    def show_play_icon(self, action: QAction, *, is_playing: bool) -> None:
        """Show whether the next press plays or stands."""
        action.setIcon(icon("pause" if is_playing else "start"))
        action.setText("Pause" if is_playing else "Play")

    def _on_speed_chosen(self) -> None:
        self.speed_chosen.emit(self.speed)
