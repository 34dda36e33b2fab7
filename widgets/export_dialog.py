"""Exports a session: what, where to, how far."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.errors import ConsoleError
from app.recording.exports.formats import FOLDER, ExportFormat
from app.review.export_job import ExportJob, ExportPhase, ExportStatus
from widgets.overrides import override
from widgets.theme import GAP_PX, MARGIN_PX

if TYPE_CHECKING:
    from PySide6.QtGui import QCloseEvent

_POLL_MS = 100
_WIDTH_PX = 540
_TEXTS = {
    ExportFormat.CSV: "CSV: a row for each track and frame, and one for each frame",
    ExportFormat.PARQUET: "Parquet: the same table, typed and small",
    ExportFormat.MOT: "MOT Challenge: truth and tracks for TrackEval",
    ExportFormat.DLC: "DeepLabCut: a table for several animals",
    ExportFormat.VIDEO: "Video with ids, outlines and trails",
    ExportFormat.PNG: "PNG: every frame as it was recorded",
    ExportFormat.HTML: "HTML: one page with figures, paths and events",
}


class ExportDialog(QDialog):
    """Starts an export and shows how far it is; closing cancels it.

    Parameters
    ----------
    session : Path
        Its folder.
    parent : QWidget
    """

    def __init__(self, session: Path, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Export {session.name}")
        self.setMinimumWidth(_WIDTH_PX)
        self._session = session
        self._job: ExportJob | None = None
        self._format = QComboBox()
        for each in ExportFormat:
            self._format.addItem(_TEXTS.get(each, each.value), each)
        self._folder = QLineEdit(str(session / FOLDER))
        self._browse = QPushButton("&Browse…")
        self._progress = QProgressBar()
        self._progress.setTextVisible(False)
        self._state = QLabel("Corrections of identities are applied.")
        self._state.setWordWrap(True)
        self._start = QPushButton("&Export")
        self._start.setDefault(True)
        self._cancel = QPushButton("&Cancel")
        self._show = QPushButton("&Show folder")
        self._close = QPushButton("C&lose")
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self.poll)
        self._lay_out()
        self._browse.clicked.connect(self._on_browse_clicked)
        self._start.clicked.connect(self._on_start_clicked)
        self._cancel.clicked.connect(self._on_cancel_clicked)
        self._show.clicked.connect(self._on_show_clicked)
        self._close.clicked.connect(self.close)
        self._show.hide()
        self._enable()

    @property
    def state_text(self) -> str:
        """How the export stands."""
        return self._state.text()

    def choose(self, to: ExportFormat, folder: Path) -> None:
        """Choose a format and a folder."""
        self._format.setCurrentIndex(self._format.findData(to))
        self._folder.setText(str(folder))

    def poll(self) -> None:
        """Look at the export; the timer calls this, and so do tests."""
        if self._job is None:
            return
        status = self._job.status()
        has_frames = status.done > 0 and status.total > 0
        self._progress.setRange(0, status.total if has_frames else 0)
        self._progress.setValue(status.done)
        if status.phase is ExportPhase.RUNNING:
            if has_frames:
                self._state.setText(f"{status.done} of {status.total} frames")
            return
        self._timer.stop()
        self._job.stop()
        self._job = None
        self._progress.setRange(0, 1)
        self._progress.setValue(int(status.phase is ExportPhase.DONE))
        self._state.setText(_end_text(status))
        self._show.setVisible(status.phase is ExportPhase.DONE)
        self._enable()

    @override
    def closeEvent(self, event: QCloseEvent) -> None:
        self._end()
        super().closeEvent(event)

    @override
    def reject(self) -> None:
        self._end()
        super().reject()

    def _end(self) -> None:
        self._timer.stop()
        if self._job is not None:
            self._job.stop()
            self._job = None

    def _on_start_clicked(self) -> None:
        to = ExportFormat(self._format.currentData())
        self._job = ExportJob(self._session, to, Path(self._folder.text()))
        self._state.setText("Writing…")
        self._show.hide()
        self._progress.setRange(0, 0)
        self._job.start()
        self._timer.start()
        self._enable()

    def _on_cancel_clicked(self) -> None:
        if self._job is not None:
            self._state.setText("Giving it up…")
            self._job.cancel()

    def _on_show_clicked(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(self._folder.text()))

    def _on_browse_clicked(self) -> None:
        dialog = QFileDialog(self, "Export into", self._folder.text())
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._folder.setText)
        dialog.open()

    def _enable(self) -> None:
        is_running = self._job is not None
        for widget in (self._format, self._folder, self._browse, self._start):
            widget.setEnabled(not is_running)
        self._cancel.setEnabled(is_running)

    def _lay_out(self) -> None:
        folder = QHBoxLayout()
        folder.addWidget(self._folder, 1)
        folder.addWidget(self._browse)
        form = QFormLayout()
        form.addRow("Format", self._format)
        form.addRow("Folder", folder)
        buttons = QHBoxLayout()
        buttons.addWidget(self._show)
        buttons.addStretch(1)
        for button in (self._close, self._cancel, self._start):
            button.setAutoDefault(button is self._start)
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX)
        column.setSpacing(GAP_PX)
        column.addLayout(form)
        column.addWidget(self._progress)
        column.addWidget(self._state)
        column.addLayout(buttons)


def _end_text(status: ExportStatus) -> str:
    if status.phase is ExportPhase.DONE:
        names = ", ".join(path.name for path in status.paths)
        return f"Written: {names}"
    if status.phase is ExportPhase.CANCELLED:
        return "Given up; nothing was written."
    fault = status.fault
    if isinstance(fault, ConsoleError):
        return f"{fault.message}. {fault.hint}".strip()
    return f"It failed: {fault}"
