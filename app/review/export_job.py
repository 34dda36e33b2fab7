"""Exports a session beside the window: with progress, and it can be cancelled."""

from __future__ import annotations

import enum
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.process import yield_thread
from app.recording.exports.formats import ExportFormat, export_session
from app.recording.session import Session
from app.worker import Worker

if TYPE_CHECKING:
    from pathlib import Path

_JOIN_S = 10.0


class ExportPhase(enum.Enum):
    """RUNNING ──▶ DONE, CANCELLED or FAILED."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ExportStatus:
    """One snapshot of an export."""

    phase: ExportPhase = ExportPhase.RUNNING
    done: int = 0
    """Frames, by formats that write frames."""
    total: int = 0
    paths: tuple[Path, ...] = ()
    """What was written, in the end."""
    fault: Exception | None = None


class _Cancelled(Exception):  # noqa: N818  no error
    """The operator does not want it any more."""


class ExportJob:
    """Writes a session, with its corrections, in another format; in its own thread.

    An export that was cancelled or failed leaves nothing, and what was exported before
    stays.

    Parameters
    ----------
    session : Path
        Its folder.
    to : ExportFormat
    folder : Path
        Made where it is missing.
    """

    def __init__(self, session: Path, to: ExportFormat, folder: Path) -> None:
        self.to = to
        self.folder = folder
        self._session = session
        self._status_lock = threading.Lock()
        self._status = ExportStatus()
        self._worker = Worker("export", self._run, self._on_end)

    def start(self) -> None:
        """Begin."""
        self._worker.start()

    def cancel(self) -> None:
        """Give it up; does not wait."""
        self._worker.request_stop()

    def stop(self) -> None:
        """Give it up, and wait.

        Raises
        ------
        WorkerStuckError
            If the disk does not answer.
        """
        self.cancel()
        self._worker.join(_JOIN_S)

    def status(self) -> ExportStatus:
        """One snapshot."""
        with self._status_lock:
            return self._status

    def _run(self, stop: threading.Event) -> None:
        def check() -> None:
            if stop.is_set():
                raise _Cancelled

        def on_frame() -> None:
            check()
            self._change(done=self._status.done + 1)

        # What is recorded meanwhile goes first.
        yield_thread()
        session = Session(self._session)
        try:
            self._change(total=len(session.frames))
            written = export_session(session, self.to, self.folder, on_frame, check)
            self._change(phase=ExportPhase.DONE, paths=tuple(written))
        finally:
            session.close()

    def _change(self, **changes: object) -> None:
        with self._status_lock:
            self._status = replace(self._status, **changes)  # type: ignore[arg-type]

    def _on_end(self, error: Exception | None) -> None:
        if isinstance(error, _Cancelled):
            self._change(phase=ExportPhase.CANCELLED)
        elif error is not None:
            self._change(phase=ExportPhase.FAILED, fault=error)
