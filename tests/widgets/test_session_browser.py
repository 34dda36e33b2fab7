"""The list of sessions, and what stands behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from app.recording.library import list_sessions
from app.recording.manifest import SessionState, load_session_manifest
from app.recording.settings import RecordingSettings
from app.review.shelf import SessionShelf
from tests.app.review.sessions import record
from tests.fakes.recording import wait_until
from widgets.main_window import MainWindow
from widgets.session_browser import SessionBrowser
from widgets.session_desk import SessionDesk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

WAYS = {each: (lambda at, each=each: (at * 0.5 + each, 20.0)) for each in (1, 2, 3)}


@pytest.fixture
def browser(qtbot: QtBot, tmp_path: Path) -> Iterator[SessionBrowser]:
    record(tmp_path, WAYS, 13, name="first")
    record(tmp_path, {}, 25, name="second")
    parent = QWidget()
    qtbot.addWidget(parent)
    made = SessionBrowser(parent)
    made.show_sessions(list_sessions(tmp_path))
    yield made
    parent.close()


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[SessionDesk]:
    for name in ("first", "second"):
        record(tmp_path, WAYS, 13, name=name)
    window = MainWindow()
    qtbot.addWidget(window)
    window.recording_panel.show_settings(RecordingSettings(tmp_path))
    made = SessionDesk(window)
    yield made
    window.close()
    made.deleteLater()


def _opened(desk: SessionDesk, qtbot: QtBot) -> SessionBrowser:
    desk.show_sessions()
    assert desk.browser is not None
    _wait_listed(desk, qtbot)
    return desk.browser


def _wait_listed(desk: SessionDesk, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: desk._shelf is None, timeout=20_000)


def test_sessions_are_listed_newest_first_with_their_figures(
    browser: SessionBrowser,
) -> None:
    assert browser.names == ["second", "first"]
    assert browser.cell(0, "Length") == "0.2 s"
    assert browser.cell(1, "Tracks") == "3"
    assert browser.cell(1, "State") == "complete"


def test_a_click_on_a_title_sorts_by_value(browser: SessionBrowser) -> None:
    browser._table.sortByColumn(3, Qt.SortOrder.AscendingOrder)

    assert browser.names == ["first", "second"]
    assert browser.cell(0, "Tracks") == "3"


def test_searching_hides_what_does_not_match(
    browser: SessionBrowser, qtbot: QtBot
) -> None:
    qtbot.keyClicks(browser._search, "comp FIR")

    assert browser.names == ["first"]


def test_what_is_asked_is_told(
    browser: SessionBrowser, qtbot: QtBot, tmp_path: Path
) -> None:
    first = tmp_path / "first"
    browser.choose(1)
    for button, signal in (
        (browser._review, browser.review_requested),
        (browser._export, browser.export_requested),
        (browser._trash, browser.trash_requested),
    ):
        with qtbot.waitSignal(signal) as told:
            qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        assert told.args == [first]
    with qtbot.waitSignal(browser.rename_requested) as renamed:
        browser._table.item(1, 1).setText("better")
    with qtbot.waitSignal(browser.open_requested) as opened:
        qtbot.mouseClick(browser._open, Qt.MouseButton.LeftButton)

    assert renamed.args == [first, "better"]
    assert opened.args == [first]


def test_notes_are_told_when_another_session_is_chosen(
    browser: SessionBrowser, qtbot: QtBot, tmp_path: Path
) -> None:
    browser.choose(1)
    qtbot.keyClicks(browser._notes, "a fast one")

    with qtbot.waitSignal(browser.notes_requested) as told:
        browser.choose(0)

    assert told.args == [tmp_path / "first", "a fast one"]
    assert browser._notes.toPlainText() == ""


def test_pictures_come_later(browser: SessionBrowser, tmp_path: Path) -> None:
    shelf = SessionShelf(tmp_path)
    shelf.start()
    wait_until(lambda: shelf.status().is_done)
    shelf.stop()
    had_none = not browser.has_thumbnail(0)

    browser.show_thumbnails(shelf.status().thumbnails)

    assert had_none
    assert browser.has_thumbnail(0)
    assert browser.has_thumbnail(1)


def test_the_desk_renames_and_says_why_it_cannot(
    desk: SessionDesk, qtbot: QtBot, tmp_path: Path
) -> None:
    browser = _opened(desk, qtbot)

    browser.rename_requested.emit(tmp_path / "first", "third")
    _wait_listed(desk, qtbot)
    named = sorted(browser.names)
    browser.rename_requested.emit(tmp_path / "second", "third")
    _wait_listed(desk, qtbot)

    assert named == ["second", "third"]
    assert sorted(browser.names) == ["second", "third"]
    assert "exists already" in browser.message


def test_what_is_thrown_away_comes_back(
    desk: SessionDesk, qtbot: QtBot, tmp_path: Path
) -> None:
    browser = _opened(desk, qtbot)

    browser.trash_requested.emit(tmp_path / "first")
    _wait_listed(desk, qtbot)
    left, said = browser.names, browser.message
    is_offered = not browser._restore.isHidden()
    qtbot.mouseClick(browser._restore, Qt.MouseButton.LeftButton)
    _wait_listed(desk, qtbot)

    assert (left, said) == (["second"], "first is in the trash.")
    assert is_offered
    assert sorted(browser.names) == ["first", "second"]
    assert browser._restore.isHidden()
    assert (tmp_path / "first" / "video_000.mp4").exists()


def test_notes_are_kept_when_the_list_is_closed(
    desk: SessionDesk, qtbot: QtBot, tmp_path: Path
) -> None:
    browser = _opened(desk, qtbot)
    browser.choose(0)
    name = browser.names[0]
    qtbot.keyClicks(browser._notes, "good")

    browser.close()

    assert load_session_manifest(tmp_path / name).notes == "good"


def test_a_recording_whose_recorder_died_is_told_and_recovered(
    desk: SessionDesk, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = tmp_path / "first"
    load_session_manifest(folder).changed(state=SessionState.RECORDING).save(folder)

    desk.look_for_unfinished()
    message = desk._window.message_bar.message
    browser = _opened(desk, qtbot)

    assert message is not None
    assert "1 recording was never finished" in message.text
    assert browser.message == "Recovered: first"
    row = browser.names.index("first")
    assert browser.cell(row, "State") == "recovered"


def test_enter_reviews_and_what_is_reviewed_stays(
    desk: SessionDesk, qtbot: QtBot, tmp_path: Path
) -> None:
    browser = _opened(desk, qtbot)
    browser.choose(browser.names.index("first"))

    qtbot.keyClick(browser._table, Qt.Key.Key_Return)
    browser.trash_requested.emit(tmp_path / "first")
    _wait_listed(desk, qtbot)
    reviews = desk.reviews
    browser.review_requested.emit(tmp_path / "first")

    assert [each.windowTitle() for each in reviews] == ["first - Review"]
    assert desk.reviews == reviews
    assert "close that first" in browser.message
    assert (tmp_path / "first").exists()
    desk._window.close()
    assert desk.reviews == []
