"""Brings the camera window, the feed and the message bar together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.camera_store import CameraStore, camera_file
from widgets.camera_desk import CameraDesk
from widgets.camera_window import CameraWindow

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from app.pipeline import PipelineStatus
    from widgets.console import Console
    from widgets.main_window import MainWindow


class CameraRoom:
    """Made when the operator first asks for the cameras.

    Parameters
    ----------
    ask : callable
        Has a question answered in the process that has the cameras.
    console : Console
        Opens what is chosen.
    window : MainWindow
        The camera window belongs to it.
    """

    def __init__(
        self,
        ask: Callable[[Callable[[], Any]], Future[Any]],
        console: Console,
        window: MainWindow,
    ) -> None:
        self._desk = CameraDesk(ask, CameraStore(camera_file()))
        self.window = CameraWindow(self._desk, window)
        self.window.source_requested.connect(lambda uri: console.open(uri, window.mode))
        console.bridge.status_taken.connect(self._on_status_taken)
        self._running = ""

    def show(self) -> None:
        """Show the window, in front of others, with the cameras of this moment."""
        self.window.show()
        self.window.raise_()
        self.window.activateWindow()
        self.window.look_again()

    def close(self) -> None:
        """Close the window, and ask no more."""
        self.window.close()
        self._desk.close()

    def _on_status_taken(self, status: PipelineStatus) -> None:
        if not self.window.isVisible():
            return
        self.window.show_status(None if status.state.is_over else status)
        source = None if status.state.is_over else status.source
        running = source.uri if source is not None else ""
        if running != self._running:
            # Some cameras can be listed only while they run.
            self._running = running
            self.window.look_again()
