"""The folder of a session while it is made, and what its disk says of it."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING

from app.errors import OutputError, RecordingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BALLAST = ".ballast"
"""Room that is given back when the disk is full all the same."""
# What the index of half an hour of video takes, and the last rows.
_BALLAST_BYTES = 8_000_000


def claim_folder(folder: Path) -> None:
    """Make the folder of a session; never take one that holds something.

    Raises
    ------
    OutputError
        If it cannot be made.
    RecordingError
        If it holds something.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_empty = not any(folder.iterdir())
    except OSError as error:
        raise OutputError(
            f"cannot make the folder {folder}: {error.strerror}",
            hint="Choose a folder that you may write to.",
        ) from error
    if not is_empty:
        raise RecordingError(
            f"{folder} holds something already, and nothing is ever overwritten",
            hint="Choose a folder that does not exist yet.",
        )


@contextlib.contextmanager
def ballast(folder: Path, reserve_bytes: int) -> Iterator[Callable[[], None]]:
    """Put aside what indices, last rows and manifest take on a full disk.

    Gives what frees it before the end.

    Raises
    ------
    OSError
        If there is no room for it.
    """
    path = folder / BALLAST
    size_bytes = min(_BALLAST_BYTES, max(reserve_bytes, 1_000_000))
    try:
        with path.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, size_bytes)
        yield lambda: path.unlink(missing_ok=True)
    finally:
        path.unlink(missing_ok=True)


def output_error(folder: Path, error: OSError) -> OutputError:
    """The error of a disk in words for the operator."""
    if error.errno == errno.ENOSPC or "full" in str(error):
        return OutputError(
            f"the disk of {folder} is full",
            hint="What was recorded until then is complete. Free some space.",
        )
    reason = error.strerror or str(error)
    return OutputError(
        f"{folder} cannot be written: {reason}",
        hint="What was recorded until then is complete. Choose another disk.",
    )
