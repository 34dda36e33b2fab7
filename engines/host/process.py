"""The host's process, as its client sees it."""

import collections
import logging
import os
import platform
import shutil
import signal
import subprocess
import threading
from pathlib import Path
from typing import IO, Deque, Dict, List

from engines.host.errors import HostStartError

ROOT = Path(__file__).resolve().parents[2]

_LAST_LINES = 12
_MAX_LINE_BYTES = 4096
_KILL_WAIT_S = 10.0
# What a shell has set for another Python.
_FOREIGN_VARIABLES = (
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONWARNINGS",
    "PYTHONOPTIMIZE",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
)

output_log = logging.getLogger("engines.host.output")


def host_environment() -> Dict[str, str]:
    """Environment of the host: this one, without what is meant for this Python."""
    environment = dict(os.environ)
    for name in _FOREIGN_VARIABLES:
        environment.pop(name, None)
    environment["PYTHONPATH"] = str(ROOT)
    # Python 3.6 takes a bare locale by its word and cannot name files outside ASCII.
    environment["LC_ALL"] = "C.UTF-8"
    if platform.machine() == "aarch64":
        # numpy 1.19.5, the last for Python 3.6, ends with an illegal instruction
        # where its BLAS guesses the processor.
        environment.setdefault("OPENBLAS_CORETYPE", "ARMV8")
    return environment


class HostProcess:
    """A running `python -m engines.host`.

    What it prints goes to the log `engines.host.output`, line by line. The kernel
    ends it with the thread that started it.

    Parameters
    ----------
    python : Path
        The interpreter; a virtual environment's is not resolved.
    arguments : list of str
        For `engines.host`.

    Raises
    ------
    HostStartError
        If there is no such program.
    """

    def __init__(self, python: Path, arguments: List[str]) -> None:
        program = shutil.which(str(python))
        if program is None:
            raise HostStartError(
                f"there is no program {python}",
                hint="Name a Python interpreter that has numpy.",
            )
        try:
            self._process = subprocess.Popen(
                [str(Path(program).absolute()), "-m", "engines.host", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=host_environment(),
                # Not the user's folder: a numpy.py in it would be found first.
                cwd=str(ROOT),
                # Ctrl-C is for the console, which then stops the host in order.
                start_new_session=True,
            )
        except OSError as error:
            raise HostStartError(
                f"cannot start {python}: {error.strerror}",
                hint="Name a Python interpreter that has numpy.",
            ) from error
        self._lines: Deque[str] = collections.deque(maxlen=_LAST_LINES)
        self._reader = threading.Thread(
            target=self._read_output, name="host-output", daemon=True
        )
        self._reader.start()

    @property
    def process_id(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def wait(self, timeout_s: float) -> bool:
        """Wait for its end; False if it has not come in time."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        self._reader.join(timeout_s)
        return True

    def end(self) -> None:
        """Kill it if it still runs, and release everything of it."""
        if self.is_running:
            self._process.kill()
        # The kernel may need a moment to take down a large process.
        self.wait(_KILL_WAIT_S)

    def obituary(self) -> str:
        """How it ended, in words."""
        status = self._process.poll()
        if status is None:
            return "still runs"
        if status < 0:
            return f"was ended by {_signal_name(-status)}"
        return f"ended with status {status}"

    def last_lines(self) -> str:
        """The last lines that it printed."""
        return "\n".join(self._lines)

    def forget_lines(self) -> None:
        """Forget what it printed until now: it is no cause of what comes."""
        self._lines.clear()

    def _read_output(self) -> None:
        output: IO[bytes] = self._process.stdout  # type: ignore[assignment]  # a PIPE
        with output:
            for line in iter(lambda: output.readline(_MAX_LINE_BYTES), b""):
                text = line.decode("utf-8", "replace").rstrip()
                self._lines.append(text)
                output_log.info("%s", text)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
