from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QObject, QtMsgType, Signal, qWarning
from PySide6.QtWidgets import QWidget

from widgets.error_dialog import ErrorDialog
from widgets.error_hooks import ErrorHooks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot

LOG = Path("/tmp/peregrine.log")


@pytest.fixture
def hooks() -> Iterator[ErrorHooks]:
    hooks = ErrorHooks(LOG)
    yield hooks
    if hooks.dialog is not None:
        hooks.dialog.close()


@pytest.fixture
def installed(hooks: ErrorHooks) -> Iterator[ErrorHooks]:
    hooks.install()
    yield hooks
    hooks.remove()


def fail(word: str = "oops") -> None:
    raise ValueError(word)


def caught(word: str = "oops") -> ValueError:
    try:
        fail(word)
    except ValueError as error:
        return error
    raise AssertionError


class Button(QObject):
    clicked = Signal()


def test_an_unexpected_error_is_shown_and_logged(
    hooks: ErrorHooks, caplog: pytest.LogCaptureFixture
) -> None:
    hooks.report(caught(), "the test")

    assert isinstance(hooks.dialog, ErrorDialog)
    assert "ValueError: oops" in hooks.dialog.details
    assert "unexpected error in the test" in caplog.text


def test_an_error_in_a_slot_is_shown(installed: ErrorHooks) -> None:
    button = Button()
    button.clicked.connect(fail)

    button.clicked.emit()

    assert installed.dialog is not None


def test_an_error_in_a_thread_is_shown_by_the_gui_thread(
    installed: ErrorHooks, qtbot: QtBot
) -> None:
    thread = threading.Thread(target=fail, name="painter")

    thread.start()
    thread.join()

    assert installed.dialog is None
    qtbot.waitUntil(lambda: installed.dialog is not None)
    assert "painter" in getattr(installed.dialog, "sentence", "")


def test_the_same_fault_is_shown_once(hooks: ErrorHooks) -> None:
    hooks.report(caught())
    assert hooks.dialog is not None
    hooks.dialog.close()

    hooks.report(caught("again"))

    assert hooks.dialog is None


def test_another_fault_is_shown_after_the_first_was_closed(hooks: ErrorHooks) -> None:
    hooks.report(caught())
    assert hooks.dialog is not None
    hooks.dialog.close()

    hooks.report(KeyError("x"), "elsewhere")

    assert hooks.dialog is not None


def test_errors_while_a_dialog_is_open_are_only_logged(
    hooks: ErrorHooks, caplog: pytest.LogCaptureFixture
) -> None:
    hooks.report(caught())
    first = hooks.dialog

    hooks.report(KeyError("second"), "elsewhere")

    assert hooks.dialog is first
    assert "unexpected error in elsewhere" in caplog.text


def test_nothing_is_shown_after_the_window_was_closed(
    hooks: ErrorHooks, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    hooks.set_window(window)

    hooks.report(caught())

    assert hooks.dialog is None
    assert "unexpected error" in caplog.text


def test_an_interrupt_is_left_to_the_hook_before(
    hooks: ErrorHooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, *_: seen.append(kind))
    hooks.install()

    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)

    hooks.remove()
    assert hooks.dialog is None
    assert seen == [KeyboardInterrupt]


@pytest.mark.usefixtures("installed")
def test_what_qt_says_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="qt"):
        qWarning("a strange window")

    assert "a strange window" in caplog.text


def test_the_hooks_before_are_given_back(hooks: ErrorHooks) -> None:
    before = (sys.excepthook, threading.excepthook, sys.unraisablehook)

    hooks.install()
    hooks.remove()

    assert (sys.excepthook, threading.excepthook, sys.unraisablehook) == before


def test_every_level_of_qt_has_one_of_ours() -> None:
    from widgets.error_hooks import _QT_LEVELS

    assert set(_QT_LEVELS) == set(QtMsgType)
