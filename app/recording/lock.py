"""Tells whether a session is being recorded right now."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NAME = ".recording"


class SessionLock:
    """Held while a session is recorded or repaired.

    The kernel lets go of it when the process dies, however it dies: a session that
    says it is being recorded and is not locked has lost its recorder.

    Parameters
    ----------
    folder : Path
        Of the session.

    Raises
    ------
    BlockingIOError
        If another process, or another lock in this one, holds it.
    OSError
        If the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._descriptor)
            raise

    def release(self) -> None:
        """Let go, and leave no trace."""
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


def is_being_recorded(folder: Path) -> bool:
    """Whether a living process holds the lock of a session."""
    try:
        descriptor = os.open(folder / NAME, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
