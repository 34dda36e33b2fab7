"""A table of figures: sorted by a click, copied, kept as CSV."""

from __future__ import annotations

import csv
import functools
import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QGuiApplication, QIcon, QKeySequence, QPixmap, QShortcut
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from widgets.review_scene import track_colour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtWidgets import QWidget

    Cell: TypeAlias = int | float | str
    _Index: TypeAlias = QModelIndex | QPersistentModelIndex

_ROW_PX = 24
_TITLE_PX = 26
_SWATCH_PX = 12
_NOTHING = "\N{EN DASH}"


@dataclass(frozen=True, slots=True)
class Column:
    """What one column shows."""

    title: str
    tip: str = ""
    decimals: int = 0
    is_track: bool = False
    """Whether it holds ids of tracks, shown with their colour."""


class FigureTable(QTableView):
    """Shows rows of numbers and words; sorts numbers as numbers.

    Parameters
    ----------
    columns : sequence of Column
    name : str
        For a screen reader, and for the file that it is kept in.
    """

    row_chosen = Signal(int, bool)  # the row as it was given; whether to add it
    row_opened = Signal(int)  # the same, by a double click or Enter

    def __init__(self, columns: Sequence[Column], name: str) -> None:
        super().__init__()
        self._rows = _Rows(columns)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self._rows)
        self._sorted.setSortRole(Qt.ItemDataRole.UserRole)
        self.setModel(self._sorted)
        self.setAccessibleName(name)
        self.setSortingEnabled(True)
        self.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_PX)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        self._is_shown = self._is_fitted = False
        self.selectionModel().selectionChanged.connect(self._on_selected)
        self.doubleClicked.connect(self._on_opened)
        copy = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self)
        copy.setContext(Qt.ShortcutContext.WidgetShortcut)
        copy.activated.connect(self.copy)
        for key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            enter = QShortcut(QKeySequence(key), self)
            enter.setContext(Qt.ShortcutContext.WidgetShortcut)
            enter.activated.connect(lambda: self._on_opened(self.currentIndex()))

    @property
    def count(self) -> int:
        """How many rows there are."""
        return self._rows.rowCount()

    def show_rows(self, rows: Sequence[Sequence[Cell]]) -> None:
        """Show these rows in place of those before; the order stays as chosen."""
        self._is_shown = True
        self._rows.replace(rows)
        self._is_shown = False
        self._widen_columns()

    def show_titles(self, columns: Sequence[Column]) -> None:
        """Show other titles over the same columns."""
        self._rows.rename(columns)
        self._widen_columns()

    def show_chosen(self, rows: Sequence[int]) -> None:
        """Show these rows, as they were given, as the chosen ones."""
        self._is_shown = True
        selection = self.selectionModel()
        selection.clearSelection()
        flags = (
            QItemSelectionModel.SelectionFlag.Select
            | QItemSelectionModel.SelectionFlag.Rows
        )
        for row in rows:
            index = self._sorted.mapFromSource(self._rows.index(row, 0))
            selection.select(index, flags)
        if rows:
            first = self._sorted.mapFromSource(self._rows.index(rows[0], 0))
            self.scrollTo(first)
        self._is_shown = False

    @property
    def chosen(self) -> list[int]:
        """The chosen rows as they were given, from top to bottom."""
        found = self.selectionModel().selectedRows()
        ordered = sorted(found, key=lambda index: index.row())
        return [self._sorted.mapToSource(index).row() for index in ordered]

    @property
    def texts(self) -> list[list[str]]:
        """What it shows, from top to bottom."""
        return [
            [
                str(self._sorted.index(row, column).data() or "")
                for column in range(self._sorted.columnCount())
            ]
            for row in range(self._sorted.rowCount())
        ]

    def csv(self, *, only_chosen: bool = False, separator: str = ",") -> str:
        """The rows as they are sorted, with titles and all their digits."""
        text = io.StringIO()
        writer = csv.writer(text, delimiter=separator, lineterminator="\n")
        titles = [column.title.replace("\n", " ") for column in self._rows.columns]
        writer.writerow(titles)
        chosen = {index.row() for index in self.selectionModel().selectedRows()}
        for row in range(self._sorted.rowCount()):
            if only_chosen and row not in chosen:
                continue
            source = self._sorted.mapToSource(self._sorted.index(row, 0)).row()
            writer.writerow(self._rows.rows[source])
        return text.getvalue()

    def copy(self) -> None:
        """Put the chosen rows, or all, where other programs can take them."""
        text = self.csv(only_chosen=bool(self.chosen), separator="\t")
        QGuiApplication.clipboard().setText(text)

    def _widen_columns(self) -> None:
        """Have room for what is shown; none gets narrower, and nothing jumps."""
        if not self.count:
            return
        for column in range(self._sorted.columnCount()):
            # Qt leaves room for a sign of the order in every title.
            needed = self.sizeHintForColumn(column)
            title = self._rows.columns[column].title
            words = max(
                self.fontMetrics().horizontalAdvance(line)
                for line in title.splitlines()
            )
            width_px = max(needed, words + _TITLE_PX)
            if not self._is_fitted or width_px > self.columnWidth(column):
                self.setColumnWidth(column, width_px)
        self._is_fitted = True

    def _on_selected(self) -> None:
        if self._is_shown:
            return
        chosen = self.chosen
        current = self._sorted.mapToSource(self.currentIndex()).row()
        if current in chosen:
            self.row_chosen.emit(current, len(chosen) > 1)

    def _on_opened(self, index: QModelIndex) -> None:
        if index.isValid():
            self.row_opened.emit(self._sorted.mapToSource(index).row())


