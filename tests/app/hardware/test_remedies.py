"""Remedies run as this user here: `env` stands where `pkexec` would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from app.hardware import remedies
from app.hardware.readings import Fan, PowerMode
from app.hardware.remedies import (
    RemedyError,
    RemedyRunner,
    RootRemedy,
    change_mode,
    find_elevation,
    start_fan,
)
from app.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Ends:
    """Takes what a runner calls in its thread."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._error: Exception | None = None

    def __call__(self, error: Exception | None) -> None:
        self._error = error
        self._event.set()

    def wait(self) -> Exception | None:
        assert self._event.wait(10.0)
        return self._error


@pytest.fixture
def runner() -> Iterator[RemedyRunner]:
    runner = RemedyRunner(("env",))
    yield runner
    runner.restore()


def test_what_was_changed_is_taken_back_last_first(
    runner: RemedyRunner, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    for name in ("mode", "fan"):
        ends = Ends()
        runner.run(
            RootRemedy("", f"echo {name} on >> {note}", f"echo {name} off >> {note}"),
            ends,
        )
        assert ends.wait() is None
    assert note.read_text() == "mode on\nfan on\n"

    runner.restore()

    assert note.read_text() == "mode on\nfan on\nfan off\nmode off\n"


def test_it_is_taken_back_where_the_console_was_killed(tmp_path: Path) -> None:
    note = tmp_path / "note"
    code = (
        "import time\n"
        "from app.hardware.remedies import RemedyRunner, RootRemedy\n"
        "runner = RemedyRunner(('env',))\n"
        f"remedy = RootRemedy('', 'echo on >> {note}', 'echo off >> {note}')\n"
        "runner.run(remedy, lambda _: print('done', flush=True))\n"
        "time.sleep(60)\n"
    )
    console = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert console.stdout is not None
    with console.stdout:
        assert console.stdout.readline() == "done\n"
        os.kill(console.pid, signal.SIGKILL)
        console.wait()

    end_s = time.monotonic() + 5.0
    while note.read_text() != "on\noff\n":
        assert time.monotonic() < end_s, note.read_text()
        time.sleep(0.02)


def test_a_command_that_fails_says_why_and_what_to_type(runner: RemedyRunner) -> None:
    ends = Ends()

    runner.run(RootRemedy("", "ls /not/there", "echo never"), ends)
    error = ends.wait()

    assert isinstance(error, RemedyError)
    assert "/not/there" in error.message
    assert error.hint == "Run in a terminal: sudo ls /not/there"


def test_a_refused_password_is_an_error(tmp_path: Path) -> None:
    refusal = tmp_path / "pkexec"
    refusal.write_text("#!/bin/sh\necho Request dismissed >&2\nexit 126\n")
    refusal.chmod(0o755)
    ends = Ends()
    runner = RemedyRunner((str(refusal),))

    runner.run(RootRemedy("", "true", "true"), ends)
    error = ends.wait()
    runner.restore()

    assert isinstance(error, RemedyError)
    assert "Request dismissed" in error.message


def test_a_program_that_is_gone_is_an_error(tmp_path: Path) -> None:
    ends = Ends()
    runner = RemedyRunner((str(tmp_path / "none"),))

    runner.run(RootRemedy("", "true"), ends)
    error = ends.wait()
    runner.restore()

    assert isinstance(error, RemedyError)
    assert "does not start" in error.message


def test_what_asks_for_the_password_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remedies.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(remedies.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert find_elevation() == ("pkexec",)

    monkeypatch.setattr(
        remedies.shutil, "which", lambda name: name if name == "sudo" else None
    )
    monkeypatch.delenv("SUDO_ASKPASS", raising=False)
    assert find_elevation() == ()
    assert not RemedyRunner(()).can_run

    monkeypatch.setenv("SUDO_ASKPASS", "/usr/bin/ssh-askpass")
    assert find_elevation() == ("sudo", "-A")


def test_commands_are_those_an_operator_would_type() -> None:
    mode = change_mode(PowerMode(3, "MAXP_CORE_ARM"), 0, "MAXN")
    fan = start_fan(Fan("fan", 0.2, None, "/sys/class/hwmon/hwmon0/pwm1"))

    assert mode.command == "sudo nvpmodel -m 0"
    assert fan.command == (
        "sudo sh -c 'systemctl stop nvfancontrol;"
        " echo 255 > /sys/class/hwmon/hwmon0/pwm1'"
    )
    assert fan.restore == (
        "echo 51 > /sys/class/hwmon/hwmon0/pwm1; systemctl start nvfancontrol"
    )
