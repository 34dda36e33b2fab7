"""Two hundred faults of a camera and of an RTSP server, before the real window.

    python -m tests.benchmarks.camera_faults [--events 200] [--seed 6]

Opens the console, with its feed in a process of its own, on a fake V4L2 camera and then
on a server of the tests, and lets faults befall them at random: unplugged, stalled,
garbage, format changed, server gone. Tells how long tracking took to be back after each
(as the window knows it: it is told ten times a second), how late the window's timer
was, and whether the ledger added up.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import sys
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import numpy as np
from PySide6.QtCore import QSettings, QTimer

from app.process import prepare_process
from app.remote_feed import FeedProcess
from app.settings.in_use import SettingsInUse
from app.settings.store import SettingsStore
from app.sources.catalogue import open_source
from tests.fakes.camera_faults import RemoteCamera, StreamVictim, befall, remote_source
from widgets.application import make_application, run_console
from widgets.main_window import MainWindow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from app.pipeline import PipelineStatus
    from app.remote_feed import RemoteFeed
    from app.sources.base import FrameMode, FrameSource
    from tests.fakes.camera_faults import Event, Victim

_VICTIMS = ("camera", "stream")
_TICK_MS = 20
_LOOK_S = 0.01
# Late by more than this, what the window does is written down.
_LATE_S = 0.1


class StatusWatch:
    """Obeys `Watch`; looks at what the window is told."""

    def __init__(self, feed: RemoteFeed) -> None:
        self._feed = feed
        self._from_ns = self._inferred = 0

    def rest(self, seconds: float) -> None:
        time.sleep(seconds)

    def is_tracked_since(self, after_ns: int) -> bool:
        inferred = self._feed.status().ledger.inferred
        if after_ns != self._from_ns:
            self._from_ns, self._inferred = after_ns, inferred
        time.sleep(_LOOK_S)
        return inferred > self._inferred


def main() -> int:
    """Run it; 0 if nothing broke."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=200, help="of all victims")
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument(
        "--victim", choices=_VICTIMS, action="append", help="default: both"
    )
    arguments = parser.parse_args()
    victims = arguments.victim or list(_VICTIMS)
    count = arguments.events // len(victims)
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    prepare_process()
    make_application()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_STATE_HOME"] = folder
        good = [
            _torment(victim, count, arguments.seed, Path(folder)) for victim in victims
        ]
    return 0 if all(good) else 1


@contextmanager
def _victim(
    kind: str, folder: Path
) -> Iterator[tuple[Victim, Callable[[], FrameSource]]]:
    """What faults befall, and what opens it in the feed's process."""
    if kind == "camera":
        path = folder / "fault"
        yield RemoteCamera(path), partial(remote_source, path)
        return
    stream = StreamVictim()
    with stream.server as server:
        yield stream, partial(open_source, server.uri, is_paced=True)


def _torment(kind: str, count: int, seed: int, folder: Path) -> bool:
    in_use = SettingsInUse(SettingsStore(folder / f"{kind}.json"), {})
    state = QSettings(str(folder / f"{kind}.ini"), QSettings.Format.IniFormat)
    feeds = FeedProcess()
    events: list[Event] = []
    ends: list[PipelineStatus | AssertionError] = []
    with ExitStack() as stack:
        victim, make_source = stack.enter_context(_victim(kind, folder))

        def make_feed(_uri: str, mode: FrameMode) -> RemoteFeed:
            make_engine = in_use.now.engine.choice().factory()
            feed = feeds.make_feed(make_source, make_engine, mode)

            def torment() -> None:
                try:
                    events.extend(befall(victim, StatusWatch(feed), count, seed))
                except AssertionError as error:
                    ends.append(error)
                ends.append(feed.status())

            threading.Thread(target=torment, daemon=True).start()
            return feed

        told = stack.enter_context(tempfile.TemporaryFile("w+"))
        watch = WindowWatch(lambda: bool(ends), told)
        began_s = time.monotonic()
        try:
            code = run_console(make_feed, f"{kind} of the test", in_use, state, folder)
        finally:
            watch.stop()
            feeds.close()
    seconds = time.monotonic() - began_s
    print(f"\n{kind}: {len(events)} of {count} faults in {seconds:.0f} s")
    _print_table(events)
    return _judge(code, ends, watch, is_whole=len(events) == count)


