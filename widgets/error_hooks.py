"""The hooks that catch what nobody expected, from any thread and from Qt."""

from __future__ import annotations

import logging
import platform
import sys
import threading
import traceback
from typing import TYPE_CHECKING

import PySide6
from PySide6.QtCore import QObject, QtMsgType, Signal, qInstallMessageHandler

from widgets.error_dialog import ErrorDialog

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from PySide6.QtCore import QMessageLogContext
    from PySide6.QtWidgets import QWidget

log = logging.getLogger(__name__)
qt_log = logging.getLogger("qt")

_QT_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


class ErrorHooks(QObject):
    """Logs unexpected errors and shows the first of each kind in a dialog.

    A fault in a slot that runs sixty times a second must not open sixty dialogs: an
    error raised at the same place again, or while a dialog is open, is only logged.

    Lives in the GUI thread. `install` and `remove` come in pairs.

    Parameters
    ----------
    log_path : Path
        The dialog names it.
    window : QWidget, optional
        The dialog stands in front of it, and is not shown once it is closed.
    """

    _caught = Signal(str, str, str)  # where it was raised, sentence, details

    def __init__(self, log_path: Path, window: QWidget | None = None) -> None:
        super().__init__()
        self._log_path = log_path
        self._window = window
        self._dialog: ErrorDialog | None = None
        self._shown: set[str] = set()
        # Queued where the error is in another thread: dialogs are the GUI thread's.
        self._caught.connect(self._on_caught)

    @property
    def dialog(self) -> ErrorDialog | None:
        """The dialog that is open."""
        return self._dialog

    def set_window(self, window: QWidget) -> None:
        """Tell which window dialogs stand in front of."""
        self._window = window

    def install(self) -> None:
        """Catch from now on."""
        self._before = (sys.excepthook, threading.excepthook, sys.unraisablehook)
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread_exception
        sys.unraisablehook = self._on_unraisable
        self._qt_before = qInstallMessageHandler(_log_qt_message)

    def remove(self) -> None:
        """Give back the hooks that were there before."""
        sys.excepthook, threading.excepthook, sys.unraisablehook = self._before
        qInstallMessageHandler(self._qt_before)

    def report(self, error: BaseException, where: str = "the console") -> None:
        """Log an unexpected error and show it; any thread may call.

        Parameters
        ----------
        error : BaseException
            With its traceback.
        where : str
            Which part failed, as the operator would say it.
        """
        log.critical("unexpected error in %s", where, exc_info=error)
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else where
        sentence = f"An unexpected error happened in {where}: {_in_short(error)}"
        lines = traceback.format_exception(error)
        versions = (
            f"Python {platform.python_version()}, PySide6 {PySide6.__version__}, "
            f"{platform.platform()}"
        )
        self._caught.emit(
            f"{type(error).__name__} {place}", sentence, f"{''.join(lines)}\n{versions}"
        )

    def _on_exception(
        self,
        kind: type[BaseException],
        error: BaseException,
        trace: TracebackType | None,
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            self._before[0](kind, error, trace)
            return
        self.report(error.with_traceback(trace))

    def _on_thread_exception(self, caught: threading.ExceptHookArgs) -> None:
        if caught.exc_value is not None:
            name = caught.thread.name if caught.thread else "that has ended"
            self.report(caught.exc_value, f"thread {name}")

    def _on_unraisable(self, caught: sys.UnraisableHookArgs) -> None:
        if caught.exc_value is not None:
            self.report(caught.exc_value, "the clean-up of an object")

    def _on_caught(self, place: str, sentence: str, details: str) -> None:
        if place in self._shown or self._dialog is not None:
            return
        if self._window is not None and not self._window.isVisible():
            return  # the program is ending, and a dialog would keep it from that
        self._shown.add(place)
        self._dialog = ErrorDialog(sentence, details, self._log_path, self._window)
        self._dialog.finished.connect(self._on_dialog_finished)
        self._dialog.open()

    def _on_dialog_finished(self) -> None:
        self._dialog = None


def _in_short(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


def _log_qt_message(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    where = f" ({context.category})" if context.category else ""
    qt_log.log(_QT_LEVELS[kind], "%s%s", message, where)
