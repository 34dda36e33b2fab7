"""A folder that appears whole or not at all."""

import os
import re
import shutil
from pathlib import Path
from typing import Iterator

from engines.convert.errors import OutputFolderError
from engines.engine_manifest import ENGINE_MANIFEST_NAME

_UNFINISHED, _REPLACED = "unfinished", "replaced"


def unfinished_folder(target: Path, pid: int) -> Path:
    """Where a conversion process writes before it is done."""
    return target.parent / f".{target.name}.{_UNFINISHED}-{pid}"


class OutputFolder:
    """Writes beside its target, and takes its place when all is there.

    A process that is killed at any moment leaves the target as it was; what it had
    begun is deleted by whoever ended it, or by the next conversion.

    Parameters
    ----------
    target : Path
        The folder to make. If there is one, it is replaced only if a conversion
        made it.

    Raises
    ------
    OutputFolderError
        If the target is something else, or cannot be written.
    """

    def __init__(self, target: Path) -> None:
        self.target = target.absolute()
        self.path = unfinished_folder(self.target, os.getpid())
        """Write here."""
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            _tidy(self.target)
            _require_replaceable(self.target)
            self.path.mkdir()
        except OSError as error:
            raise OutputFolderError(
                f"cannot write {self.target}: {error.strerror}",
                hint="Choose another folder with --out.",
            ) from error

    def publish(self) -> None:
        """Take the target's place.

        Raises
        ------
        OutputFolderError
            If it cannot be renamed.
        """
        replaced = self.target.parent / f".{self.target.name}.{_REPLACED}-{os.getpid()}"
        try:
            _flush(self.path)
            if self.target.exists():
                self.target.rename(replaced)
            self.path.rename(self.target)
        except OSError as error:
            raise OutputFolderError(
                f"cannot put {self.target} in place: {error.strerror}"
            ) from error
        shutil.rmtree(str(replaced), ignore_errors=True)

    def discard(self) -> None:
        """Delete what was written and not published."""
        shutil.rmtree(str(self.path), ignore_errors=True)


def _require_replaceable(target: Path) -> None:
    if target.is_dir():
        is_ours = (target / ENGINE_MANIFEST_NAME).is_file()
        if is_ours or next(target.iterdir(), None) is None:
            return
        raise OutputFolderError(
            f"{target} holds other files",
            hint="Choose a new folder with --out; nothing was changed.",
        )
    if target.exists():
        raise OutputFolderError(
            f"{target} is a file", hint="Choose a new folder with --out."
        )


def _tidy(target: Path) -> None:
    """Delete what killed conversions left; put back what one was replacing."""
    for path in _leftovers(target, _REPLACED):
        if not target.exists():
            path.rename(target)
        else:
            shutil.rmtree(str(path), ignore_errors=True)
    for path in _leftovers(target, _UNFINISHED):
        shutil.rmtree(str(path), ignore_errors=True)


def _leftovers(target: Path, what: str) -> Iterator[Path]:
    name = re.compile(re.escape(f".{target.name}.{what}-") + r"(\d+)$")
    for path in sorted(target.parent.iterdir()):
        match = name.match(path.name)
        if match and not _is_running(int(match.group(1))):
            yield path


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid != os.getpid()


def _flush(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
