"""Measures how long the window stands still while engines are built and swapped.

    xvfb-run -a .venv/bin/python -m tests.benchmarks.console_swaps [--swaps N]

The real console tracks the 120 fps scene. Engines are built through the engines window,
one after another, and beside that the bundled network takes over from itself again and
again, each time through the whole trial. A timer in the GUI thread beats every 5 ms;
the longest times between two beats are the stalls. Also printed: frames lost at
capture, ids that were kept over a swap by the truth of the scene, and the memory of the
window and of the feed after the first and the last swap. Of each stall it is told how
long the GUI thread computed, and for how long a processor stood still for everything
urgent meanwhile: the rest it waited, for a core or for the interpreter.
"""

from __future__ import annotations

import argparse
import os
import resource
import struct
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication

import main as console
from app.build_order import BuildOrder
from app.engine_choice import EngineChoice
from app.engine_trial import TrialLimits, TrialPhase
from app.paths import DEFAULT_MODEL, SAMPLE_CLIP
from app.remote_feed import RemoteFeed
from engines.base import Precision
from engines.convert.request import Target
from tests.benchmarks.identities import Identities
from tests.benchmarks.standstill import Standstills, longest_ms, taken_ms
from widgets.application import make_application
from widgets.engine_window import EngineWindow
from widgets.main_window import MainWindow

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from app.engine_trial import TrialStatus
    from app.feed_messages import Told
    from app.frames import FrameResult, Trail
    from app.pipeline import PipelineStatus
    from tests.benchmarks.standstill import Standstill

    Waiting = Generator[None, None, None]

T = TypeVar("T")
_LIMITS = TrialLimits(max_time_ratio=10.0, shadow_s=0.3, probation_s=0.3)
_BEAT_MS = 5
_STALL_MS = 50.0
_TOLD = 5
_LOOK_MS = 20
_SETTLE_S = 15.0
_IDLE_S = 10.0
# The engine before is closed in a thread of its own.
_CLOSE_S = 0.3
# The window is told ten times a second: a swap is seen up to twelve frames late.
_BEFORE, _AFTER = 18, 6
_TOLD_EVERY = 10
_CONTROLS = 300
# Of builds, and of this benchmark.
_PROGRAMS = (b"engines.convert", b"app.conversion_frames", b"benchmarks.standstill")


# When a beat was, how late, and how long the GUI thread was on a core since the one
# before. Packed: the memory of the process is measured.
_BEAT = struct.Struct("dff")
_BEATS = np.dtype([("at_s", "f8"), ("late_ms", "f4"), ("busy_ms", "f4")])


class Stall(NamedTuple):
    """A late beat."""

    late_ms: float
    busy_ms: float
    """Of the GUI thread."""
    taken_ms: float
    """Away with one of the processors."""


class Pulse:
    """Beats in the GUI thread.

    Nothing looks at that thread from another one: whoever walks its frames meanwhile
    ends the process now and then.
    """

    def __init__(self) -> None:
        self.doing = "start"
        self.beats: dict[str, bytearray] = {}
        self._beat_s = self._busy_s = 0.0
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)

    def start(self) -> None:
        self._beat_s, self._busy_s = time.monotonic(), time.thread_time()
        self._timer.start(_BEAT_MS)

    def stop(self) -> None:
        self._timer.stop()

    def text_of(
        self, doing: str, standstills: Sequence[Sequence[Standstill]] = ()
    ) -> str:
        """The longest stalls, and how many are over the limit."""
        # In the thread that is measured, between two beats.
        beats = np.frombuffer(bytes(self.beats[doing]), _BEATS)
        count_over = int((beats["late_ms"] > _STALL_MS).sum())
        latest = np.argsort(-beats["late_ms"])[: max(_TOLD, count_over)]
        stalls = [
            Stall(late_ms, busy_ms, taken_ms(standstills, at_s - late_ms / 1e3, at_s))
            for at_s, late_ms, busy_ms in beats[latest].tolist()
        ]
        own = sum(each.late_ms - each.taken_ms > _STALL_MS for each in stalls)
        longest = ", ".join(
            f"{each.late_ms:.0f} ({each.busy_ms:.0f} busy, {each.taken_ms:.0f} taken)"
            for each in stalls[:_TOLD]
        )
        return (
            f"longest {longest} ms; {count_over} of {len(beats)} over {_STALL_MS:g} ms,"
            f" {own} without what was taken"
        )

    def _beat(self) -> None:
        now_s, busy_s = time.monotonic(), time.thread_time()
        late_ms = 1e3 * (now_s - self._beat_s) - _BEAT_MS
        beat = _BEAT.pack(now_s, late_ms, 1e3 * (busy_s - self._busy_s))
        self.beats.setdefault(self.doing, bytearray()).extend(beat)
        self._beat_s, self._busy_s = now_s, busy_s


