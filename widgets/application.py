"""The application: theme, hooks, window; from start to exit code."""

from __future__ import annotations

import logging
import signal
import socket
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSocketNotifier, QTimer
from PySide6.QtWidgets import QApplication

from app.display import Display
from app.display_server import DisplayServer
from app.errors import ConsoleError, WorkerStuckError
from app.process import Urgency, hurry_window
from widgets.console import Console
from widgets.error_hooks import ErrorHooks
from widgets.garbage import GuiCollector
from widgets.late_import import LateImport
from widgets.main_window import NAME, MainWindow
from widgets.memory import Memory
from widgets.message_bar import Message
from widgets.settings_desk import SettingsDesk
from widgets.source_watch import SourceWatch
from widgets.theme import apply_theme

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from PySide6.QtCore import QSettings
    from PySide6.QtWidgets import QWidget

    from app.feed import Feed
    from app.settings.in_use import SettingsInUse
    from app.sources.base import FrameMode
    from widgets.camera_room import CameraRoom
    from widgets.engine_room import EngineRoom
    from widgets.machine_watch import MachineWatch

log = logging.getLogger(__name__)

_WATCH_AFTER_MS = 2500
_ROOMS = ("widgets.engine_room", "widgets.camera_room")


def make_application() -> QApplication:
    """Make the one application of this process, in the console's theme."""
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        app = QApplication([NAME.lower()])
    app.setApplicationName(NAME.lower())
    app.setApplicationDisplayName(NAME)
    app.setDesktopFileName(NAME.lower())
    apply_theme(app)
    return app


def run_console(
    make_feed: Callable[[str, FrameMode], Feed],
    initial_uri: str | None,
    in_use: SettingsInUse,
    state: QSettings,
    log_path: Path,
    ask: Callable[[Callable[[], Any]], Future[Any]] | None = None,
) -> int:
    """Show the window until it is closed.

    Parameters
    ----------
    make_feed : callable
        Makes the feed of an address in a mode, without starting it.
    initial_uri : str, optional
        Opened at once. None offers the sources opened before.
    in_use : SettingsInUse
    state : QSettings
        Where layout and recent sources are kept.
    log_path : Path
        Named where an unexpected error is shown.
    ask : callable, optional
        Has a question answered where the cameras are; without it, here.

    Returns
    -------
    int
        The exit code of the program.
    """
    app = make_application()
    hurry_window(Urgency.WINDOW)
    server = DisplayServer(app.platformName())
    server.hurry(Urgency.WINDOW)
    collector = GuiCollector()
    collector.start()
    hooks = ErrorHooks(log_path)
    hooks.install()
    memory = Memory(state)
    now = in_use.now
    window = MainWindow(now.display.overlay(), now.source.mode, memory.folder)
    hooks.set_window(window)
    display = Display()
    desk = SettingsDesk(in_use, window)
    console = Console(make_feed, window, display, memory, desk, hooks.report)
    window.settings_requested.connect(desk.open_dialog)
    window.closed.connect(desk.close)
    desk.faulted.connect(lambda error: window.show_message(Message.of_problem(error)))
    if memory.graphs is not None:
        window.telemetry_dock.choose_graphs(memory.graphs)
    watches: list[MachineWatch] = []
    # None of them is needed for the first picture.
    late = LateImport("widgets.machine_watch", *_ROOMS)
    late.done.connect(partial(_watch, watches, console, window, memory, desk))
    watching = QTimer()
    watching.setSingleShot(True)
    watching.timeout.connect(late.start)
    watching.start(_WATCH_AFTER_MS)
    rooms: list[EngineRoom] = []
    window.engines_requested.connect(
        partial(_show_engines, rooms, console, window, desk)
    )
    desk.engines_requested.connect(window.engines_requested)
    camera_rooms: list[CameraRoom] = []
    window.cameras_requested.connect(
        partial(_show_cameras, camera_rooms, ask or _answer_here, console, window)
    )
    SourceWatch(console.bridge, window.message_bar)
    window.folder_changed.connect(lambda folder: setattr(memory, "folder", folder))
    window.closed.connect(lambda: setattr(memory, "layout", window.layout_now))
    if memory.layout is not None:
        window.restore_layout(memory.layout)
    display.start()
    window.show()
    if initial_uri is not None:
        console.open(initial_uri, now.source.mode)
    if desk.problem is not None:
        log.warning("%s %s", desk.problem, desk.problem.hint)
        window.show_message(Message.of_problem(desk.problem))
    try:
        with _closing_on_interrupt(window):
            return app.exec()
    finally:
        for room in rooms:
            room.close()
        for camera_room in camera_rooms:
            camera_room.close()
        watching.stop()
        late.close()
        for watch in watches:
            watch.close()
        _stop(console, display)
        hooks.remove()
        collector.stop()
        server.release()
        hurry_window(0)


def _watch(
    watches: list[MachineWatch],
    console: Console,
    window: MainWindow,
    memory: Memory,
    desk: SettingsDesk,
) -> None:
    from widgets.machine_watch import watch_machine

    watches.append(watch_machine(console, window, memory, desk))
    watches[0].figures_taken.connect(console.tell_machine)
    watches[0].start()


def _show_engines(
    rooms: list[EngineRoom], console: Console, window: MainWindow, desk: SettingsDesk
) -> None:
    if not rooms:
        from widgets.engine_room import EngineRoom

        rooms.append(EngineRoom(console, window, desk))
    rooms[0].show()


def _show_cameras(
    rooms: list[CameraRoom],
    ask: Callable[[Callable[[], Any]], Future[Any]],
    console: Console,
    window: MainWindow,
) -> None:
    if not rooms:
        from widgets.camera_room import CameraRoom

        rooms.append(CameraRoom(ask, console, window))
    rooms[0].show()


def _answer_here(question: Callable[[], Any]) -> Future[Any]:
    answer: Future[Any] = Future()
    try:
        answer.set_result(question())
    except ConsoleError as error:
        answer.set_exception(error)
    return answer


def run_review(folder: Path, log_path: Path) -> int:
    """Review a session in a window of its own, until it is closed.

    Parameters
    ----------
    folder : Path
        Of the session.
    log_path : Path
        Named where an unexpected error is shown.

    Returns
    -------
    int
        The exit code of the program.
    """
    from app.review.review import Review
    from widgets.review_window import ReviewWindow

    app = make_application()
    hooks = ErrorHooks(log_path)
    hooks.install()
    window = ReviewWindow(Review(folder))
    hooks.set_window(window)
    window.show()
    try:
        with _closing_on_interrupt(window):
            return app.exec()
    finally:
        hooks.remove()


@contextmanager
def _closing_on_interrupt(window: QWidget) -> Iterator[None]:
    """Close the window on Ctrl+C in the terminal, and on SIGTERM.

    While Qt waits no Python runs, and Python's handler would wait with it: the
    signal's number arrives on a socket that Qt looks at.
    """
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    notifier = QSocketNotifier(reader.fileno(), QSocketNotifier.Type.Read)
    notifier.activated.connect(window.close)
    before = {
        number: signal.signal(number, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    fd_before = signal.set_wakeup_fd(writer.fileno())
    try:
        yield
    finally:
        signal.set_wakeup_fd(fd_before)
        for number, handler in before.items():
            signal.signal(number, handler)
        notifier.setEnabled(False)
        reader.close()
        writer.close()


def _stop(console: Console, display: Display) -> None:
    """Stop every thread; one that does not is left to the end of the process."""
    for part in (console.close, display.stop):
        try:
            part()
        except WorkerStuckError as error:
            log.error("%s %s", error, error.hint)  # noqa: TRY400  expected
