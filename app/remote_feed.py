"""Runs a feed in a process of its own, and speaks for it here."""

from __future__ import annotations

import logging
import signal
import subprocess
import threading
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from app.errors import FeedLostError
from app.feed_messages import (
    Answered,
    Ask,
    Call,
    FarTracebackError,
    Line,
    Logged,
    Memory,
    Open,
    Ready,
    SharedPixels,
    ToFeed,
    Told,
    ToWindow,
)
from app.feed_spawn import spawn_feed
from app.handoff import LatestSlot
from app.pipeline import PipelineState, PipelineStatus
from app.process import accompany_window
from app.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.engine_trial import TrialLimits
    from app.feed_options import FeedOptions
    from app.feed_spawn import SpawnedFeed
    from app.frames import FrameResult, Trail
    from app.recording.settings import RecordingSettings
    from app.segmentation import Thresholds
    from app.sources.base import FrameMode, FrameSource
    from engines.base import Engine

log = logging.getLogger(__name__)

T = TypeVar("T")

_STOP_S = 2.0
_RECORDING_STOP_S = 12.0

_Line = Line[ToWindow, ToFeed]


class FeedProcess:
    """The process that feeds run in, one after another.

    The interpreter of the window is busy with the window: in one process its thread
    and those of the feed wait for each other at every turn. Apart, the feed keeps its
    rate whatever the window does, and the window outlives whatever a driver or a
    library does to the feed.

    Started with the first feed, or by `start` before. It is started anew where it has
    died. All methods are for one thread.

    Parameters
    ----------
    spawned : SpawnedFeed, optional
        One that was started already, and is waiting.
    """

    def __init__(self, spawned: SpawnedFeed | None = None) -> None:
        self._spawned = spawned
        self._process: subprocess.Popen[bytes] | None = None
        self._line: _Line | None = None
        self._receiver: Worker | None = None
        self._count = 0
        self._feed: RemoteFeed | None = None
        self._answers_lock = threading.Lock()
        self._answers: dict[int, Future[Any]] = {}

    def start(self) -> None:
        """Start the process, unless it runs."""
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        spawned = self._spawned or spawn_feed()
        self._spawned = None
        self._process = spawned.process
        process, line = spawned.process, _Line(spawned.socket.detach())
        self._line = line
        self._receiver = Worker(
            "feed", lambda _: self._receive(process, line), _log_error
        )
        self._receiver.start()

    def make_feed(
        self,
        make_source: Callable[[], FrameSource],
        make_engine: Callable[[], Engine],
        mode: FrameMode,
    ) -> RemoteFeed:
        """Prepare a feed; the one before must be over, or abandoned.

        Parameters
        ----------
        make_source, make_engine : callable
            Called over there: they must be picklable, as a `functools.partial` of
            functions of this program is.
        mode : FrameMode
        """
        self._count += 1
        order = Open(self._count, make_source, make_engine, mode)
        self._feed = RemoteFeed(self, order)
        return self._feed

    def ask(self, question: Callable[[], T]) -> Future[T]:
        """Have a question answered over there, beside whatever feed runs.

        Parameters
        ----------
        question : callable
            Picklable, as its answer must be.

        Returns
        -------
        Future
            Of the answer, or of the error that it raised; `FeedLostError` where the
            process ends before it answers.
        """
        self.start()
        future: Future[T] = Future()
        self._count += 1
        with self._answers_lock:
            self._answers[self._count] = future
        self.send(Ask(self._count, question))
        return future

    def send(self, message: Open | Call | Ask) -> None:
        """Send to the process; one that is gone is told of elsewhere."""
        if self._line is not None:
            try:
                self._line.send(message)
            except OSError as error:
                log.debug("not sent: %s", error)

    def kill(self) -> None:
        """End the process by force, and whatever hangs in it."""
        if self._process is not None:
            self._process.kill()
        self.close()

    def close(self) -> None:
        """End the process and wait for it. Calling it again does nothing."""
        process, line, receiver = self._process, self._line, self._receiver
        self._process = self._line = self._receiver = None
        if process is None or line is None or receiver is None:
            return
        line.hang_up()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        receiver.join(_STOP_S)

    # --- receiving thread

    def _receive(self, process: subprocess.Popen[bytes], line: _Line) -> None:
        accompany_window()
        try:
            self._take_messages(line)
        except (EOFError, OSError) as error:
            log.debug("the feed's process has gone: %r", error)
        finally:
            line.close()
            self._drop_questions()
            if self._feed is not None:
                self._feed.take_loss(process)

    def _drop_questions(self) -> None:
        with self._answers_lock:
            left, self._answers = list(self._answers.values()), {}
        for future in left:
            future.set_exception(
                FeedLostError(
                    "the process that has the cameras has ended",
                    hint="Ask again: it is started anew.",
                )
            )

    def _take_answer(self, message: Answered) -> None:
        with self._answers_lock:
            future = self._answers.pop(message.number, None)
        if future is None:
            return
        if message.fault is not None:
            future.set_exception(message.fault)
        else:
            future.set_result(message.answer)

    def _take_messages(self, line: _Line) -> None:
        pixels: SharedPixels | None = None
        while True:
            message = line.receive()
            feed = self._feed
            if isinstance(message, Logged):
                logging.getLogger(message.record.name).handle(message.record)
            elif isinstance(message, Memory):
                pixels = SharedPixels(line.receive_descriptor(), message.size_bytes)
            elif isinstance(message, Answered):
                self._take_answer(message)
            elif isinstance(message, Told):
                if feed is not None and message.number == feed.number:
                    feed.take_status(message)
            elif pixels is not None:
                image, mask = pixels.read(message.image_shape, message.mask_shape)
                line.send(Ready())
                if feed is not None and message.number == feed.number:
                    frame = replace(message.result.frame, image=image)
                    result = replace(message.result, frame=frame, mask=mask)
                    feed.take_result(result, message.trails)


