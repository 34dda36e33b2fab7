"""The engines of this machine: list, build, steps, trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QMessageBox,
    QPushButton,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.conversion_job import ConversionState
from app.engine_store import PAGE_NAME, EngineState
from widgets.build_form import BuildForm
from widgets.build_list import BuildList
from widgets.engine_table import EngineTable
from widgets.ladder_table import LadderTable
from widgets.message_bar import Message, MessageBar, Severity
from widgets.theme import GAP_PX, MARGIN_PX
from widgets.trial_panel import TrialPanel

if TYPE_CHECKING:
    from app.build_queue import Build
    from app.engine_store import StoredEngine
    from app.errors import ConsoleError
    from app.pipeline import PipelineStatus
    from engines.errors import EngineError
    from widgets.engine_desk import EngineDesk

_SIZE_PX = (1040, 760)


class EngineWindow(QDialog):
    """Builds engines and tries them on the feed, which goes on behind it.

    Not modal. Builds and trials go on when it is closed.

    Parameters
    ----------
    desk : EngineDesk
    parent : QWidget, optional
    """

    def __init__(self, desk: EngineDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Engines")
        self._desk = desk
        self._is_feed_on = False
        self.message_bar = MessageBar()
        self.table = EngineTable()
        self.form = BuildForm()
        self.builds = BuildList()
        self.steps = LadderTable()
        self.trial = TrialPanel()
        self.tabs = QTabWidget()
        self.try_button = QPushButton("&Try on the feed")
        self.rebuild_button = QPushButton("Rebu&ild")
        self.rebuild_all_button = QPushButton("Rebuild &outdated")
        self.rename_button = QPushButton("Re&name…")
        self.delete_button = QPushButton("&Delete…")
        self.report_button = QPushButton("Rep&ort")
        self._lay_out()
        self._connect()
        desk.refresh()
        self.resize(*_SIZE_PX)

    def show_status(self, status: PipelineStatus | None) -> None:
        """Show which engine infers, and how the trial stands; None without a feed."""
        engine = status.engine if status else None
        self._is_feed_on = engine is not None
        self.table.show_running(engine.model.folder if engine else None)
        self.trial.show_trial(status.trial if status else None)
        self._enable()

    def show_error(self, error: ConsoleError | EngineError) -> None:
        """Say what could not be done."""
        self.message_bar.show_message(Message.of_error(error))

    # --- what the operator does

    def _try(self) -> None:
        engine = self.table.chosen
        if engine is not None:
            self._desk.try_on_feed(engine, self.trial.limits)
            self.tabs.setCurrentWidget(self.trial)

    def _rename(self) -> None:
        engine = self.table.chosen
        if engine is None:
            return
        dialog = QInputDialog(self)
        dialog.setWindowTitle("Rename")
        dialog.setLabelText(f"Another name for {engine.name}:")
        dialog.setTextValue(engine.name)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.textValueSelected.connect(lambda name: self._take_name(engine, name))
        dialog.open()

    def _take_name(self, engine: StoredEngine, name: str) -> None:
        if self._desk.rename(engine, name):
            self.table.choose(name)

    def _delete(self) -> None:
        engine = self.table.chosen
        if engine is None:
            return
        box = QMessageBox(self)
        box.setWindowTitle("Delete")
        box.setText(f"Delete the engine {engine.name}?")
        box.setInformativeText("Its model stays: it can be built again.")
        button = box.addButton("Delete", QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        button.clicked.connect(lambda: self._desk.delete(engine))
        box.open()

    def _rebuild(self) -> None:
        engine = self.table.chosen
        if engine is not None and self._desk.rebuild(engine):
            self.tabs.setCurrentWidget(self.builds)

    def _rebuild_all(self) -> None:
        count = self._desk.rebuild_all()
        text = (
            f"{count} outdated engines are built again."
            if count
            else ("No engine is out of date, or its model is gone.")
        )
        self.message_bar.show_message(Message(Severity.INFO, text))

    def _open_report(self) -> None:
        engine = self.table.chosen
        if engine is not None:
            path = str(engine.folder / PAGE_NAME)
            QDesktopServices.openUrl(QUrl.fromLocalFile(path))

    def _build(self, order: object, name: str) -> None:
        if self._desk.build(order, self._desk.free_name(name)):  # type: ignore[arg-type]
            self.message_bar.clear()
            self.tabs.setCurrentWidget(self.builds)

    def _repeat(self, build: Build) -> None:
        self._desk.forget(build.number)
        self._build(build.order, build.name)

    # --- what happens

    def _on_chosen(self, engine: StoredEngine | None) -> None:
        if engine is not None and engine.report is not None:
            self.steps.show_steps(engine.report.get("steps") or [])
        elif engine is not None:
            self.steps.show_steps([])
        self._enable()

    def _on_build_chosen(self, build: Build) -> None:
        if build.status is not None:
            self.steps.show_steps(build.status.steps)
            self.tabs.setCurrentWidget(self.steps)

    def _on_build_ended(self, build: Build) -> None:
        status = build.status
        if status is not None and status.state is ConversionState.DONE:
            self.table.choose(build.name)
            text = f"{build.name} is built: try it on the feed."
            self.message_bar.show_message(Message(Severity.INFO, text))
        elif status is not None and status.error is not None:
            self.show_error(status.error)

    def _enable(self) -> None:
        engine = self.table.chosen
        is_own = engine is not None and not engine.is_bundled
        can_run = engine is not None and engine.state in (
            EngineState.READY,
            EngineState.STALE,
        )
        self.try_button.setEnabled(can_run and self._is_feed_on)
        self.rename_button.setEnabled(is_own)
        self.delete_button.setEnabled(is_own)
        self.rebuild_button.setEnabled(engine is not None and engine.order is not None)
        self.report_button.setEnabled(
            engine is not None and (engine.folder / PAGE_NAME).is_file()
        )

    # --- making it

    def _lay_out(self) -> None:
        self.try_button.setToolTip(
            "Open it beside the running engine, compare them on the live frames, and"
            " let it take over if it is as good"
        )
        self.rebuild_button.setToolTip("Build it once more from its model")
        self.rebuild_all_button.setToolTip(
            "Build every engine again whose model, device or library has changed"
        )
        self.report_button.setToolTip("Open the page about its conversion")
        row = QHBoxLayout()
        row.addWidget(self.try_button)
        row.addStretch(1)
        for button in (
            self.report_button,
            self.rebuild_button,
            self.rename_button,
            self.delete_button,
            self.rebuild_all_button,
        ):
            row.addWidget(button)
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)
        top = QWidget()
        column = QVBoxLayout(top)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP_PX)
        column.addWidget(self.table, 1)
        column.addLayout(row)
        left = QWidget()
        build_column = QVBoxLayout(left)
        build_column.setContentsMargins(0, 0, GAP_PX, 0)
        heading = QLabel("Build an engine")
        heading.setProperty("role", "heading")
        build_column.addWidget(heading)
        build_column.addWidget(self.form, 1)
        self.tabs.addTab(self.builds, "Builds")
        self.tabs.addTab(self.steps, "Steps")
        self.tabs.addTab(self.trial, "Trial")
        self.tabs.setDocumentMode(True)
        bottom = QSplitter(Qt.Orientation.Horizontal)
        bottom.addWidget(left)
        bottom.addWidget(self.tabs)
        bottom.setSizes([460, 560])
        parts = QSplitter(Qt.Orientation.Vertical)
        parts.addWidget(top)
        parts.addWidget(bottom)
        parts.setSizes([280, 440])
        parts.setChildrenCollapsible(False)
        bottom.setChildrenCollapsible(False)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX)
        whole.addWidget(self.message_bar)
        whole.addWidget(parts, 1)

    def _connect(self) -> None:
        desk = self._desk
        desk.engines_changed.connect(self.table.show_engines)
        desk.builds_changed.connect(self.builds.show_builds)
        desk.build_ended.connect(self._on_build_ended)
        desk.failed.connect(self.show_error)
        self.table.engine_chosen.connect(self._on_chosen)
        self.form.order_made.connect(self._build)
        self.form.failed.connect(self.show_error)
        self.builds.cancelled.connect(desk.cancel)
        self.builds.forgotten.connect(desk.forget)
        self.builds.repeated.connect(self._repeat)
        self.builds.chosen.connect(self._on_build_chosen)
        self.trial.cancelled.connect(desk.cancel_trial)
        self.try_button.clicked.connect(self._try)
        self.rebuild_button.clicked.connect(self._rebuild)
        self.rebuild_all_button.clicked.connect(self._rebuild_all)
        self.rename_button.clicked.connect(self._rename)
        self.delete_button.clicked.connect(self._delete)
        self.report_button.clicked.connect(self._open_report)
        for key, act in (
            ("Ctrl+Return", self.form.submit),
            ("F2", self._rename),
            ("Delete", self._delete),
        ):
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.activated.connect(act)
