from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QListWidget, QToolButton

from widgets.actions import ActionId, make_actions
from widgets.start_page import StartPage

if TYPE_CHECKING:
    from PySide6.QtGui import QAction
    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot


@pytest.fixture
def actions(qapp: QApplication) -> dict[ActionId, QAction]:
    return make_actions(qapp)


@pytest.fixture
def page(actions: dict[ActionId, QAction], qtbot: QtBot) -> StartPage:
    page = StartPage(actions)
    qtbot.addWidget(page)
    page.show()
    return page


def test_it_tells_what_to_do_next(page: StartPage) -> None:
    assert page.title == "Nothing to track yet"
    assert "drop a video" in page.advice


@pytest.mark.parametrize(
    "id_",
    [
        ActionId.CAMERAS,
        ActionId.OPEN_VIDEO,
        ActionId.OPEN_FOLDER,
        ActionId.OPEN_SYNTHETIC,
    ],
)
def test_a_button_opens_each_kind_of_source(
    page: StartPage, actions: dict[ActionId, QAction], id_: ActionId, qtbot: QtBot
) -> None:
    button = next(
        each
        for each in page.findChildren(QToolButton)
        if each.defaultAction() is actions[id_]
    )

    told: list[ActionId] = []
    for each in actions:
        actions[each].triggered.connect(lambda _, which=each: told.append(which))

    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    assert told == [id_]


def test_enter_opens_the_source_opened_last(page: StartPage, qtbot: QtBot) -> None:
    page.show_recent(["/data/b.mp4", "/data/a.mp4"])
    recent = page.findChildren(QListWidget)[0]

    with qtbot.waitSignal(page.recent_chosen) as chosen:
        qtbot.keyClick(recent, Qt.Key.Key_Return)

    assert chosen.args == ["/data/b.mp4"]


def test_there_is_no_list_without_recent_sources(page: StartPage) -> None:
    page.show_recent(["/data/a.mp4"])

    page.show_recent([])

    assert not page.findChildren(QListWidget)[0].isVisible()


def test_it_names_what_is_being_opened_and_offers_nothing_else(
    page: StartPage,
) -> None:
    page.show_waiting("serve.mp4")

    assert page.title == "Opening serve.mp4"
    assert not any(button.isVisible() for button in page.findChildren(QToolButton))
