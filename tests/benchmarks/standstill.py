"""Notes when a processor stood still for everything urgent.

    .venv/bin/python -m tests.benchmarks.standstill PROCESSOR

A process bound to one processor, more urgent than everything else there, asks to be
woken every 3 ms. Where it is woken late, the host of a virtual machine had taken the
processor away, or the kernel had: for itself, or for ordinary programs that urgent ones
had left too little. It writes when that was, and ends with its input. Without the
permission for real-time scheduling it ends at once.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from app.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

_PERIOD_S = 0.003
_LATE_S = 0.002
_MOST_URGENT = 99
_PATIENCE_S = 10.0


class Standstill(NamedTuple):
    """One time in which a processor stood still, by `time.monotonic`."""

    since_s: float
    until_s: float


class Standstills:
    """Watches every processor of this process until it is asked."""

    def __init__(self) -> None:
        self._watchers = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.benchmarks.standstill", str(processor)],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for processor in sorted(os.sched_getaffinity(0))
        ]

    def end(self) -> list[list[Standstill]] | None:
        """Of each processor, in order; None without the permission to watch."""
        said = [each.communicate(timeout=_PATIENCE_S)[0] for each in self._watchers]
        if any(each.returncode for each in self._watchers):
            return None
        return [
            [Standstill(*map(float, line.split())) for line in text.splitlines()]
            for text in said
        ]


def longest_ms(processors: Sequence[Sequence[Standstill]]) -> float:
    """How long a processor stood still at most."""
    lengths = [each.until_s - each.since_s for one in processors for each in one]
    return 1e3 * max(lengths, default=0.0)


def taken_ms(
    processors: Sequence[Sequence[Standstill]], since_s: float, until_s: float
) -> float:
    """For how long the one that stood still for longer did so within a time."""
    return 1e3 * max(
        (
            sum(
                max(0.0, min(each.until_s, until_s) - max(each.since_s, since_s))
                for each in one
            )
            for one in processors
        ),
        default=0.0,
    )


def main() -> int:
    """Watch one processor; 1 without the permission."""
    os.sched_setaffinity(0, {int(sys.argv[1])})
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_MOST_URGENT))
    except PermissionError:
        return 1
    before_s = time.monotonic()
    while not select.select([sys.stdin], [], [], _PERIOD_S)[0]:
        now_s = time.monotonic()
        due_s = before_s + _PERIOD_S
        if now_s - due_s > _LATE_S:
            sys.stdout.write(f"{due_s:.6f} {now_s:.6f}\n")
        before_s = time.monotonic()
    return 0


if __name__ == "__main__":
    sys.exit(main())
