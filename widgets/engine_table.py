"""The list of engines: one row each, the running one marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
)

from app.engine_store import EngineState
from widgets.icons import icon
from widgets.theme import Colour

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PySide6.QtWidgets import QWidget

    from app.engine_store import StoredEngine

_COLUMNS = (
    ("Engine", "Name of the engine; a triangle marks the one that infers now"),
    ("Library", "What runs it, with the version that it was made with"),
    ("Precision", "Of its arithmetic"),
    ("Device", "Where it was made"),
    (
        "fps, p99",
        "Frames a second of the network alone on one thread, median and slowest"
        " hundredth, measured here when it was built",
    ),
    ("Gain", "Times as fast as the network as trained, in the same run"),
    ("Mask IoU", "Overlap of its masks with those of the network as trained"),
    ("Size", "Of its files"),
    ("State", "Whether it can be used"),
)
_LEAST_COLUMN_PX = 60
_STATE_COLOURS = {
    EngineState.READY: Colour.TEXT,
    EngineState.STALE: Colour.WARNING,
    EngineState.UNFIT: Colour.ERROR,
    EngineState.NO_MASK: Colour.MUTED,
}
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class EngineTable(QTableWidget):
    """Shows engines, and which is chosen."""

    engine_chosen = Signal(object)  # StoredEngine, or None

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(_COLUMNS), parent)
        self._engines: tuple[StoredEngine, ...] = ()
        self._running: Path | None = None
        self._wanted = ""
        for column, (title, tip) in enumerate(_COLUMNS):
            item = QTableWidgetItem(title)
            item.setToolTip(tip)
            self.setHorizontalHeaderItem(column, item)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(_LEAST_COLUMN_PX)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        self.setAccessibleName("Engines")
        self.itemSelectionChanged.connect(lambda: self.engine_chosen.emit(self.chosen))

    @property
    def chosen(self) -> StoredEngine | None:
        """The engine of the chosen row."""
        row = self.currentRow()
        has_row = self.selectedItems() and 0 <= row < len(self._engines)
        return self._engines[row] if has_row else None

    def choose(self, name: str) -> None:
        """Choose the engine of a name, now or as soon as it is in the list."""
        self._wanted = name
        for row, engine in enumerate(self._engines):
            if engine.name == name:
                self._wanted = ""
                self.selectRow(row)

    def show_engines(self, engines: Sequence[StoredEngine]) -> None:
        """Show these; the chosen one stays chosen where it is still there."""
        chosen = self.chosen
        wanted = self._wanted or (chosen.name if chosen else "")
        self._engines = tuple(engines)
        self.setRowCount(len(engines))
        for row, engine in enumerate(engines):
            for column, (text, is_number) in enumerate(_cells(engine)):
                item = QTableWidgetItem(text)
                item.setToolTip(engine.reason or str(engine.folder))
                if is_number:
                    item.setTextAlignment(_RIGHT)
                if column == len(_COLUMNS) - 1:
                    item.setForeground(_STATE_COLOURS[engine.state].qcolor)
                self.setItem(row, column, item)
        self._mark_running()
        self.clearSelection()
        self.choose(wanted)
        if self.chosen is None and engines:
            self.selectRow(0)

    def show_running(self, folder: Path | None) -> None:
        """Mark the engine that infers, by its model's folder."""
        if folder != self._running:
            self._running = folder
            self._mark_running()

    def _mark_running(self) -> None:
        for row, engine in enumerate(self._engines):
            name = self.item(row, 0)
            if name is not None:
                is_running = engine.folder == self._running
                name.setIcon(icon("start" if is_running else "idle"))


def _cells(engine: StoredEngine) -> tuple[tuple[str, bool], ...]:
    manifest = engine.manifest
    return (
        (engine.name, False),
        (engine.library_text, False),
        (engine.precision_text, False),
        (engine.device_text, False),
        (_fps_text(engine), True),
        ("" if engine.ratio is None else f"{engine.ratio:.2f} x", True),
        ("" if engine.mask_iou is None else f"{engine.mask_iou:.4f}", True),
        (f"{manifest.bytes / 1e6:.1f} MB" if manifest else "", True),
        (engine.state.value, False),
    )


def _fps_text(engine: StoredEngine) -> str:
    if engine.fps is None:
        return ""
    slow = "" if engine.fps_p99 is None else f", {engine.fps_p99:.0f}"
    return f"{engine.fps:.0f}{slow}"
