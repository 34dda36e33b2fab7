"""Engines in threads of their own, and which of them infers."""

from __future__ import annotations

import logging
import threading
from contextlib import closing
from typing import TYPE_CHECKING

from app.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from engines.base import Engine

log = logging.getLogger(__name__)

_WAIT_S = 0.1


class EngineKeeper:
    """Opens an engine in a thread, keeps it, and closes it in the same thread.

    Some engines end with the thread that opened them, and some take seconds to close:
    with a thread for each, the inference goes from one to another between two frames.
    While it is open, any one thread at a time may call it.

    Parameters
    ----------
    make_engine : callable
        Opens it.
    """

    def __init__(self, make_engine: Callable[[], Engine]) -> None:
        self._make_engine = make_engine
        self._engine: Engine | None = None
        self._error: Exception | None = None
        self._is_decided = threading.Event()
        self._is_retired = threading.Event()
        self._worker = Worker("engine", self._run, self._on_end)

    def start(self) -> None:
        """Begin to open it."""
        self._worker.start()

    def wait_until_open(self, stop: threading.Event) -> Engine | None:
        """Wait for the engine; None if `stop` was set before it was open.

        Raises
        ------
        EngineError
            If it cannot be opened.
        """
        while not self._is_decided.wait(_WAIT_S):
            if stop.is_set():
                return None
        if self._error is not None:
            raise self._error
        return self._engine

    @property
    def engine(self) -> Engine:
        """The open engine."""
        assert self._engine is not None, "it is asked for once it is open"
        return self._engine

    def cancel(self) -> None:
        """End a wait within the engine, from any thread."""
        if self._engine is not None:
            self._engine.cancel()

    def retire(self) -> None:
        """Let it be closed, as soon as it is open; does not wait."""
        self._is_retired.set()

    def join(self, deadline_s: float) -> None:
        """Wait until it is closed.

        Raises
        ------
        WorkerStuckError
            If it is not within `deadline_s`.
        """
        self._worker.join(deadline_s)

    def _run(self, _stop: threading.Event) -> None:
        try:
            engine = self._make_engine()
        except Exception as error:  # noqa: BLE001  raised where it is waited for
            self._error = error
            self._is_decided.set()
            return
        with closing(engine):
            self._engine = engine
            self._is_decided.set()
            self._is_retired.wait()

    def _on_end(self, error: Exception | None) -> None:
        if error is not None:
            log.error("an engine could not be closed", exc_info=error)


class EngineSeat:
    """Which engine infers, which is to take its place, and which held it before.

    The inference thread takes what was proposed between two frames. What held the
    seat before stays open, so that it can come back, until it is let go.

    Parameters
    ----------
    keeper : EngineKeeper
        Of the first engine, open.
    """

    def __init__(self, keeper: EngineKeeper) -> None:
        self._seat_lock = threading.Lock()
        self._running = keeper
        self._next: EngineKeeper | None = None
        self._former: EngineKeeper | None = None
        self._failure: Exception | None = None
        self._is_closed = False

    @property
    def is_closed(self) -> bool:
        """Whether nothing infers any more."""
        with self._seat_lock:
            return self._is_closed

    @property
    def running(self) -> EngineKeeper:
        """Which infers now."""
        with self._seat_lock:
            return self._running

    @property
    def failure(self) -> Exception | None:
        """Why the engine proposed last had to leave; None if it had not."""
        with self._seat_lock:
            return self._failure

    # --- inference thread

    def change(self) -> bool:
        """Let the proposed engine infer from now on; whether there was one."""
        with self._seat_lock:
            if self._next is None:
                return False
            self._former, self._running = self._running, self._next
            self._next = None
            return True

    def fall_back(self, failure: Exception) -> bool:
        """Let the engine before infer again; whether there was one."""
        with self._seat_lock:
            if self._former is None:
                return False
            self._running, self._former = self._former, None
            self._failure = failure
            return True

    def close(self) -> None:
        """Let go of the engine that infers and of the one before."""
        with self._seat_lock:
            self._is_closed = True
            self._running.retire()
        self.let_former_go()

    # --- any thread

    def propose(self, keeper: EngineKeeper) -> None:
        """Name the next engine, which is open."""
        with self._seat_lock:
            self._next = keeper
            self._failure = None

    def withdraw(self) -> None:
        """Name none, where the one that was named has not taken the seat."""
        with self._seat_lock:
            self._next = None

    def let_former_go(self) -> None:
        """Close the engine before: there is no way back from here."""
        with self._seat_lock:
            former, self._former = self._former, None
        if former is not None:
            former.retire()
