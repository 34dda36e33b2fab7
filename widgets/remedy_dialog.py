"""Asks whether a command may be run as root, and shows exactly which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox, QWidget

if TYPE_CHECKING:
    from app.hardware.remedies import RootRemedy


class RemedyDialog(QMessageBox):
    """One remedy; closing it in any way but the button runs nothing.

    Parameters
    ----------
    remedy : RootRemedy
    obstacle : str
        Why it cannot be run from here; empty where it can.
    parent : QWidget
    """

    agreed = Signal(object)  # RootRemedy to run

    def __init__(self, remedy: RootRemedy, *, obstacle: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(remedy.purpose)
        self.setIcon(QMessageBox.Icon.Question)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self._remedy = remedy
        role = QMessageBox.ButtonRole
        self._copy = self.addButton("Copy command", role.ActionRole)
        cancel = self.addButton(QMessageBox.StandardButton.Cancel)
        self._run = None
        if not obstacle:
            self.setText(f"{remedy.purpose}? This is run as root:")
            self._run = self.addButton("Run as root", role.AcceptRole)
            self._run.clicked.connect(self._on_run_clicked)
        else:
            self.setText(f"{obstacle} Run in a terminal:")
        self.setDefaultButton(cancel)
        restore = f"When Peregrine closes:\n{remedy.restore}" if remedy.restore else ""
        lines = [remedy.command if obstacle else remedy.apply]
        if restore and not obstacle:
            lines.append(restore)
        self.setInformativeText("\n\n".join(lines))
        self._copy.clicked.connect(self._on_copy_clicked)

    def _on_run_clicked(self) -> None:
        self.agreed.emit(self._remedy)

    def _on_copy_clicked(self) -> None:
        QGuiApplication.clipboard().setText(self._remedy.command)
