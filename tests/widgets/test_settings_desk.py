"""Settings change at the desk, in the dialog and in the file."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QDialogButtonBox, QWidget

from app.settings.draft import Key
from app.settings.in_use import SettingsInUse
from app.settings.model import DisplaySettings, EngineSettings, Settings
from app.settings.store import SettingsStore, read_settings, write_settings
from widgets.settings_desk import SettingsDesk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from app.errors import SettingsError
    from widgets.settings_dialog import SettingsDialog

DIM = Settings(display=DisplaySettings(mask_opacity=0.9))


class Bench:
    def __init__(self, qtbot: QtBot, path: Path) -> None:
        self.path = path
        self.window = QWidget()
        qtbot.addWidget(self.window)
        self.window.show()
        self.desk = SettingsDesk(SettingsInUse(SettingsStore(path)), self.window)
        self.changes: list[tuple[Settings, Settings]] = []
        self.faults: list[SettingsError] = []
        self.desk.changed.connect(lambda *each: self.changes.append(each))
        self.desk.faulted.connect(self.faults.append)

    @property
    def dialog(self) -> SettingsDialog:
        assert self.desk.dialog is not None
        return self.desk.dialog


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(qtbot, tmp_path / "settings.json")
    yield bench
    bench.desk.close()


def test_a_change_is_told_and_saved_a_moment_later(bench: Bench, qtbot: QtBot) -> None:
    bench.desk.change("display", mask_opacity=0.9)

    assert bench.desk.settings == DIM
    assert bench.changes == [(Settings(), DIM)]
    assert not bench.path.exists()
    qtbot.waitUntil(bench.path.exists)
    assert read_settings(bench.path) == DIM


def test_what_is_as_before_is_no_change(bench: Bench) -> None:
    bench.desk.change("display", mask_opacity=0.35)

    assert bench.changes == []


def test_a_wrong_value_changes_nothing(bench: Bench) -> None:
    with pytest.raises(ValueError, match="mask_opacity"):
        bench.desk.change("display", mask_opacity=2.0)

    assert bench.desk.settings == Settings()


def test_what_is_applied_is_saved_at_once_and_not_by_the_window(
    bench: Bench, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    writers: list[str] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        writers.append(threading.current_thread().name)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    bench.desk.open_dialog()

    bench.dialog.applied.emit(DIM)

    assert bench.changes == [(Settings(), DIM)]
    qtbot.waitUntil(bench.path.exists)
    assert read_settings(bench.path) == DIM
    assert set(writers) == {"settings"}


def test_what_changes_while_the_disk_is_busy_is_saved_afterwards(
    bench: Bench, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_free = threading.Event()
    fsync = os.fsync

    def wait(descriptor: int) -> None:
        assert is_free.wait(20)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", wait)
    bench.desk.change("display", mask_opacity=0.8)
    bench.desk.save()

    bench.desk.change("display", mask_opacity=0.9)
    bench.desk.save()
    is_free.set()

    qtbot.waitUntil(lambda: bench.path.exists() and read_settings(bench.path) == DIM)


def test_closing_writes_what_is_not_written_yet(bench: Bench) -> None:
    bench.desk.change("display", mask_opacity=0.9)

    bench.desk.close()

    assert read_settings(bench.path) == DIM


def test_there_is_one_dialog_and_a_new_one_after_it(bench: Bench) -> None:
    bench.desk.open_dialog()
    first = bench.dialog

    bench.desk.open_dialog("tracking")

    assert bench.dialog is first
    assert first.list.currentRow() == 2
    first.buttons.button(QDialogButtonBox.StandardButton.Cancel).click()
    assert bench.desk.dialog is None
    bench.desk.open_dialog()
    assert bench.dialog.isVisible()
    assert not bench.dialog.isModal()


def test_an_open_dialog_follows_what_is_changed_elsewhere(bench: Bench) -> None:
    bench.desk.open_dialog()

    bench.desk.change("display", mask_opacity=0.9)

    assert bench.dialog.draft.value(Key("display", "mask_opacity")) == 0.9


def test_a_file_is_imported_into_the_dialog(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    write_settings(Settings(engine=EngineSettings(threads=3)), path)
    bench.desk.open_dialog()

    bench.dialog.import_chosen.emit(str(path))

    assert bench.dialog.draft.changes == {Key("engine", "threads"): 3}
    assert bench.changes == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "No such file or directory"),
        ("{", "is no JSON document"),
        ('{"schema_version": 99}', "has version 99"),
        (
            '{"schema_version": 1, "engine": {"threads": 99}}',
            "engine.threads is 99: it should be less than or equal to 64",
        ),
    ],
)
def test_a_file_that_cannot_be_imported_is_told(
    bench: Bench, tmp_path: Path, content: str | None, told: str
) -> None:
    path = tmp_path / "other.json"
    if content is not None:
        path.write_text(content)
    bench.desk.open_dialog()

    bench.dialog.import_chosen.emit(str(path))

    assert told in bench.dialog.note_text
    assert bench.dialog.draft.changes == {}
    assert not path.exists() or path.read_text() == content


def test_settings_are_exported(bench: Bench, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    bench.desk.open_dialog()

    bench.dialog.export_chosen.emit(str(path), DIM)

    qtbot.waitUntil(lambda: bench.dialog.note_text == f"Exported to {path}.")
    assert read_settings(path) == DIM


def test_a_folder_that_takes_no_export_is_told(
    bench: Bench, qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    bench.desk.open_dialog()

    bench.dialog.export_chosen.emit(str(tmp_path / "file" / "mine.json"), DIM)

    qtbot.waitUntil(lambda: bool(bench.dialog.note_text))
    assert bench.dialog.note_text.startswith("Not exported: cannot write")


def test_settings_that_cannot_be_saved_are_told_and_hold(
    bench: Bench, qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "settings.json.new").mkdir()

    bench.desk.change("display", mask_opacity=0.9)
    bench.desk.save()

    qtbot.waitUntil(lambda: bool(bench.faults))
    assert bench.desk.settings == DIM
    assert "cannot write" in bench.faults[0].message


def test_beside_a_newer_file_the_dialog_says_that_nothing_is_saved(
    qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"schema_version": 99}))
    bench = Bench(qtbot, path)

    bench.desk.open_dialog()
    bench.dialog.applied.emit(DIM)

    assert bench.dialog.notice_text.startswith("Not saved: settings.json has version")
    assert bench.desk.settings == DIM
    assert path.read_text() == '{"schema_version": 99}'
    assert bench.faults == []
    bench.desk.close()
