"""What the window remembers from one start to the next."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QByteArray

from app.overlay import OverlayOptions
from app.sources.base import FrameMode

if TYPE_CHECKING:
    from PySide6.QtCore import QSettings

_MOST_RECENT = 8


class WindowLayout(NamedTuple):
    """Qt's own account of a window."""

    geometry: QByteArray
    docks: QByteArray


class Memory:
    """Layout, recent sources and overlay, kept where losing them costs nothing.

    A value that cannot be read is as if it were not there.

    Parameters
    ----------
    settings : QSettings
        Where they are kept.
    """

    def __init__(self, settings: QSettings) -> None:
        self._settings = settings

    @property
    def layout(self) -> WindowLayout | None:
        """Where the window and its docks were; None if that is not known."""
        geometry = self._settings.value("window/geometry")
        docks = self._settings.value("window/docks")
        if isinstance(geometry, QByteArray) and isinstance(docks, QByteArray):
            return WindowLayout(geometry, docks)
        return None

    @layout.setter
    def layout(self, layout: WindowLayout) -> None:
        self._settings.setValue("window/geometry", layout.geometry)
        self._settings.setValue("window/docks", layout.docks)

    @property
    def recent(self) -> list[str]:
        """Addresses of sources that opened, newest first."""
        kept = self._read("source/recent")
        return [str(uri) for uri in kept] if isinstance(kept, list) else []

    def add_recent(self, uri: str) -> None:
        """Keep a source that opened as the newest."""
        others = [other for other in self.recent if other != uri]
        self._write("source/recent", [uri, *others][:_MOST_RECENT])

    @property
    def mode(self) -> FrameMode:
        """The mode chosen last."""
        kept = self._read("source/mode")
        is_known = kept in [mode.value for mode in FrameMode]
        return FrameMode(kept) if is_known else FrameMode.LIVE

    @mode.setter
    def mode(self, mode: FrameMode) -> None:
        self._write("source/mode", mode.value)

    @property
    def folder(self) -> str:
        """Where the last file was opened; empty at first."""
        kept = self._read("source/folder")
        return kept if isinstance(kept, str) else ""

    @folder.setter
    def folder(self, folder: str) -> None:
        self._write("source/folder", folder)

    @property
    def options(self) -> OverlayOptions:
        """What was drawn last."""
        kept = self._read("overlay/options")
        default = OverlayOptions()
        if not isinstance(kept, dict):
            return default
        known = {
            field.name: kept[field.name]
            for field in fields(OverlayOptions)
            if type(kept.get(field.name)) is type(getattr(default, field.name))
        }
        return OverlayOptions(**known)

    @options.setter
    def options(self, options: OverlayOptions) -> None:
        self._write("overlay/options", asdict(options))

    def flush(self) -> None:
        """Write to disk now."""
        self._settings.sync()

    # Qt's own lists read back as other types than were written: JSON does not.

    def _read(self, key: str) -> object:
        text = self._settings.value(key)
        if not isinstance(text, str):
            return None
        try:
            kept: object = json.loads(text)
        except ValueError:
            return None
        return kept

    def _write(self, key: str, value: object) -> None:
        self._settings.setValue(key, json.dumps(value))