class Feed:
    """Listens in on what the feed's process tells the window."""

    def __init__(self, source: str) -> None:
        self.identities = Identities(source)
        self.status: PipelineStatus | None = None
        self.taken_over: list[int] = []
        """Newest frame when a swap was first seen."""
        self._number = 0
        take_status, take_result = RemoteFeed.take_status, RemoteFeed.take_result

        def tell_status(feed: RemoteFeed, told: Told) -> None:
            self._note(told.status)
            take_status(feed, told)

        def tell_result(
            feed: RemoteFeed, result: FrameResult, trails: tuple[Trail, ...]
        ) -> None:
            self.identities.note(result)
            take_result(feed, result, trails)

        RemoteFeed.take_status = tell_status  # type: ignore[method-assign]
        RemoteFeed.take_result = tell_result  # type: ignore[method-assign]

    @property
    def trial(self) -> TrialStatus | None:
        """The newest trial."""
        return self.status.trial if self.status else None

    def _note(self, status: PipelineStatus) -> None:
        self.status = status
        trial = status.trial
        has_changed = trial is not None and trial.phase in (
            TrialPhase.PROBATION,
            TrialPhase.ACCEPTED,
        )
        if trial is not None and has_changed and trial.number > self._number:
            self._number = trial.number
            self.taken_over.append(self.identities.newest)


class Run:
    """Builds and swaps from inside the console's own event loop."""

    def __init__(self, feed: Feed, swaps: int, pulse: Pulse) -> None:
        self.memory_mb: list[float] = []
        self.swap_s: list[float] = []
        self.failures: list[str] = []
        self.builds = 0
        self._feed = feed
        self._pulse = pulse
        self._swaps = swaps
        self._steps = self._script()
        self._timer = QTimer()
        self._timer.timeout.connect(self._go_on)
        self._timer.start(_LOOK_MS)

    def _go_on(self) -> None:
        try:
            next(self._steps)
        except StopIteration:
            self._timer.stop()
            self._pulse.stop()
            QApplication.closeAllWindows()

    def _script(self) -> Waiting:
        while not (windows := _windows(MainWindow)):
            yield
        while self._feed.status is None or self._feed.status.engine is None:
            yield
        self._pulse.start()
        yield from _wait(_SETTLE_S)
        self._pulse.doing = "engines window opens"
        windows[0].engines_requested.emit()
        yield from _wait(_SETTLE_S / 3)
        self._pulse.doing = "nothing"
        yield from _wait(_IDLE_S)
        self._pulse.doing = "swaps"
        [engines] = _windows(EngineWindow)
        engines.tabs.setCurrentWidget(engines.trial)
        for number in range(1, self._swaps + 1):
            self._keep_building(engines)
            yield from self._swap(engines)
            if number % _TOLD_EVERY == 0:
                stalls = self._pulse.text_of(self._pulse.doing)
                memory = f"{self.memory_mb[-1]:.0f} MB"
                print(f"{number} swaps: {memory}; stalls, {stalls}", file=sys.stderr)
        self._pulse.doing = "after"

    def _keep_building(self, engines: EngineWindow) -> None:
        desk = engines._desk
        builds = desk._queue.builds()
        if not all(each.is_over for each in builds):
            return
        for build in builds:
            self.builds += 1
            if build.status is None or build.status.result is None:
                self.failures.append(f"build: {build.status and build.status.error}")
            desk.forget(build.number)
        order = BuildOrder(
            DEFAULT_MODEL / "frozen.pb",
            Target.OPENVINO,
            Precision.INT8,
            clip=str(SAMPLE_CLIP),
        )
        desk.build(order, desk.free_name("built"))

    def _swap(self, engines: EngineWindow) -> Waiting:
        number = self._feed.trial.number if self._feed.trial else 0
        started_s = time.monotonic()
        engines._desk.trial_wanted.emit(EngineChoice(), _LIMITS)
        while True:
            yield
            trial = self._feed.trial
            if trial and trial.number > number and trial.phase.is_over:
                break
        self.swap_s.append(time.monotonic() - started_s)
        if trial.phase is not TrialPhase.ACCEPTED:
            self.failures.append(f"swap {len(self.swap_s)}: {trial.reason}")
        yield from _wait(_CLOSE_S)
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
        feed = Feed(arguments.source)
        pulse = Pulse()
        run = Run(feed, arguments.swaps, pulse)
        standstills = Standstills()
        console.main(["--source", arguments.source])
        taken = standstills.end()
    return _print(run, feed, pulse, arguments.swaps, taken)


