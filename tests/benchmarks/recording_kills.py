"""What killed recorders leave behind.

    .venv/bin/python -m tests.benchmarks.recording_kills [--kills N]

Starts a recorder in a process of its own, 640x480 grey at 120 frames a second with
three tracks, kills it with SIGKILL at a random moment, and compares what can be read
with what the recorder had said was written: frames by OpenCV without any repair, and
frames and results after recovery.
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2

from app.paths import ROOT
from app.recording.recovery import recover_session
from app.recording.session import Session
from app.recording.verify import verify_session


def main() -> int:
    """Kill, look, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    frames_lost, results_lost, old_lost, problems, frames = [], [], 0, 0, 0
    for _ in range(arguments.kills):
        with tempfile.TemporaryDirectory() as folder:
            told, killed_ns = _kill_one(Path(folder))
            video = cv2.VideoCapture(str(Path(folder) / "session" / "video_000.mp4"))
            unrepaired = 0
            while video.read()[0]:
                unrepaired += 1
            video.release()
            recover_session(Path(folder) / "session")
            session = Session(Path(folder) / "session")
            report = verify_session(session)
            session.close()
        _, written, results, _, _ = told[-1]
        frames += written
        frames_lost.append(max(0, written - unrepaired))
        results_lost.append(max(0, results - report.results))
        problems += len(report.problems) + (report.frames != unrepaired)
        old = [each for each in told if each[0] < killed_ns - 1_000_000_000]
        if old:
            is_lost = report.frames < old[-1][1] or report.results < old[-1][2]
            old_lost += is_lost
    print(f"kills                             {arguments.kills}")
    print(f"frames acknowledged               {frames}")
    print(
        "acknowledged frames lost          "
        f"median {statistics.median(frames_lost):g}, worst {max(frames_lost)}"
    )
    print(
        "acknowledged results lost         "
        f"median {statistics.median(results_lost):g}, worst {max(results_lost)}"
    )
    print(f"kills that lost what was 1 s old  {old_lost}")
    print(f"problems after recovery           {problems}")
    return 0


def _kill_one(folder: Path) -> tuple[list[list[int]], int]:
    command = [sys.executable, "-m", "tests.fakes.recording", str(folder)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert child.stdout is not None
    child.stdout.readline()
    time.sleep(random.uniform(0.2, 2.5))
    killed_ns = time.monotonic_ns()
    child.kill()
    lines = [line.split() for line in child.stdout.read().splitlines()]
    child.wait()
    child.stdout.close()
    told = [[int(word) for word in line] for line in lines if len(line) == 5]
    return told or [[0, 0, 0, 0, 0]], killed_ns


if __name__ == "__main__":
    sys.exit(main())
