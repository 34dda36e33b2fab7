"""Takes a picture of the console while it tracks the synthetic scene.

    .venv/bin/python tools/make_screenshot.py [docs/images/console.png]
    .venv/bin/python tools/make_screenshot.py PATH --trigger show-prediction show-mask

It is the real console on the bundled network; where there is no display, it runs under
Xvfb. The picture is taken when tracks are confirmed and the graphs have something to
show.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from app.feed import Feed
    from app.remote_feed import FeedProcess
    from app.sources.base import FrameMode
    from widgets.main_window import MainWindow

_SOURCE = "synthetic://?objects=9&speed=400-2600&body=7-20&seed=11"
_POLL_MS = 20
_GRAPHS_S = 20.0
_FEWEST_TRACKS = 7
_GIVE_UP_S = 120.0


def main() -> int:
    """Take the picture; gives the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "path", type=Path, nargs="?", default=ROOT / "docs/images/console.png"
    )
    parser.add_argument("--source", default=_SOURCE, metavar="URI")
    parser.add_argument("--size", default="1280x800", metavar="WxH")
    parser.add_argument("--graphs-s", type=float, default=_GRAPHS_S, metavar="S")
    parser.add_argument(
        "--trigger", nargs="+", default=[], metavar="ACTION", help="actions to trigger"
    )
    arguments = parser.parse_args()
    if "DISPLAY" not in os.environ:
        command = ["xvfb-run", "-a", "-s", "-screen 0 1920x1200x24"]
        again = [*command, sys.executable, *sys.orig_argv[1:]]
        return subprocess.run(again, check=False).returncode
    width_px, height_px = (int(part) for part in arguments.size.split("x"))
    size_px = width_px, height_px
    shot = Shot(arguments.path, size_px, arguments.graphs_s, arguments.trigger)
    shot.take(arguments.source)
    if not shot.is_taken:
        print(f"No tracks were confirmed within {_GIVE_UP_S:g} s.", file=sys.stderr)
        return 1
    print(f"{arguments.path} shows {shot.tracks} confirmed tracks.")
    return 0


class Shot:
    """Watches the console from a timer in its own event loop.

    Parameters
    ----------
    path : Path
        Of the PNG file; its folder is made.
    size_px : (int, int)
        Width and height of the window.
    graphs_s : float
        How long the graphs gather before the picture is taken.
    triggered : list of str
        Ids of actions that are triggered first.
    """

    def __init__(
        self,
        path: Path,
        size_px: tuple[int, int],
        graphs_s: float,
        triggered: list[str],
    ) -> None:
        self.is_taken = False
        self.tracks = 0
        self._path = path
        self._size_px = size_px
        self._triggered = list(triggered)
        self._graphs_s = graphs_s
        self._feed: Feed | None = None
        self._started_s = time.monotonic()

    def take(self, uri: str) -> None:
        """Open the console on a source, and close it when the picture is taken."""
        from PySide6.QtCore import QSettings, QTimer

        from app.process import prepare_process
        from app.remote_feed import FeedProcess
        from app.settings.in_use import SettingsInUse
        from app.settings.store import SettingsStore
        from widgets.application import make_application, run_console

        prepare_process()
        make_application()
        feeds = FeedProcess()
        timer = QTimer()
        timer.timeout.connect(self._look)
        timer.start(_POLL_MS)
        with tempfile.TemporaryDirectory() as folder:
            run_console(
                partial(self._make_feed, feeds),
                initial_uri=uri,
                in_use=SettingsInUse(SettingsStore(Path(folder) / "settings.json")),
                state=QSettings(f"{folder}/window.ini", QSettings.Format.IniFormat),
                log_path=Path(folder) / "console.log",
            )
        feeds.close()

    def _make_feed(self, feeds: FeedProcess, uri: str, mode: FrameMode) -> Feed:
        from app.paths import DEFAULT_MODEL
        from app.sources.catalogue import open_source
        from engines.base import EngineKind
        from engines.catalogue import open_engine
        from engines.manifest import load_manifest

        make_engine = partial(
            open_engine, EngineKind.OPENVINO, load_manifest(DEFAULT_MODEL)
        )
        make_source = partial(open_source, uri, is_paced=True)
        self._feed = feeds.make_feed(make_source, make_engine, mode)
        self._started_s = time.monotonic()
        return self._feed

    def _look(self) -> None:
        from PySide6.QtGui import QAction
        from PySide6.QtWidgets import QApplication

        from widgets.main_window import MainWindow

        windows = [
            each
            for each in QApplication.topLevelWidgets()
            if isinstance(each, MainWindow) and each.isVisible()
        ]
        if not windows or self._feed is None:
            return
        window = windows[0]
        if (window.width(), window.height()) != self._size_px:
            window.resize(*self._size_px)
        for action in window.findChildren(QAction):
            if action.objectName() in self._triggered:
                self._triggered.remove(action.objectName())
                action.trigger()
        waited_s = time.monotonic() - self._started_s
        self.tracks = self._feed.status().confirmed_tracks
        if waited_s > self._graphs_s and self.tracks >= _FEWEST_TRACKS:
            self._save(window)
        elif waited_s > _GIVE_UP_S:
            window.close()

    def _save(self, window: MainWindow) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self.is_taken = window.grab().save(str(self._path))
        window.close()


if __name__ == "__main__":
    sys.exit(main())
