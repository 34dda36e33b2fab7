"""The console's main job, live: the real window on the synthetic camera.

    .venv/bin/python -m tests.benchmarks.live [--seconds N] [--source URI] ...

Opens the console as `main.py` does (under Xvfb where there is no display), feeds it
the synthetic 120 fps source, and prints what the capture lost, how many frames a
second were inferred, how long a frame took from its arrival to its result, and how
much of its time the GUI thread was busy. The first seconds, in which the window and
the graphs come up, are not counted. Latencies are percentiles of the last 600 frames,
looked at every two seconds: the median of those, and the worst.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.commands.arguments import add_engine_arguments, engine_factory
from app.process import prepare_process
from app.remote_feed import FeedProcess
from app.sources.catalogue import open_source

if TYPE_CHECKING:
    from app.feed import Feed
    from app.sources.base import FrameMode

_WARM_UP_S = 4.0
_SAMPLE_S = 2.0


class Measurement:
    """What is measured while the window is open."""

    def __init__(self) -> None:
        self.feed: Feed | None = None
        self.latencies_ms: list[tuple[float, float]] = []
        self.is_counting = False
        self._started = (0.0, 0.0, 0)
        self.rows: list[tuple[str, str]] = []

    def watch(self, feed: Feed) -> None:
        """Measure this feed."""
        self.feed = feed

    def start(self) -> None:
        """Begin to count; in the GUI thread."""
        assert self.feed is not None
        self.is_counting = True
        inferred = self.feed.status().ledger.inferred
        self._started = (time.monotonic(), time.thread_time(), inferred)

    def finish(self) -> None:
        """Stop counting; in the GUI thread."""
        assert self.feed is not None
        self.is_counting = False
        began_s, busy_s, inferred = self._started
        seconds = time.monotonic() - began_s
        status = self.feed.status()
        ledger = status.ledger
        p50_ms, p99_ms = np.median(self.latencies_ms, axis=0)
        worst_ms = max(p99_ms for _, p99_ms in self.latencies_ms)
        memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        self.rows = [
            ("seconds", f"{seconds:.1f}"),
            ("lost at capture", f"{ledger.lost}"),
            ("replaced", f"{ledger.replaced}"),
            ("ledger adds up", "yes" if ledger.is_balanced else "NO"),
            ("inferred a second", f"{(ledger.inferred - inferred) / seconds:.2f}"),
            (
                "latency p50 / p99 / worst p99",
                f"{p50_ms:.1f} / {p99_ms:.1f} / {worst_ms:.1f} ms",
            ),
            (
                "GUI thread busy",
                f"{100 * (time.thread_time() - busy_s) / seconds:.1f} %",
            ),
            (
                "prepare / infer / segment / track",
                f"{status.stages.prepare_ms:.2f} / {status.stages.infer_ms:.2f} / "
                f"{status.stages.segment_ms:.2f} / {status.stages.track_ms:.2f} ms",
            ),
            ("peak memory", f"{memory_mb:.0f} MB"),
            ("tracks", f"{status.tracks_born}"),
        ]
        if status.engine is not None:
            engine = status.engine
            self.rows.append(
                (
                    "engine",
                    f"{engine.model.name}, {engine.kind.value} "
                    f"{engine.precision.value}, {engine.device}",
                )
            )

    def sample(self) -> None:
        """Note the latencies of the last 600 frames; in the GUI thread."""
        if self.is_counting and self.feed is not None:
            status = self.feed.status()
            self.latencies_ms.append((status.latency_p50_ms, status.latency_p99_ms))


def main() -> int:
    """Open the window, wait, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, metavar="N")
    parser.add_argument("--source", default="synthetic://?objects=6&seed=5")
    add_engine_arguments(parser)
    arguments = parser.parse_args()
    if "DISPLAY" not in os.environ:
        return again_under_xvfb()
    prepare_process()
    make_engine = engine_factory(arguments)
    measurement = Measurement()

    feeds = FeedProcess()
    feeds.start()

    def make_feed(uri: str, mode: FrameMode) -> Feed:
        make_source = partial(open_source, uri, is_paced=True)
        feed = feeds.make_feed(make_source, make_engine, mode)
        measurement.watch(feed)
        return feed

    from PySide6.QtCore import QSettings, QTimer
    from PySide6.QtWidgets import QApplication

    from app.settings.in_use import SettingsInUse
    from app.settings.store import SettingsStore
    from widgets.application import make_application, run_console

    make_application()
    QTimer.singleShot(round(1e3 * _WARM_UP_S), measurement.start)
    # A thread of its own that took every result would cost the others their turns.
    sampling = QTimer()
    sampling.timeout.connect(measurement.sample)
    sampling.start(round(1e3 * _SAMPLE_S))
    QTimer.singleShot(
        round(1e3 * (_WARM_UP_S + arguments.seconds)),
        lambda: (measurement.finish(), QApplication.closeAllWindows()),
    )
    with tempfile.TemporaryDirectory() as folder:
        run_console(
            make_feed,
            initial_uri=arguments.source,
            in_use=SettingsInUse(SettingsStore(Path(folder) / "settings.json")),
            state=QSettings(f"{folder}/window.ini", QSettings.Format.IniFormat),
            log_path=Path(folder) / "log",
        )
    feeds.close()
    for name, value in measurement.rows:
        print(f"{name:26} {value}")
    return 0


def again_under_xvfb() -> int:
    command = ["xvfb-run", "-a", "-s", "-screen 0 1600x1000x24"]
    return subprocess.run(
        [*command, sys.executable, *sys.orig_argv[1:]], check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
