"""Guards for every test: no thread, no window and no modal dialog is left behind.

The engines' tests run on Python 3.6 too, and load this file: it keeps to what that
knows, and looks at Qt only where a test has imported it.
"""

import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Set

_PATIENCE_S = 20.0


@pytest.fixture(autouse=True)
def no_thread_is_left() -> "Iterator[None]":
    """Fail a test that leaves a thread running."""
    before = set(threading.enumerate())
    yield
    left = _wait_until_none(lambda: set(threading.enumerate()) - before)
    if left:
        names = ", ".join(sorted(thread.name for thread in left))
        pytest.fail(f"the test left threads running: {names}")


@pytest.fixture(autouse=True)
def no_window_is_left() -> "Iterator[None]":
    """Fail a test that leaves a window open; closed widgets may still be there."""
    yield
    widgets = sys.modules.get("PySide6.QtWidgets")
    if widgets is None or widgets.QApplication.instance() is None:
        return
    left = [each for each in widgets.QApplication.topLevelWidgets() if each.isVisible()]
    names = ", ".join(sorted(_name(each) for each in left))
    for each in left:
        each.close()
    if left:
        pytest.fail(f"the test left windows open: {names}")


@pytest.fixture(autouse=True)
def no_dialog_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test in which a dialog would wait for an operator."""
    widgets = sys.modules.get("PySide6.QtWidgets")
    if widgets is None:
        return
    for kind in (widgets.QDialog, widgets.QMessageBox, widgets.QFileDialog):
        monkeypatch.setattr(kind, "exec", _refuse_dialog)
    for kind, names in (
        (widgets.QMessageBox, ("about", "critical", "information", "question")),
        (widgets.QMessageBox, ("warning",)),
        (widgets.QFileDialog, ("getOpenFileName", "getOpenFileNames")),
        (widgets.QFileDialog, ("getSaveFileName", "getExistingDirectory")),
        (widgets.QInputDialog, ("getText", "getInt", "getDouble", "getItem")),
    ):
        for name in names:
            monkeypatch.setattr(kind, name, _refuse_dialog)


def _refuse_dialog(*_arguments: object, **_options: object) -> None:
    pytest.fail("a modal dialog would have blocked the test: open() it instead")


def _wait_until_none(look: "Callable[[], Set[Any]]") -> "Set[Any]":
    """Give what is ending a moment to end; what is left then."""
    deadline_s = time.monotonic() + _PATIENCE_S
    left = look()
    while left and time.monotonic() < deadline_s:
        time.sleep(0.01)
        left = look()
    return left


def _name(widget: Any) -> str:
    return f"{type(widget).__name__} {widget.windowTitle()!r}"
