"""What is needed late is imported beside the window; Qt's classes are made with it."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QTimer

from widgets.late_import import LateImport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

_NOTE = "import threading\nimported_in = threading.current_thread().name\n"
_SOURCES = {
    "late_plain.py": "",
    "late_for_types.py": "",
    "late_room/__init__.py": "",
    "late_room/part.py": (
        "from PySide6.QtCore import QObject, Qt, Signal\n"
        "import late_plain\n"
        "class Bell(QObject):\n"
        "    rung = Signal()\n"
        "heard = []\n"
        "bell = Bell()\n"
        "later = Qt.ConnectionType.QueuedConnection\n"
        "bell.rung.connect(lambda: heard.append(bell), later)\n"
        "bell.rung.emit()\n"
    ),
    "late_room/door.py": (
        "from typing import TYPE_CHECKING\n"
        "from late_room import part\n"
        "from late_room.part import Bell\n"
        "was_heard = bool(part.heard)\n"
        "if TYPE_CHECKING:\n"
        "    import late_for_types\n"
    ),
}


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package that uses Qt; its modules know which thread imported them."""
    for name, text in _SOURCES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(_NOTE + text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "late_room.door"
    for name in [each for each in sys.modules if each.startswith("late_")]:
        sys.modules.pop(name)


def _importer(module: str) -> str:
    thread: str = sys.modules[module].imported_in
    return thread


def test_what_has_qt_in_it_is_imported_in_the_gui_thread_alone(
    qtbot: QtBot, room: str
) -> None:
    late = LateImport(room)
    used_in: list[threading.Thread] = []
    late.done.connect(lambda: used_in.append(threading.current_thread()))

    with qtbot.waitSignal(late.done):
        late.start()
    late.close()

    gui = threading.main_thread()
    assert used_in == [gui]
    assert _importer("late_plain") == "import"
    for module in ("late_room", "late_room.part", room):
        assert _importer(module) == gui.name
    assert "late_for_types" not in sys.modules


def test_between_two_modules_the_window_has_a_turn(qtbot: QtBot, room: str) -> None:
    late = LateImport(room)

    with qtbot.waitSignal(late.done):
        late.start()
    late.close()

    assert sys.modules[room].was_heard


def test_a_module_that_is_missing_is_told_where_it_is_used(
    qtbot: QtBot, room: str
) -> None:
    late = LateImport("no_such_module", "late_room.no_such_part", room)

    with qtbot.waitSignal(late.done):
        late.start()
    late.close()

    assert room in sys.modules


def test_closed_before_its_start_it_waits_for_nothing(qtbot: QtBot) -> None:  # noqa: ARG001  Qt must run
    late = LateImport("late_room.door")

    late.close()

    assert "late_room" not in sys.modules


def test_closed_meanwhile_it_imports_nothing_more(qtbot: QtBot, room: str) -> None:
    late = LateImport(room)
    turn = QTimer()
    turn.setSingleShot(True)

    late.start()
    late.close()
    # What the thread has said by then is heard before a timer is.
    with qtbot.waitSignal(turn.timeout):
        turn.start()

    assert room not in sys.modules
