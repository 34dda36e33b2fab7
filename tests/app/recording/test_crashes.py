"""What is left of a recording when its process, or its disk, does not last."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import av
import cv2
import pytest

from app.errors import SessionError
from app.paths import ROOT
from app.recording.library import list_sessions, recover_sessions
from app.recording.lock import SessionLock
from app.recording.manifest import SessionState
from app.recording.recovery import recover_session
from app.recording.session import Session
from app.recording.verify import verify_session
from tests.fakes.recording import told_by

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def _start(folder: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.fakes.recording", str(folder), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_a_killed_recorder_had_told_is_there(tmp_path: Path, seed: int) -> None:
    child = _start(tmp_path)
    assert child.stdout is not None
    child.stdout.readline()
    time.sleep(random.Random(seed).uniform(1.2, 2.5))
    child.kill()
    told = told_by(child.stdout.read())
    child.wait()
    child.stdout.close()

    video = cv2.VideoCapture(str(tmp_path / "session" / "video_000.mp4"))
    unrepaired = 0
    while video.read()[0]:
        unrepaired += 1
    video.release()
    manifest = recover_session(tmp_path / "session")
    session = Session(tmp_path / "session")
    report = verify_session(session)
    rows, samples = len(session.tracks()), len(session.telemetry())
    session.close()

    assert unrepaired >= told[-1].frames
    assert report.frames == unrepaired
    assert report.problems == ()
    assert samples >= told[-1].samples
    # A result goes with the frame it belongs to.
    assert report.results >= min(told[-1].results, unrepaired)
    assert rows == 3 * report.results
    assert manifest.state is SessionState.RECOVERED


@pytest.mark.slow
def test_an_unfinished_session_is_found_and_one_that_runs_is_let_be(
    tmp_path: Path,
) -> None:
    child = _start(tmp_path)
    assert child.stdout is not None
    for _ in range(10):
        child.stdout.readline()
    running = list_sessions(tmp_path)
    assert recover_sessions(tmp_path) == []
    with pytest.raises(SessionError, match="is being recorded"):
        recover_session(tmp_path / "session")
    child.kill()
    child.wait()
    child.stdout.close()

    dead = list_sessions(tmp_path)
    with pytest.raises(SessionError, match="never finished"):
        Session(tmp_path / "session")
    recovered = recover_sessions(tmp_path)

    assert [entry.is_recording for entry in running] == [True]
    assert [entry.is_recording for entry in dead] == [False]
    assert [manifest.state for manifest in recovered] == [SessionState.RECOVERED]
    assert recover_sessions(tmp_path) == []


@contextlib.contextmanager
def _small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    mounted = subprocess.run(["mount", *options], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip("only root can make a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.slow
def test_recording_ends_cleanly_before_the_disk_is_full(tmp_path: Path) -> None:
    with _small_disk(tmp_path / "disk", 40) as disk:
        child = _start(disk, "--noise", "--reserve", "15000000")
        output, _ = child.communicate(timeout=60)
        session = Session(disk / "session")
        report = verify_session(session)
        session.close()
        free_bytes = shutil.disk_usage(disk).free

    last = output.splitlines()[-1].split()
    assert last[0] == "done"
    assert "are free" in output
    assert report.frames == int(last[2])
    assert report.problems == ()
    assert session.manifest.state is SessionState.COMPLETE
    assert free_bytes > 5_000_000


@pytest.mark.slow
def test_a_disk_that_is_full_all_the_same_costs_what_it_did_not_take(
    tmp_path: Path,
) -> None:
    with _small_disk(tmp_path / "disk", 30) as disk:
        # It fills up far quicker than anybody looks.
        child = _start(disk, "--noise", "--quality", "lossless", "--reserve", "1000000")
        output, _ = child.communicate(timeout=60)
        if list_sessions(disk)[0].manifest.state is SessionState.RECORDING:
            recover_session(disk / "session")
        session = Session(disk / "session")
        report = verify_session(session)
        session.close()
        with av.open(str(disk / "session" / "video_000.mp4")) as container:
            readable = 0
            with contextlib.suppress(av.FFmpegError):
                for _ in container.decode(container.streams.video[0]):
                    readable += 1

    _, taken, written, *_ = output.splitlines()[-1].split()
    losses = session.manifest.losses
    assert "full" in output or "are free" in output
    assert int(written) > 10
    assert report.frames == readable == int(written)
    assert report.problems == ()
    # Every frame until the end of the session is in it, or counted by what lost it.
    assert int(taken) == readable + losses["encoder"] + losses["disk"]
    assert losses["disk"] == sum(
        gap["count"] for gap in report.gaps if gap["cause"] == "disk"
    )


def test_what_a_recorder_left_that_had_no_time_to_write_anything_is_removed(
    tmp_path: Path,
) -> None:
    (tmp_path / "died").mkdir()
    (tmp_path / "died" / ".recording").touch()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / ".recording").touch()
    (tmp_path / "mine" / "thesis.txt").touch()
    (tmp_path / "begins").mkdir()
    lock = SessionLock(tmp_path / "begins")

    recover_sessions(tmp_path)
    lock.release()

    assert sorted(path.name for path in tmp_path.iterdir()) == ["begins", "mine"]


@pytest.mark.parametrize("has_database", [False, True])
def test_a_session_whose_recorder_wrote_nothing_yet_is_recovered_empty(
    tmp_path: Path, *, has_database: bool
) -> None:
    from app.recording.manifest import SessionManifest

    SessionManifest(
        state=SessionState.RECORDING,
        name="session",
        started_utc="",
        started_ns=0,
        source={},
        width_px=64,
        height_px=48,
        is_colour=False,
        frame_rate_hz=120.0,
    ).save(tmp_path)
    if has_database:
        # Killed before the tables were made.
        (tmp_path / "session.db").touch()

    manifest = recover_session(tmp_path)
    session = Session(tmp_path)
    report = verify_session(session)
    session.close()

    assert manifest.state is SessionState.RECOVERED
    assert report.frames == 0
    assert report.problems == ()
    assert os.listdir(tmp_path)  # noqa: PTH208
