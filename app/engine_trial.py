"""Tries another engine on the live frames, beside the one that infers them.

    OPENING ──▶ SHADOW ──as good──▶ PROBATION ──keeps it up──▶ ACCEPTED
       │           │                    │
       │           │                    └── worse, fails ────▶ ROLLED_BACK
       └── fails ──┴── worse, fails ─────────────────────────▶ REJECTED

In the shadow it infers frames that the running engine has inferred, and nobody sees its
results. On probation it has taken over, and the engine before stays open: it comes back
between two frames where the new one fails or is slower than allowed.
"""

from __future__ import annotations

import enum
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from app.engine_keeper import EngineKeeper
from app.errors import ConsoleError
from app.frames import TrackState
from app.handoff import LatestSlot
from app.inference import FrameInference, track_frame
from app.process import Urgency, waited_ms
from app.segmentation import Thresholds
from app.telemetry import DurationWindow
from app.tracking.tracker import Tracker
from app.worker import Worker
from engines.base import Engine
from engines.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from app.engine_keeper import EngineSeat
    from app.frames import Frame
    from app.inference import InferredFrame
    from app.tracking.settings import TrackerSettings
    from engines.base import EngineSpec

_WAIT_S = 0.1
_WARM_UP = 3
_FEWEST_FRAMES = 20
_WINDOW = 2000
# Between two comparisons it rests three times as long as one takes: the processor is
# the feed's.
_REST_RATIO = 3.0
_SHADOW_SLACK = 2.0
_STRANGE_IOU = 0.3
_UNLIKE = "Lower the limit if its tracks are good, or build with more precision."
_STRANGE = (
    "So little may mean that it takes or gives something else than was assumed: say"
    " what, and build it again."
)


class TrialPhase(enum.Enum):
    """Where a trial is."""

    OPENING = "opening"
    SHADOW = "shadow"
    PROBATION = "probation"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    """It never inferred for the feed."""
    ROLLED_BACK = "rolled back"
    """It had taken over; the engine before infers again."""

    @property
    def is_over(self) -> bool:
        """Whether it has been decided."""
        return self in (
            TrialPhase.ACCEPTED,
            TrialPhase.REJECTED,
            TrialPhase.ROLLED_BACK,
        )


@dataclass(frozen=True, slots=True)
class TrialLimits:
    """What another engine must keep to."""

    min_mask_iou: float = 0.95
    """Overlap of its masks with the running engine's. Larger asks for more likeness."""
    max_time_ratio: float = 1.2
    """Time of an inference against the running engine's. Larger accepts slower ones."""
    shadow_s: float = 2.0
    """Larger compares more frames."""
    probation_s: float = 2.0
    """Larger keeps the engine before for longer, and its memory."""


@dataclass(frozen=True, slots=True)
class EngineFigures:
    """What one engine showed on the frames of a trial."""

    infer_p50_ms: float = 0.0
    infer_p99_ms: float = 0.0
    tracks: int = 0
    """Confirmed tracks in the newest frame of the comparison."""


@dataclass(frozen=True, slots=True)
class TrialStatus:
    """One snapshot of a trial."""

    number: int
    """Tells it from the trials before."""
    phase: TrialPhase = TrialPhase.OPENING
    engine: EngineSpec | None = None
    """What is tried, once it is open."""
    frames: int = 0
    """Compared so far."""
    running: EngineFigures = field(default_factory=EngineFigures)
    """Of the engine that infers, on the same frames."""
    tried: EngineFigures = field(default_factory=EngineFigures)
    mask_iou: float | None = None
    """Of all frames together; None where both see nothing, or not the same part."""
    reason: str = ""
    """Why it does not infer."""
    hint: str = ""


