"""The list of engines: one row each, the running one marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

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
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from PySide6.QtWidgets import QWidget

    from app.bench_store import StoredBench
    from app.engine_store import StoredEngine

_COLUMNS = (
    ("Engine", "Name of the engine; a triangle marks the one that infers now"),
    ("Library", "What runs it, with the version that it was made with"),
    ("Precision", "Of its arithmetic"),
    ("Device", "Where it was made"),
    (
        "fps p50",
        "Frames a second of the network alone on one thread, median, measured here"
        " when it was built or benched",
    ),
    ("fps p99", "The same in the slowest hundredth of its inferences"),
    ("Gain", "Times as fast as the network as trained, in the same run"),
    ("Mask IoU", "Overlap of its masks with those of the network as trained"),
    ("Size", "Of its files"),
    ("State", "Whether it can be used"),
)
_FIRST_FIGURE, _STATE = 4, 9
_NONE = "-"
_UNMEASURED = "Not measured here yet: choose it and press Bench"
_ITSELF = "It is the network itself, which others are compared with"
_LEAST_COLUMN_PX = 60
_STATE_COLOURS = {
    EngineState.READY: Colour.TEXT,
    EngineState.STALE: Colour.WARNING,
    EngineState.UNFIT: Colour.ERROR,
    EngineState.NO_MASK: Colour.MUTED,
}
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class EngineTable(QTableWidget):
    """Shows engines, and which is chosen."""

    engine_chosen = Signal(object)  # StoredEngine, or None

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(_COLUMNS), parent)
        self._engines: tuple[StoredEngine, ...] = ()
        self._measured: Mapping[str, StoredBench] = {}
        self._running: Path | None = None
        self._wanted = ""
        for column, (title, tip) in enumerate(_COLUMNS):
            item = QTableWidgetItem(title)
            item.setToolTip(tip)
            is_figure = _FIRST_FIGURE <= column < _STATE
            item.setTextAlignment(_RIGHT if is_figure else _LEFT)
            self.setHorizontalHeaderItem(column, item)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(_LEAST_COLUMN_PX)
        self._fit_columns()
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
        # Columns that follow their contents measure every row for every cell.
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setRowCount(len(engines))
        for row, engine in enumerate(engines):
            cells = _cells(engine, self._measured.get(engine.name))
            for column, cell in enumerate(cells):
                item = QTableWidgetItem(cell.text)
                item.setToolTip(cell.tip or engine.reason or str(engine.folder))
                if _FIRST_FIGURE <= column < _STATE:
                    item.setTextAlignment(_RIGHT)
                if cell.tip in (_UNMEASURED, _ITSELF) or cell.text == _NONE:
                    item.setForeground(Colour.MUTED.qcolor)
                if column == _STATE:
                    item.setForeground(_STATE_COLOURS[engine.state].qcolor)
                self.setItem(row, column, item)
        self._mark_running()
        self._fit_columns()
        self.clearSelection()
        self.choose(wanted)
        if self.chosen is None and engines:
            self.selectRow(0)

    def show_measured(self, benches: Mapping[str, StoredBench]) -> None:
        """Show the newest bench here of each engine, by its name, in their speed."""
        self._measured = benches
        self.show_engines(self._engines)

    def show_running(self, folder: Path | None) -> None:
        """Mark the engine that infers, by its model's folder."""
        if folder != self._running:
            self._running = folder
            self._mark_running()

    def _fit_columns(self) -> None:
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)

    def _mark_running(self) -> None:
        for row, engine in enumerate(self._engines):
            name = self.item(row, 0)
            if name is not None:
                is_running = engine.folder == self._running
                name.setIcon(icon("start" if is_running else "idle"))


class _Cell(NamedTuple):
    text: str
    tip: str = ""


def _cells(engine: StoredEngine, bench: StoredBench | None) -> tuple[_Cell, ...]:
    return (
        _Cell(engine.name),
        _Cell(engine.library_text),
        _Cell(engine.precision_text),
        _Cell(engine.device_text),
        *_speed_cells(engine, bench),
        _figure(engine.ratio, "{:.2f} x", engine),
        _figure(engine.mask_iou, "{:.4f}", engine),
        _Cell(_NONE if engine.bytes is None else f"{engine.bytes / 1e6:.1f} MB"),
        _Cell(engine.state.value),
    )


def _speed_cells(engine: StoredEngine, bench: StoredBench | None) -> tuple[_Cell, ...]:
    """Median and slowest hundredth, of its build or else of the newest bench."""
    found, tip = [engine.fps, engine.fps_p99], "Measured when it was built"
    if engine.fps is None and bench is not None:
        times_ms = bench.figure("alone", "p50_ms"), bench.figure("alone", "p99_ms")
        found = [1e3 / each if each else None for each in times_ms]
        tip = f"Measured by the bench of {bench.when_text}"
        tip += ", beside a feed" if bench.is_beside_feed else ""
    if found[0] is None:
        return _Cell("not measured", _UNMEASURED), _Cell(_NONE, _UNMEASURED)
    return tuple(_Cell(_NONE if x is None else f"{x:.0f}", tip) for x in found)


def _figure(value: float | None, form: str, engine: StoredEngine) -> _Cell:
    if value is None:
        return _Cell(_NONE, _ITSELF if engine.is_bundled else "Not measured")
    return _Cell(form.format(value))
