"""Heeds what the operator asks of recordings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from widgets.session_desk import SessionDesk
from widgets.zone_overlay import ZoneOverlay

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.feed import Feed
    from app.recording.settings import RecordingSettings
    from widgets.main_window import MainWindow


class RecordingDesk(QObject):
    """Stands between the window and the running feed.

    Parameters
    ----------
    window : MainWindow
    running_feed : callable
        Gives the feed that runs, or None.
    """

    def __init__(
        self, window: MainWindow, running_feed: Callable[[], Feed | None]
    ) -> None:
        super().__init__()
        self._window = window
        self._running_feed = running_feed
        self.sessions = SessionDesk(window)
        window.record_requested.connect(self._on_record_requested)
        window.mark_requested.connect(self._on_mark_requested)
        self.zone = ZoneOverlay(window.video_view)
        """The zone that starts recordings, over the live picture."""
        panel = window.recording_panel
        panel.zone_requested.connect(self.zone.start_drawing)
        panel.review_requested.connect(self.sessions.review)
        self.zone.zone_drawn.connect(panel.form.take_zone)

    def heed(self, settings: RecordingSettings) -> None:
        """Show these settings, and record by them from now on."""
        self._window.recording_panel.show_settings(settings)
        self.zone.show_zone(settings.zone.points_px if settings.zone else ())
        feed = self._running_feed()
        if feed is not None:
            feed.configure_recording(settings)

    def _on_record_requested(self, is_wanted: bool) -> None:
        feed = self._running_feed()
        if feed is None:
            return
        if is_wanted:
            self._window.recording_dock.show()
            self._window.recording_dock.raise_()
            feed.configure_recording(self._window.recording_panel.settings)
            feed.start_recording()
        else:
            feed.stop_recording()

    def _on_mark_requested(self) -> None:
        feed = self._running_feed()
        if feed is not None:
            feed.mark()
