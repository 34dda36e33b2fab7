"""Heeds what the operator asks of recordings and of recorded sessions."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PySide6.QtCore import QObject, QTimer

from app.errors import ConsoleError
from app.recording.library import (
    list_sessions,
    note_session,
    recover_sessions,
    rename_session,
    trash_session,
)
from app.recording.manifest import SessionState
from widgets.message_bar import Message, Severity
from widgets.session_browser import SessionBrowser

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from app.feed import Feed
    from app.recording.library import SessionEntry
    from app.recording.settings import RecordingSettings
    from widgets.main_window import MainWindow

log = logging.getLogger(__name__)

_THUMBNAIL_PX = (96, 60)
_MOST_THUMBNAILS = 40
_LOOK_AFTER_MS = 1500


class RecordingDesk(QObject):
    """Stands between the window, the running feed and the folder of sessions.

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
        self._browser: SessionBrowser | None = None
        window.record_requested.connect(self._on_record_requested)
        window.mark_requested.connect(self._on_mark_requested)
        window.sessions_requested.connect(self.show_sessions)
        self._look_timer = QTimer(self)
        self._look_timer.setSingleShot(True)
        self._look_timer.timeout.connect(self.look_for_unfinished)
        self._look_timer.start(_LOOK_AFTER_MS)

    def heed(self, settings: RecordingSettings) -> None:
        """Show these settings, and record by them from now on."""
        self._window.recording_panel.show_settings(settings)
        feed = self._running_feed()
        if feed is not None:
            feed.configure_recording(settings)

    def show_sessions(self) -> None:
        """Open the list of sessions; unfinished ones are recovered first."""
        folder = self._window.recording_panel.settings.folder
        recovered = recover_sessions(folder)
        browser = SessionBrowser(self._window)
        browser.open_requested.connect(self._on_open_requested)
        browser.rename_requested.connect(self._on_rename_requested)
        browser.notes_requested.connect(self._on_notes_requested)
        browser.trash_requested.connect(self._on_trash_requested)
        self._browser = browser
        self._refresh()
        if recovered:
            names = ", ".join(manifest.name for manifest in recovered)
            browser.show_message(f"Recovered: {names}")
        browser.open()

    def look_for_unfinished(self) -> None:
        """Tell of sessions whose recorder died; their list recovers them."""
        folder = self._window.recording_panel.settings.folder
        count = sum(
            entry.manifest.state is SessionState.RECORDING and not entry.is_recording
            for entry in list_sessions(folder)
        )
        if count:
            what = "1 recording was" if count == 1 else f"{count} recordings were"
            text = f"{what} never finished. The list of sessions (Ctrl+R) recovers it."
            self._window.show_message(Message(Severity.INFO, text))

    @property
    def browser(self) -> SessionBrowser | None:
        """The list of sessions, once it was opened."""
        return self._browser

    def _refresh(self) -> None:
        if self._browser is None:
            return
        entries = list_sessions(self._window.recording_panel.settings.folder)
        shown = entries[:_MOST_THUMBNAILS]
        pictures = {entry.folder: _thumbnail(entry) for entry in shown}
        self._browser.show_sessions(
            entries,
            {folder: each for folder, each in pictures.items() if each is not None},
        )

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

    def _on_open_requested(self, folder: Path) -> None:
        self._window.source_requested.emit(str(folder), self._window.mode)

    def _on_rename_requested(self, folder: Path, name: str) -> None:
        self._try(lambda: rename_session(folder, name))

    def _on_notes_requested(self, folder: Path, notes: str) -> None:
        self._try(lambda: note_session(folder, notes))

    def _on_trash_requested(self, folder: Path) -> None:
        self._try(lambda: trash_session(folder))

    def _try(self, work: Callable[[], object]) -> None:
        try:
            work()
        except ConsoleError as error:
            log.warning("%s %s", error, error.hint)
            if self._browser is not None:
                self._refresh()
                self._browser.show_message(f"{error.message}. {error.hint}")
            else:
                self._window.show_message(Message.of_error(error))
            return
        self._refresh()


def _thumbnail(entry: SessionEntry) -> NDArray[np.uint8] | None:
    """A picture of a session's first frame; None where it has none."""
    if not entry.manifest.segments:
        return None
    video = cv2.VideoCapture(str(entry.folder / entry.manifest.segments[0]))
    is_read, image = video.read()
    video.release()
    if not is_read:
        return None
    return np.asarray(
        cv2.resize(image, _THUMBNAIL_PX, interpolation=cv2.INTER_AREA), np.uint8
    )
