from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QToolButton

from app.errors import SourceLostError, SourceNotFoundError
from engines.errors import EngineLoadError
from widgets.message_bar import Message, MessageBar, Remedy, Severity

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


@pytest.fixture
def bar(qtbot: QtBot) -> MessageBar:
    bar = MessageBar()
    qtbot.addWidget(bar)
    return bar


def words(bar: MessageBar) -> list[str]:
    return [
        label.text()
        for label in bar.findChildren(QLabel)
        if label.text() and not label.isHidden()
    ]


def test_an_error_is_told_with_its_hint(bar: MessageBar) -> None:
    error = SourceNotFoundError("no file serve.mp4", hint="Check the name.")

    bar.show_message(Message.of_error(error))

    assert bar.isVisible()
    assert words(bar) == ["No file serve.mp4.", "Check the name."]


def test_a_message_without_a_hint_takes_one_line(bar: MessageBar) -> None:
    bar.show_message(Message(Severity.INFO, "Done."))

    assert words(bar) == ["Done."]


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (SourceNotFoundError("gone"), Remedy.OPEN_VIDEO),
        (SourceLostError("lost"), Remedy.TRY_AGAIN),
        (EngineLoadError("broken"), Remedy.TRY_AGAIN),
    ],
)
def test_an_error_offers_what_can_help(
    error: SourceNotFoundError | EngineLoadError, remedy: Remedy
) -> None:
    assert Message.of_error(error).remedy is remedy


def test_its_button_tells_the_remedy_and_closes_it(
    bar: MessageBar, qtbot: QtBot
) -> None:
    bar.show_message(Message(Severity.INFO, "Over.", remedy=Remedy.REPLAY))

    with qtbot.waitSignal(bar.remedy_chosen) as chosen:
        qtbot.mouseClick(bar.findChild(QPushButton), Qt.MouseButton.LeftButton)

    assert chosen.args == [Remedy.REPLAY]
    assert not bar.isVisible()


def test_a_message_without_a_remedy_has_no_button(bar: MessageBar) -> None:
    bar.show_message(Message(Severity.INFO, "Over."))

    assert bar.findChildren(QPushButton)[0].isHidden()


def test_its_cross_closes_it(bar: MessageBar, qtbot: QtBot) -> None:
    bar.show_message(Message(Severity.INFO, "Over."))

    qtbot.mouseClick(bar.findChild(QToolButton), Qt.MouseButton.LeftButton)

    assert not bar.isVisible()
    assert bar.message is None


def test_severities_differ_by_their_sign(bar: MessageBar) -> None:
    signs = []

    for severity in Severity:
        bar.show_message(Message(severity, "Something."))
        sign = next(each for each in bar.findChildren(QLabel) if not each.text())
        signs.append(sign.pixmap().toImage().createAlphaMask())

    assert signs[0] != signs[1] != signs[2] != signs[0]


def test_a_message_starts_large_but_a_file_keeps_its_name() -> None:
    texts = [
        Message.of_error(SourceLostError(text)).text
        for text in ("the camera is gone", "clip.mp4 ends early")
    ]

    assert texts == ["The camera is gone.", "clip.mp4 ends early."]


def test_markup_in_a_message_is_shown_as_it_is(bar: MessageBar) -> None:
    bar.show_message(Message(Severity.ERROR, "No file <b>x</b>.mp4"))

    label = next(each for each in bar.findChildren(QLabel) if each.text())
    assert label.textFormat() is Qt.TextFormat.PlainText