def _print(
    run: Run,
    feed: Feed,
    pulse: Pulse,
    swaps: int,
    taken: Sequence[Sequence[Standstill]] | None,
) -> int:
    if feed.status is None or not run.memory_mb:
        print("it ended before the first swap")
        return 1
    ledger = feed.status.ledger
    first, last = run.memory_mb[0], run.memory_mb[-1]
    kept = feed.identities.kept_over(_spans(feed.taken_over))
    length = _BEFORE + _AFTER
    step = max(length, feed.taken_over[-1] // _CONTROLS)
    others = range(length, feed.taken_over[-1], step)
    kept_at_any = feed.identities.kept_over(_spans(others))
    rows = [
        ("swaps", f"{len(run.memory_mb)} of {swaps}, {sum(run.swap_s):.0f} s"),
        ("builds meanwhile", f"{run.builds} done"),
        ("lost at capture", f"{ledger.lost} of {ledger.numbered}"),
        ("replaced", f"{ledger.replaced}"),
        ("ledger adds up", "yes" if ledger.is_balanced else "NO"),
        ("ids kept over a swap", kept.text),
        ("ids kept at any moment", kept_at_any.text),
        (
            "memory, first to last swap",
            f"{first:.0f} to {last:.0f} MB, {100 * (last / first - 1):+.1f} %",
        ),
        (
            "a processor stood still for",
            "not known" if taken is None else f"{longest_ms(taken):.0f} ms at most",
        ),
        *(
            (f"stalls, {doing}", pulse.text_of(doing, taken or ()))
            for doing in pulse.beats
        ),
    ]
    for name, value in rows:
        print(f"{name:30} {value}")
    for reason in run.failures:
        print(f"failed: {reason}")
    return int(bool(run.failures) or len(run.memory_mb) < swaps)


def _spans(moments: Sequence[int]) -> list[tuple[int, int]]:
    return [(each - _BEFORE, each + _AFTER) for each in moments]


def _windows(kind: type[T]) -> list[T]:
    return [
        each
        for each in QApplication.topLevelWidgets()
        if isinstance(each, kind) and each.isVisible()
    ]


def _wait(seconds: float) -> Waiting:
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        yield


def _memory_mb() -> float:
    """Resident memory of the window and of the processes below it, without builds."""
    pids, found = [os.getpid()], 0.0
    while pids:
        folder = Path(f"/proc/{pids.pop()}")
        try:
            words = (folder / "cmdline").read_bytes()
            if any(program in words for program in _PROGRAMS):
                continue
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
