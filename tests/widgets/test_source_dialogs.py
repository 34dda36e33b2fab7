from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QInputDialog, QWidget

from widgets.source_dialogs import SourceDialogs
from widgets.synthetic_dialog import SyntheticDialog

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    return window


def open_file_dialog(window: QWidget) -> QFileDialog:
    return next(each for each in window.findChildren(QFileDialog) if each.isVisible())


def test_a_chosen_video_is_told_and_its_folder_remembered(
    window: QWidget, qtbot: QtBot, tmp_path: Path
) -> None:
    video = tmp_path / "serve.mp4"
    video.touch()
    dialogs = SourceDialogs(window, str(tmp_path))
    dialogs.ask_video()
    dialog = open_file_dialog(window)

    with qtbot.waitSignals([dialogs.uri_chosen, dialogs.folder_changed]):
        dialog.selectFile(str(video))
        dialog.accept()

    assert not dialog.isVisible()


def test_a_folder_of_images_can_be_chosen(
    window: QWidget, qtbot: QtBot, tmp_path: Path
) -> None:
    dialogs = SourceDialogs(window, str(tmp_path))
    dialogs.ask_folder()
    dialog = open_file_dialog(window)

    with qtbot.waitSignal(dialogs.uri_chosen) as chosen:
        dialog.selectFile(str(tmp_path))
        dialog.accept()

    assert chosen.args == [str(tmp_path)]


def test_a_cancelled_dialog_tells_nothing(window: QWidget, qtbot: QtBot) -> None:
    dialogs = SourceDialogs(window)
    dialogs.ask_video()

    with qtbot.assertNotEmitted(dialogs.uri_chosen):
        dialog = open_file_dialog(window)
        qtbot.keyClick(dialog, Qt.Key.Key_Escape)

    assert not dialog.isVisible()


def test_the_form_of_a_scene_starts_at_the_last_one(
    window: QWidget, qtbot: QtBot
) -> None:
    dialogs = SourceDialogs(window)
    dialogs.ask_synthetic()
    first = window.findChildren(SyntheticDialog)[0]
    first.slowest.setValue(100.0)

    with qtbot.waitSignal(dialogs.uri_chosen) as chosen:
        qtbot.keyClick(first, Qt.Key.Key_Return)

    dialogs.ask_synthetic()
    again = next(
        each for each in window.findChildren(SyntheticDialog) if each.isVisible()
    )
    assert again.uri == chosen.args[0] == "synthetic://?speed=100-4800"
    again.reject()


def test_an_address_is_typed(window: QWidget, qtbot: QtBot) -> None:
    dialogs = SourceDialogs(window)
    dialogs.ask_address()
    dialog = window.findChildren(QInputDialog)[0]
    dialog.setTextValue("  rtsp://camera/live ")

    with qtbot.waitSignal(dialogs.uri_chosen) as chosen:
        dialog.accept()

    assert chosen.args == ["rtsp://camera/live"]
