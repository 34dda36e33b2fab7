"""Heeds what the operator asks of recorded sessions: the list, reviews, the trash."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer

from app.errors import ConsoleError, WorkerStuckError
from app.recording.library import (
    list_sessions,
    note_session,
    rename_session,
    restore_session,
    trash_session,
)
from app.recording.manifest import SessionState
from widgets.message_bar import Message, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from app.review.shelf import SessionShelf
    from widgets.main_window import MainWindow
    from widgets.review_window import ReviewWindow
    from widgets.session_browser import SessionBrowser

log = logging.getLogger(__name__)

_LOOK_AFTER_MS = 1500
_POLL_MS = 60


class SessionDesk(QObject):
    """Stands between the window, the list of sessions, their folder and reviews.

    What needs video libraries is loaded when it is asked for first.

    Parameters
    ----------
    window : MainWindow
        With it, the list and all reviews are closed.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__()
        self._window = window
        self._browser: SessionBrowser | None = None
        self._shelf: SessionShelf | None = None
        self._thumbnails: Mapping[Path, NDArray[np.uint8]] = {}
        self._shown: object = None
        self._told: tuple[str, ...] = ()
        self._reviews: dict[Path, ReviewWindow] = {}
        self._trashed: list[tuple[Path, Path]] = []
        window.sessions_requested.connect(self.show_sessions)
        window.closed.connect(self.close)
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self.poll)
        self._look_timer = QTimer(self)
        self._look_timer.setSingleShot(True)
        self._look_timer.timeout.connect(self.look_for_unfinished)
        self._look_timer.start(_LOOK_AFTER_MS)

    @property
    def browser(self) -> SessionBrowser | None:
        """The list of sessions, once it was opened."""
        return self._browser

    @property
    def reviews(self) -> list[ReviewWindow]:
        """The reviews that are open."""
        return list(self._reviews.values())

    def look_for_unfinished(self) -> None:
        """Tell of sessions whose recorder died; their list recovers them."""
        count = sum(
            entry.manifest.state is SessionState.RECORDING and not entry.is_recording
            for entry in list_sessions(self._folder())
        )
        if count:
            what = "1 recording was" if count == 1 else f"{count} recordings were"
            text = f"{what} never finished. The list of sessions (Ctrl+R) recovers it."
            self._window.show_message(Message(Severity.INFO, text))

    def show_sessions(self) -> None:
        """Open the list of sessions; unfinished ones are recovered meanwhile."""
        if self._browser is None:
            self._browser = self._make_browser()
        self._browser.show_message("Reading…")
        self.refresh()
        self._browser.show()
        self._browser.raise_()
        self._browser.activateWindow()

    def refresh(self) -> None:
        """Read the list anew."""
        from app.review.shelf import SessionShelf

        self._stop_shelf()
        self._shown = None
        self._shelf = SessionShelf(self._folder(), self._thumbnails)
        self._shelf.start()
        self._timer.start()

    def review(self, folder: Path) -> None:
        """Open a session for review, or bring its review forward."""
        from app.review.review import Review
        from widgets.review_window import ReviewWindow

        if folder not in self._reviews:
            window = ReviewWindow(Review(folder))
            window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            window.closed.connect(partial(self._reviews.pop, folder, None))
            self._reviews[folder] = window
        window = self._reviews[folder]
        window.show()
        window.raise_()
        window.activateWindow()

    def close(self) -> None:
        """Close the list and all reviews."""
        self._look_timer.stop()
        if self._browser is not None:
            self._browser.close()
        for review in self.reviews:
            review.close()
        self._stop_shelf()

    def poll(self) -> None:
        """Look at the list that is read; the timer calls this, and so do tests."""
        if self._shelf is None or self._browser is None:
            return
        status = self._shelf.status()
        if status.is_listed and status.entries is not self._shown:
            self._shown = status.entries
            message = self._browser.message
            self._browser.show_sessions(status.entries)
            if message != "Reading…":
                self._browser.show_message(message)
        self._browser.show_thumbnails(status.thumbnails)
        self._thumbnails = status.thumbnails
        if status.recovered and status.recovered != self._told:
            self._told = status.recovered
            self._browser.show_message(f"Recovered: {', '.join(status.recovered)}")
        if status.is_done:
            if status.fault is not None:
                log.error("the list of sessions failed", exc_info=status.fault)
                self._browser.show_message(f"The list is incomplete: {status.fault}")
            self._stop_shelf()

    def _folder(self) -> Path:
        return self._window.recording_panel.settings.folder

    def _stop_shelf(self) -> None:
        self._timer.stop()
        if self._shelf is not None:
            shelf, self._shelf = self._shelf, None
            try:
                shelf.stop()
            except WorkerStuckError as error:
                log.warning("%s %s", error, error.hint)

    def _make_browser(self) -> SessionBrowser:
        from widgets.session_browser import SessionBrowser

        browser = SessionBrowser(self._window)
        browser.review_requested.connect(self.review)
        browser.open_requested.connect(self._on_open_requested)
        browser.export_requested.connect(self._on_export_requested)
        browser.rename_requested.connect(self._on_rename_requested)
        browser.notes_requested.connect(self._on_notes_requested)
        browser.trash_requested.connect(self._on_trash_requested)
        browser.restore_requested.connect(self._on_restore_requested)
        return browser

    def _on_open_requested(self, folder: Path) -> None:
        self._window.source_requested.emit(str(folder), self._window.mode)

    def _on_export_requested(self, folder: Path) -> None:
        from widgets.export_dialog import ExportDialog

        dialog = ExportDialog(folder, self._browser or self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()

    def _on_rename_requested(self, folder: Path, name: str) -> None:
        def rename() -> str:
            target = rename_session(folder, name)
            known = dict(self._thumbnails)
            if folder in known:
                known[target] = known.pop(folder)
            self._thumbnails = known
            return ""

        self._try(rename, folder)

    def _on_notes_requested(self, folder: Path, notes: str) -> None:
        def note() -> str:
            note_session(folder, notes)
            return ""

        self._try(note)

    def _on_trash_requested(self, folder: Path) -> None:
        def throw_away() -> str:
            self._trashed.append((trash_session(folder), folder))
            return f"{folder.name} is in the trash."

        self._try(throw_away, folder)

    def _on_restore_requested(self) -> None:
        if not self._trashed:
            return

        def take_back() -> str:
            trashed, folder = self._trashed[-1]
            restore_session(trashed, folder)
            self._trashed.pop()
            return f"{folder.name} is back."

        self._try(take_back)

    def _try(self, work: Callable[[], str], moved: Path | None = None) -> None:
        """Do something to a folder, say what became of it, and list anew."""
        assert self._browser is not None
        if moved in self._reviews:
            text = f"{moved.name} is under review: close that first."
        else:
            try:
                text = work()
            except ConsoleError as error:
                log.warning("%s %s", error, error.hint)
                text = f"{error.message}. {error.hint}"
        self._browser.show_restorable(is_restorable=bool(self._trashed))
        self._browser.show_message(text)
        self.refresh()
