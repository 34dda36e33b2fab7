"""The recorded sessions: looked at, reviewed, renamed, exported, thrown away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QIcon, QImage, QKeySequence, QPixmap, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.recording.manifest import SessionState
from app.review.shelf import THUMBNAIL_PX
from widgets.status_strip import count_text
from widgets.theme import GAP_PX, MARGIN_PX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from app.recording.library import SessionEntry

_COLUMNS = ("", "Name", "Started", "Length", "Fps", "Tracks", "Engine", "Size", "State")
_NAME = 1
_SIZE_PX = (1060, 600)
_NOTES_PX = 64
_SLACK_PX = 14
_FOLDER = Qt.ItemDataRole.UserRole
_ORDER = Qt.ItemDataRole.UserRole + 1


class SessionBrowser(QDialog):
    """A table of sessions; says what the operator asked.

    Enter or a double click reviews a session, F2 renames it, Delete throws it away and
    Ctrl+Z takes it back.

    Parameters
    ----------
    parent : QWidget
    """

    review_requested = Signal(object)  # Path of the session to review
    open_requested = Signal(object)  # Path of the session to track anew
    export_requested = Signal(object)  # Path of the session to export
    rename_requested = Signal(object, str)  # Path of a session, its new name
    notes_requested = Signal(object, str)  # Path of a session, what to note
    trash_requested = Signal(object)  # Path of the session to throw away
    restore_requested = Signal()  # to take back what was thrown away last

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Sessions")
        self.resize(*_SIZE_PX)
        self._entries: dict[Path, SessionEntry] = {}
        self._noted: Path | None = None
        self._search = QLineEdit()
        self._search.setPlaceholderText("Search names, notes, engines and dates")
        self._search.setClearButtonEnabled(True)
        self._message = QLabel()
        self._message.setProperty("role", "muted")
        self._message.setTextFormat(Qt.TextFormat.PlainText)
        self._restore = QPushButton("&Undo")
        self._table = _SessionTable()
        self._notes = QPlainTextEdit()
        self._notes.setPlaceholderText("Notes on the chosen session")
        self._notes.setFixedHeight(_NOTES_PX)
        self._notes.setTabChangesFocus(True)
        self._review = QPushButton("&Review")
        self._review.setDefault(True)
        self._open = QPushButton("&Track anew")
        self._export = QPushButton("&Export…")
        self._trash = QPushButton("&Move to trash")
        self._tell()
        self._lay_out()
        self._connect()
        self.show_restorable(is_restorable=False)
        self._on_selected()

    @property
    def names(self) -> list[str]:
        """The sessions shown, from top to bottom."""
        return [
            self._entry_at(row).manifest.name
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

    def has_thumbnail(self, row: int) -> bool:
        """Whether a session has a picture."""
        return not self._item(row, 0).icon().isNull()

    def choose(self, row: int) -> None:
        """Choose a session."""
        self._table.selectRow(row)

    def show_message(self, text: str) -> None:
        """Say something below the table."""
        self._message.setText(text)

    def show_restorable(self, *, is_restorable: bool) -> None:
        """Offer to take back what was thrown away, or do not."""
        self._restore.setVisible(is_restorable)

    def show_sessions(self, entries: Sequence[SessionEntry]) -> None:
        """Show these sessions; the chosen one stays so where it is among them."""
        chosen = self._chosen()
        self._keep_notes()
        self._entries = {entry.folder: entry for entry in entries}
        table = self._table
        table.blockSignals(True)
        table.setSortingEnabled(False)
        table.setRowCount(len(entries))
        for row, entry in enumerate(entries):
            for column, (text, order) in enumerate(_cells(entry)):
                item = _Item(text)
                item.setData(_FOLDER, str(entry.folder))
                item.setData(_ORDER, order)
                if column != _NAME or entry.is_recording:
                    item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
                item.setToolTip(entry.manifest.notes or entry.folder.name)
                table.setItem(row, column, item)
        table.setSortingEnabled(True)
        table.blockSignals(False)
        for column in range(2, len(_COLUMNS)):
            table.resizeColumnToContents(column)
            table.setColumnWidth(column, table.columnWidth(column) + _SLACK_PX)
        self._message.setText("" if entries else "Nothing has been recorded yet.")
        self._on_searched(self._search.text())
        folders = [self._entry_at(row).folder for row in range(len(entries))]
        if entries:
            was_there = chosen is not None and chosen.folder in folders
            table.selectRow(folders.index(chosen.folder) if was_there and chosen else 0)
        self._on_selected()

    def show_thumbnails(self, thumbnails: Mapping[Path, NDArray[np.uint8]]) -> None:
        """Show pictures of sessions: BGR, by the session's folder."""
        self._table.blockSignals(True)
        for row in range(self._table.rowCount()):
            item = self._item(row, 0)
            picture = thumbnails.get(self._entry_at(row).folder)
            if picture is not None and item.icon().isNull():
                item.setIcon(_icon(picture))
        self._table.blockSignals(False)

    def done(self, result: int) -> None:
        """Close it, with what is noted kept."""
        self._keep_notes()
        super().done(result)

    def _tell(self) -> None:
        for button, tip in (
            (self._review, "Play it, correct it, measure in it  (Enter, double click)"),
            (self._open, "Run its frames through the engine of the console again"),
            (self._export, "Write it for other programs"),
            (self._trash, "It can be taken back  (Del)"),
            (self._restore, "Take back what was thrown away last  (Ctrl+Z)"),
        ):
            button.setToolTip(tip)
        for button in (self._open, self._export, self._trash, self._restore):
            button.setAutoDefault(False)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX)
        column.setSpacing(GAP_PX)
        column.addWidget(self._search)
        column.addWidget(self._table, 1)
        column.addWidget(self._notes)
        row = QHBoxLayout()
        row.addWidget(self._message)
        row.addWidget(self._restore)
        row.addStretch(1)
        for button in (self._trash, self._export, self._open, self._review):
            row.addWidget(button)
        column.addLayout(row)

    def _connect(self) -> None:
        self._search.textChanged.connect(self._on_searched)
        self._table.itemSelectionChanged.connect(self._on_selected)
        self._table.itemDoubleClicked.connect(self._on_review_wanted)
        self._table.itemChanged.connect(self._on_item_changed)
        self._table.customContextMenuRequested.connect(self._on_menu_requested)
        self._review.clicked.connect(self._on_review_wanted)
        self._open.clicked.connect(self._on_open_clicked)
        self._export.clicked.connect(lambda: self._ask(self.export_requested))
        self._trash.clicked.connect(lambda: self._ask(self.trash_requested))
        self._restore.clicked.connect(self.restore_requested)
        for key, act, widget in (
            ("F2", self._on_rename_wanted, self._table),
            ("Del", self._trash.click, self._table),
            ("Ctrl+Z", self._restore.click, self._table),
            ("Ctrl+F", self._search.setFocus, self),
        ):
            shortcut = QShortcut(QKeySequence(key), widget)
            if widget is self._table:
                shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(act)

    def _item(self, row: int, column: int) -> QTableWidgetItem:
        item = self._table.item(row, column)
        assert item is not None
        return item

    def _entry_at(self, row: int) -> SessionEntry:
        return self._entries[Path(self._item(row, _NAME).data(_FOLDER))]

    def _chosen(self) -> SessionEntry | None:
        rows = self._table.selectionModel().selectedRows()
        return self._entry_at(rows[0].row()) if rows else None

    def _ask(self, signal: Any) -> None:  # noqa: ANN401  a bound signal
        entry = self._chosen()
        if entry is not None and not entry.is_recording:
            signal.emit(entry.folder)

    def _keep_notes(self) -> None:
        """Tell what was noted on the session that was chosen until now."""
        entry = self._entries.get(self._noted) if self._noted else None
        text = self._notes.toPlainText().strip()
        if entry is not None and text != entry.manifest.notes.strip():
            self.notes_requested.emit(entry.folder, text)

    def _on_selected(self) -> None:
        entry = self._chosen()
        if entry is None or entry.folder != self._noted:
            self._keep_notes()
            self._noted = entry.folder if entry is not None else None
            self._notes.setPlainText(entry.manifest.notes if entry is not None else "")
        is_free = entry is not None and not entry.is_recording
        for widget in (
            self._review,
            self._open,
            self._export,
            self._trash,
            self._notes,
        ):
            widget.setEnabled(is_free)

    def _on_searched(self, text: str) -> None:
        sought = text.lower().split()
        for row in range(self._table.rowCount()):
            manifest = self._entry_at(row).manifest
            cells = [self.cell(row, title) for title in _COLUMNS]
            words = " ".join([*cells, manifest.notes]).lower()
            is_found = all(word in words for word in sought)
            self._table.setRowHidden(row, not is_found)

    def _on_review_wanted(self) -> None:
        self._ask(self.review_requested)

    def _on_open_clicked(self) -> None:
        self._ask(self.open_requested)
        self.accept()

    def _on_rename_wanted(self) -> None:
        rows = self._table.selectionModel().selectedRows(_NAME)
        if rows:
            self._table.edit(rows[0])

    def _on_menu_requested(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for text, act in (
            ("&Review", self._on_review_wanted),
            ("&Track anew", self._on_open_clicked),
            ("&Export…", lambda: self._ask(self.export_requested)),
            ("Re&name", self._on_rename_wanted),
            ("&Move to trash", lambda: self._ask(self.trash_requested)),
        ):
            action = QAction(text, menu)
            action.triggered.connect(act)
            menu.addAction(action)
        menu.popup(self.cursor().pos())

    def _on_item_changed(self, item: QTableWidgetItem) -> None:
        entry = self._entry_at(item.row())
        if item.column() == _NAME and item.text() != entry.manifest.name:
            self.rename_requested.emit(entry.folder, item.text())


class _SessionTable(QTableWidget):
    def __init__(self) -> None:
        super().__init__(0, len(_COLUMNS))
        self.setHorizontalHeaderLabels(_COLUMNS)
        self.setIconSize(QSize(*THUMBNAIL_PX))
        self.verticalHeader().setVisible(False)
        self.verticalHeader().setDefaultSectionSize(THUMBNAIL_PX[1] + 6)
        self.setColumnWidth(0, THUMBNAIL_PX[0] + 20)
        header = self.horizontalHeader()
        header.setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Stretch)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        header.setHighlightSections(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setSortingEnabled(True)
        self.sortByColumn(2, Qt.SortOrder.DescendingOrder)
        self.setAccessibleName("Sessions")


class _Item(QTableWidgetItem):
    """Sorted by its value, not by its text."""

    def __lt__(self, other: QTableWidgetItem) -> bool:
        return bool(self.data(_ORDER) < other.data(_ORDER))


def _cells(entry: SessionEntry) -> tuple[tuple[str, str | float], ...]:
    """Texts, and what they are sorted by."""
    manifest = entry.manifest
    rate = (manifest.frames - 1) / manifest.seconds if manifest.seconds else 0.0
    state = "recording" if entry.is_recording else manifest.state.value
    if manifest.state is SessionState.RECORDING and not entry.is_recording:
        state = "unfinished"
    engine = str(manifest.engine.get("kind", ""))
    return (
        ("", manifest.started_utc),
        (manifest.name, manifest.name.lower()),
        (manifest.started_utc[:19].replace("T", " "), manifest.started_utc),
        (f"{manifest.seconds:.1f} s", manifest.seconds),
        (f"{rate:.1f}", rate),
        (count_text(manifest.tracks), float(manifest.tracks)),
        (engine, engine),
        (f"{entry.size_bytes / 1e6:.1f} MB", float(entry.size_bytes)),
        (state, state),
    )


def _icon(picture: NDArray[np.uint8]) -> QIcon:
    height, width = picture.shape[:2]
    image = QImage(
        picture.data, width, height, picture.strides[0], QImage.Format.Format_BGR888
    )
    pixmap = QPixmap.fromImage(image.copy())
    made = QIcon(pixmap)
    # Qt would tint it where the session is chosen.
    made.addPixmap(pixmap, QIcon.Mode.Selected)
    return made
