"""What puts a machine right, as commands of root, and what runs them with consent."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import subprocess
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.errors import ConsoleError
from app.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.hardware.readings import Fan, PowerMode

log = logging.getLogger(__name__)

_STORE = "/run/peregrine-clocks.conf"
_APPLIED = "applied"
_JOIN_S = 8.0


class RemedyError(ConsoleError):
    """A command of root was not run, or failed."""


@dataclass(frozen=True, slots=True)
class RootRemedy:
    """Commands for root, and those that take them back."""

    purpose: str
    """Why one wants it, as a button says it."""
    apply: str
    """For a shell."""
    restore: str = ""
    """For a shell; empty where nothing is to be taken back."""

    @property
    def command(self) -> str:
        """What the operator would type."""
        if _is_plain(self.apply):
            return f"sudo {self.apply}"
        return f"sudo sh -c {shlex.quote(self.apply)}"


def change_mode(mode: PowerMode, number: int, name: str) -> RootRemedy:
    """Set the power mode, and back."""
    return RootRemedy(
        f"Switch to {name}", f"nvpmodel -m {number}", f"nvpmodel -m {mode.number}"
    )


def pin_clocks() -> RootRemedy:
    """Hold the clocks at their limits, and let them go."""
    return RootRemedy(
        "Pin the clocks",
        f"jetson_clocks --store {_STORE} && jetson_clocks",
        f"jetson_clocks --restore {_STORE}",
    )


def start_fan(fan: Fan) -> RootRemedy:
    """Let a fan run as fast as it can, and as before."""
    before = round(255 * (fan.duty_ratio or 0.0))
    path = fan.control_path
    if path.startswith("/sys/devices/pwm-fan"):
        return RootRemedy(
            "Turn the fan on", f"echo 255 > {path}", f"echo {before} > {path}"
        )
    # Its own service would set it back at once.
    return RootRemedy(
        "Turn the fan on",
        f"systemctl stop nvfancontrol; echo 255 > {path}",
        f"echo {before} > {path}; systemctl start nvfancontrol",
    )


def find_elevation() -> tuple[str, ...]:
    """Find what runs a command as root here; empty where nothing can."""
    if os.geteuid() == 0:
        return ("env",)
    if shutil.which("pkexec"):
        return ("pkexec",)
    # Without a terminal, sudo asks by the program named there.
    if shutil.which("sudo") and os.environ.get("SUDO_ASKPASS"):
        return ("sudo", "-A")
    return ()


class RemedyRunner:
    """Runs remedies that the operator agreed to, and takes them back at the end.

    Each is one process of root that applies it, waits for the end of its input, and
    restores: one password serves both, and what was changed is taken back also where
    the console was killed.

    Parameters
    ----------
    elevation : tuple of str
        What goes before a command, of `find_elevation`.
    """

    def __init__(self, elevation: tuple[str, ...]) -> None:
        self._elevation = elevation
        self._running: list[subprocess.Popen[str]] = []
        self._workers: list[Worker] = []
        self._running_lock = threading.Lock()

    @property
    def can_run(self) -> bool:
        """Whether there is something that asks for the password."""
        return bool(self._elevation)

    def run(
        self, remedy: RootRemedy, on_end: Callable[[Exception | None], None]
    ) -> None:
        """Run it in a thread; `on_end` is called there.

        It takes None, or a `RemedyError`.
        """
        worker = Worker("remedy", lambda _: self._apply(remedy), on_end)
        self._workers.append(worker)
        worker.start()

    def restore(self) -> None:
        """Take everything back, last first, and wait for that."""
        with self._running_lock:
            running, self._running = self._running, []
        for process in reversed(running):
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(_JOIN_S)
            except subprocess.TimeoutExpired:
                log.warning("a setting of the machine is still being restored")
            if process.stdout is not None:
                process.stdout.close()
        for worker in self._workers:
            worker.join(_JOIN_S)

    def _apply(self, remedy: RootRemedy) -> None:
        log.info("as root: %s", remedy.apply)
        restore = remedy.restore or ":"
        script = (
            f"{{ {remedy.apply}; }} 2>&1 && echo {_APPLIED} && read -r _; {restore}"
        )
        if not remedy.restore:
            script = f"{{ {remedy.apply}; }} 2>&1 && echo {_APPLIED}"
        try:
            process = subprocess.Popen(
                [*self._elevation, "sh", "-c", script],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                # Ctrl+C in the terminal ends the console, which restores.
                start_new_session=True,
            )
        except OSError as error:
            raise RemedyError(
                f"{self._elevation[0]} does not start: {error.strerror}",
                hint=f"Run in a terminal: {remedy.command}",
            ) from error
        said = _await(process, _APPLIED)
        if said is not None:
            raise RemedyError(
                f"{remedy.apply!r} was not done: {said}",
                hint=f"Run in a terminal: {remedy.command}",
            )
        with self._running_lock:
            self._running.append(process)


def _await(process: subprocess.Popen[str], word: str) -> str | None:
    """Read until a process says a word; what it said where it ended without."""
    assert process.stdout is not None
    assert process.stdin is not None
    lines = []
    for line in process.stdout:
        if line.strip() == word:
            return None
        lines.append(line.strip())
    process.stdin.close()
    process.stdout.close()
    status = process.wait()
    said = next((line for line in reversed(lines) if line), "")
    return said or f"status {status}"


def _is_plain(command: str) -> bool:
    return not any(sign in command for sign in ";|&<>")
