from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QByteArray, QSettings

from widgets.memory import Memory, WindowLayout

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "window.ini")


def memory_at(path: str) -> Memory:
    return Memory(QSettings(path, QSettings.Format.IniFormat))


def test_nothing_is_remembered_at_first(path: str) -> None:
    memory = memory_at(path)

    assert memory.recent == []
    assert memory.layout is None


def test_everything_survives_a_restart(path: str) -> None:
    layout = WindowLayout(QByteArray(b"place"), QByteArray(b"docks"))
    before = memory_at(path)

    before.add_recent("/data/a, b & ü.mp4")
    before.folder = "/data"
    before.layout = layout
    before.flush()

    after = memory_at(path)
    assert after.recent == ["/data/a, b & ü.mp4"]
    assert after.folder == "/data"
    assert after.layout == layout


def test_the_newest_source_comes_first_and_once(path: str) -> None:
    memory = memory_at(path)

    for uri in ("a", "b", "c", "a"):
        memory.add_recent(uri)

    assert memory.recent == ["a", "c", "b"]


def test_old_sources_are_forgotten(path: str) -> None:
    memory = memory_at(path)

    for number in range(20):
        memory.add_recent(str(number))

    assert memory.recent == ["19", "18", "17", "16", "15", "14", "13", "12"]


@pytest.mark.parametrize("nonsense", ["}", "17", '{"mask_opacity": "much"}', "[1, 2]"])
def test_nonsense_is_as_if_it_were_not_there(path: str, nonsense: str) -> None:
    settings = QSettings(path, QSettings.Format.IniFormat)
    for key in ("source/folder", "window/docks"):
        settings.setValue(key, nonsense)
    settings.setValue("source/recent", "}")

    memory = Memory(settings)

    assert memory.recent == []
    assert memory.layout is None
    assert memory.folder == ""