class WindowWatch:
    """Notes how late the GUI thread comes to its timer, and what kept it.

    Parameters
    ----------
    is_done : callable
        Whether the window is to be closed.
    told : file
        Where the interpreter writes what its threads do.
    """

    def __init__(self, is_done: Callable[[], bool], told: TextIO) -> None:
        self._is_done = is_done
        self._app = make_application()
        self._thread = f"0x{threading.get_ident():016x}"
        self._due_s = time.monotonic() + _TICK_MS * 1e-3
        # Not by `sys._current_frames`: who holds a frame keeps its painters alive.
        self._told = told
        self.late_ms: list[float] = []
        self.kept_by: list[tuple[float, str]] = []
        """How late, and where the GUI thread was then."""
        self._timer = QTimer()
        self._timer.timeout.connect(self._tick)
        self._timer.start(_TICK_MS)

    def stop(self) -> None:
        """Look no more."""
        self._timer.stop()
        faulthandler.cancel_dump_traceback_later()

    def _tick(self) -> None:
        now_s = time.monotonic()
        late_s = max(0.0, now_s - self._due_s)
        self.late_ms.append(1e3 * late_s)
        self._due_s = now_s + _TICK_MS * 1e-3
        if late_s > _LATE_S:
            self.kept_by.append((1e3 * late_s, self._place()))
        faulthandler.dump_traceback_later(_LATE_S, file=self._told)
        if self._is_done():
            for window in self._app.topLevelWidgets():
                if isinstance(window, MainWindow):
                    window.close()

    def _place(self) -> str:
        """Where the GUI thread was when it was last found late."""
        self._told.seek(0)
        _, _, stack = self._told.read().rpartition(self._thread)
        self._told.seek(0)
        self._told.truncate()
        calls = [line.strip() for line in stack.splitlines()[1:5]]
        return " < ".join(calls) or "not looked at"


def _print_table(events: list[Event]) -> None:
    by_kind: dict[str, list[float]] = defaultdict(list)
    for event in events:
        by_kind[event.kind].append(event.back_s)
        by_kind["all"].append(event.back_s)
    print("| fault | count | tracked again after, p50 | p95 | worst |")
    print("| --- | --- | --- | --- | --- |")
    for kind, backs in sorted(by_kind.items()):
        p50, p95 = np.percentile(backs, (50, 95))
        times = f"{p50:.2f} s | {p95:.2f} s | {max(backs):.2f} s"
        print(f"| {kind} | {len(backs)} | {times} |")


def _judge(
    code: int,
    ends: list[PipelineStatus | AssertionError],
    watch: WindowWatch,
    *,
    is_whole: bool,
) -> bool:
    p99, worst = np.percentile(watch.late_ms, 99), max(watch.late_ms)
    print(f"window: timer late by {p99:.0f} ms at p99, {worst:.0f} ms at worst")
    for late_ms, place in sorted(watch.kept_by, reverse=True)[:5]:
        print(f"  {late_ms:.0f} ms: {place}")
    for end in ends:
        if isinstance(end, AssertionError):
            print(f"FAILED: {end}")
            return False
        outages = end.camera.report.outages if end.camera else 0
        ledger = end.ledger
        is_up = code == 0 and not end.state.is_over
        print(f"outages {outages}; {ledger}; adds up: {ledger.is_balanced}")
        print(f"console and feed up to the end: {is_up}")
        return is_whole and is_up and ledger.is_balanced
    return False


if __name__ == "__main__":
    sys.exit(main())
