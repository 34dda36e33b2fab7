"""What killed recorders leave behind.

    .venv/bin/python -m tests.benchmarks.recording_kills [--kills N]

Starts a recorder in a process of its own, 640x480 grey at 120 frames a second with
three tracks, kills it with SIGKILL at a random moment, and compares what can be read
with what the recorder had said was written: frames by OpenCV without any repair, track
rows and measurements after recovery.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.left_behind import Losses, start_recorder


def main() -> int:
    """Kill, look, print; 1 where a session had problems."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    losses = Losses()
    for _ in range(arguments.kills):
        with tempfile.TemporaryDirectory() as folder:
            child = start_recorder(Path(folder))
            assert child.stdout is not None
            first = child.stdout.readline()
            time.sleep(chance.uniform(0.2, 2.5))
            killed_ns = time.monotonic_ns()
            child.kill()
            output = first + child.stdout.read()
            child.wait()
            child.stdout.close()
            losses.count(Path(folder) / "session", output, killed_ns)
    losses.print()
    return int(bool(losses.problems))


if __name__ == "__main__":
    sys.exit(main())
