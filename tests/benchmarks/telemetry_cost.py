"""What watching the machine costs: processor time, and latency of the frames.

    .venv/bin/python -m tests.benchmarks.telemetry_cost [--pairs N] ...

Reads every sensor of this machine, and of a recorded TX2, again and again and prints
the processor time of one sweep. Then opens the console on the synthetic 120 fps source
(under Xvfb where there is no display) and lets it run in rounds, with the watch
(sensors, alarms, verdict) and without it, the order changing from pair to pair.
Latencies of a round are percentiles of its last 600 frames; each pair gives one ratio.
Their median is what the watch costs, and half of them lie between the quartiles.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.commands.arguments import add_engine_arguments, engine_factory
from app.hardware.catalogue import readers_of
from app.hardware.tree import Tree
from app.process import prepare_process
from app.remote_feed import FeedProcess
from app.sources.base import FrameMode
from app.sources.catalogue import open_source
from tests.fakes.boards import build_board

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.feed import Feed
    from widgets.machine_watch import MachineWatch

_SWEEPS = 200
_WARM_UP_S = 6.0
# The frames whose latency is looked at take 5 s; what was before is settled by then.
_ROUND_S = 6.5
_ORDERS = ((True, False), (False, True))


def print_sweep(name: str, tree: Tree) -> None:
    """Measure the processor time of reading every sensor once."""
    readers = [make() for make in readers_of(tree, Path.home, os.getpid())]
    took_ms = np.zeros((_SWEEPS, len(readers)))
    for row in took_ms:
        for at, reader in enumerate(readers):
            began_s = time.thread_time()
            reader.read()
            row[at] = (time.thread_time() - began_s) * 1e3
    sweeps_ms = took_ms.sum(axis=1)
    print(
        f"one sweep of {name}, {len(readers)} readers: {np.median(sweeps_ms):.2f} ms of"
        f" processor time, {np.percentile(sweeps_ms, 99):.2f} ms at most in 99 of 100"
    )
    costs = zip(
        np.median(took_ms, axis=0), (each.name for each in readers), strict=True
    )
    dearest = sorted(costs, reverse=True)[:3]
    print("  of it " + ", ".join(f"{name} {ms:.2f} ms" for ms, name in dearest))


class Rounds:
    """Lets the console run with and without the watch; in the GUI thread.

    Parameters
    ----------
    make_watch : callable
        Makes the watch of the console's window.
    pairs : int
    close : callable
        Ends the console.
    """

    def __init__(
        self,
        make_watch: Callable[[], MachineWatch],
        pairs: int,
        close: Callable[[], None],
    ) -> None:
        self.latencies_ms: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
        """Median and 99th percentile of each round, with and without the watch."""
        self.feed: Feed | None = None
        self._make_watch = make_watch
        self._close = close
        self._plan = [way for pair in range(pairs) for way in _ORDERS[pair % 2]]
        self._is_watched = False
        self._watch: MachineWatch | None = None

    def start(self) -> None:
        """Begin the next round, or end."""
        from PySide6.QtCore import QTimer

        if not self._plan:
            self._close()
            return
        self._is_watched = self._plan.pop(0)
        if self._is_watched:
            self._watch = self._make_watch()
            self._watch.start()
        QTimer.singleShot(round(1e3 * _ROUND_S), self.finish)

    def finish(self) -> None:
        """Note the latencies of a round."""
        assert self.feed is not None
        status = self.feed.status()
        latencies_ms = status.latency_p50_ms, status.latency_p99_ms
        self.latencies_ms[self._is_watched].append(latencies_ms)
        if self._watch is not None:
            self._watch.close()
            self._watch.deleteLater()
            self._watch = None
        self.start()

    def text(self) -> str:
        """The ratios of all pairs, in words."""
        lines = [f"{len(self.latencies_ms[True])} pairs of rounds of {_ROUND_S:g} s"]
        for at, name in enumerate(("p50", "p99")):
            with_ms, without_ms = (
                [each[at] for each in self.latencies_ms[way]] for way in (True, False)
            )
            ratios = [a / b for a, b in zip(with_ms, without_ms, strict=True)]
            low, _, high = statistics.quantiles(ratios, n=4)
            lines.append(
                f"latency {name}: {statistics.median(with_ms):.2f} ms with the watch,"
                f" {statistics.median(without_ms):.2f} ms without; ratio"
                f" {statistics.median(ratios):.3f}, quartiles {low:.3f} to {high:.3f},"
                f" all {min(ratios):.3f} to {max(ratios):.3f}"
            )
        return "\n".join(lines)


def main() -> int:
    """Measure both, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=14, metavar="N")
    parser.add_argument("--source", default="synthetic://?objects=6&seed=5")
    add_engine_arguments(parser)
    arguments = parser.parse_args()
    if "DISPLAY" not in os.environ:
        command = ["xvfb-run", "-a", "-s", "-screen 0 1600x1000x24"]
        return subprocess.run(
            [*command, sys.executable, *sys.orig_argv[1:]], check=False
        ).returncode
    prepare_process()
    print_sweep("this machine", Tree())
    with tempfile.TemporaryDirectory() as folder:
        tx2 = build_board("tx2_r32_maxp_core_arm", Path(folder) / "tx2")
        print_sweep("a recorded TX2", Tree(tx2))
        print(_measure(arguments, Path(folder)).text())
    return 0


def _measure(arguments: argparse.Namespace, folder: Path) -> Rounds:
    make_engine = engine_factory(arguments)
    feeds = FeedProcess()
    feeds.start()

    from PySide6.QtCore import QSettings, QTimer
    from PySide6.QtWidgets import QApplication

    from app.display import Display
    from app.settings.in_use import SettingsInUse
    from app.settings.store import SettingsStore
    from widgets.application import make_application
    from widgets.console import Console
    from widgets.machine_watch import watch_machine
    from widgets.main_window import MainWindow
    from widgets.memory import Memory
    from widgets.settings_desk import SettingsDesk

    app = make_application()
    in_use = SettingsInUse(SettingsStore(folder / "settings.json"))
    memory = Memory(QSettings(f"{folder}/window.ini", QSettings.Format.IniFormat))
    window = MainWindow(in_use.now.display.overlay(), FrameMode.LIVE, memory.folder)
    desk = SettingsDesk(in_use, window)
    display = Display()

    def make_feed(uri: str, mode: FrameMode) -> Feed:
        make_source = partial(open_source, uri, is_paced=True)
        rounds.feed = feeds.make_feed(make_source, make_engine, mode)
        return rounds.feed

    def report(error: BaseException, part: str) -> None:
        raise RuntimeError(part) from error

    console = Console(make_feed, window, display, memory, desk, report)

    def make_watch() -> MachineWatch:
        watch = watch_machine(console, window, memory, desk)
        watch.figures_taken.connect(console.tell_machine)
        return watch

    rounds = Rounds(make_watch, arguments.pairs, QApplication.closeAllWindows)
    display.start()
    window.show()
    console.open(arguments.source, FrameMode.LIVE)
    QTimer.singleShot(round(1e3 * _WARM_UP_S), rounds.start)
    app.exec()
    console.close()
    display.stop()
    desk.close()
    feeds.close()
    return rounds


if __name__ == "__main__":
    sys.exit(main())
