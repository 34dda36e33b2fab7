"""Says what happened and what to do, above the picture, without stopping anything."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
)

from app.errors import SourceFormatError, SourceNotFoundError
from widgets.icons import icon
from widgets.theme import GAP_PX, ICON_PX, MARGIN_PX, Colour

if TYPE_CHECKING:
    from app.errors import ConsoleError
    from engines.errors import EngineError


class Severity(enum.Enum):
    """How much a message matters; its value is the name of its icon."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Remedy(enum.Enum):
    """What the button of a message does; its value is what the button says."""

    NONE = ""
    OPEN_VIDEO = "Open a video…"
    TRY_AGAIN = "Try again"
    REPLAY = "Replay"
    UNDO = "Undo"
    PUT_RIGHT = "Put it right…"
    """Asks before it runs anything."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a message bar shows."""

    severity: Severity
    text: str
    """What happened."""
    hint: str = ""
    """What the operator can do; empty for nothing."""
    remedy: Remedy = Remedy.NONE

    @staticmethod
    def of_error(error: ConsoleError | EngineError) -> Message:
        """Make the message of an expected error."""
        is_wrong_source = isinstance(error, (SourceNotFoundError, SourceFormatError))
        return Message(
            Severity.ERROR,
            _sentence(error.message),
            _sentence(error.hint),
            Remedy.OPEN_VIDEO if is_wrong_source else Remedy.TRY_AGAIN,
        )

    @staticmethod
    def of_problem(error: ConsoleError | EngineError) -> Message:
        """Make the message of an error that the console goes on with."""
        return Message(
            Severity.WARNING, _sentence(error.message), _sentence(error.hint)
        )


_COLOURS = {
    Severity.INFO: Colour.ACCENT,
    Severity.WARNING: Colour.WARNING,
    Severity.ERROR: Colour.ERROR,
}


class MessageBar(QFrame):
    """Shows one message until it is closed, answered or replaced."""

    remedy_chosen = Signal(Remedy)  # what the button of the message does

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("messageBar")
        self._message: Message | None = None
        self._sign = QLabel()
        self._text = QLabel()
        self._hint = QLabel()
        self._button = QPushButton()
        self._close = QToolButton()
        for label, role in ((self._text, "title"), (self._hint, "muted")):
            label.setProperty("role", role)
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._close.setIcon(icon("close", Colour.MUTED))
        self._close.setToolTip("Close (Esc)")
        self._close.setAccessibleName("Close message")
        self._close.setAutoRaise(True)
        self._lay_out()
        self._button.clicked.connect(self._on_button_clicked)
        self._close.clicked.connect(self.clear)
        self.hide()

    @property
    def message(self) -> Message | None:
        """What is shown now."""
        return self._message

    def show_message(self, message: Message) -> None:
        """Show a message in place of the one before it."""
        self._message = message
        colour = _COLOURS[message.severity]
        size = QSize(ICON_PX, ICON_PX)
        self._sign.setPixmap(
            icon(message.severity.value, colour).pixmap(size, self.devicePixelRatioF())
        )
        self._sign.setAccessibleName(message.severity.value)
        self._text.setText(message.text)
        self._hint.setText(message.hint)
        self._hint.setVisible(bool(message.hint))
        self._button.setText(message.remedy.value)
        self._button.setVisible(message.remedy is not Remedy.NONE)
        self.setProperty("severity", message.severity.value)
        self.style().unpolish(self)
        self.style().polish(self)
        self.show()

    def clear(self) -> None:
        """Show nothing."""
        self._message = None
        self.hide()

    def _lay_out(self) -> None:
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(self._text)
        texts.addWidget(self._hint)
        row = QHBoxLayout(self)
        row.setContentsMargins(MARGIN_PX, GAP_PX, GAP_PX, GAP_PX)
        row.setSpacing(MARGIN_PX)
        row.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(texts, 1)
        row.addWidget(self._button)
        row.addWidget(self._close)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def _on_button_clicked(self) -> None:
        if self._message is None:
            return
        remedy = self._message.remedy
        self.clear()
        self.remedy_chosen.emit(remedy)


def problem_text(error: ConsoleError | EngineError) -> str:
    """What happened and what to do, as one paragraph."""
    return f"{_sentence(error.message)} {_sentence(error.hint)}".strip()


def _sentence(text: str) -> str:
    """Write a message of an error, which starts small, as a sentence."""
    if not text:
        return ""
    ended = text if text.endswith((".", "!", "?")) else f"{text}."
    # The name of a file keeps its letters.
    is_word = ended.split(maxsplit=1)[0].isalpha()
    return ended[0].upper() + ended[1:] if is_word else ended
