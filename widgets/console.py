"""Runs one source after another behind the window."""

from __future__ import annotations

import gc
import logging
import time
from dataclasses import asdict
from pathlib import PurePath
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from app.engine_trial import TrialPhase
from app.errors import ConsoleError, WorkerStuckError
from app.pipeline import PipelineState
from app.segmentation import Thresholds
from app.settings.model import EngineSettings, ThresholdSettings, restarts_feed
from engines.errors import EngineError
from widgets.feed_bridge import FeedBridge
from widgets.late_import import LateImport
from widgets.message_bar import Message, Remedy, Severity
from widgets.recording_desk import RecordingDesk
from widgets.status_strip import count_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.display import Display, Picture
    from app.engine_choice import EngineChoice
    from app.engine_trial import TrialLimits, TrialStatus
    from app.feed import Feed
    from app.hardware.figures import HardwareFigures
    from app.overlay import OverlayOptions
    from app.pipeline import PipelineStatus
    from app.recording.settings import RecordingSettings
    from app.settings.model import Settings
    from app.sources.base import FrameMode
    from widgets.main_window import MainWindow
    from widgets.memory import Memory
    from widgets.settings_desk import SettingsDesk

log = logging.getLogger(__name__)

_STOP_S = 4.0
# What was recorded is written first, where the disk takes it in time.
_RECORDING_STOP_S = 14.0
_GRAPHS_AFTER_MS = 150
_GRAPH_GAP_MS = 50


