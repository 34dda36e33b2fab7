"""Connects a source, an engine and the tracker; starts and stops them."""

from __future__ import annotations

import enum
import logging
import threading
from collections import deque
from contextlib import closing
from dataclasses import astuple, dataclass, field, fields
from typing import TYPE_CHECKING

from app.engine_keeper import EngineKeeper, EngineSeat
from app.engine_trial import EngineTrial
from app.errors import WorkerStuckError
from app.feed_options import FeedOptions
from app.frames import StageTimes, TrackState
from app.handoff import Backlog, LatestSlot
from app.inference import FrameInference, track_frame
from app.ledger import FrameLedger, LedgerCounts
from app.process import Urgency, hurry_thread
from app.recording.status import FINISH_S, RecordingStatus
from app.second_look import LookStatus, SecondLook
from app.segmentation import Thresholds
from app.sources.arrivals import ArrivalMeter, ArrivalStatistics
from app.sources.base import EndOfSource, FrameMode, SourceSpec
from app.sources.live import Reporting, SourceReport
from app.telemetry import DurationWindow, RateMeter
from app.tracking.settings import TrackerSettings
from app.tracking.tracker import Tracker
from app.trails import Trails
from app.worker import Worker
from engines.errors import FrameLostError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.engine_trial import TrialLimits, TrialStatus
    from app.frames import Frame, FrameResult
    from app.inference import InferredFrame
    from app.recording.recorder import Recorder
    from app.recording.settings import RecordingSettings
    from app.sources.base import FrameSource
    from engines.base import Engine, EngineSpec

log = logging.getLogger(__name__)

_WAIT_S = 0.1
_JOIN_S = 2.0
# Frames read ahead where every frame counts; more only holds memory.
_READ_AHEAD = 8
# How long inference waits at most, in front of each frame, for a recorder that is late.
_GIVE_WAY_S = 0.1
# Live frames may wait while the engine takes longer for once: at 120 a second, that is
# 25 ms before the feed jumps to the newest.
_LATE_FRAMES = 3
# Frames between engine and tracker: one waits while one is tracked.
_TRACK_AHEAD = 1
# Enough for a point a frame.
_TRAIL_POINTS_HZ = 128


class PipelineState(enum.Enum):
    """Where a pipeline is.

    STARTING ──first result──▶ RUNNING ◀──pause/resume──▶ PAUSED
        │                         │                          │
        ├──── last frame done ────┴──▶ FINISHED              │
        ├──── an error ──────────────▶ FAULTED               │
        └──── stop ──────────────────▶ STOPPED ◀─────────────┘
    """

    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAULTED = "faulted"

    @property
    def is_over(self) -> bool:
        """Whether no more frames will come."""
        return self in (
            PipelineState.FINISHED,
            PipelineState.STOPPED,
            PipelineState.FAULTED,
        )


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """How a live source fares, and how evenly its frames come."""

    report: SourceReport
    arrivals: ArrivalStatistics


@dataclass(frozen=True, slots=True)
class PipelineStatus:
    """One snapshot of a pipeline."""

    state: PipelineState
    source: SourceSpec | None
    engine: EngineSpec | None
    mode: FrameMode
    thresholds: Thresholds | None
    ledger: LedgerCounts
    capture_hz: float
    infer_hz: float
    latency_p50_ms: float
    latency_p99_ms: float
    stages: StageTimes
    """Median of each stage over the last frames."""
    confirmed_tracks: int
    """In the newest result."""
    tracks_born: int
    """Tracks confirmed since the start."""
    trial: TrialStatus | None
    """Of the engine that is tried, or was tried last."""
    fault: Exception | None
    """What ended it: a `ConsoleError` or `EngineError` unless it is a bug."""
    recording: RecordingStatus = field(default_factory=RecordingStatus)
    camera: CameraStatus | None = None
    """How a live source fares; None for others."""
    second_look: LookStatus = field(default_factory=LookStatus)

    @staticmethod
    def at_start(mode: FrameMode, fault: Exception | None = None) -> PipelineStatus:
        """Of one that has done nothing yet, or could not even be made."""
        return PipelineStatus(
            state=PipelineState.FAULTED if fault else PipelineState.STARTING,
            source=None,
            engine=None,
            mode=mode,
            thresholds=None,
            ledger=LedgerCounts(),
            capture_hz=0.0,
            infer_hz=0.0,
            latency_p50_ms=0.0,
            latency_p99_ms=0.0,
            stages=StageTimes(),
            confirmed_tracks=0,
            tracks_born=0,
            trial=None,
            fault=fault,
        )


