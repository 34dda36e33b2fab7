"""Says above the picture when a camera is lost, slow, or back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.sources.live import LinkState
from widgets.message_bar import Message, Severity

if TYPE_CHECKING:
    from app.pipeline import PipelineStatus
    from widgets.feed_bridge import FeedBridge
    from widgets.message_bar import MessageBar


class SourceWatch(QObject):
    """Shows what a live source reports, once each time it changes.

    Parameters
    ----------
    bridge : FeedBridge
        Tells how the feed stands.
    bar : MessageBar
        Where it is said; a message of others is left alone.
    """

    def __init__(self, bridge: FeedBridge, bar: MessageBar) -> None:
        super().__init__(bridge)
        self._bar = bar
        self._said = ""
        self._message: Message | None = None
        bridge.status_taken.connect(self.show_status)

    def show_status(self, status: PipelineStatus) -> None:
        """Say what has changed."""
        camera = status.camera
        is_on = camera is not None and not status.state.is_over
        said = camera.report.text if camera is not None and is_on else ""
        kind = _kind_of(said)
        if kind == self._said:
            return
        self._said = kind
        if not said:
            if self._message is not None and self._bar.message is self._message:
                self._bar.clear()
            self._message = None
            return
        assert camera is not None
        is_lost = camera.report.link is LinkState.LOST
        text = said if is_lost else f"{said[0].upper()}{said[1:]}."
        self._message = Message(
            Severity.WARNING,
            text,
            ""
            if is_lost
            else "Cameras (Ctrl+K) shows the real rate and sets the exposure.",
        )
        self._bar.show_message(self._message)


def _kind_of(said: str) -> str:
    """What is said without its figures, which change all the time."""
    return "".join(letter for letter in said if not letter.isdigit() and letter != ".")
