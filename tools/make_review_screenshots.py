"""Takes pictures of the list of sessions and of a review.

    .venv/bin/python tools/make_review_screenshots.py [docs/images]

Sessions are recorded from the sample clip and the synthetic scene by the real recorder
and the bundled network, then listed and reviewed in the real windows; where there is no
display, under Xvfb.
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
    from collections.abc import Callable

    from app.recording.zones import Point
    from widgets.review_window import ReviewWindow

_SIZE_PX = (1360, 860)
_PATIENCE_S = 60.0
_SETTLE_S = 0.8
_SOURCES = {
    "serve": "synthetic://?objects=4&seconds=6&seed=3&speed=300-900&body=9-16",
    "crowd": "synthetic://?objects=12&seconds=3&seed=11",
}


def main() -> int:
    """Take the pictures; gives the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "docs/images")
    arguments = parser.parse_args()
    if "DISPLAY" not in os.environ:
        command = ["xvfb-run", "-a", "-s", "-screen 0 1920x1200x24"]
        again = [*command, sys.executable, *sys.orig_argv[1:]]
        return subprocess.run(again, check=False).returncode
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        sessions = Path(folder)
        _record(sessions)
        _show(sessions, arguments.folder)
    return 0


def _record(folder: Path) -> None:
    from app.paths import DEFAULT_MODEL, SAMPLE_CLIP
    from app.process import prepare_process
    from app.record_job import RecordJob
    from app.recording.settings import RecordingSettings
    from app.sources.base import FrameMode
    from engines.base import EngineKind
    from engines.catalogue import open_engine
    from engines.manifest import load_manifest

    prepare_process()
    model = load_manifest(DEFAULT_MODEL)
    for name, source in {"sample clip": str(SAMPLE_CLIP), **_SOURCES}.items():
        RecordJob(
            source=source,
            make_engine=partial(open_engine, EngineKind.OPENVINO, model),
            settings=RecordingSettings(folder, keeps_masks=True, reserve_bytes=10**6),
            name=name,
            mode=FrameMode.EVERY_FRAME,
        ).run(lambda _: None)


def _show(sessions: Path, images: Path) -> None:
    from app.recording.settings import RecordingSettings
    from widgets.application import make_application
    from widgets.main_window import MainWindow
    from widgets.session_desk import SessionDesk

    make_application()
    window = MainWindow()
    window.recording_panel.show_settings(RecordingSettings(sessions))
    desk = SessionDesk(window)
    desk.show_sessions()
    browser = desk.browser
    assert browser is not None
    _wait(lambda: len(browser.names) == 3 and browser.has_thumbnail(2))
    _save(browser, images / "sessions.png")
    desk.review(sessions / "serve")
    review = desk.reviews[0]
    review.resize(*_SIZE_PX)
    _wait(lambda: review.bridge.analysis is not None)
    _review(review, images)
    window.close()


def _review(window: ReviewWindow, images: Path) -> None:
    from widgets.review_actions import ReviewAction
    from widgets.review_view import Tool

    analysis = window.bridge.analysis
    assert analysis is not None
    longest = sorted(analysis.statistics, key=lambda each: -each.frames)
    first, second = longest[0].id, longest[1].id
    manifest = analysis.contents.manifest
    width, height = manifest.width_px, manifest.height_px
    number = (max(longest[0].first, longest[1].first) + longest[0].last) // 2
    window.choose(first)
    _go(window, number)
    _save(window, images / "review.png")
    window.choose(second, is_added=True)
    window.actions_by_id[ReviewAction.SWAP].trigger()
    _wait(lambda: window.bridge.analysis is not analysis)
    _save(window, images / "review-correction.png")

    def at(x: float, y: float) -> Point:
        return width * x, height * y

    window.choose(first)
    zone = at(0.1, 0.15), at(0.45, 0.1), at(0.5, 0.55), at(0.15, 0.6)
    window.zones.add(Tool.ZONE, zone)
    _wait(lambda: bool(window.bridge.analysis and window.bridge.analysis.visits))
    window.zones.add(Tool.LINE, (at(0.6, 0.9), at(0.6, 0.1)))
    _wait(lambda: bool(window.bridge.analysis and window.bridge.analysis.crossings))
    window.tabs.setCurrentWidget(window.zones)
    _save(window, images / "review-zones.png")


def _go(window: ReviewWindow, number: int) -> None:
    window.bridge.seek(number)
    _wait(
        lambda: (
            window.view.picture is not None
            and window.view.picture.frame_index == number
        )
    )


def _save(widget: object, path: Path) -> None:
    _wait(lambda: False, _SETTLE_S)
    if not widget.grab().save(str(path)):  # type: ignore[attr-defined]
        raise OSError(f"{path} cannot be written")
    print(path.name)


def _wait(condition: Callable[[], bool], patience_s: float = _PATIENCE_S) -> None:
    from PySide6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    deadline_s = time.monotonic() + patience_s
    timer = QTimer()
    timer.timeout.connect(
        lambda: loop.quit() if condition() or time.monotonic() > deadline_s else None
    )
    timer.start(20)
    loop.exec()


if __name__ == "__main__":
    sys.exit(main())
