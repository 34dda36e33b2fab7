"""Exports a session beside the window: with progress, and it can be cancelled."""

from __future__ import annotations

import enum
import shutil
import tempfile
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from app.errors import OutputError
from app.process import yield_thread
from app.recording.exports.formats import ExportFormat, export_session
from app.recording.session import Session
from app.worker import Worker

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

    Everything is written beside and moved when it is whole: an export that was
    cancelled or failed leaves nothing, and what was exported before stays.

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
        def on_frame(*_: object) -> None:
            if stop.is_set():
                raise _Cancelled
            self._change(done=self._status.done + 1)

        # What is recorded meanwhile goes first.
        yield_thread()
        session = Session(self._session)
        try:
            self._change(total=len(session.frames))
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(
                dir=self.folder, prefix=".unfinished-"
            ) as beside:
                written = export_session(session, self.to, Path(beside), on_frame)
                if stop.is_set():
                    raise _Cancelled
                paths = [path.relative_to(beside) for path in written]
                _move(Path(beside), self.folder)
            made = tuple(self.folder / path for path in paths)
            self._change(phase=ExportPhase.DONE, paths=made)
        except OSError as error:
            raise OutputError(
                f"{self.folder} cannot be written: {error.strerror}",
                hint="Choose a folder that you may write to, with room in it.",
            ) from error
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


def _move(source: Path, target: Path) -> None:
    """Move everything in a folder into another one, file by file."""
    for path in source.iterdir():
        if path.is_dir():
            (target / path.name).mkdir(exist_ok=True)
            _move(path, target / path.name)
        else:
            shutil.move(path, target / path.name)
