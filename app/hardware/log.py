"""Keeps what the machine says while something is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.hardware.catalogue import readers_of
from app.hardware.figures import figures_of
from app.hardware.monitor import HardwareMonitor
from app.hardware.tree import Tree
from app.worker import Worker

if TYPE_CHECKING:
    import threading
    from types import TracebackType

_PERIOD_S = 1.0
_JOIN_S = 2.0
_FIRST_S = 1.0


class HardwareLog:
    """Rows of figures, one a second, from entering to leaving.

    `time_s` of a row is monotonic: the clock of the frames.

    Parameters
    ----------
    tree : Tree, optional
        The system's files.
    """

    def __init__(self, tree: Tree | None = None) -> None:
        self.rows: list[dict[str, float]] = []
        self._monitor = HardwareMonitor(readers_of(tree or Tree()))
        self._worker = Worker("hardware-log", self._run, lambda _: None)

    def __enter__(self) -> HardwareLog:
        self._monitor.start()
        self._worker.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._worker.request_stop()
        self._worker.join(_JOIN_S)
        self._monitor.stop()

    def _run(self, stop: threading.Event) -> None:
        self._monitor.wait(_FIRST_S)
        while True:
            figures = figures_of(self._monitor.sample())
            row = {name: round(value, 4) for name, value in figures.known().items()}
            self.rows.append({"time_s": round(figures.time_s, 3), **row})
            if stop.wait(_PERIOD_S):
                return