class EngineTrial:
    """One trial, in a thread of its own.

    Parameters
    ----------
    number : int
    make_engine : callable
        Opens the engine to be tried.
    limits : TrialLimits
    seat : EngineSeat
        Where it may take over.
    tracker_settings : TrackerSettings
        Each engine's blobs are tracked apart, to compare the tracks.
    hurry : callable
        Called in the thread with its urgency.
    """

    def __init__(
        self,
        number: int,
        make_engine: Callable[[], Engine],
        limits: TrialLimits,
        seat: EngineSeat,
        tracker_settings: TrackerSettings,
        hurry: Callable[[int], None],
    ) -> None:
        self._limits = limits
        self._seat = seat
        self._before = seat.running
        self._keeper = EngineKeeper(make_engine)
        self._hurry = hurry
        self._samples: LatestSlot[tuple[tuple[Frame, ...], InferredFrame]] = (
            LatestSlot()
        )
        self._trackers = Tracker(tracker_settings), Tracker(tracker_settings)
        self._running_times = DurationWindow(_WINDOW)
        self._tried_times = DurationWindow(_WINDOW)
        self._both = self._either = 0
        self._status_lock = threading.Lock()
        self._status = TrialStatus(number)
        self._worker = Worker("trial", self._run, self._on_end)

    def start(self) -> None:
        """Start the thread."""
        self._worker.start()

    def request_stop(self) -> None:
        """Reject it; does not wait."""
        self._worker.request_stop()
        self._keeper.cancel()

    def join(self, deadline_s: float) -> None:
        """Wait for the thread; raises `WorkerStuckError` if it does not end."""
        self._worker.join(deadline_s)

    def status(self) -> TrialStatus:
        """One snapshot; any thread may ask."""
        with self._status_lock:
            return self._status

    # --- inference thread

    def offer(self, stack: tuple[Frame, ...], inferred: InferredFrame) -> None:
        """Show it a frame that was inferred."""
        self._samples.put((stack, inferred))

    # --- trial thread

    def _run(self, stop: threading.Event) -> None:
        # The feed waits for it where it has the interpreter and no core.
        self._hurry(Urgency.BESIDE)
        self._keeper.start()
        try:
            engine = self._keeper.wait_until_open(stop)
            if engine is not None:
                self._update(engine=engine.spec, phase=TrialPhase.SHADOW)
                self._shadow(engine, stop)
            self._refuse_if(stop.is_set(), "the trial was cancelled")
            self._take_over(stop)
        except (ConsoleError, EngineError) as error:
            self._reject(error.message, error.hint)
        finally:
            if self.status().phase is not TrialPhase.ACCEPTED:
                self._give_back()

    def _shadow(self, engine: Engine, stop: threading.Event) -> None:
        guest = _Guest(engine, self._hurry)
        inference = FrameInference(guest)
        ends_s: float | None = None
        while not stop.is_set():
            sample = self._samples.take(_WAIT_S)
            if sample is None:
                continue
            if ends_s is None:
                for _ in range(_WARM_UP):
                    inference.infer(sample[0])
                ends_s = time.monotonic() + self._limits.shadow_s
            tried = inference.infer(sample[0])
            tried = tried._replace(infer_ms=tried.infer_ms - guest.waited_ms)
            inferred_s = time.thread_time()
            self._compare(tried, sample[1], engine.spec)
            compare_s = time.thread_time() - inferred_s
            is_seen = self.status().frames >= _FEWEST_FRAMES
            if is_seen and time.monotonic() >= ends_s:
                break
            stop.wait((tried.infer_ms * 1e-3 + compare_s) * _REST_RATIO)
        self._judge_shadow()

    def _compare(
        self, tried: InferredFrame, running: InferredFrame, spec: EngineSpec
    ) -> None:
        self._tried_times.add(tried.infer_ms)
        self._running_times.add(running.infer_ms)
        models = self._before.engine.spec.model, spec.model
        counts = []
        # The tried engine looks once.
        once = running._replace(looks=(), look_ms=0.0)
        for model, inferred, tracker in zip(
            models, (once, tried), self._trackers, strict=True
        ):
            thresholds = Thresholds(model.threshold_low, model.threshold_high)
            tracks = track_frame(inferred, thresholds, tracker).tracks
            counts.append(int((tracks.state == TrackState.CONFIRMED).sum()))
        if _area_of(tried) == _area_of(running):
            theirs = running.probability >= models[0].threshold_high
            ours = _resized(tried.probability >= models[1].threshold_high, theirs)
            self._both += int(np.count_nonzero(theirs & ours))
            self._either += int(np.count_nonzero(theirs | ours))
        self._update(
            frames=self.status().frames + 1,
            mask_iou=self._both / self._either if self._either else None,
            running=_figures(self._running_times, counts[0]),
            tried=_figures(self._tried_times, counts[1]),
        )

    def _judge_shadow(self) -> None:
        status, limits = self.status(), self._limits
        iou = status.mask_iou
        self._refuse_if(
            iou is not None and iou < limits.min_mask_iou,
            f"its masks overlap with the running engine's by {iou or 0:.3f},"
            f" {limits.min_mask_iou:g} are asked",
            self._hint_at(iou or 0.0),
        )
        # In the shadow it gets less of the processor: the limit itself is for later.
        self._refuse_if_slow(_SHADOW_SLACK)

    def _hint_at(self, iou: float) -> str:
        if iou < _STRANGE_IOU:
            return _STRANGE
        spec = self.status().engine
        assert spec is not None, "it is compared once it is open"
        theirs = self._before.engine.spec.model.threshold_high
        ours = spec.model.threshold_high
        if ours == theirs:
            return _UNLIKE
        return (
            f"Each mask is taken at its network's own threshold, {theirs:g} and"
            f" {ours:g}, which is part of it: lower the limit if its tracks are good."
        )

    def _take_over(self, stop: threading.Event) -> None:
        self._seat.propose(self._keeper)
        self._tried_times = DurationWindow(_WINDOW)
        while self._seat.running is not self._keeper:
            self._raise_failure()
            self._refuse_if(stop.wait(_WAIT_S / 10), "the trial was cancelled")
        self._update(phase=TrialPhase.PROBATION)
        ends_s = time.monotonic() + self._limits.probation_s
        count = 0
        while time.monotonic() < ends_s or count < _FEWEST_FRAMES:
            self._raise_failure()
            self._refuse_if(stop.is_set(), "the trial was cancelled")
            sample = self._samples.take(_WAIT_S)
            if sample is not None:
                count += 1
                self._tried_times.add(sample[1].infer_ms)
                tracks = self.status().tried.tracks
                self._update(tried=_figures(self._tried_times, tracks))
        self._refuse_if_slow(1.0)
        self._seat.let_former_go()
        self._update(phase=TrialPhase.ACCEPTED)

    def _raise_failure(self) -> None:
        """Raise what the engine failed with after it took over, if it did."""
        failure = self._seat.failure
        if failure is not None:
            raise failure

    def _refuse_if_slow(self, slack: float) -> None:
        status = self.status()
        tried_ms, running_ms = status.tried.infer_p50_ms, status.running.infer_p50_ms
        ratio = tried_ms / running_ms if running_ms else 0.0
        self._refuse_if(
            ratio > self._limits.max_time_ratio * slack,
            f"it takes {tried_ms:.1f} ms a frame, {ratio:.2f} times as long as the"
            f" running engine; {self._limits.max_time_ratio:g} times are allowed",
            "Raise the limit, or build with less precision.",
        )

    @staticmethod
    def _refuse_if(is_refused: bool, reason: str, hint: str = "") -> None:
        if is_refused:
            raise ConsoleError(reason, hint=hint)

    def _give_back(self) -> None:
        """Let the engine before infer again, and close the one that was tried."""
        self._seat.withdraw()
        if self._seat.running is self._keeper:
            self._seat.propose(self._before)
            while self._seat.running is self._keeper and not self._seat.is_closed:
                time.sleep(_WAIT_S / 10)
        self._keeper.retire()

    def _reject(self, reason: str, hint: str) -> None:
        has_taken_over = (
            self.status().phase is TrialPhase.PROBATION
            or self._seat.failure is not None
        )
        phase = TrialPhase.ROLLED_BACK if has_taken_over else TrialPhase.REJECTED
        self._update(phase=phase, reason=reason, hint=hint)

    def _update(self, **changes: object) -> None:
        with self._status_lock:
            self._status = replace(self._status, **changes)  # type: ignore[arg-type]

    def _on_end(self, error: Exception | None) -> None:
        if error is not None:
            self._reject(f"{type(error).__name__}: {error}", "This is a bug.")


