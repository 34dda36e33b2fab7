"""Files of the running system, or of one that was recorded, below one root."""

from __future__ import annotations

import json
import os
from pathlib import Path

_LARGEST_BYTES = 1 << 18
_FAULTS_NAME = ".faults.json"


class UnreadableError(Exception):
    """A file that does not answer.

    Parameters
    ----------
    path : str
        Below the root.
    reason : str
        In the system's words.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class Tree:
    """Reads small files below a root.

    Parameters
    ----------
    root : Path
        `/`, or a folder that repeats it. A recorded tree may hold `.faults.json`, an
        object of paths and error numbers: files that could not be read on the board.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root
        self._faults: dict[str, int] = {}
        if not self.is_live:
            self._faults = _load_faults(root)

    @property
    def is_live(self) -> bool:
        """Whether it is this machine's own."""
        return self.root == Path("/")

    def path_of(self, path: str) -> Path:
        """Where a path of the system is."""
        return self.root / path.lstrip("/")

    def text(self, path: str) -> str:
        """Read a file, without what ends it.

        Raises
        ------
        UnreadableError
            If it is not there, refuses, or is empty.
        """
        full = self.path_of(path)
        try:
            self._raise_recorded(full)
            text = _read(full)
        except OSError as error:
            reason = error.strerror or "cannot be read"
            raise UnreadableError(path, reason) from error
        if not text:
            raise UnreadableError(path, "empty")
        return text

    def _raise_recorded(self, full: Path) -> None:
        number = self._faults and self._faults.get(os.path.realpath(full))
        if number:
            raise OSError(number, os.strerror(number))

    def number(self, path: str) -> int:
        """Read a whole number.

        Raises
        ------
        UnreadableError
            If there is none.
        """
        text = self.text(path)
        try:
            return int(text)
        except ValueError as error:
            raise UnreadableError(path, f"{text[:20]!r} is no number") from error

    def find_text(self, path: str) -> str:
        """Read a file; empty where it cannot be read."""
        try:
            return self.text(path)
        except UnreadableError:
            return ""

    def find_number(self, path: str) -> int | None:
        """Read a whole number; None where there is none."""
        try:
            return self.number(path)
        except UnreadableError:
            return None

    def find(self, pattern: str) -> list[str]:
        """Paths that match, in the order of their numbers; none is no error."""
        try:
            found = list(self.root.glob(pattern.lstrip("/")))
        except OSError:
            return []
        paths = ["/" + str(each.relative_to(self.root)) for each in found]
        return sorted(paths, key=_by_number)

    def names_in(self, folder: str) -> list[str]:
        """Names in a folder; none where it cannot be read."""
        try:
            return sorted(os.listdir(self.path_of(folder)), key=_by_number)  # noqa: PTH208  a third of the time
        except OSError:
            return []

    def has(self, path: str) -> bool:
        """Whether something is there."""
        return self.path_of(path).exists()

    def real(self, path: str) -> str:
        """The path with its links followed: what two links share."""
        return os.path.realpath(self.path_of(path))


def _read(path: Path) -> str:
    # A driver may answer EAGAIN: a buffered read of that raises a TypeError.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        parts = []
        while part := os.read(descriptor, _LARGEST_BYTES):
            parts.append(part)
    finally:
        os.close(descriptor)
    return b"".join(parts).decode("utf-8", "replace").strip("\0\n ")


def _load_faults(root: Path) -> dict[str, int]:
    try:
        document = json.loads((root / _FAULTS_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {
        os.path.realpath(root / path.lstrip("/")): int(number)
        for path, number in document.items()
    }


def _by_number(name: str) -> tuple[object, ...]:
    """Sort zone10 after zone2."""
    digits = "".join(each if each.isdigit() else " " for each in name).split()
    return (*map(int, digits), name) if digits else (-1, name)
