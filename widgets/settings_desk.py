"""Where settings are changed: by the dialog, by the window, and what is kept of it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from app.errors import SettingsError
from app.settings.draft import Draft, Key
from app.settings.store import read_settings, write_settings
from app.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from app.settings.in_use import SettingsInUse
    from app.settings.model import Settings
    from widgets.settings_dialog import SettingsDialog

log = logging.getLogger(__name__)

# A slider that is dragged changes a setting sixty times a second.
_SAVE_AFTER_MS = 1000
_JOIN_S = 5.0


class SettingsDesk(QObject):
    """Holds the settings in use, opens their dialog, and saves what changes.

    Lives in the GUI thread, and writes in another: a disk takes its time.

    Parameters
    ----------
    in_use : SettingsInUse
    window : QWidget
        The dialog stands in front of it.
    """

    changed = Signal(object, object)  # Settings before and from now on
    engines_requested = Signal()  # the window that builds and tries engines
    faulted = Signal(object)  # SettingsError: they could not be saved

    _saved = Signal(object)  # Exception or None, from the thread that wrote
    _exported = Signal(object)  # the same

    def __init__(self, in_use: SettingsInUse, window: QWidget) -> None:
        super().__init__(window)
        self._in_use = in_use
        self._window = window
        self._dialog: SettingsDialog | None = None
        self._save_timer = QTimer(self)
        self._save_timer.setSingleShot(True)
        self._save_timer.setInterval(_SAVE_AFTER_MS)
        self._save_timer.timeout.connect(self.save)
        self._writer: Worker | None = None
        self._exported_path = ""
        self._saved.connect(self._on_saved)
        self._exported.connect(self._on_exported)

    @property
    def settings(self) -> Settings:
        """Those in use."""
        return self._in_use.now

    @property
    def problem(self) -> SettingsError | None:
        """Why the stored settings are not in use; None if they are."""
        return self._in_use.problem

    @property
    def dialog(self) -> SettingsDialog | None:
        """The dialog while it is open."""
        return self._dialog

    def put(self, settings: Settings) -> None:
        """Use other settings from now on, and save them soon."""
        before = self._in_use.now
        if settings == before:
            return
        self._in_use.put(settings)
        self._save_timer.start()
        if self._dialog is not None:
            self._dialog.show_settings(settings, self._in_use.given)
        self.changed.emit(before, settings)

    def change(self, section: str, **values: object) -> None:
        """Change some settings of a section.

        Raises
        ------
        ValidationError
            If a value is wrong.
        """
        draft = Draft(self._in_use.now)
        for field, value in values.items():
            draft.set(Key(section, field), value)
        self.put(draft.result())

    def save(self) -> None:
        """Write soon what is not written yet; `faulted` tells where that fails."""
        self._save_timer.stop()
        if not self._write(self._in_use.save, self._saved.emit):
            self._save_timer.start()

    def open_dialog(self, section: str = "") -> None:
        """Show the settings, or the dialog that shows them already.

        Parameters
        ----------
        section : str
            Page to show; empty for the first, or the one that is open.
        """
        if self._dialog is None:
            self._dialog = self._make_dialog()
            self._dialog.show()
        if section:
            self._dialog.open_page(section)
        self._dialog.raise_()
        self._dialog.activateWindow()

    def close(self) -> None:
        """Close the dialog, save, and wait for that.

        Raises
        ------
        WorkerStuckError
            If the disk does not take it.
        """
        self._save_timer.stop()
        if self._dialog is not None:
            self._dialog.close()
        if self._writer is not None:
            self._writer.join(_JOIN_S)
        try:
            self._in_use.save()
        except SettingsError as error:
            self._on_saved(error)

    def _make_dialog(self) -> SettingsDialog:
        # Loaded when it is asked for: it would delay the first picture.
        from widgets.settings_dialog import SettingsDialog

        notice = ""
        if not self._in_use.is_kept and self._in_use.problem is not None:
            notice = f"Not saved: {self._in_use.problem.message}."
        dialog = SettingsDialog(
            self._in_use.now, self._in_use.given, notice, parent=self._window
        )
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.applied.connect(self._on_applied)
        dialog.import_chosen.connect(self._on_import_chosen)
        dialog.export_chosen.connect(self._on_export_chosen)
        dialog.engines_requested.connect(self.engines_requested)
        dialog.finished.connect(self._on_finished)
        return dialog

    def _on_applied(self, settings: Settings) -> None:
        self.put(settings)
        self.save()

    def _on_import_chosen(self, path: str) -> None:
        if self._dialog is None:
            return
        try:
            self._dialog.take(read_settings(Path(path)))
        except SettingsError as error:
            self._dialog.show_problem(f"Not imported: {error.message}.")
        except OSError as error:
            self._dialog.show_problem(f"Cannot read {path}: {error.strerror}.")

    def _on_export_chosen(self, path: str, settings: Settings) -> None:
        def write() -> None:
            write_settings(settings, Path(path))

        self._exported_path = path

        if not self._write(write, self._exported.emit) and self._dialog is not None:
            self._dialog.show_problem("Not exported: the disk is busy. Try again.")

    def _write(
        self, write: Callable[[], None], tell: Callable[[Exception | None], None]
    ) -> bool:
        """Write in a thread; whether the one before has ended."""
        if self._writer is not None and self._writer.is_alive:
            return False
        self._writer = Worker("settings", lambda _: write(), tell, is_daemon=False)
        self._writer.start()
        return True

    def _on_saved(self, error: Exception | None) -> None:
        if isinstance(error, SettingsError):
            log.error("%s %s", error, error.hint)
            self.faulted.emit(error)
        elif error is not None:
            raise error

    def _on_exported(self, error: Exception | None) -> None:
        if isinstance(error, SettingsError):
            if self._dialog is not None:
                self._dialog.show_problem(f"Not exported: {error.message}.")
        elif error is not None:
            raise error
        elif self._dialog is not None:
            self._dialog.show_done(f"Exported to {self._exported_path}.")

    def _on_finished(self) -> None:
        self._dialog = None
