"""Runs the bench of one engine in a process of its own, and follows it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from app.bench_job import BenchFailedError
from app.errors import ConsoleError
from app.paths import ROOT
from app.worker import Worker

if TYPE_CHECKING:
    from app.engine_bench import BenchOrder

_JOIN_S = 10.0
_TAIL_BYTES = 4000


@dataclass(frozen=True, slots=True)
class BenchStatus:
    """A bench at one moment."""

    activity: str = "starting"
    done_ratio: float = 0.0
    is_over: bool = False
    result: dict[str, Any] | None = None
    """Once it is over; None where it failed or was cancelled."""
    error: Exception | None = None
    """Why it failed; None where it was cancelled."""


class BenchRun:
    """One bench; methods may be called from any thread.

    Parameters
    ----------
    order : BenchOrder
    """

    def __init__(self, order: BenchOrder) -> None:
        self._order = order
        self._lock = threading.Lock()
        self._status = BenchStatus()
        self._child: subprocess.Popen[str] | None = None
        self._is_cancelled = False
        self._worker = Worker("bench", lambda _: self._run(), self._end)

    def start(self) -> None:
        """Start the process."""
        self._worker.start()

    def status(self) -> BenchStatus:
        """How far it is."""
        with self._lock:
            return self._status

    def request_cancel(self) -> None:
        """End the process; nothing is kept of it."""
        with self._lock:
            self._is_cancelled = True
            if self._child is not None:
                self._child.kill()

    def close(self) -> None:
        """Cancel, and wait."""
        self.request_cancel()
        self._worker.join(_JOIN_S)

    def _run(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with (
            tempfile.TemporaryFile() as messages,
            tempfile.TemporaryDirectory(prefix="peregrine-") as scratch,
            subprocess.Popen(
                [sys.executable, "-m", "app.engine_bench"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=messages,
                text=True,
                env={**environment, "TMPDIR": scratch},
                start_new_session=True,
            ) as child,
        ):
            with self._lock:
                self._child = child
                if self._is_cancelled:
                    child.kill()
            assert child.stdin is not None
            assert child.stdout is not None
            try:
                child.stdin.write(self._order.to_json() + "\n")
                child.stdin.flush()
                for line in child.stdout:
                    self._take(json.loads(line))
            finally:
                child.kill()
                with self._lock:
                    self._child = None
            if self.status().result is None and not self._is_cancelled:
                messages.seek(max(0, messages.seek(0, os.SEEK_END) - _TAIL_BYTES))
                words = messages.read().decode("utf-8", "replace").strip()
                said = words.splitlines()[-1] if words else "it said nothing"
                raise BenchFailedError(f"the bench ended early: {said}")

    def _take(self, event: dict[str, Any]) -> None:
        if event["event"] == "failed":
            raise BenchFailedError(event["message"], hint=event["hint"])
        if event["event"] == "finished":
            self._set(result=event["result"], done_ratio=1.0)
        else:
            self._set(activity=event["activity"], done_ratio=event["done_ratio"])

    def _end(self, error: Exception | None) -> None:
        if self._is_cancelled:
            self._set(is_over=True, result=None, activity="cancelled")
            return
        if error is not None and not isinstance(error, ConsoleError):
            error = BenchFailedError(f"{type(error).__name__}: {error}")
        self._set(is_over=True, error=error)

    def _set(self, **changes: Any) -> None:  # noqa: ANN401  fields of the status
        with self._lock:
            self._status = replace(self._status, **changes)
