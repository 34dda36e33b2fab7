"""Results of benches: a list to choose from, and the chosen ones side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMenu,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSplitter,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.bench_html import html_of
from app.bench_store import csv_of, latency_ms
from app.errors import OutputError
from widgets.bar_chart import BarChart, BarRow
from widgets.theme import GAP_PX, MARGIN_PX, Colour

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.bench_run import BenchStatus
    from app.bench_store import StoredBench

_COLUMNS = ("Engine", "Machine", "fps alone", "fps whole", "Measured (UTC)")
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_PER_MILLE = 1000
_BOARDS = ("TX2", "Xavier")
_KINDS = {"png": "Pictures (*.png)", "csv": "Tables (*.csv)", "html": "Pages (*.html)"}


class BenchPanel(QWidget):
    """Compares results; asks for the bench of the engine that is chosen elsewhere."""

    bench_requested = Signal()
    cancelled = Signal()
    import_chosen = Signal(object)  # Path of a result to take in
    deleted = Signal(object)  # StoredBench to remove
    failed = Signal(object)  # OutputError: an export could not be written

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._benches: tuple[StoredBench, ...] = ()
        self.bench = QPushButton("Bench the chosen engine")
        self.cancel = QPushButton("Cancel")
        self.boards = QPushButton("TX2 and Xavier")
        self.take_in = QPushButton("Import…")
        self.delete = QPushButton("Delete")
        self.export = QPushButton("Export")
        self.progress = QProgressBar()
        self.activity = QLabel()
        self.list = QTreeWidget()
        self.charts = Comparison()
        self._lay_out()
        self._connect()
        self.show_status(None)
        self.show_benches(())

    @property
    def compared(self) -> tuple[StoredBench, ...]:
        """The results that are ticked, in the order of the list."""
        items = (self.list.topLevelItem(at) for at in range(len(self._benches)))
        return tuple(
            bench
            for bench, item in zip(self._benches, items, strict=True)
            if item is not None and item.checkState(0) is Qt.CheckState.Checked
        )

    def show_benches(self, benches: Sequence[StoredBench]) -> None:
        """List these; what is ticked stays ticked."""
        ticked = {each.path for each in self.compared}
        self._benches = tuple(benches)
        self.list.blockSignals(True)
        self.list.clear()
        for bench in benches:
            item = QTreeWidgetItem(_cells(bench))
            for column in (2, 3):
                item.setTextAlignment(column, _RIGHT)
            item.setToolTip(0, bench.note)
            item.setToolTip(4, bench.note)
            _tick(item, is_ticked=bench.path in ticked)
            self.list.addTopLevelItem(item)
        self.list.blockSignals(False)
        self._show_compared()

    def tick(self, wanted: Callable[[StoredBench], bool]) -> None:
        """Compare the results of which this is so, and no others."""
        self.list.blockSignals(True)
        for at, bench in enumerate(self._benches):
            item = self.list.topLevelItem(at)
            if item is not None:
                _tick(item, is_ticked=wanted(bench))
        self.list.blockSignals(False)
        self._show_compared()

    def show_status(self, status: BenchStatus | None) -> None:
        """Show the bench that runs; None where none does."""
        is_on = status is not None
        self.progress.setVisible(is_on)
        self.cancel.setVisible(is_on)
        self.bench.setEnabled(not is_on)
        self.activity.setText(status.activity if status else "")
        if status is not None:
            self.progress.setValue(round(_PER_MILLE * status.done_ratio))

    def export_to(self, path: Path) -> None:
        """Write the comparison as its suffix says: PNG, CSV or HTML."""
        why = ""
        if path.suffix == ".png":
            is_saved = self.charts.picture().save(str(path), "PNG")
            why = "" if is_saved else "the picture cannot be written there"
        else:
            write = csv_of if path.suffix == ".csv" else html_of
            try:
                path.write_text(write(self.compared), encoding="utf-8")
            except OSError as error:
                why = str(error.strerror)
        if why:
            told = f"cannot write {path}: {why}"
            self.failed.emit(OutputError(told, hint="Choose another folder."))

    # --- making it

    def _lay_out(self) -> None:
        self.bench.setToolTip(
            "Warm up, then measure the network alone and the whole solution, with"
            " memory and temperature"
        )
        self.boards.setToolTip("Compare what was published of these boards")
        self.take_in.setToolTip("Add the result of another machine")
        self.progress.setRange(0, _PER_MILLE)
        self.progress.setTextVisible(False)
        self.activity.setProperty("role", "muted")
        self.list.setHeaderLabels(list(_COLUMNS))
        for at in (2, 3):
            self.list.headerItem().setTextAlignment(at, _RIGHT)
        self.list.setRootIsDecorated(False)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setAccessibleName("Results of benches; tick those to compare")
        header = self.list.header()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        header.setStretchLastSection(False)
        menu = QMenu(self)
        for kind, words in _KINDS.items():
            menu.addAction(words).triggered.connect(
                lambda _=False, kind=kind: self._ask_export(kind)
            )
        self.export.setMenu(menu)
        row = QHBoxLayout()
        for button in (self.bench, self.cancel):
            row.addWidget(button)
        row.addWidget(self.activity, 1)
        for button in (self.boards, self.take_in, self.delete, self.export):
            row.addWidget(button)
        area = QScrollArea()
        area.setWidget(self.charts)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        parts = QSplitter(Qt.Orientation.Vertical)
        parts.addWidget(self.list)
        parts.addWidget(area)
        parts.setSizes([170, 330])
        parts.setChildrenCollapsible(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, GAP_PX, 0, 0)
        column.setSpacing(GAP_PX)
        column.addLayout(row)
        column.addWidget(self.progress)
        column.addWidget(parts, 1)

    def _connect(self) -> None:
        self.bench.clicked.connect(self.bench_requested)
        self.cancel.clicked.connect(self.cancelled)
        self.boards.clicked.connect(self._on_boards_clicked)
        self.take_in.clicked.connect(self._ask_import)
        self.delete.clicked.connect(self._on_delete_clicked)
        self.list.itemChanged.connect(self._show_compared)
        self.list.itemSelectionChanged.connect(self._enable)

    def _show_compared(self) -> None:
        self.charts.show_benches(self.compared)
        self._enable()

    def _enable(self) -> None:
        chosen = self._chosen()
        self.delete.setEnabled(chosen is not None and not chosen.is_published)
        self.export.setEnabled(bool(self.compared))

    def _chosen(self) -> StoredBench | None:
        items = self.list.selectedItems()
        at = self.list.indexOfTopLevelItem(items[0]) if items else -1
        return self._benches[at] if at >= 0 else None

    def _on_boards_clicked(self) -> None:
        self.tick(
            lambda bench: (
                bench.is_published and any(board in bench.machine for board in _BOARDS)
            )
        )

    def _on_delete_clicked(self) -> None:
        chosen = self._chosen()
        if chosen is not None:
            self.deleted.emit(chosen)

    def _ask_import(self) -> None:
        dialog = QFileDialog(self, "Import results", "", "Results (*.json)")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.filesSelected.connect(self._on_imports_chosen)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _on_imports_chosen(self, paths: list[str]) -> None:
        for path in paths:
            self.import_chosen.emit(Path(path))

    def _ask_export(self, kind: str) -> None:
        dialog = QFileDialog(self, "Export", f"engines.{kind}", _KINDS[kind])
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(kind)
        dialog.fileSelected.connect(lambda path: self.export_to(Path(path)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()


class Comparison(QWidget):
    """The charts of some results."""

    def __init__(self) -> None:
        super().__init__()
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.note.setProperty("role", "muted")
        self.speed = BarChart(
            "Frames a second",
            (("network alone", Colour.SERIES_1), ("whole solution", Colour.SERIES_2)),
        )
        self.latency = BarChart(
            "From a frame to its result, ms; without the whole solution: one inference",
            (
                ("median", Colour.SERIES_1),
                ("95 %", Colour.SERIES_2),
                ("99 %", Colour.SERIES_3),
            ),
        )
        self.memory = BarChart("Peak of memory, MB", (("", Colour.SERIES_4),))
        self.temperature = BarChart(
            "Temperature, °C", (("before", Colour.MUTED), ("after", Colour.WARNING))
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, GAP_PX, 0)
        column.setSpacing(GAP_PX)
        for part in (
            self.speed,
            self.latency,
            self.memory,
            self.temperature,
            self.note,
        ):
            column.addWidget(part)
        column.addStretch(1)

    def picture(self) -> QPixmap:
        """All of it on the colour of the window, with a margin."""
        content = self.grab()
        ratio = content.devicePixelRatio()
        picture = QPixmap(content.size() + QSize(1, 1) * round(2 * MARGIN_PX * ratio))
        picture.setDevicePixelRatio(ratio)
        picture.fill(Colour.SURFACE.qcolor)
        painter = QPainter(picture)
        painter.drawPixmap(MARGIN_PX, MARGIN_PX, content)
        painter.end()
        return picture

    def show_benches(self, benches: Sequence[StoredBench]) -> None:
        """Draw these side by side."""
        self.speed.show_rows(
            _rows(
                benches,
                lambda bench: (
                    bench.figure("alone", "fps"),
                    bench.figure("whole", "fps"),
                ),
            )
        )
        self.latency.show_rows(
            _rows(
                benches,
                lambda bench: tuple(
                    latency_ms(bench, name) for name in ("p50_ms", "p95_ms", "p99_ms")
                ),
                decimals=1,
            )
        )
        self.memory.show_rows(
            _rows(benches, lambda bench: (bench.number("memory_mb"),))
        )
        self.temperature.show_rows(
            _rows(
                benches,
                lambda bench: (
                    bench.number("temperature_before_c"),
                    bench.number("temperature_after_c"),
                ),
            )
        )
        notes = "\n".join(f"{bench.title}: {bench.note}." for bench in benches)
        self.note.setText(notes or "Tick two or more results to compare them.")


def _rows(
    benches: Sequence[StoredBench],
    figures: Callable[[StoredBench], tuple[float | None, ...]],
    decimals: int = 0,
) -> list[BarRow]:
    """One row a result that has any of the figures."""
    rows = []
    for bench in benches:
        values = figures(bench)
        if any(value is not None for value in values):
            texts = tuple(
                "" if value is None else f"{value:.{decimals}f}" for value in values
            )
            rows.append(BarRow(bench.title, values, texts))
    return rows


def _cells(bench: StoredBench) -> list[str]:
    alone, whole = bench.figure("alone", "fps"), bench.figure("whole", "fps")
    return [
        bench.engine,
        bench.machine,
        "" if alone is None else f"{alone:.0f}",
        "" if whole is None else f"{whole:.0f}",
        "published" if bench.is_published else bench.when_text,
    ]


def _tick(item: QTreeWidgetItem, *, is_ticked: bool) -> None:
    state = Qt.CheckState.Checked if is_ticked else Qt.CheckState.Unchecked
    item.setCheckState(0, state)
