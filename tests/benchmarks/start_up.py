"""From typing the command to the first painted frame.

    .venv/bin/python -m tests.benchmarks.start_up [--runs N]

Starts `main.py` on the synthetic source in a process of its own (under Xvfb where there
is no display) and waits for the line that the console logs when it has shown the first
picture. The first run also fills the disk cache.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_GIVE_UP_S = 60.0


def main() -> int:
    """Print the time of each run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, metavar="N")
    runs = parser.parse_args().runs
    if "DISPLAY" not in os.environ:
        command = ["xvfb-run", "-a", "-s", "-screen 0 1600x1000x24"]
        return subprocess.run(
            [*command, sys.executable, *sys.orig_argv[1:]], check=False
        ).returncode
    times_s = [_one_run() for _ in range(runs)]
    for index, time_s in enumerate(times_s, start=1):
        print(f"run {index}: {time_s:.2f} s")
    print(f"median: {sorted(times_s)[len(times_s) // 2]:.2f} s")
    return 0


def _one_run() -> float:
    with tempfile.TemporaryDirectory() as home:
        log = Path(home) / "peregrine" / "peregrine.log"
        environment = {**os.environ, "XDG_STATE_HOME": home, "XDG_CONFIG_HOME": home}
        started_s = time.monotonic()
        console = subprocess.Popen(
            [sys.executable, "main.py", "--source", "synthetic://"],
            cwd=ROOT,
            env=environment,
        )
        try:
            while time.monotonic() - started_s < _GIVE_UP_S:
                if log.exists() and "first picture" in log.read_text():
                    return time.monotonic() - started_s
                time.sleep(0.01)
        finally:
            console.terminate()
            console.wait()
    raise TimeoutError(f"no picture within {_GIVE_UP_S:g} s")


if __name__ == "__main__":
    sys.exit(main())
