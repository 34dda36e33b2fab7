"""What is needed late is imported in a thread, and used in the GUI thread."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import pytest

from widgets.late_import import LateImport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

_NAME = "a_late_module"


@pytest.fixture
def late_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Knows which thread imported it."""
    text = "import threading\nimported_in = threading.current_thread().name\n"
    (tmp_path / f"{_NAME}.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield _NAME
    sys.modules.pop(_NAME, None)


def test_it_is_imported_in_a_thread_and_used_in_the_gui_thread(
    qtbot: QtBot, late_module: str
) -> None:
    late = LateImport(late_module)
    used_in: list[threading.Thread] = []
    late.done.connect(lambda: used_in.append(threading.current_thread()))

    with qtbot.waitSignal(late.done):
        late.start()
    late.close()

    assert used_in == [threading.main_thread()]
    assert sys.modules[late_module].imported_in == "import"


def test_a_module_that_is_missing_is_told_where_it_is_used(
    qtbot: QtBot, late_module: str
) -> None:
    late = LateImport("no_such_module", late_module)

    with qtbot.waitSignal(late.done):
        late.start()
    late.close()

    assert late_module in sys.modules


def test_closed_before_its_start_it_waits_for_nothing(qtbot: QtBot) -> None:  # noqa: ARG001  Qt must run
    late = LateImport(_NAME)

    late.close()

    assert _NAME not in sys.modules
