"""What puts a machine right, as commands of root, and what runs them with consent."""

from __future__ import annotations

import logging
import os
import re
import shlex
import shutil
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.errors import ConsoleError, WorkerStuckError
from app.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.hardware.readings import Fan, PowerMode

log = logging.getLogger(__name__)

_STORE = "/run/peregrine-clocks.conf"
_APPLIED = "applied"
# `nvpmodel` asks for it, and takes the end of its input for a no.
_RESTART = re.compile("reboot required", re.IGNORECASE)
_ALREADY_ROOT = ("env",)
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
        # It asks before it writes over a file, and nobody would answer.
        f"rm -f {_STORE}; jetson_clocks --store {_STORE} && jetson_clocks",
        f"jetson_clocks --restore {_STORE}; rm -f {_STORE}",
    )


def start_fan(fan: Fan) -> RootRemedy:
    """Let a fan run as fast as it can, and as before."""
    before = round(255 * (fan.duty_ratio or 0.0))
    path = fan.control_path
    if path.endswith("/target_pwm"):
        # The kernel's own control would set it back at the next change.
        control = f"{path.removesuffix('target_pwm')}temp_control"
        return RootRemedy(
            "Turn the fan on",
            f"echo 0 > {control}; echo 255 > {path}",
            f"echo {before} > {path}; echo 1 > {control}",
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
        return _ALREADY_ROOT
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
        self._asking: list[subprocess.Popen[str]] = []
        self._workers: list[Worker] = []
        self._processes_lock = threading.Lock()

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
        """Take everything back, last first, and wait for that.

        What still asks for the password is ended.
        """
        with self._processes_lock:
            running, self._running = self._running, []
            asking = list(self._asking)
        for process in asking:
            _end_input(process)
            if self._elevation != _ALREADY_ROOT:
                # One that the password came for meanwhile is root's: it restores.
                with suppress(PermissionError):
                    process.terminate()
        for process in reversed(running):
            _end_input(process)
            try:
                process.wait(_JOIN_S)
            except subprocess.TimeoutExpired:
                log.warning("a setting of the machine is still being restored")
            if process.stdout is not None:
                process.stdout.close()
        for worker in self._workers:
            try:
                worker.join(_JOIN_S)
            except WorkerStuckError:
                log.warning("a change of the machine is still being made")

    def _apply(self, remedy: RootRemedy) -> None:
        log.info("as root: %s", remedy.apply)
        hint = f"Run in a terminal: {remedy.command}"
        try:
            process = subprocess.Popen(
                [*self._elevation, "sh", "-c", _script(remedy)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                # Ctrl+C in the terminal ends the console, which restores.
                start_new_session=True,
            )
        except OSError as error:
            raise RemedyError(
                f"{self._elevation[0]} does not start: {error.strerror}", hint=hint
            ) from error
        with self._processes_lock:
            self._asking.append(process)
        said, is_applied = _await(process, _APPLIED)
        needs_restart = any(_RESTART.search(line) for line in said)
        with self._processes_lock:
            self._asking.remove(process)
            if is_applied and not needs_restart:
                self._running.append(process)
                return
        _end_input(process)
        status = process.wait()
        assert process.stdout is not None
        process.stdout.close()
        if needs_restart:
            raise RemedyError(
                f"{remedy.apply!r} changes nothing before the machine starts again",
                hint=f"{hint}, and confirm that it may restart.",
            )
        reason = next((line for line in reversed(said) if line), f"status {status}")
        raise RemedyError(f"{remedy.apply!r} was not done: {reason}", hint=hint)


def _script(remedy: RootRemedy) -> str:
    """Apply, say so, wait for the end of the input, restore."""
    # What asks questions gets no answer, and must not wait for one.
    script = f"{{ {remedy.apply}; }} < /dev/null 2>&1 && echo {_APPLIED}"
    if not remedy.restore:
        return script
    # Where the console was killed nobody reads any more, and who writes is ended.
    quiet = "< /dev/null > /dev/null 2>&1"
    return f"{script} && read -r _; {{ {remedy.restore}; }} {quiet}"


def _await(process: subprocess.Popen[str], word: str) -> tuple[list[str], bool]:
    """Read until a process says a word; what it said before, and whether it did."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        if line.strip() == word:
            return lines, True
        lines.append(line.strip())
    return lines, False


def _end_input(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.close()


def _is_plain(command: str) -> bool:
    return not any(sign in command for sign in ";|&<>")
