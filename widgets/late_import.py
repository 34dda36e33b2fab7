"""Imports what is needed late, without holding the window."""

from __future__ import annotations

import importlib
import threading
from contextlib import suppress

from PySide6.QtCore import QObject, Signal

from app.process import accompany_window, name_thread


class LateImport(QObject):
    """Imports modules in a thread: a plotting library would hold the window for 0.5 s.

    Lives in the GUI thread.

    Parameters
    ----------
    *modules : str
        Their full names, imported in this order.
    """

    done = Signal()  # a module that cannot be imported says so where it is used

    def __init__(self, *modules: str) -> None:
        super().__init__()
        self._modules = modules
        self._thread = threading.Thread(target=self._run, name="import", daemon=True)

    def start(self) -> None:
        """Begin, unless it has begun."""
        if self._thread.ident is None:
            self._thread.start()

    def close(self) -> None:
        """Wait for the end of what has begun."""
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        name_thread("import")
        accompany_window(is_busy=True)
        for module in self._modules:
            with suppress(ImportError):
                importlib.import_module(module)
        self.done.emit()