class RemoteFeed:
    """A `Feed` that runs in a `FeedProcess`, which makes it.

    Parameters
    ----------
    process : FeedProcess
    order : Open
        What to run.
    """

    def __init__(self, process: FeedProcess, order: Open) -> None:
        self.results: LatestSlot[FrameResult] = LatestSlot()
        self.trails = _LatestTrails()
        self._process = process
        self._order = order
        self._changed = threading.Condition()
        self._status = PipelineStatus.at_start(order.mode)
        self._thresholds: Thresholds | None = None
        self._options: FeedOptions | None = None
        self._is_sent = False

    @property
    def number(self) -> int:
        """Tells it from the other feeds of the process."""
        return self._order.number

    # --- as `Feed` says

    def start(self) -> None:
        """Start the process where it does not run, and the feed in it."""
        self._process.start()
        self._process.send(self._order)
        self._is_sent = True
        if self._thresholds is not None:
            self.set_thresholds(self._thresholds)
        if self._options is not None:
            self.adjust(self._options)

    def pause(self) -> None:
        """Hold the feed."""
        self._call("pause")

    def resume(self) -> None:
        """Go on after `pause`."""
        self._call("resume")

    def step(self) -> None:
        """Let one more frame through while paused."""
        self._call("step")

    def set_thresholds(self, thresholds: Thresholds | None) -> None:
        """Use other thresholds from the next frame on; None takes the model's."""
        self._thresholds = thresholds
        if self._is_sent:
            self._call("set_thresholds", thresholds)

    def adjust(self, options: FeedOptions) -> None:
        """Track and trail by other options from the next frame on."""
        self._options = options
        if self._is_sent:
            self._call("adjust", options)

    def try_engine(
        self, make_engine: Callable[[], Engine], limits: TrialLimits
    ) -> None:
        """Try another engine; `make_engine` must be picklable."""
        self._call("try_engine", make_engine, limits)

    def cancel_trial(self) -> None:
        """Reject the engine that is tried."""
        self._call("cancel_trial")

    def configure_recording(self, settings: RecordingSettings) -> None:
        """Record like this from now on."""
        self._call("configure_recording", settings)

    def start_recording(self) -> None:
        """Record every captured frame from now on."""
        self._call("start_recording")

    def stop_recording(self) -> None:
        """End the recording; does not wait."""
        self._call("stop_recording")

    def mark(self) -> None:
        """Note this moment in the recording."""
        self._call("mark")

    def tell_machine(self, figures: Mapping[str, float]) -> None:
        """Have the figures of the machine in the recording."""
        self._call("tell_machine", figures)

    def request_stop(self) -> None:
        """Ask the feed to stop; does not wait."""
        self._call("request_stop")

    def stop(self) -> None:
        """Stop the feed and wait; one that does not stop loses its process."""
        self.request_stop()
        with self._changed:
            # What was recorded is written first, where the disk takes it in time.
            is_recording = self._status.recording.is_recording
            patience_s = _RECORDING_STOP_S if is_recording else _STOP_S
            is_over = self._changed.wait_for(
                lambda: self._status.state.is_over, patience_s
            )
        if not is_over:
            self.abandon()

    def abandon(self) -> None:
        """End the process by force."""
        log.warning("the feed does not stop: its process is ended")
        self._process.kill()

    def status(self) -> PipelineStatus:
        """What the process told last, ten times a second."""
        with self._changed:
            return self._status

    # --- for the receiving thread of the process

    def take_status(self, told: Told) -> None:
        """Keep the newest status."""
        fault = told.status.fault
        if fault is not None and told.fault_text:
            fault.__cause__ = FarTracebackError(told.fault_text)
        self._set(told.status)

    def take_result(self, result: FrameResult, trails: tuple[Trail, ...]) -> None:
        """Hand the newest result to the display."""
        self.trails.put(trails)
        self.results.put(result)

    def take_loss(self, process: subprocess.Popen[bytes]) -> None:
        """End with a fault where the process ended before the feed did."""
        if self.status().state.is_over:
            return
        try:
            ending = _ending(process.wait(_STOP_S))
        except subprocess.TimeoutExpired:
            ending = "it does not answer"
        fault = FeedLostError(
            f"the process that runs the feed has ended: {ending}",
            hint="Start the source again; the terminal has its last words.",
        )
        self._set(replace(self.status(), state=PipelineState.FAULTED, fault=fault))

    def _set(self, status: PipelineStatus) -> None:
        with self._changed:
            self._status = status
            self._changed.notify_all()
        if status.state.is_over:
            self.results.close()

    def _call(self, method: str, *arguments: object) -> None:
        self._process.send(Call(self.number, method, arguments))


class _LatestTrails:
    """Obeys `TrailSource`: what came with the newest result."""

    def __init__(self) -> None:
        self._trails: tuple[Trail, ...] = ()

    def put(self, trails: tuple[Trail, ...]) -> None:
        self._trails = trails

    def snapshot(
        self,
        until_s: float | None = None,  # noqa: ARG002  cut over there
    ) -> tuple[Trail, ...]:
        return self._trails


def _ending(status: int) -> str:
    if status >= 0:
        return f"status {status}"
    return f"killed by {signal.Signals(-status).name}"


def _log_error(error: Exception | None) -> None:
    if error is not None:
        log.error("the feed is not heard any more", exc_info=error)
