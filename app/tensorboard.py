"""Runs TensorBoard on the log of a conversion."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

from app.errors import ConsoleError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO

_ADDRESS = re.compile(r"http://\S+")
_MISSING = re.compile(r"No module named '?tensorboard")
_END_S = 3.0


class TensorBoardError(ConsoleError):
    """TensorBoard does not run."""


class TensorBoard:
    """One process of TensorBoard, for one folder.

    Parameters
    ----------
    python : Path
        Interpreter that has it.
    folder : Path
        The log.
    """

    def __init__(self, python: Path, folder: Path) -> None:
        self._python = python
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None

    def open(self) -> str:
        """Start it and wait until it serves; gives the address of its graphs.

        Takes seconds: not for a thread that draws.

        Raises
        ------
        TensorBoardError
            If it is not installed, or does not start.
        """
        if not self._folder.is_dir():
            raise TensorBoardError(
                "no log for TensorBoard was kept with this engine",
                hint="Build it again: builds keep the graph of every step.",
            )
        # Port 0 takes a free one; only this machine reaches it.
        options = ("--logdir", str(self._folder), "--port", "0", "--host", "127.0.0.1")
        self._process = subprocess.Popen(
            [str(self._python), "-m", "tensorboard.main", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            start_new_session=True,
        )
        assert self._process.stderr is not None
        return self._address_in(self._process.stderr)

    def close(self) -> None:
        """End it; again does nothing."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stderr is not None:
            process.stderr.close()

    def _address_in(self, words: IO[str]) -> str:
        said = ""
        for line in words:
            found = _ADDRESS.search(line)
            if found:
                # Its first page is of curves, of which a conversion has few.
                return f"{found[0]}#graphs"
            said = line.strip() or said
        if _MISSING.search(said):
            raise TensorBoardError(
                f"TensorBoard is not installed for {self._python}",
                hint=f"Install it with: {self._python} -m pip install tensorboard",
            )
        raise TensorBoardError(
            f"TensorBoard ended before it served: {said or 'it said nothing'}",
            hint=f"Try in a terminal: tensorboard --logdir '{self._folder}'",
        )
