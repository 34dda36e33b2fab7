"""What stands in the picture's place while there is none: what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QGridLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from widgets.actions import ActionId
from widgets.icons import icon
from widgets.theme import GAP_PX, MARGIN_PX, Colour, scaled_font

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QAction

_BUTTON_PX = (176, 92)
_COLUMNS = 2
_MOST_LINES = 5
_TITLE_FACTOR = 1.6
_OPENERS = (
    ActionId.CAMERAS,
    ActionId.OPEN_VIDEO,
    ActionId.OPEN_FOLDER,
    ActionId.OPEN_SYNTHETIC,
)


class StartPage(QWidget):
    """Four ways to open a source, and the sources opened before.

    Parameters
    ----------
    actions : dict of ActionId to QAction
        Those that open something.
    """

    recent_chosen = Signal(str)  # the source's address

    def __init__(self, actions: dict[ActionId, QAction]) -> None:
        super().__init__()
        self._title = QLabel()
        self._title.setFont(scaled_font(self.font(), _TITLE_FACTOR, is_bold=True))
        self._advice = QLabel()
        self._advice.setProperty("role", "muted")
        self._openers = [_opener(actions[id_]) for id_ in _OPENERS]
        self._recent_title = QLabel("Recent")
        self._recent_title.setProperty("role", "muted")
        self._recent = QListWidget()
        self._recent.setAccessibleName("Recent sources")
        self._recent.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self._choices = QWidget()
        self._recent_box = QWidget()
        self._lay_out()
        self.show_recent([])
        self.show_waiting("")
        self._recent.itemActivated.connect(self._on_recent_activated)

    @property
    def title(self) -> str:
        """The large line."""
        return self._title.text()

    @property
    def advice(self) -> str:
        """The line below it."""
        return self._advice.text()

    @property
    def recent(self) -> list[str]:
        """The sources offered, newest first."""
        return [
            self._recent.item(row).data(Qt.ItemDataRole.UserRole)
            for row in range(self._recent.count())
        ]

    def show_recent(self, uris: Sequence[str]) -> None:
        """Offer sources opened before, newest first."""
        self._recent.clear()
        for uri in uris:
            item = QListWidgetItem(icon("recent", Colour.MUTED), uri)
            item.setData(Qt.ItemDataRole.UserRole, uri)
            item.setToolTip(f"{uri}\nEnter or a double click opens it")
            self._recent.addItem(item)
        self._recent.setCurrentRow(0)
        shown = min(_MOST_LINES, len(uris))
        self._recent.setFixedHeight(shown * self._recent.sizeHintForRow(0) + 2)
        self._recent_box.setVisible(bool(uris))

    def show_waiting(self, title: str) -> None:
        """Tell which source is being opened; an empty title tells that none is."""
        is_waiting = bool(title)
        self._title.setText(
            f"Opening {title}" if is_waiting else "Nothing to track yet"
        )
        self._advice.setText(
            "The first picture comes when the network is loaded."
            if is_waiting
            else "Open a source, or drop a video or a folder of images here."
        )
        self._choices.setVisible(not is_waiting)

    def _lay_out(self) -> None:
        centre = Qt.AlignmentFlag.AlignHCenter
        openers = QGridLayout()
        openers.setSpacing(MARGIN_PX)
        for at, button in enumerate(self._openers):
            openers.addWidget(button, *divmod(at, _COLUMNS))
        recent = QVBoxLayout(self._recent_box)
        recent.setContentsMargins(0, 0, 0, 0)
        recent.setSpacing(GAP_PX // 2)
        recent.addWidget(self._recent_title)
        recent.addWidget(self._recent)
        choices = QVBoxLayout(self._choices)
        choices.setContentsMargins(0, MARGIN_PX, 0, 0)
        choices.setSpacing(2 * MARGIN_PX)
        choices.addLayout(openers)
        choices.addWidget(self._recent_box)
        column = QVBoxLayout(self)
        column.setSpacing(GAP_PX)
        column.addStretch(2)
        column.addWidget(self._title, 0, centre)
        column.addWidget(self._advice, 0, centre)
        column.addWidget(self._choices, 0, centre)
        column.addStretch(3)

    def _on_recent_activated(self, item: QListWidgetItem) -> None:
        self.recent_chosen.emit(item.data(Qt.ItemDataRole.UserRole))


def _opener(action: QAction) -> QToolButton:
    button = QToolButton()
    button.setDefaultAction(action)
    button.setProperty("role", "opener")
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
    button.setIconSize(QSize(32, 32))
    button.setFixedSize(*_BUTTON_PX)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return button
