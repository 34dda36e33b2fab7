"""What the window remembers from one start to the next."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QByteArray

if TYPE_CHECKING:
    from PySide6.QtCore import QSettings

_MOST_RECENT = 8


class WindowLayout(NamedTuple):
    """Qt's own account of a window."""

    geometry: QByteArray
    docks: QByteArray


class Memory:
    """Layout and recent sources, kept where losing them costs nothing.

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
    def folder(self) -> str:
        """Where the last file was opened; empty at first."""
        kept = self._read("source/folder")
        return kept if isinstance(kept, str) else ""

    @folder.setter
    def folder(self, folder: str) -> None:
        self._write("source/folder", folder)

    @property
    def graphs(self) -> tuple[str, ...] | None:
        """Names of the graphs chosen last; None before any was."""
        kept = self._read("telemetry/graphs")
        return tuple(map(str, kept)) if isinstance(kept, list) else None

    @graphs.setter
    def graphs(self, graphs: tuple[str, ...]) -> None:
        self._write("telemetry/graphs", list(graphs))

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
