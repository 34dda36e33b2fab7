"""Drives the engines window with mouse and keys, and takes a picture of each state.

    .venv/bin/python tools/engine_tour.py [docs/images] [--source URI]

It is the real console: a foreign frozen graph is dropped on it, what no graph tells is
answered, it is built for OpenVINO in int8, cancelled once, built again, tried in the
shadow of the running engine and rejected, swapped in with a lower limit, where it
tracks, and swapped out again; two others take over and are rolled back, one slower
than allowed and one whose process is killed; a build that fails and two benches come
last. Where there
is no display, it runs under Xvfb. Nothing of the operator's own settings and engines is
read or changed.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from app.conversion_job import find_interpreter  # noqa: E402  of this repository
from app.engine_trial import TrialPhase, TrialStatus  # noqa: E402  the same

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from PySide6.QtWidgets import QAbstractSpinBox, QComboBox, QLineEdit, QWidget

    from widgets.engine_window import EngineWindow
    from widgets.main_window import MainWindow

    Condition = Callable[[], object]

T = TypeVar("T")
# From frame to frame as far as at 120 fps, at half the load.
_SOURCE = "synthetic://?objects=9&fps=60&speed=200-1300&body=7-20&seed=11"
_POLL_MS = 50
_PATIENCE_S = 900.0
_NETWORK = "networks/ball_net.pb"


def main() -> int:
    """Run the tour; gives the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "docs/images")
    parser.add_argument("--source", default=_SOURCE)
    arguments = parser.parse_args()
    folder = arguments.folder.absolute()
    if "DISPLAY" not in os.environ:
        command = ["xvfb-run", "-a", "-s", "-screen 0 1920x1200x24"]
        again = [*command, sys.executable, *sys.orig_argv[1:]]
        return subprocess.run(again, check=False).returncode
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        for name in ("CONFIG", "DATA", "STATE", "CACHE"):
            os.environ[f"XDG_{name}_HOME"] = f"{home}/{name.lower()}"
        os.environ["HOME"] = home
        (Path(home) / "networks").mkdir()
        freeze = str(ROOT / "tools/foreign_graph.py")
        made = Path(home) / _NETWORK
        subprocess.run([str(find_interpreter()), freeze, str(made)], check=True)
        (Path(home) / "networks/broken.pb").write_bytes(b"no graph")
        os.chdir(home)
        tour = Tour(folder, arguments.source)
        tour.run()
    print(tour.ending)
    return int(not tour.is_done)


