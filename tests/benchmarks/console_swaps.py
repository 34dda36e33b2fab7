"""Measures how long the window stands still while engines are built and swapped.

    xvfb-run -a .venv/bin/python -m tests.benchmarks.console_swaps [--swaps N]

The real console tracks the 120 fps scene. An engine is built through the engines
window, and after it the bundled network takes over from itself again and again, each
time through the whole trial. A timer in the GUI thread beats every 5 ms; the longest
times between two beats are the stalls. Also printed: frames lost at capture, and the
memory after the first and the last swap.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication

import main as console
from app.build_order import BuildOrder
from app.engine_choice import EngineChoice
from app.engine_trial import TrialLimits
from app.paths import DEFAULT_MODEL, SAMPLE_CLIP
from engines.base import Precision
from engines.convert.request import Target
from widgets.application import make_application
from widgets.engine_window import EngineWindow
from widgets.main_window import MainWindow

if TYPE_CHECKING:
    from collections.abc import Generator

    from app.pipeline import PipelineStatus

_LIMITS = TrialLimits(max_time_ratio=10.0, shadow_s=0.3, probation_s=0.3)
_BEAT_MS = 5
_SETTLE_S = 15.0


@dataclass
class Stall:
    """One time that the GUI thread did not answer."""

    ms: float
    doing: str


class Pulse:
    """Beats in the GUI thread."""

    def __init__(self) -> None:
        self.stalls: list[Stall] = []
        self.doing = "start"
        self._beat_s = time.monotonic()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)

    def start(self) -> None:
        self._timer.start(_BEAT_MS)

    def _beat(self) -> None:
        now_s = time.monotonic()
        late_ms = 1e3 * (now_s - self._beat_s) - _BEAT_MS
        if late_ms > _BEAT_MS:
            self.stalls.append(Stall(late_ms, self.doing))
        self._beat_s = now_s


class Run:
    """Builds and swaps from inside the console's own event loop."""

    def __init__(self, swaps: int) -> None:
        self.pulse = Pulse()
        self.memory_mb: list[float] = []
        self.failures: list[str] = []
        self.built_s = 0.0
        self.status: PipelineStatus | None = None
        self._swaps = swaps
        self._steps = self._script()
        self._timer = QTimer()
        self._timer.timeout.connect(self._go_on)
        self._timer.start(20)

    def _go_on(self) -> None:
        try:
            next(self._steps)
        except StopIteration:
            QApplication.closeAllWindows()

    def _script(self) -> Generator[None, None, None]:
        while not (windows := _windows(MainWindow)):
            yield
        yield from _wait(_SETTLE_S)
        windows[0].engines_requested.emit()
        yield from _wait(5.0)
        [engines] = _windows(EngineWindow)
        self.pulse.start()
        desk = engines._desk
        show_status = engines.show_status

        def watch(status: PipelineStatus | None) -> None:
            self.status = status or self.status
            show_status(status)

        engines.show_status = watch
        self.pulse.doing = "nothing"
        yield from _wait(10.0)
        self.pulse.doing = "build"
        started_s = time.monotonic()
        order = BuildOrder(
            DEFAULT_MODEL / "frozen.pb",
            Target.OPENVINO,
            Precision.INT8,
            clip=str(SAMPLE_CLIP),
        )
        desk.build(order, "built")
        while not all(each.is_over for each in desk._queue.builds()):
            yield
        self.built_s = time.monotonic() - started_s
        [build] = desk._queue.builds()
        if build.status is None or build.status.result is None:
            self.failures.append(f"build: {build.status and build.status.error}")
        engines.tabs.setCurrentWidget(engines.trial)
        self.pulse.doing = "swap"
        for _ in range(self._swaps):
            trial = self.status.trial if self.status else None
            number = trial.number if trial else 0
            desk.trial_wanted.emit(EngineChoice(), _LIMITS)
            while True:
                yield
                trial = self.status.trial if self.status else None
                if trial and trial.number > number and trial.phase.is_over:
                    break
            if trial.reason:
                self.failures.append(trial.reason)
            self.memory_mb.append(_memory_mb())


def main() -> int:
    """Run, print; 1 if something failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--swaps", type=int, default=100, metavar="N")
    parser.add_argument("--source", default="synthetic://?objects=6&seed=5")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        for name in ("CONFIG", "DATA", "STATE", "CACHE"):
            os.environ[f"XDG_{name}_HOME"] = f"{home}/{name.lower()}"
        make_application()
        run = Run(arguments.swaps)
        console.main(["--source", arguments.source])
    return _print(run, arguments.swaps)


def _print(run: Run, swaps: int) -> int:
    assert run.status is not None
    ledger = run.status.ledger
    first, last = run.memory_mb[0], run.memory_mb[-1]
    rows = [
        ("swaps", f"{len(run.memory_mb)} of {swaps}"),
        ("build", f"{run.built_s:.0f} s"),
        ("lost at capture", f"{ledger.lost} of {ledger.numbered}"),
        ("replaced", f"{ledger.replaced}"),
        ("ledger adds up", "yes" if ledger.is_balanced else "NO"),
        (
            "memory, first to last swap",
            f"{first:.0f} to {last:.0f} MB, {100 * (last / first - 1):+.1f} %",
        ),
    ]
    for doing in ("nothing", "build", "swap"):
        found = [stall.ms for stall in run.pulse.stalls if stall.doing == doing]
        longest = max(found, default=0.0)
        over = int(np.sum(np.asarray(found) > 50.0))
        rows.append((f"longest stall, {doing}", f"{longest:.0f} ms, {over} over 50 ms"))
    for name, value in rows:
        print(f"{name:30} {value}")
    for reason in run.failures:
        print(f"failed: {reason}")
    return int(bool(run.failures))


def _windows(kind):  # type: ignore[no-untyped-def]
    return [
        each
        for each in QApplication.topLevelWidgets()
        if isinstance(each, kind) and each.isVisible()
    ]


def _wait(seconds: float) -> Generator[None, None, None]:
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        yield


def _memory_mb() -> float:
    """Resident memory of the window and of the processes below it."""
    pids, found = [os.getpid()], 0.0
    while pids:
        pid = pids.pop()
        try:
            folder = Path(f"/proc/{pid}")
            pages = int((folder / "statm").read_text(encoding="ascii").split()[1])
            for task in (folder / "task").iterdir():
                children = (task / "children").read_text(encoding="ascii")
                pids += map(int, children.split())
        except OSError:
            continue
        found += pages * resource.getpagesize() / 1e6
    return found


if __name__ == "__main__":
    sys.exit(main())
