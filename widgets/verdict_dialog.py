"""The evidence of a verdict, kept up to date while it is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from widgets.theme import GAP_PX, MARGIN_PX

if TYPE_CHECKING:
    from app.verdict import Verdict

_WIDTH_PX = 520


class VerdictDialog(QDialog):
    """Shows verdict, advice and every figure it stands on; leaves the window usable."""

    remedy_requested = Signal(object)  # RootRemedy that the operator wants to look at

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("What limits the rate")
        self.setModal(False)
        self.setMinimumWidth(_WIDTH_PX)
        self._verdict: Verdict | None = None
        self._title = _label("title")
        self._advice = _label("muted")
        self._rows: list[tuple[QLabel, QLabel]] = []
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(2 * MARGIN_PX)
        self._grid.setColumnStretch(1, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        role = QDialogButtonBox.ButtonRole.ActionRole
        self._remedy = buttons.addButton("Put it right…", role)
        self._copy = buttons.addButton("Copy", role)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX)
        column.setSpacing(GAP_PX)
        column.addWidget(self._title)
        column.addWidget(self._advice)
        column.addSpacing(GAP_PX)
        column.addLayout(self._grid)
        column.addStretch()
        column.addWidget(buttons)
        buttons.rejected.connect(self.close)
        self._copy.clicked.connect(self._on_copy_clicked)
        self._remedy.clicked.connect(self._on_remedy_clicked)

    def show_verdict(self, verdict: Verdict) -> None:
        """Show a verdict in place of the one before."""
        self._verdict = verdict
        self._title.setText(verdict.text or "Nothing runs: nothing limits it")
        self._advice.setText(verdict.advice)
        self._advice.setVisible(bool(verdict.advice))
        self._remedy.setVisible(verdict.remedy is not None)
        while len(self._rows) < len(verdict.evidence):
            pair = _label("muted"), _label("")
            for label in pair:
                label.setWordWrap(False)
            for column, label in enumerate(pair):
                self._grid.addWidget(label, len(self._rows), column)
            self._rows.append(pair)
        for at, pair in enumerate(self._rows):
            is_used = at < len(verdict.evidence)
            texts = verdict.evidence[at] if is_used else ("", "")
            for label, text in zip(pair, texts, strict=True):
                label.setText(text)
                label.setVisible(is_used)
        self.adjustSize()

    @property
    def text(self) -> str:
        """All of it, as copied."""
        if self._verdict is None:
            return ""
        lines = [self._verdict.text, self._verdict.advice]
        lines += [f"{name}: {value}" for name, value in self._verdict.evidence]
        return "\n".join(filter(None, lines))

    def _on_remedy_clicked(self) -> None:
        if self._verdict is not None and self._verdict.remedy is not None:
            self.remedy_requested.emit(self._verdict.remedy)

    def _on_copy_clicked(self) -> None:
        QGuiApplication.clipboard().setText(self.text)


def _label(role: str) -> QLabel:
    label = QLabel()
    if role:
        label.setProperty("role", role)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