class Tour:
    """Moves on in the console's own event loop, as soon as what it waits for is so.

    Parameters
    ----------
    folder : Path
        Where the pictures go.
    source : str
        What is tracked.
    """

    def __init__(self, folder: Path, source: str) -> None:
        self.is_done = False
        self._source = source
        self.ending = ""
        self._folder = folder
        self._steps = self._script()
        self._is_so: Condition = lambda: True
        self._waiting_s = time.monotonic()

    def run(self) -> None:
        """Open the console and take the tour."""
        from PySide6.QtCore import QTimer

        import main as console
        from widgets.application import make_application

        make_application()
        timer = QTimer()
        timer.timeout.connect(self._look)
        timer.start(_POLL_MS)
        console.main(["--source", self._source])

    def _look(self) -> None:
        from PySide6.QtWidgets import QApplication

        is_late = time.monotonic() - self._waiting_s > _PATIENCE_S
        if not is_late and not self._is_so():
            return
        try:
            self._is_so = (
                self._steps.throw(TimeoutError) if is_late else next(self._steps)
            )
            self._waiting_s = time.monotonic()
        except StopIteration:
            self.is_done, self.ending = True, "The tour is done."
            QApplication.closeAllWindows()
        except Exception as error:  # noqa: BLE001  the last frame of the tour
            traceback.print_exception(error)
            self.ending = "The tour ended early."
            QApplication.closeAllWindows()

    # --- the tour

    def _script(self) -> Generator[Condition, None, None]:
        from PySide6.QtCore import Qt
        from PySide6.QtTest import QTest

        yield lambda: _is_there(lambda: self._main)
        yield _after(6.0)
        # Under Xvfb there is no window manager to do it.
        self._main.activateWindow()
        yield lambda: self._main.isActiveWindow()
        control = Qt.KeyboardModifier.ControlModifier
        QTest.keyClick(self._main, Qt.Key.Key_B, control)
        yield lambda: _is_there(lambda: self._engines.table.rowCount())
        window = self._engines
        form = window.form
        # A foreign frozen graph, what it takes, and int8.
        _drop(window, Path(_NETWORK))
        yield lambda: form.found.text().startswith("Takes")
        _choose(form.colour, "grey")
        _choose(form.precision, "int8")
        yield lambda: form.memory.text()
        self._take("engines_form")
        # Build, look on, cancel.
        _click(form.build)
        yield lambda: self._box and self._box.build.status.steps_done >= 3
        _click(self._box.cancel)
        yield lambda: self._box.again.isVisible()
        yield _after(0.5)
        self._take("engines_cancelled")
        # Build again to the end, and another one behind it.
        _click(self._box.again)
        _choose(form.precision, "fp32")
        _click(form.build)
        yield lambda: self._boxes[1].build.status.steps_done >= 3
        self._take("engines_queue")
        _click(self._box.cancel)
        yield lambda: self._box.build.is_over
        _click(self._box.cancel)
        yield lambda: self._is_built("ball_net openvino int8")
        yield _after(1.0)
        self._take("engines_built")
        self._open(window.report)
        yield _after(1.0)
        self._take("engines_report")
        self._open(window.graph)
        trained, made = window.graph.sides
        yield lambda: trained.tree.topLevelItemCount()
        _choose(made.choice, "as OpenVINO")
        yield _after(1.0)
        self._take("engines_graph")
        # int8 is near, not equal: too near is asked, and it goes back by itself.
        _type(window.trial.ratio, "20")
        _type(window.trial.iou, "0.9999")
        _type(window.trial.shadow, "5")
        _click(window.try_button)
        yield lambda: self._trial.frames > 15
        self._take("engine_trial")
        yield lambda: self._trial.phase.is_over
        yield _after(0.5)
        self._take("engine_rejected")
        # With a lower limit it takes over, and tracks; then the one before comes back.
        _type(window.trial.iou, "0.5")
        yield from self._try()
        self._take("engine_swapped")
        yield _after(1.5)
        self._take("engine_tracks", self._main)
        window.table.setFocus()
        window.table.choose("bundled")
        yield from self._try()
        self._take("engine_returned")
        yield from self._roll_back()
        # A build that fails says why, and what to try.
        _type(form.model, "~/networks/broken.pb")
        _click(form.build)
        yield lambda: self._box.build.is_over
        yield _after(0.5)
        self._take("engines_failed")
        # Two benches side by side; then what is published of two boards.
        for name in ("bundled", "ball_net openvino int8"):
            window.table.choose(name)
            _click(window.bench_button)
            yield lambda: window.bench.progress.isVisible()
            yield lambda: not window.bench.progress.isVisible()
        yield _after(0.5)
        self._take("engines_bench")
        _click(window.bench.boards)
        yield _after(0.5)
        self._take("engines_boards")
        for kind in ("png", "csv", "html"):
            path = Path(f"benches.{kind}").absolute()
            window.bench.export_to(path)
            assert path.stat().st_size, path

    def _roll_back(self) -> Generator[Condition, None, None]:
        """Let an engine take over that is too slow, and one whose process is killed."""
        window = self._engines
        trial, form = window.trial, window.form
        # How much slower it is, says its shadow.
        _type(trial.iou, "0")
        _type(trial.ratio, "100")
        _type(trial.shadow, "30")
        window.table.choose("bundled large")
        number = self._trial.number
        _click(window.try_button)
        yield lambda: self._trial.number > number and self._trial.frames > 40
        shown = self._trial
        ratio = shown.tried.infer_p50_ms / shown.running.infer_p50_ms
        _click(trial.cancel)
        yield lambda: self._trial.phase.is_over
        # In the shadow twice the limit is allowed, and on probation the limit itself.
        _type(trial.ratio, f"{ratio / 1.7:.2f}")
        _type(trial.shadow, "5")
        yield from self._try(TrialPhase.ROLLED_BACK)
        self._take("engine_rolled_back")
        self._take("engine_rolled_back_console", self._main)
        # Where an engine is hosted, its process may be killed.
        _type(form.model, f"~/{_NETWORK}")
        _choose(form.target, "TensorFlow:")
        yield lambda: form.memory.text()
        _click(form.build)
        yield lambda: self._is_built("ball_net tensorflow fp32")
        _type(trial.ratio, "100")
        _type(trial.probation, "60")
        window.table.choose("ball_net tensorflow fp32")
        number = self._trial.number
        _click(window.try_button)
        yield (
            lambda: (
                self._trial.number > number
                and self._trial.phase is TrialPhase.PROBATION
            )
        )
        yield _after(2.0)
        for process in _hosts():
            os.kill(process, signal.SIGKILL)
        yield lambda: self._trial.phase.is_over
        yield _after(0.5)
        assert self._trial.phase is TrialPhase.ROLLED_BACK, self._trial.reason
        self._take("engine_crashed")
        _type(trial.probation, "2")
        _choose(form.target, "OpenVINO:")

    def _try(
        self, end: TrialPhase = TrialPhase.ACCEPTED
    ) -> Generator[Condition, None, None]:
        """Try the chosen engine, up to an end."""
        number = self._trial.number
        _click(self._engines.try_button)
        yield lambda: self._trial.number > number and self._trial.phase.is_over
        yield _after(0.5)
        assert self._trial.phase is end, self._trial.reason

    def _is_built(self, name: str) -> bool:
        table = self._engines.table
        cells = [table.item(row, 0) for row in range(table.rowCount())]
        builds = [box.build for box in self._boxes]
        is_listed = name in [cell.text() for cell in cells if cell is not None]
        return is_listed and all(build.is_over for build in builds)

    @property
    def _main(self) -> MainWindow:
        from widgets.main_window import MainWindow

        return _window_of(MainWindow)

    @property
    def _engines(self) -> EngineWindow:
        from widgets.engine_window import EngineWindow

        return _window_of(EngineWindow)

    @property
    def _trial(self) -> TrialStatus:
        trial = self._engines.trial.shown
        return trial or TrialStatus(0, TrialPhase.OPENING)

    @property
    def _box(self) -> Any:  # noqa: ANN401  a private class
        return next(iter(self._boxes), None)

    @property
    def _boxes(self) -> list[Any]:
        """Of the builds, the newest first."""
        boxes = self._engines.builds.boxes
        return sorted(boxes, key=lambda box: -box.build.number)

    def _open(self, page: QWidget) -> None:
        from PySide6.QtCore import Qt
        from PySide6.QtTest import QTest

        tabs = self._engines.tabs
        bar = tabs.tabBar()
        place = bar.tabRect(tabs.indexOf(page)).center()
        QTest.mouseClick(bar, Qt.MouseButton.LeftButton, pos=place)

    def _take(self, name: str, window: QWidget | None = None) -> None:
        path = self._folder / f"{name}.png"
        (window or self._engines).grab().save(str(path))
        print(path.name, flush=True)


