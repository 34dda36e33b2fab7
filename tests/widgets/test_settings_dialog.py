"""Settings are edited as a user does, and nothing changes before it is applied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QDialogButtonBox, QFileDialog, QLabel, QPushButton

from app.settings.draft import Key
from app.settings.model import (
    DisplaySettings,
    EngineSettings,
    Settings,
    ThresholdSettings,
    TrackingSettings,
)
from widgets.settings_dialog import SettingsDialog
from widgets.settings_page import SettingsPage
from widgets.settings_pages import PAGES, PageSpec

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from widgets.setting_row import SettingRow

LEFT = Qt.MouseButton.LeftButton
OK = QDialogButtonBox.StandardButton.Ok
APPLY = QDialogButtonBox.StandardButton.Apply
CANCEL = QDialogButtonBox.StandardButton.Cancel


class Bench:
    """A dialog, what it said, and hands on it."""

    def __init__(self, qtbot: QtBot, **options: Any) -> None:
        self._qtbot = qtbot
        self.applied: list[Settings] = []
        self.dialog = SettingsDialog(options.pop("settings", Settings()), **options)
        qtbot.addWidget(self.dialog)
        self.dialog.applied.connect(self.applied.append)
        self.dialog.show()
        qtbot.waitExposed(self.dialog)

    def row(self, section: str, name: str) -> SettingRow:
        self.dialog.open_page(section)
        [page] = [each for each in self.dialog.pages if each.section == section]
        return page.rows[name]

    def type_threads(self, text: str) -> None:
        box: Any = self.row("engine", "threads").editor.focusProxy()
        box.selectAll()
        self._qtbot.keyClicks(box, text)

    def click(self, button: QDialogButtonBox.StandardButton) -> None:
        self._qtbot.mouseClick(self.dialog.buttons.button(button), LEFT)

    def is_enabled(self, button: QDialogButtonBox.StandardButton) -> bool:
        return self.dialog.buttons.button(button).isEnabled()

    def titles(self) -> list[str]:
        shown = self.dialog.list
        items = [shown.item(at) for at in range(shown.count())]
        return [item.text() for item in items if not item.isHidden()]

    def choose_from_menu(self, text: str) -> None:
        for menu in self.dialog.findChildren(type(self.dialog._more.menu())):
            for action in menu.actions():
                if action.text().replace("&", "") == text:
                    action.trigger()
                    return
        raise AssertionError(text)

    def file_dialog(self) -> QFileDialog:
        return self.dialog.findChildren(QFileDialog)[-1]


@pytest.fixture
def bench(qtbot: QtBot) -> Bench:
    return Bench(qtbot)


def test_every_section_has_a_page() -> None:
    assert [spec.section for spec in PAGES] == list(Settings.model_fields)


def test_it_blocks_nothing(bench: Bench) -> None:
    assert not bench.dialog.isModal()


def test_without_a_change_there_is_nothing_to_apply(bench: Bench) -> None:
    assert not bench.is_enabled(APPLY)
    assert bench.dialog.note_text == ""

    bench.click(OK)

    assert bench.applied == []
    assert not bench.dialog.isVisible()


def test_a_change_is_marked_and_told_and_applied(bench: Bench) -> None:
    bench.type_threads("4")

    assert bench.row("engine", "threads").is_marked
    assert [each for each in bench.titles() if "•" in each] == ["Model and engine •"]
    assert bench.dialog.note_text == "Restarts the feed: Threads."
    assert bench.applied == []

    bench.click(APPLY)

    assert bench.applied == [Settings(engine=EngineSettings(threads=4))]
    assert bench.dialog.isVisible()


def test_what_is_applied_is_no_change_any_more(bench: Bench) -> None:
    bench.type_threads("4")
    bench.click(APPLY)

    bench.dialog.show_settings(bench.applied[0], frozenset())

    assert not bench.row("engine", "threads").is_marked
    assert not bench.is_enabled(APPLY)
    assert bench.dialog.note_text == ""


def test_ok_applies_and_closes(bench: Bench) -> None:
    bench.type_threads("4")

    bench.click(OK)

    assert bench.applied == [Settings(engine=EngineSettings(threads=4))]
    assert not bench.dialog.isVisible()


def test_cancel_changes_nothing(bench: Bench) -> None:
    bench.type_threads("4")

    bench.click(CANCEL)

    assert bench.applied == []
    assert not bench.dialog.isVisible()


def test_escape_cancels(bench: Bench, qtbot: QtBot) -> None:
    bench.type_threads("4")

    qtbot.keyClick(bench.dialog, Qt.Key.Key_Escape)

    assert bench.applied == []
    assert not bench.dialog.isVisible()


def test_a_fault_is_told_beside_its_field_and_cannot_be_applied(
    bench: Bench, qtbot: QtBot
) -> None:
    row = bench.row("tracking", "thresholds")
    qtbot.keyClick(row.editor.box, Qt.Key.Key_Space)
    low: Any = row.editor.inner.editors["low"].box
    low.selectAll()

    qtbot.keyClicks(low, "0.9")

    assert row.fault_text == "Low (0.9) is above high (0.7)."
    assert not bench.is_enabled(OK)
    assert not bench.is_enabled(APPLY)
    assert bench.dialog.note_text == "Something is wrong on: Tracking."
    low.selectAll()
    qtbot.keyClicks(low, "0.5")
    assert row.fault_text == ""
    bench.click(OK)
    assert bench.applied == [
        Settings(
            tracking=TrackingSettings(thresholds=ThresholdSettings(low=0.5, high=0.7))
        )
    ]


def test_a_change_is_undone_with_the_button_beside_it(
    bench: Bench, qtbot: QtBot
) -> None:
    bench.type_threads("4")
    row = bench.row("engine", "threads")
    assert row.undo.isVisible()

    qtbot.mouseClick(row.undo, LEFT)

    assert row.editor.value == 1
    assert not row.undo.isVisible()
    assert not bench.is_enabled(APPLY)


def test_a_page_is_reset_alone(qtbot: QtBot) -> None:
    used = Settings(
        engine=EngineSettings(threads=8), display=DisplaySettings(mask_opacity=0.9)
    )
    bench = Bench(qtbot, settings=used)
    bench.row("engine", "threads")

    qtbot.mouseClick(bench.dialog._reset, LEFT)
    bench.click(OK)

    assert bench.applied == [Settings(display=DisplaySettings(mask_opacity=0.9))]


def test_all_pages_are_reset(qtbot: QtBot) -> None:
    used = Settings(
        engine=EngineSettings(threads=8), display=DisplaySettings(mask_opacity=0.9)
    )
    bench = Bench(qtbot, settings=used)

    bench.choose_from_menu("Reset all pages")
    bench.click(OK)

    assert bench.applied == [Settings()]


def test_what_is_changed_elsewhere_is_shown_and_what_is_typed_stays(
    bench: Bench,
) -> None:
    bench.type_threads("4")

    bench.dialog.show_settings(
        Settings(display=DisplaySettings(mask_opacity=0.9)), frozenset()
    )

    assert bench.row("display", "mask_opacity").editor.value == 0.9
    assert not bench.row("display", "mask_opacity").is_marked
    assert bench.row("engine", "threads").editor.value == 4


def test_imported_settings_are_shown_before_they_are_applied(bench: Bench) -> None:
    bench.dialog.take(Settings(engine=EngineSettings(threads=6)))

    assert bench.row("engine", "threads").editor.value == 6
    assert bench.applied == []
    bench.click(APPLY)
    assert bench.applied == [Settings(engine=EngineSettings(threads=6))]


def test_a_file_to_import_is_asked_for(bench: Bench, qtbot: QtBot) -> None:
    bench.choose_from_menu("Import…")
    dialog = bench.file_dialog()

    with qtbot.waitSignal(bench.dialog.import_chosen) as chosen:
        dialog.fileSelected.emit("/tmp/a.json")
    dialog.close()

    assert chosen.args == ["/tmp/a.json"]


def test_what_is_shown_is_exported(bench: Bench, qtbot: QtBot) -> None:
    bench.type_threads("4")
    bench.choose_from_menu("Export…")
    dialog = bench.file_dialog()

    with qtbot.waitSignal(bench.dialog.export_chosen) as chosen:
        dialog.fileSelected.emit("/tmp/a.json")
    dialog.close()

    assert chosen.args == ["/tmp/a.json", Settings(engine=EngineSettings(threads=4))]


def test_a_problem_with_a_file_is_told(bench: Bench) -> None:
    bench.dialog.show_problem("Not imported: a.json is no JSON document.")

    assert bench.dialog.note_text == "Not imported: a.json is no JSON document."


def test_what_the_command_line_gives_is_told(qtbot: QtBot) -> None:
    bench = Bench(qtbot, given=frozenset({Key("engine", "threads")}))
    row = bench.row("engine", "threads")
    assert row.is_given_shown

    bench.type_threads("4")

    assert not row.is_given_shown


def test_a_notice_stands_above_all_pages(qtbot: QtBot) -> None:
    bench = Bench(qtbot, notice="Not saved: settings.json has version 9.")

    shown = [each for each in bench.dialog.findChildren(QLabel) if each.isVisible()]
    assert "Not saved: settings.json has version 9." in [each.text() for each in shown]


def test_the_keyboard_begins_in_the_list_of_pages(bench: Bench, qtbot: QtBot) -> None:
    assert bench.dialog.focusWidget() is bench.dialog.list

    qtbot.keyClick(bench.dialog.focusWidget(), Qt.Key.Key_Down)

    assert bench.dialog.pages[1].isVisible()


def test_keys_go_from_page_to_page(bench: Bench, qtbot: QtBot) -> None:
    assert bench.dialog.list.currentRow() == 0

    qtbot.keyClick(bench.dialog.list, Qt.Key.Key_Down)
    assert bench.row("engine", "threads").editor.isVisible()
    keys = Qt.KeyboardModifier.ControlModifier
    qtbot.keyClick(bench.dialog, Qt.Key.Key_PageDown, keys)
    assert bench.dialog.list.currentRow() == 2
    qtbot.keyClick(bench.dialog, Qt.Key.Key_PageUp, keys)
    qtbot.keyClick(bench.dialog, Qt.Key.Key_PageUp, keys)
    qtbot.keyClick(bench.dialog, Qt.Key.Key_PageUp, keys)
    assert bench.dialog.list.currentRow() == len(PAGES) - 1


def test_a_click_opens_a_page(bench: Bench, qtbot: QtBot) -> None:
    shown = bench.dialog.list
    place = shown.visualItemRect(shown.item(3)).center()

    qtbot.mouseClick(shown.viewport(), LEFT, pos=place)

    assert bench.dialog.pages[3].isVisible()


def test_every_field_is_reached_with_tab(bench: Bench, qtbot: QtBot) -> None:
    bench.dialog.open_page("display")
    page = bench.dialog.pages[4]
    page.rows["shows_mask"].editor.setFocus()
    reached = set()

    for _ in range(12):
        focused = bench.dialog.focusWidget()
        reached |= {
            name
            for name, row in page.rows.items()
            if row.editor.isAncestorOf(focused) or row.editor is focused
        }
        qtbot.keyClick(focused, Qt.Key.Key_Tab)

    assert reached == set(page.rows)


def test_words_find_a_setting(bench: Bench, qtbot: QtBot) -> None:
    keys = Qt.KeyboardModifier.ControlModifier
    qtbot.keyClick(bench.dialog, Qt.Key.Key_F, keys)
    qtbot.waitUntil(bench.dialog.search.hasFocus)

    qtbot.keyClicks(bench.dialog.search, "GHOSTS")

    assert bench.titles() == ["Tracking"]
    visible = [
        name for name, row in bench.dialog.pages[2].rows.items() if row.isVisible()
    ]
    assert visible == ["false_tracks_per_frame", "birth_confidence"]
    bench.dialog.search.clear()
    assert len(bench.titles()) == len(PAGES)
    assert all(row.isVisible() for row in bench.dialog.pages[2].rows.values())


def test_words_that_are_nowhere_find_nothing_and_can_be_cleared(
    bench: Bench, qtbot: QtBot
) -> None:
    qtbot.keyClicks(bench.dialog.search, "zzz")
    assert bench.titles() == []
    assert bench.dialog._nothing.isVisible()

    bench.dialog.search.clear()

    assert len(bench.titles()) == len(PAGES)
    assert bench.dialog.pages[bench.dialog.list.currentRow()].isVisible()


def test_a_page_may_have_more_than_a_form(qtbot: QtBot) -> None:
    class Bulky(SettingsPage):
        def __init__(self, section: str) -> None:
            super().__init__(section)
            self.told = QLabel()
            self.panels.addWidget(self.told)

        def show_draft(self, draft: Any, faults: Any, given: Any) -> None:
            super().show_draft(draft, faults, given)
            self.told.setText(str(draft.value(Key(self.section, "threads"))))

    bench = Bench(qtbot, pages=[PageSpec("engine", "Engine", "engine", Bulky)])
    page = bench.dialog.pages[0]
    assert isinstance(page, Bulky)
    assert (page.told.isVisible(), page.told.text()) == (True, "1")

    page.value_changed.emit(Key("engine", "threads"), 7)

    assert page.told.text() == "7"
    assert page.rows["threads"].editor.value == 7


def test_the_picture_of_a_page_is_not_empty(bench: Bench) -> None:
    image = bench.dialog.grab().toImage()

    colours = {
        image.pixelColor(QPoint(x, y)).name()
        for x in range(0, image.width(), 3)
        for y in range(0, image.height(), 3)
    }
    assert len(colours) > 10


def test_pages_are_made_one_after_another(bench: Bench, qtbot: QtBot) -> None:
    assert len(bench.dialog._pages) < len(PAGES)

    qtbot.waitUntil(lambda: len(bench.dialog._pages) == len(PAGES))


def test_the_engine_page_leads_to_where_engines_are_built(
    bench: Bench, qtbot: QtBot
) -> None:
    bench.dialog.open_page("engine")
    button = bench.dialog.findChild(QPushButton, "buildEngines")
    assert button is not None

    with qtbot.waitSignal(bench.dialog.engines_requested):
        qtbot.mouseClick(button, LEFT)
