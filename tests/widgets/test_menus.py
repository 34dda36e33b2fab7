from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from widgets.actions import ActionId, make_actions
from widgets.menus import MENUS, RecentMenu, fill_menu_bar, open_menu

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


@pytest.fixture
def parent(qtbot: QtBot) -> QWidget:
    parent = QWidget()
    qtbot.addWidget(parent)
    return parent


def test_every_action_is_in_one_menu() -> None:
    entries = [entry for _, menu in MENUS for entry in menu]

    listed = [entry for entry in entries if isinstance(entry, ActionId)]

    assert sorted(entry.value for entry in listed) == sorted(
        entry.value for entry in ActionId
    )


def test_no_two_menus_open_with_the_same_letter() -> None:
    letters = [title[title.index("&") + 1].lower() for title, _ in MENUS]

    assert len(set(letters)) == len(letters)


@pytest.mark.parametrize("at", range(len(MENUS)))
def test_no_two_entries_of_a_menu_have_the_same_letter(
    parent: QWidget, at: int
) -> None:
    bar = QMenuBar(parent)
    actions = make_actions(parent)
    fill_menu_bar(bar, actions, RecentMenu(parent))

    entries = bar.findChildren(QMenu)[at].actions()

    texts = [each.text() for each in entries if not each.isSeparator()]
    letters = [text[text.index("&") + 1].lower() for text in texts]
    assert len(set(letters)) == len(letters)


def test_recent_sources_are_offered_and_chosen(parent: QWidget, qtbot: QtBot) -> None:
    menu = RecentMenu(parent)
    menu.show_recent(["/data/b.mp4", "/data/a&b.mp4"])

    with qtbot.waitSignal(menu.uri_chosen) as chosen:
        menu.actions()[1].trigger()

    assert chosen.args == ["/data/a&b.mp4"]
    assert menu.actions()[1].text() == "&2  /data/a&&b.mp4"


def test_without_recent_sources_the_menu_is_off(parent: QWidget) -> None:
    menu = RecentMenu(parent)

    menu.show_recent([])

    assert not menu.isEnabled()


def test_a_long_address_is_cut_at_its_beginning(parent: QWidget) -> None:
    menu = RecentMenu(parent)

    menu.show_recent(["/data" * 40 + "/serve.mp4"])

    text = menu.actions()[0].text()
    assert len(text) < 80
    assert text.endswith("/serve.mp4")


def test_the_button_offers_every_way_to_open(parent: QWidget) -> None:
    actions = make_actions(parent)

    menu = open_menu(parent, actions, RecentMenu(parent))

    assert [each.text() for each in menu.actions()] == [
        "&Cameras…",
        "Open &video…",
        "Open image &folder…",
        "Open s&ynthetic scene…",
        "Open &address…",
        "Open &recent",
    ]
