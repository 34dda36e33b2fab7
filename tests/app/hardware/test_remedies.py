"""Remedies run as this user here: programs of these tests stand for those of root."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
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
    pin_clocks,
    start_fan,
)
from app.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    assert "cannot access '/not/there'" in error.message
    assert error.hint == "Run in a terminal: sudo ls /not/there"


# --- a board's programs, as real ones on the path


PKEXEC = """
echo pkexec >> {log}
[ -e {folder}/refuses ] && {{ echo Request dismissed >&2; exit 126; }}
[ -e {folder}/asks ] && exec sleep 60
exec "$@"
"""
NVPMODEL = """
echo "nvpmodel $*" >> {log}
[ -e {folder}/fails ] && {{ echo 'NVPM ERROR: Error opening' >&2; exit 1; }}
if [ -e {folder}/asks_to_restart ]; then
    echo "NVPM WARN: Reboot required for changing to this power mode: $2"
    echo "NVPM WARN: DO YOU WANT TO REBOOT NOW? enter YES/yes to confirm:"
    read -r answer
    echo "answered '$answer'" >> {log}
    echo "NVPM ERROR: optMask is 1, no request for power mode"
    exit 255
fi
printf 'pmode:%04d\\n' "$2" > {folder}/status
"""
JETSON_CLOCKS = """
echo "jetson_clocks $1" >> {log}
if [ "$1" = --store ] && [ -e "$2" ]; then
    echo "File $2 already exists. Can I overwrite it? Y/N:"
    read -r answer
    exit 1
fi
[ "$1" = --store ] && cp {folder}/min_freq "$2"
[ "$1" = --restore ] && cp "$2" {folder}/min_freq
[ $# = 0 ] && cp {folder}/max_freq {folder}/min_freq
exit 0
"""


class Board:
    """A TX2 in mode 3 whose programs note how they were called."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._log = folder / "log"
        (folder / "bin").mkdir()
        for name, script in {
            "pkexec": PKEXEC,
            "nvpmodel": NVPMODEL,
            "jetson_clocks": JETSON_CLOCKS,
        }.items():
            program = folder / "bin" / name
            text = script.format(log=self._log, folder=folder)
            program.write_text(f"#!/bin/sh{text}")
            program.chmod(0o755)
        (folder / "status").write_text("pmode:0003\n")
        (folder / "min_freq").write_text("114750000\n")
        (folder / "max_freq").write_text("1300500000\n")
        monkeypatch.setenv("PATH", f"{folder}/bin:{os.environ['PATH']}")
        monkeypatch.setattr(remedies.os, "geteuid", lambda: 1000)
        monkeypatch.setattr(remedies, "_STORE", str(folder / "stored"))
        self.runner = RemedyRunner(find_elevation())
        """As the console makes it: by what is found on the path."""

    def turn(self, name: str) -> None:
        """Let its programs refuse, fail or ask from now on."""
        (self._folder / name).touch()

    def apply(self, remedy: RootRemedy) -> Exception | None:
        ends = Ends()
        self.runner.run(remedy, ends)
        return ends.wait()

    @property
    def calls(self) -> list[str]:
        return self._log.read_text().splitlines() if self._log.exists() else []

    def text(self, name: str) -> str:
        return (self._folder / name).read_text().strip()


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Board]:
    board = Board(tmp_path, monkeypatch)
    yield board
    board.runner.restore()


FASTEST = change_mode(PowerMode(3, "MAXP_CORE_ARM"), 0, "MAXN")


def test_a_mode_is_switched_with_consent_and_back_at_the_end(board: Board) -> None:
    error = board.apply(FASTEST)

    assert error is None
    assert board.text("status") == "pmode:0000"
    board.runner.restore()
    assert board.text("status") == "pmode:0003"
    assert board.calls == ["pkexec", "nvpmodel -m 0", "nvpmodel -m 3"]


def test_a_refused_password_changes_nothing(board: Board) -> None:
    board.turn("refuses")

    error = board.apply(FASTEST)

    assert isinstance(error, RemedyError)
    assert "Request dismissed" in error.message
    assert error.hint == "Run in a terminal: sudo nvpmodel -m 0"
    board.runner.restore()
    assert board.calls == ["pkexec"]


def test_a_mode_that_cannot_be_set_is_told_in_the_program_s_words(
    board: Board,
) -> None:
    board.turn("fails")

    error = board.apply(FASTEST)

    assert isinstance(error, RemedyError)
    assert error.message == "'nvpmodel -m 0' was not done: NVPM ERROR: Error opening"
    assert board.text("status") == "pmode:0003"


def test_a_mode_that_takes_a_restart_restarts_nothing(board: Board) -> None:
    board.turn("asks_to_restart")

    error = board.apply(FASTEST)

    assert isinstance(error, RemedyError)
    assert "before the machine starts again" in error.message
    assert "confirm" in error.hint
    assert "answered ''" in board.calls
    assert board.text("status") == "pmode:0003"


def test_clocks_are_pinned_and_let_go(board: Board) -> None:
    (stale := Path(remedies._STORE)).write_text("of a console that was killed")

    error = board.apply(pin_clocks())

    assert error is None
    assert board.text("min_freq") == "1300500000"
    board.runner.restore()
    assert board.text("min_freq") == "114750000"
    assert not stale.exists()
    assert board.calls == [
        "pkexec",
        "jetson_clocks --store",
        "jetson_clocks ",
        "jetson_clocks --restore",
    ]


def test_a_password_that_nobody_types_does_not_hold_the_end_up(board: Board) -> None:
    board.turn("asks")
    ends = Ends()
    board.runner.run(FASTEST, ends)
    end_s = time.monotonic() + 10.0
    while not board.calls:
        assert time.monotonic() < end_s
        time.sleep(0.01)

    board.runner.restore()

    assert isinstance(ends.wait(), RemedyError)
    assert board.calls == ["pkexec"]


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


def test_a_tx2_s_own_control_leaves_its_fan_alone_meanwhile() -> None:
    remedy = start_fan(Fan("fan", 0.4, None, "/sys/devices/pwm-fan/target_pwm"))

    assert remedy.apply == (
        "echo 0 > /sys/devices/pwm-fan/temp_control;"
        " echo 255 > /sys/devices/pwm-fan/target_pwm"
    )
    assert remedy.restore == (
        "echo 102 > /sys/devices/pwm-fan/target_pwm;"
        " echo 1 > /sys/devices/pwm-fan/temp_control"
    )
