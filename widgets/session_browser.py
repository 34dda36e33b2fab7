"""The recorded sessions: looked at, opened, renamed, exported, thrown away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon, QImage, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.recording.manifest import SessionState
from widgets.status_strip import count_text
from widgets.theme import GAP_PX, MARGIN_PX

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from app.recording.library import SessionEntry

_COLUMNS = ("", "Name", "Started", "Length", "Fps", "Tracks", "Engine", "Size", "State")
_NAME = 1
_SIZE_PX = (980, 480)
_THUMBNAIL_PX = QSize(96, 60)


class SessionBrowser(QDialog):
    """A table of sessions; says what the operator asked.

    Parameters
    ----------
    parent : QWidget
    """

    open_requested = Signal(object)  # Path of the session to track anew
    rename_requested = Signal(object, str)  # Path of a session, its new name
    notes_requested = Signal(object, str)  # Path of a session, what to note
    trash_requested = Signal(object)  # Path of the session to throw away

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Sessions")
        self.resize(*_SIZE_PX)
        self._entries: list[SessionEntry] = []
        self._search = QLineEdit()
        self._search.setPlaceholderText("Search names and notes")
        self._search.setClearButtonEnabled(True)
        self._message = QLabel()
        self._message.setProperty("role", "muted")
        self._table = QTableWidget(0, len(_COLUMNS))
        self._table.setHorizontalHeaderLabels(_COLUMNS)
        self._table.setIconSize(_THUMBNAIL_PX)
        self._table.verticalHeader().setVisible(False)
        self._table.verticalHeader().setDefaultSectionSize(_THUMBNAIL_PX.height() + 4)
        self._table.setColumnWidth(0, _THUMBNAIL_PX.width() + 8)
        self._table.horizontalHeader().setSectionResizeMode(
            _NAME, QHeaderView.ResizeMode.Stretch
        )
        self._table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self._table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._table.setShowGrid(False)
        self._notes = QLineEdit()
        self._notes.setPlaceholderText("Notes on the chosen session; Enter keeps them")
        self._open = QPushButton("Open")
        self._open.setDefault(True)
        self._trash = QPushButton("Move to trash")
        self._lay_out()
        self._search.textChanged.connect(self._on_searched)
        self._table.itemSelectionChanged.connect(self._on_selected)
        self._table.itemDoubleClicked.connect(self._on_double_clicked)
        self._table.itemChanged.connect(self._on_item_changed)
        self._notes.returnPressed.connect(self._on_notes_entered)
        self._open.clicked.connect(self._on_open_clicked)
        self._trash.clicked.connect(self._on_trash_clicked)
        self._on_selected()

    @property
    def names(self) -> list[str]:
        """The sessions shown, from top to bottom."""
        return [
            self._entries[row].manifest.name
            for row in range(self._table.rowCount())
            if not self._table.isRowHidden(row)
        ]

    @property
    def message(self) -> str:
        """What it says below the table."""
        return self._message.text()

    def cell(self, row: int, title: str) -> str:
        """What a cell says."""
        item = self._table.item(row, _COLUMNS.index(title))
        return item.text() if item is not None else ""

    def choose(self, row: int) -> None:
        """Choose a session."""
        self._table.selectRow(row)

    def show_message(self, text: str) -> None:
        """Say something below the table."""
        self._message.setText(text)

    def show_sessions(
        self,
        entries: Sequence[SessionEntry],
        thumbnails: dict[Path, NDArray[np.uint8]] | None = None,
    ) -> None:
        """Show these sessions.

        Parameters
        ----------
        entries : sequence of SessionEntry
        thumbnails : dict of Path to ndarray, optional
            BGR pictures by the session's folder.
        """
        self._entries = list(entries)
        self._table.blockSignals(True)
        self._table.setRowCount(len(self._entries))
        for row, entry in enumerate(self._entries):
            for column, text in enumerate(_texts(entry)):
                item = QTableWidgetItem(text)
                if column != _NAME:
                    item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
                item.setToolTip(entry.manifest.notes or str(entry.folder))
                self._table.setItem(row, column, item)
            picture = (thumbnails or {}).get(entry.folder)
            first = self._table.item(row, 0)
            if picture is not None and first is not None:
                first.setIcon(_icon(picture))
        self._table.blockSignals(False)
        for column in range(2, len(_COLUMNS)):
            self._table.resizeColumnToContents(column)
        self._message.setText("" if entries else "Nothing has been recorded yet.")
        if entries:
            self._table.selectRow(0)
        self._on_selected()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX)
        column.setSpacing(GAP_PX)
        column.addWidget(self._search)
        column.addWidget(self._table, 1)
        column.addWidget(self._notes)
        row = QHBoxLayout()
        row.addWidget(self._message, 1)
        row.addWidget(self._trash)
        row.addWidget(self._open)
        column.addLayout(row)

    def _chosen(self) -> SessionEntry | None:
        rows = self._table.selectionModel().selectedRows()
        return self._entries[rows[0].row()] if rows else None

    def _on_selected(self) -> None:
        entry = self._chosen()
        is_free = entry is not None and not entry.is_recording
        self._notes.setText(entry.manifest.notes if entry is not None else "")
        for widget in (self._open, self._trash, self._notes):
            widget.setEnabled(is_free)

    def _on_searched(self, text: str) -> None:
        for row, entry in enumerate(self._entries):
            words = f"{entry.manifest.name} {entry.manifest.notes}".lower()
            self._table.setRowHidden(row, text.lower() not in words)

    def _on_double_clicked(self, item: QTableWidgetItem) -> None:
        if item.column() != _NAME:
            self._on_open_clicked()

    def _on_item_changed(self, item: QTableWidgetItem) -> None:
        entry = self._entries[item.row()]
        if item.column() == _NAME and item.text() != entry.manifest.name:
            self.rename_requested.emit(entry.folder, item.text())

    def _on_notes_entered(self) -> None:
        entry = self._chosen()
        if entry is not None:
            self.notes_requested.emit(entry.folder, self._notes.text())

    def _on_open_clicked(self) -> None:
        entry = self._chosen()
        if entry is not None and not entry.is_recording:
            self.open_requested.emit(entry.folder)
            self.accept()

    def _on_trash_clicked(self) -> None:
        entry = self._chosen()
        if entry is not None:
            self.trash_requested.emit(entry.folder)


def _texts(entry: SessionEntry) -> tuple[str, ...]:
    manifest = entry.manifest
    rate = (manifest.frames - 1) / manifest.seconds if manifest.seconds else 0.0
    state = "recording" if entry.is_recording else manifest.state.value
    if manifest.state is SessionState.RECORDING and not entry.is_recording:
        state = "unfinished"
    return (
        "",
        manifest.name,
        manifest.started_utc[:19].replace("T", " "),
        f"{manifest.seconds:.1f} s",
        f"{rate:.1f}",
        count_text(manifest.tracks),
        str(manifest.engine.get("kind", "")),
        f"{entry.size_bytes / 1e6:.1f} MB",
        state,
    )


def _icon(picture: NDArray[np.uint8]) -> QIcon:
    height, width = picture.shape[:2]
    image = QImage(
        picture.data, width, height, picture.strides[0], QImage.Format.Format_BGR888
    )
    return QIcon(QPixmap.fromImage(image.copy()))
