"""Shows an error that nobody expected: a sentence, the details folded, the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
)

from widgets.icons import icon
from widgets.theme import GAP_PX, MARGIN_PX, Colour

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtWidgets import QWidget

_SIGN_PX = 40
_WIDTH_PX = 560
_DETAILS_PX = 220


class ErrorDialog(QDialog):
    """Tells of a bug; whoever reads it can copy what is needed to report it.

    Parameters
    ----------
    sentence : str
        What happened.
    details : str
        The traceback, with versions.
    log_path : Path
        Where all of it is written.
    parent : QWidget, optional
        The window it belongs to.
    """

    def __init__(
        self,
        sentence: str,
        details: str,
        log_path: Path,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Unexpected error")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._sign = QLabel()
        self._sign.setPixmap(
            icon("error", Colour.ERROR).pixmap(QSize(_SIGN_PX, _SIGN_PX))
        )
        self._sentence = _text(sentence)
        self._sentence.setProperty("role", "title")
        self._advice = _text(
            "This is a fault of the console, not of what you did. "
            "The feed may have stopped; the console goes on.\n"
            f"The log has it all: {log_path}"
        )
        self._advice.setProperty("role", "muted")
        self._details = QPlainTextEdit(details)
        self._details.setReadOnly(True)
        self._details.setFont(
            QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        )
        self._details.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._details.setMinimumHeight(_DETAILS_PX)
        self._details.hide()
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self._unfold = QPushButton("Show &details")
        self._unfold.setCheckable(True)
        self._unfold.setAutoDefault(False)
        self._copy = QPushButton(icon("copy"), "&Copy details")
        self._copy.setAutoDefault(False)
        self._lay_out()
        self._unfold.toggled.connect(self._on_unfold_toggled)
        self._copy.clicked.connect(self._on_copy_clicked)
        self._buttons.rejected.connect(self.reject)

    @property
    def sentence(self) -> str:
        """What happened."""
        return self._sentence.text()

    @property
    def details(self) -> str:
        """The text that the copy button copies."""
        return self._details.toPlainText()

    def _lay_out(self) -> None:
        texts = QVBoxLayout()
        texts.setSpacing(GAP_PX)
        texts.addWidget(self._sentence)
        texts.addWidget(self._advice)
        head = QHBoxLayout()
        head.setSpacing(MARGIN_PX)
        head.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(texts, 1)
        action = QDialogButtonBox.ButtonRole.ActionRole
        self._buttons.addButton(self._unfold, action)
        self._buttons.addButton(self._copy, action)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX)
        column.setSpacing(MARGIN_PX)
        column.addLayout(head)
        column.addWidget(self._details, 1)
        column.addWidget(self._buttons)
        self.setMinimumWidth(_WIDTH_PX)

    def _on_unfold_toggled(self, is_unfolded: bool) -> None:
        self._details.setVisible(is_unfolded)
        self._unfold.setText("Hide &details" if is_unfolded else "Show &details")
        self.adjustSize()

    def _on_copy_clicked(self) -> None:
        QGuiApplication.clipboard().setText(self.details)
        self._copy.setText("Copied")


def _text(text: str) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
