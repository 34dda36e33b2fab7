from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QPushButton

from widgets.error_dialog import ErrorDialog

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

LOG = Path("/home/operator/peregrine.log")


@pytest.fixture
def dialog(qtbot: QtBot) -> ErrorDialog:
    dialog = ErrorDialog("It broke: KeyError: 'x'", "Traceback: line 1", LOG)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.open()
    return dialog


def button(dialog: ErrorDialog, word: str) -> QPushButton:
    return next(
        each
        for each in dialog.findChildren(QPushButton)
        if word in each.text().replace("&", "")
    )


def test_it_says_what_happened_and_where_the_log_is(dialog: ErrorDialog) -> None:
    words = " ".join(label.text() for label in dialog.findChildren(QLabel))

    assert "It broke: KeyError: 'x'" in words
    assert str(LOG) in words


def test_details_are_folded_until_asked_for(dialog: ErrorDialog, qtbot: QtBot) -> None:
    details = dialog.findChildren(QPlainTextEdit)[0]
    assert not details.isVisible()

    qtbot.mouseClick(button(dialog, "details"), Qt.MouseButton.LeftButton)

    assert details.isVisible()


def test_details_can_be_copied(dialog: ErrorDialog, qtbot: QtBot) -> None:
    qtbot.mouseClick(button(dialog, "Copy"), Qt.MouseButton.LeftButton)

    assert QGuiApplication.clipboard().text() == "Traceback: line 1"


def test_escape_closes_it(dialog: ErrorDialog, qtbot: QtBot) -> None:
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)

    assert not dialog.isVisible()
