"""What stands behind the results of benches: the one that runs, and the kept ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from app.bench_run import BenchRun
from app.engine_bench import machine_name
from app.errors import ConsoleError
from engines.errors import EngineError
from widgets.edits import Edit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from PySide6.QtGui import QUndoStack

    from app.bench_run import BenchStatus
    from app.bench_store import BenchStore, StoredBench
    from app.engine_bench import BenchOrder

_POLL_MS = 200


class BenchDesk(QObject):
    """Runs one bench at a time, and keeps what it finds. Lives in the GUI thread.

    Parameters
    ----------
    store : BenchStore
    edits : QUndoStack
        Takes back what is deleted.
    """

    benches_changed = Signal(object)  # tuple of StoredBench: the whole list
    status_changed = Signal(object)  # BenchStatus; None where none runs
    finished = Signal(object)  # StoredBench: just measured, or taken in
    failed = Signal(object)  # ConsoleError or EngineError

    def __init__(self, store: BenchStore, edits: QUndoStack) -> None:
        super().__init__()
        self._store = store
        self._edits = edits
        self.machine = machine_name()
        """This one, as its results call it."""
        self._run: BenchRun | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._poll)

    @property
    def is_running(self) -> bool:
        """Whether a bench runs."""
        return self._run is not None

    def refresh(self) -> None:
        """Look at the results anew."""
        self.benches_changed.emit(self._store.benches())

    def start(self, order: BenchOrder) -> None:
        """Measure an engine, unless one is being measured."""
        if self._run is not None:
            return
        self._run = BenchRun(order)
        self._run.start()
        self.status_changed.emit(self._run.status())
        self._timer.start()

    def cancel(self) -> None:
        """End the bench; nothing is kept of it."""
        if self._run is not None:
            self._run.request_cancel()

    def take_in(self, path: Path) -> None:
        """Copy a result of another machine."""
        try:
            taken = self._store.take_in(path)
        except ConsoleError as error:
            self.failed.emit(error)
            return
        self.refresh()
        self.finished.emit(taken)

    def delete(self, bench: StoredBench) -> bool:
        """Remove a result that was measured or taken in; whether it is gone."""
        count = self._edits.index()
        self._edits.push(
            Edit(
                f"delete the result of {bench.engine}",
                lambda: self._try(lambda: self._store.delete(bench)),
                lambda: self._try(lambda: self._store.restore(bench)),
            )
        )
        return self._edits.index() > count

    def close(self) -> None:
        """Cancel, and wait."""
        self._timer.stop()
        if self._run is not None:
            self._run.close()

    def _try(self, act: Callable[[], object]) -> bool:
        try:
            act()
        except ConsoleError as error:
            self.failed.emit(error)
            return False
        self.refresh()
        return True

    def _poll(self) -> None:
        if self._run is None:
            self._timer.stop()
            return
        status: BenchStatus = self._run.status()
        if not status.is_over:
            self.status_changed.emit(status)
            return
        self._timer.stop()
        self._run = None
        self.status_changed.emit(None)
        if isinstance(status.error, (ConsoleError, EngineError)):
            self.failed.emit(status.error)
        elif status.result is not None:
            try:
                kept = self._store.save(status.result)
            except ConsoleError as error:
                self.failed.emit(error)
                return
            self.refresh()
            self.finished.emit(kept)
