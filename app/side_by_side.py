"""Runs one command for several sources at once, each in a process of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PATIENCE_S = 15.0


@dataclass(frozen=True, slots=True)
class SideOutcome:
    """What became of one of them."""

    source: str
    folder: Path
    status: int
    """Exit status of its process."""
    figures: dict[str, Any]
    """Its last line, where it came to one."""


def run_side_by_side(
    sources: Sequence[str],
    folder: Path,
    command: Callable[[str, Path], list[str]],
    say: Callable[[str], None],
) -> list[SideOutcome]:
    """Run a command of `main.py` for each source, and wait for all of them.

    One pipeline each, in a process each: they do not wait for each other, and a fault
    of one leaves the others alone. Ctrl-C reaches all of them.

    Parameters
    ----------
    sources : sequence of str
    folder : Path
        Each writes into a folder of its own in it.
    command : callable
        Gives the words of the command line for a source and its folder.
    say : callable
        Takes their lines as they come, with the name of the source before them.
    """
    sides = [
        _Side(source, folder / name, command, say)
        for name, source in zip(folder_names(sources), sources, strict=True)
    ]
    while any(side.is_running for side in sides):
        try:
            for side in sides:
                side.wait()
        except KeyboardInterrupt:
            # They have had it from the terminal too, and end in their own time.
            for side in sides:
                side.wait_or_end(_PATIENCE_S)
    return [side.outcome() for side in sides]


def folder_names(sources: Sequence[str]) -> list[str]:
    """A short name for each source, no two the same."""
    names = []
    for number, source in enumerate(sources):
        place = re.split(r"[?#]", source.rpartition("://")[2])[0]
        stem = re.sub(r"[^A-Za-z0-9]+", "-", Path(place).stem).strip("-")
        names.append(f"{number}-{stem}" if stem else f"{number}")
    return names


class _Side:
    """One process, and the thread that listens to it."""

    def __init__(
        self,
        source: str,
        folder: Path,
        command: Callable[[str, Path], list[str]],
        say: Callable[[str], None],
    ) -> None:
        self._source, self._folder, self._say = source, folder, say
        self._last = ""
        self._process = subprocess.Popen(
            [sys.executable, str(ROOT / "main.py"), *command(source, folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._listener = threading.Thread(target=self._listen, name=folder.name)
        self._listener.start()

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def wait(self) -> None:
        self._process.wait()
        self._listener.join()

    def wait_or_end(self, patience_s: float) -> None:
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self.wait()

    def outcome(self) -> SideOutcome:
        figures: dict[str, Any] = {}
        if self._last.startswith("{"):
            figures = json.loads(self._last)
        status = self._process.returncode
        return SideOutcome(self._source, self._folder, status, figures)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                text = line.rstrip()
                self._last = text or self._last
                if text and not text.startswith("{"):
                    self._say(f"{self._folder.name}: {text}")
