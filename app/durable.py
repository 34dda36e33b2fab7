"""Files that a crash, a power cut or a full disk leaves whole or as they were."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


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


@contextlib.contextmanager
def filled_beside(folder: Path) -> Iterator[Path]:
    """Give a folder to write into, whose files take their places when all are whole.

    Where the work is given up or fails, nothing of it is left, and files that were in
    the folder before stay as they were.

    Raises
    ------
    OSError
        If the folder cannot be made, or the disk is full or gone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".unfinished-") as name:
        yield Path(name)
        _move(Path(name), folder)


def _move(source: Path, target: Path) -> None:
    for path in source.iterdir():
        if path.is_dir():
            (target / path.name).mkdir(exist_ok=True)
            _move(path, target / path.name)
        else:
            flush(path)
            path.replace(target / path.name)
    flush(target)


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
