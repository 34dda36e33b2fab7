"""The engines of this machine: list, build, report, graph, trial."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QTimer, QUrl
from PySide6.QtGui import (
    QDesktopServices,
    QFontDatabase,
    QGuiApplication,
    QKeySequence,
    QShortcut,
)
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.build_advice import Next
from app.conversion_job import ConversionState
from app.engine_bench import BenchOrder
from app.engine_store import LOG_NAME, PAGE_NAME, EngineState
from app.paths import SAMPLE_CLIP
from engines.convert.tensorboard_log import FOLDER_NAME
from widgets.bench_panel import BenchPanel
from widgets.build_form import BuildForm
from widgets.build_list import BuildList
from widgets.engine_desk import choice_of
from widgets.engine_table import EngineTable
from widgets.graph_tree import GraphPanel
from widgets.message_bar import (
    Message,
    MessageBar,
    Remedy,
    Severity,
    problem_text,
)
from widgets.overrides import override
from widgets.report_panel import ReportPanel
from widgets.theme import GAP_PX, MARGIN_PX
from widgets.trial_panel import TrialPanel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtGui import QDragEnterEvent, QDropEvent, QShowEvent

    from app.bench_store import StoredBench
    from app.build_order import BuildOrder
    from app.build_queue import Build
    from app.conversion_job import ConversionStatus
    from app.engine_store import StoredEngine
    from app.errors import ConsoleError
    from app.graph_scopes import GraphStage
    from app.pipeline import PipelineStatus
    from engines.errors import EngineError
    from widgets.bench_desk import BenchDesk
    from widgets.engine_desk import EngineDesk
    from widgets.engine_jobs import EngineJobs

_SIZE_PX = (1440, 920)
_WIDTHS_PX = (520, 920)
_MEMORY_MS = 2000


class EnginePanels:
    """What an engines window consists of, made one by one.

    All at once would hold the picture behind it for 0.1 s.
    """

    def __init__(self) -> None:
        self._steps = self._make()

    def make(self) -> bool:
        """Make the next one; whether one is missing still."""
        return next(self._steps, None) is not None

    def _make(self) -> Iterator[QWidget]:
        self.table = EngineTable()
        yield self.table
        self.form = BuildForm()
        yield self.form
        self.report = ReportPanel()
        yield self.report
        self.graph = GraphPanel()
        yield self.graph
        self.bench = BenchPanel()
        yield self.bench


class EngineWindow(QDialog):
    """Builds engines and tries them on the feed, which goes on behind it.

    Not modal. Builds and trials go on when it is closed. A network that is dropped on
    it is put into the form.

    Parameters
    ----------
    desk : EngineDesk
    jobs : EngineJobs
    benches : BenchDesk
    panels : EnginePanels
        Those that are missing are made at once.
    parent : QWidget, optional
    """

    def __init__(
        self,
        desk: EngineDesk,
        jobs: EngineJobs,
        benches: BenchDesk,
        panels: EnginePanels,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Engines")
        self.setAcceptDrops(True)
        self._desk = desk
        self._jobs = jobs
        self._benches = benches
        self._is_feed_on = False
        self._logged: Build | None = None
        while panels.make():
            pass
        self.message_bar = MessageBar()
        self.table = panels.table
        self.form = panels.form
        self.builds = BuildList()
        self.report = panels.report
        self.graph = panels.graph
        self.trial = TrialPanel()
        self.bench = panels.bench
        self.log = QPlainTextEdit()
        self.tabs = QTabWidget()
        self.try_button = QPushButton("Tr&y on the feed")
        self.bench_button = QPushButton("Benc&h")
        self.rebuild_button = QPushButton("Reb&uild")
        self.rebuild_outdated_button = QPushButton("Rebuild outd&ated")
        self.rename_button = QPushButton("Rename…")
        self.delete_button = QPushButton("&Delete")
        self.undo_button = QPushButton("Undo")
        self._memory_timer = QTimer(self)
        self._memory_timer.setInterval(_MEMORY_MS)
        self._explain()
        self._parts = self._lay_out()
        self._connect()
        desk.refresh()
        benches.refresh()
        room = self.screen().availableSize()
        self.resize(QSize(*_SIZE_PX).boundedTo(room))

    def assemble(self) -> bool:
        """Put one part into its place, which takes 20 ms; whether one is missing still.

        All at once would hold the picture behind it. Where it is shown before, the rest
        follows at once.
        """
        return next(self._parts, None) is not None

    @override
    def showEvent(self, event: QShowEvent) -> None:
        while self.assemble():
            pass
        super().showEvent(event)

    def show_status(self, status: PipelineStatus | None) -> None:
        """Show which engine infers, and how the trial stands; None without a feed."""
        engine = status.engine if status else None
        self._is_feed_on = engine is not None
        self.table.show_running(engine.model.folder if engine else None)
        self.trial.show_trial(
            status.trial if status else None,
            is_recorded=status is not None and status.recording.is_recording,
        )
        self._enable()

    def show_error(self, error: ConsoleError | EngineError) -> None:
        """Say what could not be done."""
        self.message_bar.show_message(Message.of_problem(error))

    @override
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    @override
    def dropEvent(self, event: QDropEvent) -> None:
        urls = [url for url in event.mimeData().urls() if url.isLocalFile()]
        event.acceptProposedAction()
        self.form.show_model(Path(urls[0].toLocalFile()))
        self.form.model.setFocus()

    # --- what the operator does

    def _try(self) -> None:
        engine = self.table.chosen
        if engine is not None:
            self.message_bar.clear()
            self._desk.try_on_feed(engine, self.trial.limits)
            self.tabs.setCurrentWidget(self.trial)
            # The button that was pressed is disabled: the next one would be to bench.
            self.table.setFocus()

    def _rename(self) -> None:
        engine = self.table.chosen
        if engine is None or engine.is_bundled:
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
        if engine is None or engine.is_bundled or not self._desk.delete(engine):
            return
        text = f"{engine.name} is deleted; its model stays, to build it again."
        self._tell_deleted(text)

    def _delete_bench(self, bench: StoredBench) -> None:
        if self._benches.delete(bench):
            self._tell_deleted(f"The result of {bench.engine} is deleted.")

    def _tell_deleted(self, text: str) -> None:
        hint = "It can be taken back until the console is closed."
        self.message_bar.show_message(
            Message(Severity.INFO, text, hint, remedy=Remedy.UNDO)
        )

    def _on_remedy_chosen(self, remedy: Remedy) -> None:
        if remedy is Remedy.UNDO:
            self._undo()

    def _undo(self) -> None:
        if self._desk.edits.canUndo():
            self.message_bar.clear()
            self._tell_edit("Taken back", self._desk.undo())

    def _redo(self) -> None:
        if self._desk.edits.canRedo():
            self.message_bar.clear()
            self._tell_edit("Done again", self._desk.redo())

    def _tell_edit(self, what: str, text: str) -> None:
        # What could not be is told already.
        if self.message_bar.message is None:
            message = Message(Severity.INFO, f"{what}: {text}.")
            self.message_bar.show_message(message)

    def _show_edits(self) -> None:
        text = self._desk.edits.undoText()
        self.undo_button.setEnabled(bool(text))
        self.undo_button.setToolTip(
            f"Take back: {text} (Ctrl+Z)" if text else "Nothing to take back (Ctrl+Z)"
        )

    def _rebuild(self) -> None:
        engine = self.table.chosen
        if engine is not None and self._desk.rebuild(engine):
            self.tabs.setCurrentWidget(self.builds)

    def _rebuild_outdated(self) -> None:
        if self._desk.rebuild_outdated():
            self.tabs.setCurrentWidget(self.builds)

    def _open_page(self) -> None:
        engine = self.table.chosen
        if engine is not None:
            path = str(engine.folder / PAGE_NAME)
            QDesktopServices.openUrl(QUrl.fromLocalFile(path))

    def _open_tensorboard(self) -> None:
        engine = self.table.chosen
        if engine is not None:
            self.message_bar.show_message(
                Message(Severity.INFO, "TensorBoard starts, which takes some seconds.")
            )
            self._jobs.open_tensorboard(engine.folder)

    def _build(self, order: BuildOrder, name: str) -> None:
        if self._desk.build(order, self._desk.free_name(name)):
            self.message_bar.clear()
            self.tabs.setCurrentWidget(self.builds)

    def _repeat(self, build: Build) -> None:
        self._desk.forget(build.number)
        self._build(build.order, build.name)

    def _advise(self, build: Build) -> None:
        advice = build.advice
        if advice is None:
            return
        if advice.action is Next.FILL_IN:
            self.form.show_order(advice.order, build.name, advice.field)
        elif advice.action is Next.COPY:
            QGuiApplication.clipboard().setText(advice.command)
            text = f"Copied: {advice.command}"
            hint = "Run it in a terminal, in the console's folder, then build again."
            self.message_bar.show_message(Message(Severity.INFO, text, hint))
        else:
            self._desk.forget(build.number)
            self._build(advice.order, build.name)

    # --- what happens

    def _on_engines_changed(self, engines: tuple[StoredEngine, ...]) -> None:
        self.table.show_engines(engines)
        self._enable()

    def _on_chosen(self) -> None:
        self._show_report()
        self._logged = None
        self._show_log()
        self._show_graph()
        self._enable()

    def _show_report(self) -> None:
        engine = self.table.chosen
        if engine is None:
            self.report.show_report("", None)
            return
        self.report.show_report(engine.name, engine.report)
        self.report.enable(
            has_page=(engine.folder / PAGE_NAME).is_file(),
            has_graphs=(engine.folder / FOLDER_NAME).is_dir(),
        )

    def _show_graph(self) -> None:
        # A graph of thousands of nodes is read when somebody looks.
        engine = self.table.chosen
        if self.tabs.currentWidget() is not self.graph:
            return
        self.graph.show_graphs(None)
        if engine is not None and not engine.is_bundled:
            self._jobs.load_graphs(engine.folder)

    def _on_graphs_loaded(
        self, folder: Path, found: tuple[GraphStage, ...] | ConsoleError
    ) -> None:
        engine = self.table.chosen
        if engine is not None and engine.folder == folder:
            self.graph.show_graphs(found)

    def _on_build_chosen(self, build: Build) -> None:
        if build.status is not None:
            self.report.show_building(build.name, build.status.steps)
            self.tabs.setCurrentWidget(self.report)

    def _on_log_wanted(self, build: Build) -> None:
        self._logged = build
        self._show_log()
        self.tabs.setCurrentWidget(self.log)

    def _show_log(self) -> None:
        """Show the log of a build, or of the engine that is chosen."""
        engine, text = self.table.chosen, ""
        if self._logged is not None:
            text = f"{self._logged.name}\n\n{self._desk.log(self._logged.number)}"
        elif engine is not None:
            try:
                kept = (engine.folder / LOG_NAME).read_text(encoding="utf-8")
                text = f"{engine.name}\n\n{kept}"
            except OSError:
                text = f"No log was kept with {engine.name}."
        if text != self.log.toPlainText():
            self.log.setPlainText(text)
            if self._logged is not None:
                self.log.moveCursor(self.log.textCursor().MoveOperation.End)

    def _on_builds_changed(self, builds: tuple[Build, ...]) -> None:
        self.builds.show_builds(builds)
        if self._logged is not None and self.log.isVisible():
            self._show_log()

    def _on_build_ended(self, build: Build) -> None:
        status = build.status
        if status is not None and status.state is ConversionState.DONE:
            self.table.choose(build.name)
            text = f"{build.name} is built: try it on the feed."
            self.message_bar.show_message(Message(Severity.INFO, text))
        elif status is not None and status.error is not None:
            self.show_error(status.error)

    def _on_looked(self, _: Path, status: ConversionStatus) -> None:
        found = status.result or {}
        self.form.show_ends(
            found.get("inputs", ()),
            found.get("outputs", ()),
            "" if status.error is None else problem_text(status.error),
            found.get("meaning"),
        )

    def _on_look_refused(self, error: ConsoleError | EngineError) -> None:
        self.form.show_ends((), (), problem_text(error))

    def _show_memory(self) -> None:
        if self.isVisible():
            order = self.form.order
            self.form.show_memory(None if order is None else self._desk.outlook(order))

    def _enable(self) -> None:
        engine = self.table.chosen
        is_own = engine is not None and not engine.is_bundled
        can_run = engine is not None and engine.state in (
            EngineState.READY,
            EngineState.STALE,
        )
        trial = self.trial.shown
        is_trying = trial is not None and not trial.phase.is_over
        self.try_button.setEnabled(can_run and self._is_feed_on and not is_trying)
        self.rename_button.setEnabled(is_own)
        self.delete_button.setEnabled(is_own)
        self.rebuild_button.setEnabled(engine is not None and engine.order is not None)
        self.bench_button.setEnabled(can_run and not self._benches.is_running)
        self.rebuild_outdated_button.setEnabled(bool(self._desk.outdated))

    # --- making it

    def _explain(self) -> None:
        self.try_button.setToolTip(
            "Open it beside the running engine, compare them on the live frames, and"
            " let it take over if it is as good"
        )
        self.bench_button.setToolTip(
            "Measure it alone and in the whole solution, and keep the result"
        )
        self.rebuild_button.setToolTip(
            "Build it once more from its model; it stays until the new one is whole"
        )
        self.rebuild_outdated_button.setToolTip(
            "Build every engine again whose model, device or library has changed"
        )
        self.rename_button.setToolTip("Give it another name (F2)")
        self.delete_button.setToolTip(
            "Put it into the trash (Delete); it can be taken back"
        )
        self.log.setReadOnly(True)
        self.log.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.log.setAccessibleName("Log of a build")

    def _lay_out(self) -> Iterator[QWidget]:
        """Gives each part that has got its place."""
        # From the window inwards: a widget that goes from parent to parent is styled
        # anew each time, with all that is in it.
        whole = QVBoxLayout(self)
        whole.setContentsMargins(MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX)
        whole.addWidget(self.message_bar)
        parts = QSplitter(Qt.Orientation.Vertical, self)
        whole.addWidget(parts, 1)
        top = QWidget(parts)
        column = QVBoxLayout(top)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP_PX)
        column.addWidget(self.table, 1)
        row = QHBoxLayout()
        column.addLayout(row)
        row.addWidget(self.try_button)
        row.addWidget(self.bench_button)
        row.addStretch(1)
        for button in (
            self.rebuild_button,
            self.rename_button,
            self.delete_button,
            self.undo_button,
            self.rebuild_outdated_button,
        ):
            row.addWidget(button)
        yield top
        bottom = QSplitter(Qt.Orientation.Horizontal, parts)
        _add_scrolling(bottom, "Build an engine", self.form)
        yield self.form
        bottom.addWidget(self.tabs)
        for name, page in (
            ("Builds", self.builds),
            ("Report", self.report),
            ("Graph", self.graph),
            ("Trial", self.trial),
            ("Bench", self.bench),
            ("Log", self.log),
        ):
            self.tabs.addTab(page, name)
            yield page
        self.tabs.setDocumentMode(True)
        bottom.setSizes(list(_WIDTHS_PX))
        bottom.setHandleWidth(2 * GAP_PX)
        parts.setSizes([240, 640])
        parts.setChildrenCollapsible(False)
        bottom.setChildrenCollapsible(False)
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)

    def _connect(self) -> None:
        desk, jobs = self._desk, self._jobs
        desk.engines_changed.connect(self._on_engines_changed)
        desk.builds_changed.connect(self._on_builds_changed)
        desk.build_ended.connect(self._on_build_ended)
        desk.failed.connect(self.show_error)
        jobs.failed.connect(self.show_error)
        jobs.look_begun.connect(self.form.show_looking)
        jobs.looked.connect(self._on_looked)
        jobs.look_refused.connect(self._on_look_refused)
        jobs.graphs_loaded.connect(self._on_graphs_loaded)
        jobs.address_found.connect(self._on_address_found)
        self.message_bar.remedy_chosen.connect(self._on_remedy_chosen)
        self.table.engine_chosen.connect(self._on_chosen)
        self.form.order_made.connect(self._build)
        self.form.failed.connect(self.show_error)
        self.form.model_chosen.connect(jobs.look)
        self.form.changed.connect(self._show_memory)
        self.builds.cancelled.connect(desk.cancel)
        self.builds.forgotten.connect(desk.forget)
        self.builds.repeated.connect(self._repeat)
        self.builds.advised.connect(self._advise)
        self.builds.chosen.connect(self._on_build_chosen)
        self.builds.log_wanted.connect(self._on_log_wanted)
        self.report.page_requested.connect(self._open_page)
        self.report.tensorboard_requested.connect(self._open_tensorboard)
        self.trial.cancelled.connect(desk.cancel_trial)
        self._connect_bench()
        self.tabs.currentChanged.connect(self._show_graph)
        self.try_button.clicked.connect(self._try)
        self.rebuild_button.clicked.connect(self._rebuild)
        self.rebuild_outdated_button.clicked.connect(self._rebuild_outdated)
        self.bench_button.clicked.connect(self._bench)
        self.rename_button.clicked.connect(self._rename)
        self.delete_button.clicked.connect(self._delete)
        self.undo_button.clicked.connect(self._undo)
        desk.edits.indexChanged.connect(self._show_edits)
        self._show_edits()
        self._memory_timer.timeout.connect(self._show_memory)
        self._memory_timer.start()
        for keys, act in (
            (QKeySequence("Ctrl+Return"), self.form.submit),
            # A field to type in that has the focus undoes its own.
            (QKeySequence.StandardKey.Undo, self._undo),
            (QKeySequence.StandardKey.Redo, self._redo),
        ):
            QShortcut(keys, self).activated.connect(act)
        for key, act in (("F2", self._rename), ("Delete", self._delete)):
            shortcut = QShortcut(QKeySequence(key), self.table)
            # Delete is also a key of every field to type in.
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(act)

    def _connect_bench(self) -> None:
        benches, panel = self._benches, self.bench
        benches.benches_changed.connect(self._on_benches_changed)
        benches.status_changed.connect(panel.show_status)
        benches.status_changed.connect(self._enable)
        benches.finished.connect(self._on_bench_finished)
        benches.failed.connect(self.show_error)
        panel.bench_requested.connect(self._bench)
        panel.cancelled.connect(benches.cancel)
        panel.import_chosen.connect(benches.take_in)
        panel.deleted.connect(self._delete_bench)
        panel.failed.connect(self.show_error)

    def _on_benches_changed(self, benches: tuple[StoredBench, ...]) -> None:
        self.bench.show_benches(benches)
        own = [each for each in benches if each.is_of(self._benches.machine)]
        # The newest is the first: let it be the one that stays.
        self.table.show_measured({each.engine: each for each in reversed(own)})

    def _bench(self) -> None:
        engine = self.table.chosen
        if engine is not None:
            self.message_bar.clear()
            self.tabs.setCurrentWidget(self.bench)
            order = BenchOrder(
                engine.name,
                choice_of(engine),
                str(SAMPLE_CLIP),
                is_beside_feed=self._is_feed_on,
            )
            self._benches.start(order)
            # The button that was pressed is disabled: the next one would be to rebuild.
            self.bench.cancel.setFocus()

    def _on_bench_finished(self, bench: StoredBench) -> None:
        compared = {each.path for each in self.bench.compared} | {bench.path}
        self.bench.tick(lambda each: each.path in compared)

    def _on_address_found(self, address: str) -> None:
        QDesktopServices.openUrl(QUrl(address))
        text = f"TensorBoard is at {address} until the console is closed."
        self.message_bar.show_message(Message(Severity.INFO, text))


def _add_scrolling(parts: QSplitter, title: str, widget: QWidget) -> None:
    heading = QLabel(title)
    heading.setProperty("role", "heading")
    whole = QWidget(parts)
    column = QVBoxLayout(whole)
    column.setContentsMargins(0, 0, GAP_PX, 0)
    column.addWidget(heading)
    area = QScrollArea(whole)
    column.addWidget(area, 1)
    area.setWidget(widget)
    area.setWidgetResizable(True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
