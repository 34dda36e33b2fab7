"""What the engines window looks up, in threads and processes of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from app.conversion_job import (
    END_DEADLINE_S,
    ConversionJob,
    ConversionState,
    find_interpreter,
)
from app.errors import ConsoleError, WorkerStuckError
from app.graph_scopes import load_stages
from app.tensorboard import TensorBoard
from app.worker import Worker
from engines.convert.model_source import Location
from engines.convert.request import ConversionRequest, Target
from engines.convert.tensorboard_log import FOLDER_NAME
from engines.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_POLL_MS = 200
_JOIN_S = 10.0


class EngineJobs(QObject):
    """Looks into networks, reads graphs, starts TensorBoard; the window never waits.

    Lives in the GUI thread.

    Parameters
    ----------
    python : Path, optional
        Interpreter that has TensorFlow; None looks for one.
    """

    look_begun = Signal(object)  # Path of the model
    looked = Signal(object, object)  # that Path, and the ConversionStatus at its end
    look_refused = Signal(object)  # ConsoleError or EngineError: there is no network
    graphs_loaded = Signal(object, object)  # folder, and stages or why there are none
    address_found = Signal(str)  # where TensorBoard serves
    failed = Signal(object)  # ConsoleError or EngineError: what was asked is not done

    _ended = Signal(object)  # Exception or None, from a thread

    def __init__(self, python: Path | None = None) -> None:
        super().__init__()
        self._python = python
        self.memory_reserve_mb: float | None = None
        """What a look must leave free; None leaves that to the console."""
        self._model: Path | None = None
        self._look: ConversionJob | None = None
        self._over: list[ConversionJob] = []
        self._boards: dict[Path, TensorBoard] = {}
        self._workers: list[Worker] = []
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._poll)
        self._ended.connect(self._on_ended)

    def look(self, model: Path) -> None:
        """Look for the inputs and outputs of a network; `looked` tells them."""
        if model == self._model:
            return
        self._leave_look()
        self._model = model
        try:
            Location(model)
            python = find_interpreter(self._python)
        except (ConsoleError, EngineError) as error:
            self._model = None
            self.look_refused.emit(error)
            return
        # The folder is named and not made: nothing is written.
        request = ConversionRequest(
            model, Target.TENSORFLOW, model.with_suffix(".looked"), only_looks=True
        )
        reserve_mb = self.memory_reserve_mb
        self._look = ConversionJob(request, python, memory_reserve_mb=reserve_mb)
        self._look.start()
        self.look_begun.emit(model)
        self._timer.start()

    def load_graphs(self, folder: Path) -> None:
        """Read the graphs beside an engine; `graphs_loaded` tells them."""

        def load() -> None:
            try:
                found: object = load_stages(folder)
            except ConsoleError as error:
                found = error
            self.graphs_loaded.emit(folder, found)

        self._run("graphs", load)

    def open_tensorboard(self, folder: Path) -> None:
        """Serve the log of an engine's conversion; `address_found` tells where."""
        before = self._boards.pop(folder, None)
        if before is not None:
            before.close()
        try:
            board = TensorBoard(find_interpreter(self._python), folder / FOLDER_NAME)
        except ConsoleError as error:
            self.failed.emit(error)
            return
        self._boards[folder] = board
        self._run("tensorboard", lambda: self.address_found.emit(board.open()))

    def close(self) -> None:
        """End what runs, and wait for it."""
        self._timer.stop()
        self._leave_look()
        for board in self._boards.values():
            board.close()
        for worker in self._workers:
            worker.join(_JOIN_S)
        for job in self._over:
            try:
                job.wait(END_DEADLINE_S)
            except WorkerStuckError as error:
                self.failed.emit(error)

    def _run(self, name: str, work: Callable[[], None]) -> None:
        self._workers = [each for each in self._workers if each.is_alive]
        worker = Worker(name, lambda _: work(), self._ended.emit)
        self._workers.append(worker)
        worker.start()

    def _leave_look(self) -> None:
        if self._look is not None:
            self._look.request_cancel()
            self._over = [x for x in self._over if not x.status().state.is_over]
            self._over.append(self._look)
        self._look = self._model = None

    def _poll(self) -> None:
        if self._look is None:
            self._timer.stop()
            return
        status = self._look.status()
        if not status.state.is_over:
            return
        self._timer.stop()
        model, self._look = self._model, None
        if status.state is not ConversionState.DONE:
            # Another try may look again.
            self._model = None
        self.looked.emit(model, status)

    def _on_ended(self, error: Exception | None) -> None:
        if isinstance(error, (ConsoleError, EngineError)):
            self.failed.emit(error)
        elif error is not None:
            raise error
