"""A stoppable thread whose error is never lost."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from app.errors import WorkerStuckError
from app.process import name_thread

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)


class Worker:
    """Runs a body in a thread until it returns or is asked to stop.

    Parameters
    ----------
    name : str
        Of the thread; shown in logs and errors.
    body : callable
        Takes the stop event, and returns soon (100 ms) after it is set.
    on_end : callable
        Called once, last thing in the thread: with the error that ended the body,
        or None.
    is_daemon : bool
        Whether the process may exit while the thread hangs in a driver.
    """

    def __init__(
        self,
        name: str,
        body: Callable[[threading.Event], None],
        on_end: Callable[[Exception | None], None],
        *,
        is_daemon: bool = True,
    ) -> None:
        self._body = body
        self._on_end = on_end
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=is_daemon)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def request_stop(self) -> None:
        """Ask the body to return; does not wait."""
        self._stop.set()

    def join(self, deadline_s: float) -> None:
        """Wait for the thread to end.

        Raises
        ------
        WorkerStuckError
            If it has not after `deadline_s`.
        """
        if self._thread.ident is None:
            return
        self._thread.join(deadline_s)
        if self._thread.is_alive():
            raise WorkerStuckError(
                f"thread {self._thread.name!r} did not stop within {deadline_s:g} s",
                hint="Close the console; if it does not end, end its process.",
            )

    @property
    def is_alive(self) -> bool:
        """Whether the body is still running."""
        return self._thread.is_alive()

    def _run(self) -> None:
        error: Exception | None = None
        name_thread(self._thread.name)
        try:
            self._body(self._stop)
        except Exception as caught:
            log.debug("%s ended by an error", self._thread.name, exc_info=True)
            error = caught
        self._on_end(error)
