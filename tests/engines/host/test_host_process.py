import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engines.host import process as process_module
from engines.host.errors import HostStartError
from engines.host.process import ROOT, HostProcess, host_environment
from tests.engines.host.hosts import is_running, this_python, write_python


def test_a_program_that_is_not_there_is_refused_in_words(tmp_path):
    with pytest.raises(HostStartError, match=r"no program .*python9\.9"):
        HostProcess(tmp_path / "python9.9", [])


def test_a_file_that_is_no_program_is_refused_in_words(tmp_path):
    program = tmp_path / "python"
    program.write_bytes(b"\x7fELF of another processor")
    program.chmod(0o755)

    with pytest.raises(HostStartError, match=r"cannot start .*: Exec format error"):
        HostProcess(program, [])


def test_an_interpreter_may_be_named_from_the_callers_folder(tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    write_python(tmp_path / "bin", "import sys; sys.exit(5)")
    monkeypatch.chdir(tmp_path)

    process = HostProcess(Path("bin/python"), [])

    assert process.wait(30.0)
    assert process.obituary() == "ended with status 5"


def test_the_hosts_python_looks_for_modules_here_and_nowhere_else(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/somewhere/else")
    monkeypatch.setenv("PYTHONHOME", "/somewhere")

    environment = host_environment()

    assert environment["PYTHONPATH"] == str(ROOT)
    assert "PYTHONHOME" not in environment


@pytest.mark.parametrize(
    ("machine", "chosen", "wanted"),
    [
        ("aarch64", None, "ARMV8"),
        ("aarch64", "CORTEXA57", "CORTEXA57"),
        ("x86_64", None, None),
    ],
)
def test_on_arm_numpys_blas_is_told_the_processor(monkeypatch, machine, chosen, wanted):
    monkeypatch.setattr(process_module.platform, "machine", lambda: machine)
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    if chosen is not None:
        monkeypatch.setenv("OPENBLAS_CORETYPE", chosen)

    assert host_environment().get("OPENBLAS_CORETYPE") == wanted


def test_what_a_host_prints_is_logged_and_its_last_lines_are_kept(tmp_path, caplog):
    python = write_python(
        tmp_path, "import sys\nfor n in range(40): print('line', n)\nsys.exit(3)"
    )

    with caplog.at_level(logging.INFO, "engines.host.output"):
        process = HostProcess(python, [])
        assert process.wait(10.0)

    assert process.obituary() == "ended with status 3"
    assert process.last_lines().splitlines()[-1] == "line 39"
    assert len(process.last_lines().splitlines()) == 12
    assert "line 0" in caplog.messages
    process.forget_lines()
    assert process.last_lines() == ""


def test_an_obituary_names_the_signal(tmp_path):
    python = write_python(
        tmp_path, "import os, signal; os.kill(os.getpid(), signal.SIGABRT)"
    )

    process = HostProcess(python, [])
    process.wait(10.0)

    assert process.obituary() == "was ended by SIGABRT"


def test_ending_a_process_leaves_no_zombie(tmp_path):
    python = write_python(tmp_path, "import time; time.sleep(60)")
    process = HostProcess(python, [])
    assert process.is_running

    process.end()
    process.end()

    assert not is_running(process.process_id)


def test_ctrl_c_in_the_terminal_does_not_reach_the_host(tmp_path):
    process = HostProcess(write_python(tmp_path, "import time; time.sleep(60)"), [])

    group = os.getpgid(process.process_id)

    process.end()
    assert group != os.getpgid(0)


@pytest.mark.parametrize("arguments", [[], ["--socket", "/nowhere/x.socket"]])
def test_a_host_without_its_arguments_says_what_it_needs(arguments):
    process = HostProcess(this_python(), arguments)

    assert process.wait(30.0)

    assert process.obituary() == "ended with status 2"
    assert "--socket and --ring are needed" in process.last_lines()


def test_a_host_nobody_listens_for_removes_the_files_and_says_so(tmp_path):
    for name in ("x.socket", "x.ring"):
        (tmp_path / name).touch()

    process = HostProcess(
        this_python(),
        [f"--socket={tmp_path / 'x.socket'}", f"--ring={tmp_path / 'x.ring'}"],
    )
    assert process.wait(30.0)

    assert process.obituary() == "ended with status 1"
    assert "nobody listens at" in process.last_lines()
    assert list(tmp_path.iterdir()) == []


def test_capabilities_are_printed_without_a_client():
    printed = subprocess.check_output(
        [str(this_python()), "-m", "engines.host", "--capabilities"],
        cwd=str(ROOT),
        env=host_environment(),
    )

    assert '"python": "{}.{}.'.format(*sys.version_info[:2]) in printed.decode()


def test_an_unknown_signal_still_has_a_number():
    assert process_module._signal_name(signal.SIGKILL) == "SIGKILL"
    assert process_module._signal_name(250) == "signal 250"
