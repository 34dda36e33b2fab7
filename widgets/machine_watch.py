"""Tells the window how the machine is: graphs, alarms with remedies, the verdict."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QFileDialog

from app.errors import ConsoleError, OutputError
from app.hardware.alarms import find_alarms
from app.hardware.catalogue import readers_of
from app.hardware.figures import figures_of
from app.hardware.monitor import HardwareMonitor
from app.hardware.readings import HardwareSample
from app.hardware.remedies import RemedyRunner, find_elevation
from app.hardware.tree import Tree
from app.pipeline import PipelineState
from app.settings.model import Settings
from app.telemetry import TelemetryEvent
from app.telemetry_file import write_telemetry
from app.verdict import Judge, Verdict
from widgets.message_bar import Message, Remedy, Severity
from widgets.remedy_dialog import RemedyDialog
from widgets.verdict_dialog import VerdictDialog

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.hardware.alarms import Alarm, AlarmKind
    from app.hardware.remedies import RootRemedy
    from app.pipeline import PipelineStatus
    from app.telemetry import TelemetrySample
    from engines.base import EngineSpec
    from widgets.console import Console
    from widgets.main_window import MainWindow
    from widgets.memory import Memory
    from widgets.settings_desk import SettingsDesk

_MB = 1024.0**2
_PICTURES = "Pictures (*.png)"
_TABLES = "Tables (*.csv)"


class MachineWatch(QObject):
    """Looks at the machine about once a second, and at the feed whenever it is told of.

    Lives in the GUI thread, where it only reads what the monitor's threads found.

    Parameters
    ----------
    monitor : HardwareMonitor
        Started by `start`, stopped by `close`.
    runner : RemedyRunner
        Runs what the operator agrees to.
    console : Console
    window : MainWindow
    memory : Memory
        Keeps which graphs are shown.
    """

    figures_taken = Signal(object)  # HardwareFigures: as often as they are read

    _remedy_ended = Signal(object)  # Exception or None, from the runner's thread

    def __init__(
        self,
        monitor: HardwareMonitor,
        runner: RemedyRunner,
        console: Console,
        window: MainWindow,
        memory: Memory,
    ) -> None:
        super().__init__()
        self._monitor = monitor
        self._runner = runner
        self._window = window
        self._bridge = console.bridge
        self._dock = window.telemetry_dock
        self._memory = memory
        self._judge = Judge()
        self._verdict = Verdict()
        self._sample = HardwareSample()
        self._display_hz: float | None = None
        self._is_running = False
        self._is_recording = False
        self._uri = ""
        self._engine: EngineSpec | None = None
        self._alarms: tuple[Alarm, ...] = ()
        self._dismissed: set[AlarmKind] = set()
        self._shown: tuple[AlarmKind, Message] | None = None
        self._evidence: VerdictDialog | None = None
        self._timer = QTimer(self)
        self.heed(Settings())
        self._timer.timeout.connect(self.poll)
        console.bridge.status_taken.connect(self.show_status)
        console.bridge.sample_taken.connect(self._on_sample_taken)
        window.remedy_chosen.connect(self._on_remedy_chosen)
        window.status_strip.verdict_line.clicked.connect(self.show_evidence)
        self._dock.graphs_chosen.connect(self._on_graphs_chosen)
        self._dock.picture_requested.connect(self._on_picture_requested)
        self._dock.table_requested.connect(self._on_table_requested)
        self._remedy_ended.connect(self._on_remedy_ended)

    @property
    def sample(self) -> HardwareSample:
        """What was read last."""
        return self._sample

    def heed(self, settings: Settings) -> None:
        """Read so often, and warn of that, from now on."""
        options = settings.hardware
        self._runs_remedies = options.runs_remedies
        self._limits = replace(
            options.alarm_limits(),
            recording_ends_mb=settings.recording.recorder().reserve_bytes / _MB,
        )
        self._timer.setInterval(round(1e3 * options.reading_period_s))
        self._monitor.set_period(options.reading_period_s)

    def start(self) -> None:
        """Begin to read the machine; again does nothing."""
        if not self._timer.isActive():
            self._monitor.start()
            self._timer.start()

    def close(self) -> None:
        """Read no more, and take back what was changed of the machine."""
        self._timer.stop()
        self._monitor.stop()
        if self._evidence is not None:
            self._evidence.close()
        self._runner.restore()

    def poll(self) -> None:
        """Look at the machine once; the timer calls this, and so do tests."""
        self._sample = self._monitor.sample()
        figures = figures_of(self._sample)
        self._dock.show_figures(figures)
        self.figures_taken.emit(figures)
        before = frozenset(alarm.kind for alarm in self._alarms)
        self._alarms = find_alarms(
            self._sample,
            before,
            is_running=self._is_running,
            is_behind=self._verdict.is_behind,
            limits=self._limits,
        )
        now = {alarm.kind: alarm for alarm in self._alarms}
        for kind, alarm in now.items():
            if kind not in before:
                self._note(f"{kind.value}", is_alarming=alarm.is_urgent)
        for kind in before - now.keys():
            self._note(f"{kind.value}: over")
        self._dismissed &= now.keys()
        self._show_alarm()

    def show_status(self, status: PipelineStatus) -> None:
        """Judge what limits the feed."""
        self._note_changes(status)
        self._verdict = self._judge.look(
            status,
            self._display_hz,
            self._sample,
            time.monotonic(),
            display_period_s=self._bridge.picture_period_s,
        )
        self._window.status_strip.show_verdict(self._verdict)
        if self._evidence is not None and self._evidence.isVisible():
            self._evidence.show_verdict(self._verdict)

    def show_evidence(self) -> None:
        """Show why the verdict is believed."""
        if self._evidence is None:
            self._evidence = VerdictDialog(self._window)
            self._evidence.remedy_requested.connect(self._offer)
        self._evidence.show_verdict(self._verdict)
        self._evidence.show()
        self._evidence.raise_()

    # --- events

    def _note(self, text: str, *, is_alarming: bool = False) -> None:
        self._dock.show_event(TelemetryEvent(time.monotonic(), text, is_alarming))

    def _note_changes(self, status: PipelineStatus) -> None:
        self._is_running = status.state is PipelineState.RUNNING
        uri = status.source.uri if status.source is not None else ""
        if uri and uri != self._uri:
            self._uri = uri
            self._judge.reset()
            self._note(f"source {status.source.title}" if status.source else "source")
        engine = status.engine
        if engine is not None and engine != self._engine:
            if self._engine is not None:
                self._note(f"engine {engine.kind.value} {engine.precision.value}")
            self._engine = engine
        is_recording = status.recording.is_recording
        if is_recording is not self._is_recording:
            self._is_recording = is_recording
            self._note("recording" if is_recording else "recording ended")
        if status.state.is_over and self._uri:
            self._uri, self._engine = "", None
            self._note(f"feed {status.state.value}")

    def _on_sample_taken(self, sample: TelemetrySample) -> None:
        self._display_hz = sample.display_hz

    # --- alarms

    def _show_alarm(self) -> None:
        """Show the first alarm that was not closed, where nothing else is told."""
        bar = self._window.message_bar
        if self._shown is not None and bar.message is not self._shown[1]:
            if bar.message is None:
                self._dismissed.add(self._shown[0])
            self._shown = None
        wanted = next(
            (each for each in self._alarms if each.kind not in self._dismissed), None
        )
        if wanted is None:
            if self._shown is not None:
                self._shown = None
                bar.clear()
            return
        is_free = bar.message is None or self._shown is not None
        message = _message(wanted)
        if is_free and (self._shown is None or self._shown[1] != message):
            self._shown = wanted.kind, message
            self._window.show_message(message)

    def _on_remedy_chosen(self, remedy: Remedy) -> None:
        if remedy is not Remedy.PUT_RIGHT or self._shown is None:
            return
        kind = self._shown[0]
        self._shown = None
        self._dismissed.add(kind)
        alarm = next((each for each in self._alarms if each.kind is kind), None)
        if alarm is None or alarm.remedy is None:
            return
        self._offer(alarm.remedy)

    def _offer(self, remedy: RootRemedy) -> None:
        """Show what would be run, and run nothing before the operator agrees."""
        dialog = RemedyDialog(remedy, obstacle=self._obstacle(), parent=self._window)
        dialog.agreed.connect(self._on_agreed)
        dialog.open()

    def _obstacle(self) -> str:
        if not self._runs_remedies:
            return "By the settings (Hardware) nothing is run as root."
        if not self._runner.can_run:
            return (
                "Nothing here can ask for the password (neither pkexec nor"
                " SUDO_ASKPASS)."
            )
        return ""

    def _on_agreed(self, remedy: RootRemedy) -> None:
        self._note(remedy.purpose)
        self._runner.run(remedy, self._remedy_ended.emit)

    def _on_remedy_ended(self, error: Exception | None) -> None:
        if isinstance(error, ConsoleError):
            self._window.show_message(Message.of_problem(error))

    # --- choices and files

    def _on_graphs_chosen(self, graphs: tuple[str, ...]) -> None:
        self._memory.graphs = graphs

    def _on_picture_requested(self) -> None:
        picture = self._dock.grab_graphs()

        def save(path: str) -> None:
            if not picture.save(path, "PNG"):
                raise OutputError(f"cannot write {path}", hint="Choose another folder.")

        self._ask("telemetry.png", _PICTURES, save)

    def _on_table_requested(self) -> None:
        self._ask(
            "telemetry.csv",
            _TABLES,
            lambda path: write_telemetry(
                Path(path), self._dock.histories, self._dock.events
            ),
        )

    def _ask(self, name: str, kinds: str, save: Callable[[str], None]) -> None:
        dialog = QFileDialog(self._window, "Save telemetry", name, kinds)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(Path(name).suffix[1:])
        dialog.fileSelected.connect(lambda path: self._save(path, save))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _save(self, path: str, save: Callable[[str], None]) -> None:
        try:
            save(path)
        except OutputError as error:
            self._window.show_message(Message.of_problem(error))
        else:
            self._window.show_message(Message(Severity.INFO, f"Saved {path}."))


def watch_machine(
    console: Console,
    window: MainWindow,
    memory: Memory,
    desk: SettingsDesk,
    root: Path = Path("/"),
) -> MachineWatch:
    """Watch this machine, or one whose files are below a root, for a window."""

    def find_folder() -> Path:
        return desk.settings.recording.recorder().folder

    makers = readers_of(Tree(root), find_folder, os.getpid())
    runner = RemedyRunner(find_elevation())
    watch = MachineWatch(HardwareMonitor(makers), runner, console, window, memory)
    watch.heed(desk.settings)
    desk.changed.connect(lambda _, now: watch.heed(now))
    return watch


def _message(alarm: Alarm) -> Message:
    severity = Severity.ERROR if alarm.is_urgent else Severity.WARNING
    remedy = Remedy.NONE if alarm.remedy is None else Remedy.PUT_RIGHT
    return Message(severity, alarm.text, alarm.hint, remedy)
