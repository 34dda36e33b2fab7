"""The console recording live: is every captured frame in the session?

    .venv/bin/python -m tests.benchmarks.recording_live --size 1280x720 --seconds 300
    .venv/bin/python -m tests.benchmarks.recording_live --size 640x480 --colour

Opens the console as `main.py` does (under Xvfb where there is no display) on a camera
whose pictures lie in memory, 120 a second, with inference and display; has it record as
the operator does, and stop. Then every frame of the session is decoded. Prints what was
captured, recorded and lost, and by what; 1 where a frame that was captured is missing.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.commands.arguments import add_engine_arguments, engine_factory
from app.process import prepare_process
from app.recording.session import Session
from app.recording.verify import verify_session
from app.remote_feed import FeedProcess
from tests.benchmarks.live import again_under_xvfb
from tests.benchmarks.memory_camera import MemoryCamera

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.feed import Feed
    from app.pipeline import PipelineStatus
    from app.sources.base import FrameMode, FrameSource

_WARM_UP_S = 5.0
_LOOK_S = 0.5
_FINISH_S = 20.0


class Operator:
    """Records for a time and closes the window; in the GUI thread."""

    def __init__(self, seconds: float) -> None:
        from PySide6.QtCore import QTimer

        self.feed: Feed | None = None
        self.looks: list[PipelineStatus] = []
        self.times_s: list[float] = []
        self._seconds = seconds
        self._running_s = self._started_s = self._stopped_s = 0.0
        self._timer = QTimer()
        self._timer.timeout.connect(self._look)
        self._timer.start(round(1e3 * _LOOK_S))

    def watch(self, feed: Feed) -> Feed:
        """Look at this feed."""
        self.feed = feed
        return feed

    def _look(self) -> None:
        from PySide6.QtWidgets import QApplication

        assert self.feed is not None
        status, now_s = self.feed.status(), time.monotonic()
        if status.state.is_over:
            QApplication.closeAllWindows()
        elif not self._running_s:
            self._running_s = now_s if status.ledger.inferred else 0.0
        elif not self._started_s:
            if now_s - self._running_s > _WARM_UP_S:
                self._press_record()
                self._started_s = now_s
        elif not self._stopped_s:
            self.looks.append(status)
            self.times_s.append(now_s)
            if now_s - self._started_s > self._seconds:
                self._press_record()
                self._stopped_s = now_s
        elif not status.recording.is_recording or now_s - self._stopped_s > _FINISH_S:
            self.looks.append(status)
            self.times_s.append(now_s)
            QApplication.closeAllWindows()

    def _press_record(self) -> None:
        from PySide6.QtWidgets import QApplication

        from widgets.actions import ActionId
        from widgets.main_window import MainWindow

        for window in QApplication.topLevelWidgets():
            if isinstance(window, MainWindow):
                window.actions_by_id[ActionId.RECORD].trigger()


def main() -> int:
    """Open the window, record, verify, print; 1 if a frame is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0, metavar="N")
    parser.add_argument("--size", default="640x480", metavar="WxH")
    parser.add_argument("--colour", action="store_true")
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="DIR",
        help="record into this folder and decode nothing: 'main.py verify' does",
    )
    add_engine_arguments(parser)
    arguments = parser.parse_args()
    if "DISPLAY" not in os.environ:
        return again_under_xvfb()
    width, height = (int(each) for each in arguments.size.split("x"))
    make_camera = partial(MemoryCamera, width, height, arguments.colour)
    with contextlib.ExitStack() as stack:
        folder = arguments.keep
        if folder is None:
            made = stack.enter_context(tempfile.TemporaryDirectory())
            folder = Path(made)
        os.environ["XDG_DATA_HOME"] = str(folder)
        operator = _record(make_camera, arguments, folder)
        [kept] = (folder / "peregrine" / "sessions").iterdir()
        rows, is_whole = _figures(operator, kept, decodes=arguments.keep is None)
    source = f"{arguments.size} {'colour' if arguments.colour else 'grey'}"
    for name, value in {"source": source, **rows}.items():
        print(f"{name:26} {value}")
    if arguments.keep is not None:
        print(f"not decoded yet: main.py verify {kept}")
    return int(not is_whole)


def _figures(
    operator: Operator, folder: Path, *, decodes: bool
) -> tuple[dict[str, str], bool]:
    """What came of it, and whether every frame that was captured is there."""
    session = Session(folder)
    frames, codec = session.frames, session.manifest.codec
    problems = verify_session(session).problems if decodes else ()
    session.close()
    size_bytes = sum(each.stat().st_size for each in folder.iterdir())
    looks = operator.looks
    losses = looks[-1].recording.losses
    expected = int(frames.source_index[-1] - frames.source_index[0]) + 1
    seconds = float(frames.time_s[-1])
    running = [each for each in looks if each.recording.encode_ms]
    latencies = [(each.latency_p50_ms, each.latency_p99_ms) for each in running]
    inferred = looks[-1].ledger.inferred - looks[0].ledger.inferred
    inferred_hz = inferred / (operator.times_s[-1] - operator.times_s[0])
    encode_ms = np.median([each.recording.encode_ms for each in running])
    rows = {
        "recorded": f"{len(frames)} of {expected} frames in {seconds:.1f} s",
        "not recorded": f"encoder {losses.encoder}, disk {losses.disk}",
        "lost at capture": f"{losses.source}",
        "inferred a second": f"{inferred_hz:.1f}",
        "latency p50 / p99": "{:.1f} / {:.1f} ms".format(*np.median(latencies, axis=0)),
        "encoder": f"{codec}, {encode_ms:.2f} ms a frame",
        "most frames waiting": f"{max(each.recording.waiting for each in running)}",
        "written": f"{size_bytes / 1e6:.0f} MB, {size_bytes / 1e6 / seconds:.2f} MB/s",
    }
    if decodes:
        rows["problems of the session"] = f"{len(problems)} {problems[:2]}"
    is_whole = len(frames) + losses.source == expected and not problems
    return rows, is_whole


def _record(
    make_camera: Callable[[], FrameSource], arguments: argparse.Namespace, folder: Path
) -> Operator:
    prepare_process()
    make_engine = engine_factory(arguments)
    feeds = FeedProcess()
    feeds.start()
    from PySide6.QtCore import QSettings

    from app.settings.in_use import SettingsInUse
    from app.settings.store import SettingsStore
    from widgets.application import make_application, run_console

    make_application()
    operator = Operator(arguments.seconds)

    def make_feed(_: str, mode: FrameMode) -> Feed:
        return operator.watch(feeds.make_feed(make_camera, make_engine, mode))

    run_console(
        make_feed,
        initial_uri="memory://",
        in_use=SettingsInUse(SettingsStore(folder / "settings.json")),
        state=QSettings(f"{folder}/window.ini", QSettings.Format.IniFormat),
        log_path=folder / "log",
    )
    feeds.close()
    return operator


if __name__ == "__main__":
    sys.exit(main())