class _Guest(Engine):
    """An engine that is nobody's in a hurry: it computes as an ordinary program does.

    The feed, the window and the display server go before it, for nobody sees what it
    infers. What it waits for a core meanwhile is not its own time.

    Parameters
    ----------
    engine : Engine
        Open.
    hurry : callable
        Sets the urgency of the calling thread.
    """

    def __init__(self, engine: Engine, hurry: Callable[[int], None]) -> None:
        self._engine = engine
        self._hurry = hurry
        self.waited_ms = 0.0
        """For a core, in the last inference."""

    @property
    def spec(self) -> EngineSpec:
        return self._engine.spec

    def infer(self, tensor: NDArray[Any]) -> NDArray[Any]:
        before_ms = waited_ms()
        self._hurry(0)
        try:
            return self._engine.infer(tensor)
        finally:
            self._hurry(Urgency.BESIDE)
            self.waited_ms = waited_ms() - before_ms

    def close(self) -> None:
        """Leave it open: it is the keeper's."""


def _figures(times: DurationWindow, tracks: int) -> EngineFigures:
    p50_ms, p99_ms = times.percentiles_ms(50, 99)
    return EngineFigures(p50_ms, p99_ms, tracks)


def _area_of(inferred: InferredFrame) -> tuple[float, ...]:
    """Left, top, width and height of what the network sees of the frame."""
    pixel_map, (rows, columns) = inferred.pixel_map, inferred.probability.shape
    return (
        round(pixel_map.left_px, 3),
        round(pixel_map.top_px, 3),
        round(columns * pixel_map.scale_x, 3),
        round(rows * pixel_map.scale_y, 3),
    )


def _resized(mask: NDArray[np.bool_], like: NDArray[np.bool_]) -> NDArray[np.bool_]:
    if mask.shape == like.shape:
        return mask
    size = (like.shape[1], like.shape[0])
    resized = cv2.resize(mask.view(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    return resized.astype(np.bool_)
