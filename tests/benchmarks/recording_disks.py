"""What recordings leave on disks that lose their power, are slow, or are full.

    sudo .venv/bin/python -m tests.benchmarks.recording_disks [--cuts N]

On a real ext4 file system on a loop device. *Power cuts*: at a random moment the
recorder stands still, the image behind the device is copied as it is, and the copy is
mounted: what the kernel had not sent to the device is gone. *Slow*: the kernel's own
limit for the device, 1 MB/s, with a scene that fits and one that does not. *Full*: a
disk of 30 MB that fills up within a second or two.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

from app.recording.manifest import SessionState, load_session_manifest
from app.recording.recovery import recover_session
from app.recording.session import Session
from app.recording.verify import verify_session
from tests.benchmarks.left_behind import Losses, start_recorder
from tests.benchmarks.loop_disk import LoopDisk, is_possible, make_image
from tests.fakes.recording import told_by

_SLOW_BYTES_S = 1_000_000
_SLOW_S = 20


def main() -> int:
    """Cut, slow down, fill up, look, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cuts", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if not is_possible():
        print("only root can make a disk in a file, with losetup and mkfs.ext4")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        print("power cuts")
        chance = random.Random(arguments.seed)
        losses = Losses()
        for _ in range(arguments.cuts):
            _cut_power(Path(folder), chance.uniform(1.5, 4.0), losses)
        losses.print()
        for title, options in (
            ("1 MB/s, a scene of 0.3 MB/s", ()),
            ("1 MB/s, noise of 30 MB/s", ("--noise",)),
        ):
            print(title)
            _slow_down(Path(folder), *options)
        print("full disk")
        _fill_up(Path(folder))
    return int(bool(losses.problems))


def _cut_power(folder: Path, after_s: float, losses: Losses) -> None:
    image, copy = make_image(folder / "disk", 300), folder / "copy"
    with LoopDisk(folder, image) as disk:
        child = start_recorder(disk.path)
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(after_s)
        cut_ns = time.monotonic_ns()
        child.send_signal(signal.SIGSTOP)
        disk.copy_image(copy)
        child.kill()
        output = first + child.stdout.read()
        child.wait()
        child.stdout.close()
    with LoopDisk(folder, copy) as disk:
        losses.count(disk.path / "session", output, cut_ns)
    image.unlink()
    copy.unlink()


def _slow_down(folder: Path, *options: str) -> None:
    image = make_image(folder / "disk", 1000)
    with LoopDisk(folder, image) as disk:
        with disk.slowed(_SLOW_BYTES_S):
            child = start_recorder(disk.path, "--seconds", str(_SLOW_S), *options)
            output, _ = child.communicate()
        _report(disk.path / "session", output)
    image.unlink()


def _fill_up(folder: Path) -> None:
    image = make_image(folder / "disk", 40)
    with LoopDisk(folder, image) as disk:
        options = ("--noise", "--quality", "lossless", "--reserve", "1000000")
        output, _ = start_recorder(disk.path, *options).communicate()
        _report(disk.path / "session", output)
    image.unlink()


def _report(folder: Path, output: str) -> None:
    captured = told_by(output)[-1].captured
    _, taken, written, lost, *_ = output.splitlines()[-1].split()
    state = load_session_manifest(folder).state
    if state is SessionState.RECORDING:
        recover_session(folder)
    session = Session(folder)
    report = verify_session(session)
    manifest = session.manifest
    session.close()
    print(
        f"  {captured} captured, {taken} of them before the end of the session:"
        f" {report.frames} readable (it told of {written}), {lost} counted as lost,"
        f" by cause {manifest.losses},"
        f" problems {len(report.problems)} {report.problems[:2]}"
    )
    print(f"  {state.value}; {manifest.ended or 'ended by the operator'}")


if __name__ == "__main__":
    sys.exit(main())
