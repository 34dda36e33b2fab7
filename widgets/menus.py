"""The menus, as data, and the menu of recent sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu

from widgets.actions import ActionId
from widgets.icons import icon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QAction
    from PySide6.QtWidgets import QMenuBar, QWidget

_URI_LETTERS = 60

_ID = ActionId
RECENT = "recent"
"""Stands for the menu of recent sources."""
MENUS: tuple[tuple[str, tuple[ActionId | str | None, ...]], ...] = (
    (
        "&File",
        (
            _ID.CAMERAS,
            _ID.OPEN_VIDEO,
            _ID.OPEN_FOLDER,
            _ID.OPEN_SYNTHETIC,
            _ID.OPEN_ADDRESS,
            RECENT,
            _ID.SESSIONS,
            None,
            _ID.SETTINGS,
            None,
            _ID.QUIT,
        ),
    ),
    (
        "&Run",
        (
            _ID.START,
            _ID.PAUSE,
            _ID.STEP,
            _ID.STOP,
            None,
            _ID.RECORD,
            _ID.MARK,
            None,
            _ID.LIVE,
            _ID.EVERY_FRAME,
            None,
            _ID.ENGINES,
        ),
    ),
    (
        "&Overlay",
        (
            _ID.SHOW_MASK,
            _ID.SHOW_OUTLINES,
            _ID.SHOW_IDS,
            _ID.SHOW_TRAILS,
            _ID.SHOW_PREDICTION,
            _ID.SHOW_CROPS,
            None,
            _ID.LESS_OPAQUE,
            _ID.MORE_OPAQUE,
        ),
    ),
    (
        "&View",
        (
            _ID.ZOOM_FIT,
            _ID.ZOOM_ACTUAL,
            _ID.ZOOM_IN,
            _ID.ZOOM_OUT,
            None,
            _ID.SHOW_TELEMETRY,
            _ID.SHOW_OVERLAY,
            _ID.SHOW_RECORDING,
            _ID.FULL_SCREEN,
            _ID.RESET_LAYOUT,
        ),
    ),
    ("&Help", (_ID.SHORTCUTS, _ID.ABOUT)),
)
"""Titles and entries; None is a line between them."""
_OPENERS = (
    _ID.CAMERAS,
    _ID.OPEN_VIDEO,
    _ID.OPEN_FOLDER,
    _ID.OPEN_SYNTHETIC,
    _ID.OPEN_ADDRESS,
    RECENT,
)


class RecentMenu(QMenu):
    """The sources opened before, newest first."""

    uri_chosen = Signal(str)  # the source's address

    def __init__(self, parent: QWidget) -> None:
        super().__init__("Open &recent", parent)
        self.setIcon(icon("recent"))
        self.triggered.connect(self._on_triggered)

    def show_recent(self, uris: Sequence[str]) -> None:
        """Offer these sources; without any the menu is disabled."""
        self.clear()
        for number, uri in enumerate(uris, start=1):
            self.addAction(f"&{number}  {_shown_uri(uri)}").setData(uri)
        self.setEnabled(bool(uris))

    def _on_triggered(self, action: QAction) -> None:
        self.uri_chosen.emit(action.data())


def fill_menu_bar(
    bar: QMenuBar, actions: dict[ActionId, QAction], recent: RecentMenu
) -> None:
    """Put the menus of `MENUS` into a bar."""
    for title, entries in MENUS:
        _fill(bar.addMenu(title), entries, actions, recent)


def open_menu(
    parent: QWidget, actions: dict[ActionId, QAction], recent: RecentMenu
) -> QMenu:
    """Make the menu of all ways to open a source."""
    menu = QMenu(parent)
    _fill(menu, _OPENERS, actions, recent)
    return menu


def _fill(
    menu: QMenu,
    entries: Sequence[ActionId | str | None],
    actions: dict[ActionId, QAction],
    recent: RecentMenu,
) -> None:
    for entry in entries:
        if entry is None:
            menu.addSeparator()
        elif isinstance(entry, ActionId):
            menu.addAction(actions[entry])
        else:
            menu.addMenu(recent)


def _shown_uri(uri: str) -> str:
    """Shorten an address for a menu; an ampersand there marks a letter."""
    shown = uri if len(uri) <= _URI_LETTERS else f"…{uri[-_URI_LETTERS:]}"
    return shown.replace("&", "&&")