def _window_of(kind: type[T]) -> T:
    """The visible window of a class.

    Raises
    ------
    LookupError
        If there is none yet.
    """
    from PySide6.QtWidgets import QApplication

    for each in QApplication.topLevelWidgets():
        if isinstance(each, kind) and each.isVisible():
            return each
    raise LookupError(kind.__name__)


def _hosts() -> list[int]:
    """The processes that host an engine for this one."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if b"engines.host" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return [number for number in found if os.getpid() in _ancestors(number)]


def _ancestors(number: int) -> list[int]:
    found = []
    while number > 1:
        status = Path(f"/proc/{number}/stat").read_text()
        # The name of the program stands in brackets, and may hold anything.
        number = int(status.rpartition(")")[2].split()[1])
        found.append(number)
    return found


def _is_there(window: Callable[[], object]) -> bool:
    try:
        return bool(window())
    except LookupError:
        return False


def _after(seconds: float) -> Condition:
    end_s = time.monotonic() + seconds
    return lambda: time.monotonic() > end_s


def _drop(window: QWidget, path: Path) -> None:
    from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
    from PySide6.QtGui import QDragEnterEvent, QDropEvent
    from PySide6.QtWidgets import QApplication

    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path.absolute()))])
    place, button = QPointF(window.rect().center()), Qt.MouseButton.LeftButton
    modifier, action = Qt.KeyboardModifier.NoModifier, Qt.DropAction.CopyAction
    enter = QDragEnterEvent(place.toPoint(), action, data, button, modifier)
    # A drop goes to what the drag has entered before.
    QApplication.sendEvent(window, enter)
    QApplication.sendEvent(window, QDropEvent(place, action, data, button, modifier))


def _type(field: QLineEdit | QAbstractSpinBox, text: str) -> None:
    from PySide6.QtTest import QTest

    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, f"{text}\t")


def _choose(box: QComboBox, text: str) -> None:
    from PySide6.QtTest import QTest

    box.setFocus()
    QTest.keyClicks(box, text)


def _click(widget: QWidget) -> None:
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


if __name__ == "__main__":
    sys.exit(main())