class Console(QObject):
    """Opens what the window asks for, and tells the window what becomes of it.

    One feed runs at a time. Another source, or another mode, waits until the one
    before has ended: it is asked to stop and watched, so that the window never waits.

    Lives in the GUI thread.

    Parameters
    ----------
    make_feed : callable
        Makes the feed of an address in a mode; does not start it.
    window : MainWindow
    display : Display
        Started; `close` does not stop it.
    memory : Memory
        Told what opened.
    desk : SettingsDesk
        What it says is heeded: by the running feed where that can be, by starting it
        anew where not.
    report : callable
        Takes an unexpected error and the name of the part that failed.
    """

    trial_failed = Signal(object)  # EngineError: the engine cannot even be named

    def __init__(
        self,
        make_feed: Callable[[str, FrameMode], Feed],
        window: MainWindow,
        display: Display,
        memory: Memory,
        desk: SettingsDesk,
        report: Callable[[BaseException, str], None],
    ) -> None:
        super().__init__()
        self._make_feed = make_feed
        self._window = window
        self._display = display
        self._memory = memory
        self._desk = desk
        self._heeded = desk.settings
        self._report = report
        self._feed: Feed | None = None
        self._uri = next(iter(memory.recent), "")
        self._mode = desk.settings.source.mode
        self._is_next_wanted = False
        self._has_failed = False
        self._has_shown_thresholds = False
        self._has_picture = False
        self._tried: EngineChoice | None = None
        self._concluded = 0
        self._started_s = time.monotonic()
        self._bridge = FeedBridge(display)
        self._stop_timer = self._make_timer(self._on_stop_overdue)
        self._graphs = LateImport("widgets.graph_panel")
        self._graphs.done.connect(self._load_graphs)
        self._graphs_timer = self._make_timer(self._graphs.start)
        self._graph_timer = self._make_timer(self._load_graphs)
        self._recording = RecordingDesk(window, lambda: self._feed)
        self._recording.heed(desk.settings.recording.recorder())
        self._connect()
        window.show_recent(memory.recent)
        window.show_state(None, has_source=bool(self._uri))
        self._heed_display(desk.settings)

    @property
    def bridge(self) -> FeedBridge:
        """What looks at the running feed."""
        return self._bridge

    # --- what the operator asks

    def open(self, uri: str, mode: FrameMode) -> None:
        """Run a source, after the one that runs now has stopped."""
        self._uri = uri
        self._take_mode(mode)
        self._has_failed = False
        self._window.message_bar.clear()
        if self._feed is None:
            self._start()
        else:
            self._is_next_wanted = True
            self._request_stop()

    def start(self) -> None:
        """Run the last source again, from its beginning."""
        if self._uri:
            self.open(self._uri, self._mode)

    def stop(self) -> None:
        """Stop what runs, and start nothing after it."""
        self._is_next_wanted = False
        self._request_stop()

    def close(self) -> None:
        """Stop and wait: for the end of the program, when no window waits with it.

        Raises
        ------
        WorkerStuckError
            If a thread does not stop.
        """
        self._bridge.stop()
        self._stop_timer.stop()
        self._graphs_timer.stop()
        self._graph_timer.stop()
        self._graphs.close()
        if self._feed is not None:
            feed, self._feed = self._feed, None
            feed.stop()

    def toggle_pause(self) -> None:
        """Hold the feed, or go on."""
        if self._feed is None:
            return
        if self._feed.status().state is PipelineState.PAUSED:
            self._feed.resume()
        else:
            self._feed.pause()
        self._bridge.hurry()

    def step(self) -> None:
        """Pause a running feed; let one more frame through a paused one."""
        if self._feed is None:
            return
        if self._feed.status().state is PipelineState.PAUSED:
            self._feed.step()
        else:
            self._feed.pause()
        self._bridge.hurry()

    def try_engine(self, choice: EngineChoice, limits: TrialLimits) -> None:
        """Try an engine on the live frames; it takes over if it is as good.

        While one is tried, nothing happens.
        """
        if self._feed is None or self._tried is not None:
            return
        try:
            reserve_mb = self._desk.settings.hardware.memory_reserve_mb
            make_engine = choice.factory(reserve_mb)
        except EngineError as error:
            self.trial_failed.emit(error)
            return
        self._tried = choice
        self._feed.try_engine(make_engine, limits)
        self._bridge.hurry()

    def cancel_trial(self) -> None:
        """Reject the engine that is tried; the one before infers on."""
        if self._feed is not None:
            self._feed.cancel_trial()

    def tell_machine(self, figures: HardwareFigures) -> None:
        """Let the feed record what the machine says."""
        if self._feed is not None:
            self._feed.tell_machine(figures.known())

    def _make_timer(self, slot: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.timeout.connect(slot)
        return timer

    def _connect(self) -> None:
        window, bridge = self._window, self._bridge
        window.source_requested.connect(self.open)
        window.mode_chosen.connect(self._on_mode_chosen)
        window.start_requested.connect(self.start)
        window.stop_requested.connect(self.stop)
        window.pause_requested.connect(self.toggle_pause)
        window.step_requested.connect(self.step)
        window.remedy_chosen.connect(self._on_remedy_chosen)
        window.options_changed.connect(self._on_options_changed)
        window.thresholds_changed.connect(self._on_thresholds_changed)
        window.thresholds_reset.connect(self._on_thresholds_reset)
        window.view_changed.connect(self._display.set_view)
        window.recording_changed.connect(self._on_recording_changed)
        self._desk.changed.connect(self._on_settings_changed)
        bridge.picture_taken.connect(self._on_picture_taken)
        bridge.status_taken.connect(self._on_status_taken)
        bridge.sample_taken.connect(window.show_sample)
        bridge.state_changed.connect(self._on_state_changed)
        bridge.display_faulted.connect(self._on_display_faulted)

    # --- from source to source

    def _start(self) -> None:
        self._is_next_wanted = False
        try:
            feed = self._make_feed(self._uri, self._mode)
        except (ConsoleError, EngineError) as error:
            self._show_fault(error)
            return
        self._heeded = self._desk.settings
        feed.set_thresholds(self._heeded.tracking.asked_thresholds())
        feed.adjust(self._heeded.feed_options())
        log.info("opening %s, %s", self._uri, self._mode.value)
        self._has_shown_thresholds = False
        self._tried, self._concluded = None, 0
        self._feed = feed
        self._window.show_opening(_short_name(self._uri))
        self._window.show_state(PipelineState.STARTING, has_source=True)
        self._display.set_feed(feed.results, feed.trails)
        feed.start()
        feed.configure_recording(self._window.recording_panel.settings)
        self._bridge.watch(feed)

    def _request_stop(self) -> None:
        if self._feed is not None:
            is_recording = self._feed.status().recording.is_recording
            self._feed.request_stop()
            stop_s = _RECORDING_STOP_S if is_recording else _STOP_S
            self._stop_timer.start(round(1e3 * stop_s))
            self._bridge.hurry()

    def _leave(self) -> None:
        """Let go of a feed that is over, or stuck."""
        self._stop_timer.stop()
        self._bridge.leave()
        self._feed = None

    def _on_state_changed(self, status: PipelineStatus) -> None:
        self._window.show_state(status.state, has_source=True)
        if status.state is PipelineState.RUNNING:
            self._memory.add_recent(self._uri)
            self._window.show_recent(self._memory.recent)
        if not status.state.is_over:
            return
        self._leave()
        log.info("%s: %s, %s", self._uri, status.state.value, status.ledger)
        if self._is_next_wanted:
            self._start()
        elif status.fault is not None:
            self._show_fault(status.fault)
        elif status.state is PipelineState.FINISHED:
            self._window.show_message(_end_message(status))

    def _on_stop_overdue(self) -> None:
        if self._feed is None:
            return
        self._feed.abandon()
        self._leave()
        self._window.show_state(PipelineState.FAULTED, has_source=True)
        stuck = WorkerStuckError(
            f"the source did not stop within {_STOP_S:g} s",
            hint="Unplug and plug in the camera, or close the console.",
        )
        self._show_fault(stuck)

    def _show_fault(self, fault: Exception) -> None:
        self._has_failed = True
        if not self._has_picture:
            self._window.show_start_page()
        if isinstance(fault, (ConsoleError, EngineError)):
            log.error("%s: %s %s", self._uri, fault, fault.hint)
            self._window.show_message(Message.of_error(fault))
        else:
            self._report(fault, "the feed")

    # --- while one runs

    def _on_picture_taken(self, picture: Picture) -> None:
        self._window.show_picture(picture)
        if self._has_picture:
            return
        self._has_picture = True
        log.info("first picture after %.2f s", time.monotonic() - self._started_s)
        # The picture is painted first: the graphs' library takes half a second.
        self._graphs_timer.start(_GRAPHS_AFTER_MS)

    def _load_graphs(self) -> None:
        if self._window.telemetry_dock.load_graph():
            # All at once would hold the window; each is painted before the next.
            self._graph_timer.start(_GRAPH_GAP_MS)
            return
        # What is loaded by now stays. A collection that looked through it would hold
        # the interpreter for 50 to 80 ms.
        gc.freeze()

    def _on_status_taken(self, status: PipelineStatus) -> None:
        self._window.show_status(status)
        trial = status.trial
        if trial is not None and trial.phase.is_over:
            self._conclude_trial(trial)
        if not self._has_shown_thresholds and status.thresholds is not None:
            self._has_shown_thresholds = True
            self._window.overlay_panel.show_thresholds(status.thresholds)

    def _conclude_trial(self, trial: TrialStatus) -> None:
        """Keep the engine that took over; tell of one that had to go back."""
        # The last trial is told until the next begins, which may be asked for already.
        if trial.number == self._concluded or self._tried is None:
            return
        self._concluded = trial.number
        tried, self._tried = self._tried, None
        if trial.phase is TrialPhase.ACCEPTED:
            self._keep_engine(tried)
            self._has_shown_thresholds = False
        elif trial.phase is TrialPhase.ROLLED_BACK:
            name = trial.engine.model.name if trial.engine else ""
            problem = ConsoleError(
                f"engine {name} was taken back, the one before it infers:"
                f" {trial.reason}",
                hint=trial.hint,
            )
            log.warning("%s", problem.message)
            self._window.show_message(Message.of_problem(problem))

    def _on_mode_chosen(self, mode: FrameMode) -> None:
        if self._feed is not None:
            self.open(self._uri, mode)
        else:
            self._take_mode(mode)

    def _on_remedy_chosen(self, remedy: Remedy) -> None:
        if remedy in (Remedy.TRY_AGAIN, Remedy.REPLAY):
            self.start()

    def _on_options_changed(self, options: OverlayOptions) -> None:
        self._desk.change("display", **asdict(options))

    def _on_thresholds_changed(self, thresholds: Thresholds) -> None:
        chosen = ThresholdSettings(low=thresholds.low, high=thresholds.high)
        self._desk.change("tracking", thresholds=chosen)

    def _on_thresholds_reset(self) -> None:
        self._desk.change("tracking", thresholds=None)

    def _on_recording_changed(self, recording: RecordingSettings) -> None:
        options = self._desk.settings.recording.taking(recording)
        self._desk.change("recording", **options.values())

    # --- what the settings say

    def _on_settings_changed(self, before: Settings, now: Settings) -> None:
        self._heed_display(now)
        if before.recording != now.recording:
            self._recording.heed(now.recording.recorder())
        is_stopping = self._stop_timer.isActive() and not self._is_next_wanted
        is_up = self._feed is not None and not is_stopping
        if restarts_feed(self._heeded, now) and (is_up or self._has_failed):
            log.info("started anew, as the settings ask")
            self.open(self._uri, now.source.mode)
            return
        self._take_mode(now.source.mode)
        if self._feed is not None:
            self._feed.adjust(now.feed_options())
        if before.tracking.thresholds != now.tracking.thresholds:
            self._heed_thresholds(now.tracking.asked_thresholds())

    def _heed_display(self, settings: Settings) -> None:
        display = settings.display
        self._window.overlay_panel.show_options(display.overlay())
        self._display.set_options(display.overlay())
        self._display.set_period(display.picture_period_s)
        self._bridge.set_picture_period(display.picture_period_s)

    def _heed_thresholds(self, asked: Thresholds | None) -> None:
        if self._feed is None:
            return
        self._feed.set_thresholds(asked)
        engine = self._feed.status().engine
        if asked is None and engine is not None:
            model = engine.model
            asked = Thresholds(model.threshold_low, model.threshold_high)
        if asked is not None:
            self._window.overlay_panel.show_thresholds(asked)

    def _take_mode(self, mode: FrameMode) -> None:
        """Use a mode from the next feed on, without starting it anew."""
        self._mode = mode
        self._window.show_mode(mode)
        source = self._heeded.source.model_copy(update={"mode": mode})
        self._heeded = self._heeded.model_copy(update={"source": source})
        self._desk.change("source", mode=mode)

    def _keep_engine(self, choice: EngineChoice) -> None:
        """Make the engine that took over that of the settings, which it is already."""
        engine = EngineSettings(**asdict(choice))
        self._heeded = self._heeded.model_copy(update={"engine": engine})
        self._desk.change("engine", **engine.values())

    def _on_display_faulted(self, fault: Exception) -> None:
        self._report(fault, "the display")


def _short_name(uri: str) -> str:
    scheme, separator, _ = uri.partition("://")
    return f"{scheme} scene" if separator else PurePath(uri).name


def _end_message(status: PipelineStatus) -> Message:
    counts = status.ledger
    title = status.source.title if status.source else "The source"
    text = (
        f"{title} has ended: {count_text(counts.captured)} frames, "
        f"{count_text(counts.inferred)} inferred, {status.tracks_born} tracks."
    )
    return Message(Severity.INFO, text, remedy=Remedy.REPLAY)