class _Rows(QAbstractTableModel):
    def __init__(self, columns: Sequence[Column]) -> None:
        super().__init__()
        self.columns = list(columns)
        self.rows: list[Sequence[Cell]] = []

    def replace(self, rows: Sequence[Sequence[Cell]]) -> None:
        self.beginResetModel()
        self.rows = list(rows)
        self.endResetModel()

    def rename(self, columns: Sequence[Column]) -> None:
        self.columns = list(columns)
        last = len(columns) - 1
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, last)

    def rowCount(self, parent: _Index | None = None) -> int:  # noqa: N802  Qt's name
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: _Index | None = None) -> int:  # noqa: N802  Qt's name
        return 0 if parent is not None and parent.isValid() else len(self.columns)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        column = self.columns[index.column()]
        value = self.rows[index.row()][index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(value, column.decimals)
        if role == Qt.ItemDataRole.UserRole:
            is_unknown = isinstance(value, float) and math.isnan(value)
            return -math.inf if is_unknown else value
        is_figure = not isinstance(value, str) and not column.is_track
        if role == Qt.ItemDataRole.TextAlignmentRole and is_figure:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.DecorationRole and column.is_track:
            return _swatch(int(value))
        return None

    def headerData(  # noqa: N802  Qt's name
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        if orientation != Qt.Orientation.Horizontal:
            return None
        column = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return column.tip or None
        return None


@functools.lru_cache(maxsize=512)
def _swatch(track_id: int) -> QIcon:
    pixmap = QPixmap(_SWATCH_PX, _SWATCH_PX)
    pixmap.fill(track_colour(track_id))
    swatch = QIcon(pixmap)
    # Qt would tint it where the row is chosen: it is told by its colour.
    swatch.addPixmap(pixmap, QIcon.Mode.Selected)
    return swatch


def _text(value: Cell, decimals: int) -> str:
    if isinstance(value, float):
        return _NOTHING if math.isnan(value) else f"{value:.{decimals}f}"
    return str(value)


def save_csv(table: FigureTable, parent: QWidget) -> None:
    """Ask where to keep a table as CSV, and keep it there."""
    from widgets.save_dialog import ask_file

    ask_file(parent, f"{table.accessibleName()}.csv", table.csv())