class Pipeline:
    """A source, an engine and a tracker, running in three threads.

    The capture thread reads the source, the inference thread runs the engine, and the
    tracking thread, meanwhile, segmentation and tracker of the frame before. Results
    go to `results`, where the newest wins, and in order to whoever subscribed.
    See `PipelineState` for its life.

    Parameters
    ----------
    source : FrameSource
        Opened, read and closed in the capture thread.
    make_engine : callable
        Opens the engine, in a thread that closes it too.
    mode : FrameMode
        LIVE: the newest frame wins. EVERY_FRAME: the source waits.
    tracker_settings : TrackerSettings
        Of the tracker, which starts anew with the pipeline.
    thresholds : Thresholds, optional
        None takes those of the model's manifest.
    frame_limit : int, optional
        Stop after this many captured frames.
    """

    def __init__(
        self,
        source: FrameSource,
        make_engine: Callable[[], Engine],
        mode: FrameMode,
        tracker_settings: TrackerSettings | None = None,
        thresholds: Thresholds | None = None,
        frame_limit: int | None = None,
    ) -> None:
        self.results: LatestSlot[FrameResult] = LatestSlot()
        """The newest result; for one reader, the display."""
        self.trails = Trails()
        self._source = source
        self._mode = mode
        self._tracker_settings = tracker_settings or TrackerSettings()
        self._picture_period_s = FeedOptions().picture_period_s
        self._tracker = Tracker(self._tracker_settings)
        self._second_look = SecondLook(waits_for_tracks=mode is FrameMode.EVERY_FRAME)
        self._asked_thresholds = thresholds
        self._model_thresholds: Thresholds | None = None
        self._frame_limit = frame_limit
        self._subscribers: list[Backlog[FrameResult]] = []
        self._newest: LatestSlot[tuple[Frame, ...]] = LatestSlot(_LATE_FRAMES)
        self._every: Backlog[tuple[Frame, ...]] = Backlog(_READ_AHEAD)
        self._inferred: Backlog[InferredFrame] = Backlog(_TRACK_AHEAD)
        self._ledger = FrameLedger()
        self._capture_rate = RateMeter()
        self._arrivals = ArrivalMeter()
        self._said_of_source = ""
        self._infer_rate = RateMeter()
        self._latency = DurationWindow()
        self._stack_size = 1
        self._stage_windows = tuple(DurationWindow(120) for _ in fields(StageTimes))
        self._keeper = EngineKeeper(make_engine)
        self._seat: EngineSeat | None = None
        self._trial: EngineTrial | None = None
        self._trials = 0
        self._recorder: Recorder | None = None
        self._machine: Mapping[str, float] = {}
        self._engine_ready = threading.Event()
        self._is_stop_asked = False
        self._flow = threading.Condition()
        self._is_paused = False
        self._steps = 0
        self._state_lock = threading.Lock()
        self._state = PipelineState.STARTING
        self._fault: Exception | None = None
        self._source_spec: SourceSpec | None = None
        self._engine_spec: EngineSpec | None = None
        self._believed: frozenset[int] = frozenset()
        self._confirmed = 0
        self._born = 0
        self._capture = Worker("capture", self._run_capture, self._on_thread_end)
        self._inference = Worker("inference", self._run_inference, self._on_thread_end)
        self._tracking = Worker("tracking", self._run_tracking, self._on_thread_end)
        self._workers = (self._tracking, self._inference, self._capture)
        self._threads_left = len(self._workers)

    # --- for the thread that owns the pipeline

    def subscribe(self, limit: int = 256) -> Backlog[FrameResult]:
        """Get every result in order, from now on; call it before `start`.

        In EVERY_FRAME mode the inference waits for a full backlog; in LIVE mode a
        result that does not fit is refused, and counted there. The backlog is closed
        after the last result.
        """
        backlog: Backlog[FrameResult] = Backlog(limit)
        self._subscribers.append(backlog)
        return backlog

    def start(self) -> None:
        """Start the threads; errors show in `status`."""
        for worker in self._workers:
            worker.start()

    def pause(self) -> None:
        """Hold the feed: a file waits, a live source's frames are skipped."""
        with self._flow:
            self._is_paused = True
        self._move(PipelineState.RUNNING, PipelineState.PAUSED)

    def resume(self) -> None:
        """Go on after `pause`."""
        with self._flow:
            self._is_paused = False
            self._steps = 0
            self._flow.notify_all()
        self._move(PipelineState.PAUSED, PipelineState.RUNNING)

    def step(self) -> None:
        """Let one more frame through while paused."""
        with self._flow:
            self._steps += 1
            self._flow.notify_all()

    def set_thresholds(self, thresholds: Thresholds | None) -> None:
        """Use other thresholds from the next frame on; None takes the model's."""
        self._asked_thresholds = thresholds

    def adjust(self, options: FeedOptions) -> None:
        """Track and trail by other options from the next frame on."""
        self._tracker_settings = options.tracker
        points = max(2, round(options.trail_s * _TRAIL_POINTS_HZ))
        self.trails.resize(options.trail_s, points)
        self._picture_period_s = options.picture_period_s
        self._second_look.pictures = options.second_look

    def try_engine(
        self, make_engine: Callable[[], Engine], limits: TrialLimits
    ) -> None:
        """Try another engine on the live frames; it takes over if it is as good.

        `EngineTrial` says how, and `status` how it goes. Tracks keep their ids. While
        one trial goes on, or before the first engine is open, nothing happens.
        """
        is_busy = self._trial is not None and not self._trial.status().phase.is_over
        if self._seat is None or is_busy or self._seat.is_closed:
            log.warning("an engine cannot be tried now")
            return
        self._trials += 1
        self._trial = EngineTrial(
            self._trials,
            make_engine,
            limits,
            self._seat,
            self._tracker_settings,
            self._hurry,
        )
        self._trial.start()

    def cancel_trial(self) -> None:
        """Reject the engine that is tried; the one before infers on."""
        if self._trial is not None:
            self._trial.request_stop()

    def configure_recording(self, settings: RecordingSettings) -> None:
        """Record like this from now on; holds the last seconds where it is told to."""
        if self._recorder is None:
            # Imported here: FFmpeg would delay those who record nothing.
            from app.recording.recorder import Recorder

            recorder = Recorder(
                self._measurements, waits=self._mode is FrameMode.EVERY_FRAME
            )
            with self._state_lock:
                self._recorder = recorder
                spec = self._source_spec
            if spec is not None:
                recorder.open(spec)
        self._recorder.configure(settings)

    def start_recording(self, name: str = "") -> None:
        """Record every captured frame from now on; configure it first.

        Parameters
        ----------
        name : str
            Of the session's folder; empty makes one.
        """
        if self._recorder is not None:
            self._recorder.start(name)

    def stop_recording(self) -> None:
        """End the recording with the frames captured until now; does not wait."""
        if self._recorder is not None:
            self._recorder.stop()

    def mark(self, text: str = "") -> None:
        """Note this moment in the session that is recorded."""
        if self._recorder is not None:
            self._recorder.mark(text)

    def tell_machine(self, figures: Mapping[str, float]) -> None:
        """Keep what the machine says, for the session that is recorded."""
        self._machine = figures

    def request_stop(self) -> None:
        """Ask the threads to stop; does not wait."""
        self._is_stop_asked = True
        for worker in self._workers:
            worker.request_stop()
        with self._flow:
            self._flow.notify_all()
        if self._seat is not None:
            self._seat.running.cancel()
        if self._trial is not None:
            self._trial.request_stop()
        self._newest.close()
        self._every.close()

    def stop(self) -> None:
        """Stop the threads and wait for them.

        An engine that is still being opened is not waited for: its thread closes it
        as soon as it is open, and ends.

        Raises
        ------
        WorkerStuckError
            If one does not stop.
        """
        self.request_stop()
        # The last thread to end waits for the disk.
        patience_s = _JOIN_S if self._recorder is None else _JOIN_S + FINISH_S
        self._capture.join(patience_s)
        if not self._engine_ready.is_set():
            return
        self._inference.join(patience_s)
        self._tracking.join(patience_s)
        if self._trial is not None:
            self._trial.join(_JOIN_S)

    def abandon(self) -> None:
        """Let go of it: its threads end with the process at the latest."""
        self.request_stop()

    @property
    def picture_period_s(self) -> float:
        """Shortest time between two results for the display, as it was asked for."""
        return self._picture_period_s

    @property
    def _thresholds(self) -> Thresholds | None:
        return self._asked_thresholds or self._model_thresholds

    @property
    def source_spec(self) -> SourceSpec | None:
        """What the source is, once it is open."""
        with self._state_lock:
            return self._source_spec

    def status(self) -> PipelineStatus:
        """One consistent snapshot; any thread may ask."""
        p50_ms, p99_ms = self._latency.percentiles_ms(50, 99)
        trial = self._trial.status() if self._trial else None
        recorder = self._recorder
        recording = RecordingStatus() if recorder is None else recorder.status()
        stages = StageTimes(*(w.percentiles_ms(50)[0] for w in self._stage_windows))
        camera = self._camera_status()
        with self._state_lock:
            return PipelineStatus(
                state=self._state,
                source=self._source_spec,
                engine=self._engine_spec,
                mode=self._mode,
                thresholds=self._thresholds,
                ledger=self._ledger.counts(),
                capture_hz=self._capture_rate.rate_hz(),
                infer_hz=self._infer_rate.rate_hz(),
                latency_p50_ms=p50_ms,
                latency_p99_ms=p99_ms,
                stages=stages,
                confirmed_tracks=self._confirmed,
                tracks_born=self._born,
                trial=trial,
                fault=self._fault,
                recording=recording,
                camera=camera,
                second_look=self._second_look.status(),
            )

    def _camera_status(self) -> CameraStatus | None:
        spec = self.source_spec
        if spec is None or not spec.is_live:
            return None
        source = self._source
        report = source.report() if isinstance(source, Reporting) else SourceReport()
        return CameraStatus(report, self._arrivals.statistics())

    def _measurements(self) -> dict[str, float]:
        """What a session keeps of the status, twice a second."""
        status = self.status()
        ledger, losses = status.ledger, status.recording.losses
        return {
            **self._machine,
            "capture_hz": round(status.capture_hz, 2),
            "infer_hz": round(status.infer_hz, 2),
            "latency_p50_ms": round(status.latency_p50_ms, 3),
            "latency_p99_ms": round(status.latency_p99_ms, 3),
            "prepare_ms": round(status.stages.prepare_ms, 3),
            "infer_ms": round(status.stages.infer_ms, 3),
            "segment_ms": round(status.stages.segment_ms, 3),
            "track_ms": round(status.stages.track_ms, 3),
            "look_ms": round(status.second_look.look_ms, 3),
            "crops": round(status.second_look.crops, 2),
            "encode_ms": round(status.recording.encode_ms, 3),
            "tracks": status.confirmed_tracks,
            "lost": ledger.lost,
            "replaced": ledger.replaced,
            "not_recorded": losses.not_recorded,
            "waiting": status.recording.waiting,
            "free_bytes": status.recording.free_bytes,
        }

    # --- all three threads

    def _on_thread_end(self, error: Exception | None) -> None:
        """Keep the first error as the cause; the last thread closes the books."""
        if error is not None:
            with self._state_lock:
                is_first = self._fault is None
                if is_first:
                    self._fault = error
            if not is_first:
                log.warning("after the first fault: %s", error)
        with self._state_lock:
            self._threads_left -= 1
            if self._threads_left:
                return
        self._finish_recording()
        with self._state_lock:
            if self._fault is not None:
                self._state = PipelineState.FAULTED
            elif self._is_stop_asked:
                self._state = PipelineState.STOPPED
            else:
                self._state = PipelineState.FINISHED
        for backlog in self._subscribers:
            backlog.close()
        self.results.close()

    def _finish_recording(self) -> None:
        """Have every frame written that was taken: nothing comes after them."""
        if self._recorder is None:
            return
        if self._fault is not None:
            self._recorder.note("fault", str(self._fault))
        try:
            self._recorder.finish()
        except WorkerStuckError as error:
            # What was written is readable, and is put in order at the next start.
            log.error("the disk does not take the recording: %s", error)  # noqa: TRY400

    def _hurry(self, urgency: int) -> None:
        # Every frame of a file, as fast as they go, would leave nothing to the others.
        if self._mode is FrameMode.LIVE:
            hurry_thread(urgency)

    def _move(self, from_state: PipelineState, to_state: PipelineState) -> None:
        with self._state_lock:
            if self._state is from_state:
                self._state = to_state

    # --- capture thread

    def _run_capture(self, stop: threading.Event) -> None:
        self._hurry(Urgency.CAPTURE)
        try:
            with closing(self._source):
                spec = self._source.open()
                if self._mode is FrameMode.LIVE:
                    self._second_look.keep_to(spec.frame_rate_hz)
                with self._state_lock:
                    self._source_spec = spec
                    recorder = self._recorder
                if recorder is not None:
                    recorder.open(spec)
                # Loading the engine takes longer than opening the source: without
                # waiting, the first frames of a live source would be replaced.
                while not self._engine_ready.wait(_WAIT_S):
                    if stop.is_set():
                        return
                self._capture_frames(stop, spec)
        finally:
            self._every.close()
            self._newest.close()

    def _capture_frames(self, stop: threading.Event, spec: SourceSpec) -> None:
        recent: deque[Frame] = deque(maxlen=self._stack_size)
        while self._frame_limit is None or (
            self._ledger.counts().captured < self._frame_limit
        ):
            frame = self._next_frame(stop, spec)
            if frame is None:
                return
            self._capture_rate.tick(frame.captured_ns)
            if spec.is_live:
                self._arrivals.add(frame)
            self._ledger.capture(frame.index)
            recorder = self._recorder
            if recorder is not None:
                recorder.take_frame(frame)
            if recent.maxlen != self._stack_size:
                recent = deque(recent, self._stack_size)
            recent.append(frame)
            if self._is_paused and not self._spend_step():
                self._ledger.skip()
            else:
                self._hand_over(tuple(recent), stop)

    def _next_frame(self, stop: threading.Event, spec: SourceSpec) -> Frame | None:
        """Read a frame; None when it is time to end."""
        while not stop.is_set():
            # A live source is read on while paused, or its buffers would overflow.
            if not spec.is_live and not self._may_flow():
                continue
            try:
                frame = self._source.read(_WAIT_S)
            except EndOfSource:
                return None
            self._note_source()
            if frame is not None:
                return frame
        return None

    def _note_source(self) -> None:
        """Have the session know when the source is lost, is back, or is slow."""
        if not isinstance(self._source, Reporting):
            return
        said = self._source.report().text
        if said != self._said_of_source:
            self._said_of_source = said
            if self._recorder is not None:
                self._recorder.note("source", said or "as it was asked for")

    def _may_flow(self) -> bool:
        with self._flow:
            return self._flow.wait_for(
                lambda: self._steps > 0 or not self._is_paused, _WAIT_S
            )

    def _spend_step(self) -> bool:
        with self._flow:
            if not self._steps:
                return False
            self._steps -= 1
            return True

    def _hand_over(self, stack: tuple[Frame, ...], stop: threading.Event) -> None:
        if self._mode is FrameMode.LIVE:
            for each in self._newest.put(stack):
                if each is stack:
                    self._ledger.discard()
                else:
                    self._ledger.replace()
            return
        while not self._every.wait_for_room(_WAIT_S) and not stop.is_set():
            pass
        if not self._every.offer(stack):
            self._ledger.discard()

    # --- inference thread

    def _run_inference(self, stop: threading.Event) -> None:
        self._hurry(Urgency.INFERENCE)
        feed = self._newest if self._mode is FrameMode.LIVE else self._every
        self._keeper.start()
        try:
            if self._keeper.wait_until_open(stop) is not None:
                self._seat = EngineSeat(self._keeper)
                self._infer_frames(stop, feed, self._seat)
        finally:
            # Also where the engine failed: the capture thread has to end.
            self._capture.request_stop()
            self._inferred.close()
            feed.close()
            while feed.take(0) is not None:
                self._ledger.discard()
            self._let_engines_go()

    def _infer_frames(
        self,
        stop: threading.Event,
        feed: LatestSlot[tuple[Frame, ...]] | Backlog[tuple[Frame, ...]],
        seat: EngineSeat,
    ) -> None:
        inference = self._inference_of(seat)
        self._engine_ready.set()
        while not stop.is_set() and not feed.is_drained:
            # Waiting first keeps the frame that is taken then a new one.
            self._give_way()
            if not self._inferred.wait_for_room(_WAIT_S):
                continue
            stack = feed.take(_WAIT_S)
            if seat.change():
                inference = self._inference_of(seat)
            if stack is None:
                continue
            try:
                inferred = inference.infer(stack)
            except Exception as error:
                self._ledger.discard()
                if seat.fall_back(error):
                    inference = self._inference_of(seat)
                elif not isinstance(error, FrameLostError):
                    raise
                log.warning("a frame is lost to the engine: %s", error)
                continue
            if self._inferred.offer(inferred):
                self._second_look.expect_tracks()
            else:
                self._ledger.discard()
            if self._trial is not None:
                self._trial.offer(stack, inferred)

    def _give_way(self) -> None:
        """Leave the processor to a recorder that is late: it may not skip a frame."""
        if self._recorder is not None and self._mode is FrameMode.LIVE:
            self._recorder.wait_until_in_time(_GIVE_WAY_S)

    def _inference_of(self, seat: EngineSeat) -> FrameInference:
        """Infer with the engine that has the seat now."""
        engine = seat.running.engine
        model = engine.spec.model
        self._model_thresholds = Thresholds(model.threshold_low, model.threshold_high)
        self._stack_size = model.input.frame_count
        with self._state_lock:
            self._engine_spec = engine.spec
        log.info("inferring with %s on %s", model.name, engine.spec.library)
        return FrameInference(engine, self._second_look)

    def _let_engines_go(self) -> None:
        keepers = [self._keeper]
        if self._seat is not None:
            keepers.append(self._seat.running)
            self._seat.close()
        self._keeper.retire()
        if self._trial is not None:
            self._trial.request_stop()
        if self._engine_ready.is_set():
            for keeper in keepers:
                keeper.join(_JOIN_S)

    # --- tracking thread

    def _run_tracking(self, stop: threading.Event) -> None:
        self._hurry(Urgency.TRACKING)
        try:
            while not self._inferred.is_drained:
                inferred = self._inferred.take(_WAIT_S)
                if inferred is None:
                    continue
                thresholds = self._thresholds
                assert thresholds is not None, "set before the first frame is inferred"
                self._tracker.change_settings(self._tracker_settings)
                try:
                    result = track_frame(inferred, thresholds, self._tracker)
                except Exception:
                    self._ledger.discard()
                    raise
                self._second_look.note(result)
                self._publish(result, stop)
        finally:
            self._second_look.close()
            self._inference.request_stop()
            self._inferred.close()
            while self._inferred.take(0) is not None:
                self._ledger.discard()

    def _publish(self, result: FrameResult, stop: threading.Event) -> None:
        self._ledger.infer()
        self.trails.update(result.tracks, result.frame.time_s)
        self._infer_rate.tick(result.done_ns)
        self._latency.add(result.latency_ms)
        for window, duration_ms in zip(
            self._stage_windows, astuple(result.stages), strict=True
        ):
            window.add(duration_ms)
        self._count_tracks(result)
        if self._state is PipelineState.STARTING:
            self._move(
                PipelineState.STARTING,
                PipelineState.PAUSED if self._is_paused else PipelineState.RUNNING,
            )
        self.results.put(result)
        recorder = self._recorder
        if recorder is not None:
            recorder.set_engine(self._engine_spec)
            recorder.take_result(result)
        for backlog in self._subscribers:
            if self._mode is FrameMode.EVERY_FRAME:
                while not backlog.wait_for_room(_WAIT_S) and not stop.is_set():
                    pass
            backlog.offer(result)

    def _count_tracks(self, result: FrameResult) -> None:
        tracks = result.tracks
        confirmed = frozenset(tracks.id[tracks.state == TrackState.CONFIRMED].tolist())
        self._confirmed = len(confirmed)
        self._born += len(confirmed - self._believed)
        # Lost tracks stay in it: finding one again is no birth.
        self._believed = (self._believed & frozenset(tracks.id.tolist())) | confirmed
