"""Files that a crash, a power cut or a full disk leaves whole or as they were."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write a file beside, flush it and rename it: it is there whole or not at all.

    Raises
    ------
    OSError
        If the disk is full or gone, or cannot be written. The old file stays.
    """
    beside = beside_of(path)
    with beside.open("w", encoding="utf-8") as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    flush(path.parent)


def beside_of(path: Path) -> Path:
    """Where a file is until it is whole: left behind by a crash, it means nothing."""
    return path.with_name(f"{path.name}.new")


def flush(path: Path) -> None:
    """Have a file's bytes on the disk, or the names in a folder.

    Not `os.sync`: that waits for whatever all programs have written, minutes perhaps.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
