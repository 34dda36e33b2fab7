"""The process that captures, infers and tracks, apart from the window's.

    python -m app.feed_process DESCRIPTOR

Started by `FeedProcess` with one end of a socket pair. Runs one pipeline after
another, tells how it stands ten times a second, and hands over the newest result
whenever the window is ready for one. It ends when the other end closes.
"""

from __future__ import annotations

import importlib
import logging
import logging.handlers
import os
import queue
import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from app.errors import SourceBusyError
from app.feed_messages import (
    Answered,
    Ask,
    Line,
    Logged,
    Memory,
    Open,
    Ready,
    SharedPixels,
    Shown,
    ToFeed,
    Told,
    ToWindow,
    portable_fault,
)
from app.handoff import Backlog
from app.pipeline import Pipeline, PipelineStatus
from app.process import Urgency, hurry_thread, prepare_process
from app.tracking.association import load_solver
from app.worker import Worker
from engines.errors import EngineUnavailableError
from engines.openvino_library import import_openvino

if TYPE_CHECKING:
    from app.frames import FrameResult

log = logging.getLogger(__name__)

_STATUS_PERIOD_S = 0.1
_WAIT_S = 0.1
_MOST_QUESTIONS = 32

_Line = Line[ToFeed, ToWindow]


class FeedServer:
    """Runs the pipelines that the other end asks for, one after another.

    Parameters
    ----------
    line : Line
        To the window's process.
    """

    def __init__(self, line: _Line) -> None:
        self._line = line
        self._number = 0
        self._pipeline: Pipeline | None = None
        self._shower: _Shower | None = None
        self._is_ready = threading.Event()
        self._is_ready.set()
        self._answerer = _Answerer(line)

    def serve(self) -> None:
        """Do what is asked until the other end closes."""
        try:
            due_s = 0.0
            while True:
                if self._line.has_message(max(0.0, due_s - time.monotonic())):
                    message = self._line.receive()
                    self._obey(message)
                    if isinstance(message, Ready):
                        continue
                self._tell()
                due_s = time.monotonic() + _STATUS_PERIOD_S
        except (EOFError, OSError):
            log.debug("the window's process has gone")
        finally:
            if self._pipeline is not None:
                self._pipeline.stop()

    def _obey(self, message: ToFeed) -> None:
        if isinstance(message, Ready):
            self._is_ready.set()
        elif isinstance(message, Ask):
            self._answerer.ask(message)
        elif isinstance(message, Open):
            self._open(message)
        elif self._pipeline is not None and message.number == self._number:
            try:
                getattr(self._pipeline, message.method)(*message.arguments)
            except Exception:
                log.exception("the feed could not %s", message.method)

    def _open(self, order: Open) -> None:
        self._number = order.number
        try:
            pipeline = Pipeline(order.make_source(), order.make_engine, order.mode)
        except Exception as error:  # noqa: BLE001  a bug is shown like any other
            fault, text = portable_fault(error)
            status = PipelineStatus.at_start(order.mode, fault)
            self._line.send(Told(order.number, status, text))
            return
        self._pipeline = pipeline
        self._shower = _Shower(self._line, order.number, pipeline, self._is_ready)
        self._shower.start()
        pipeline.start()

    def _tell(self) -> None:
        if self._pipeline is None or self._shower is None:
            return
        status, text = self._pipeline.status(), ""
        if status.state.is_over and self._shower.is_busy:
            # The last result is shown first.
            return
        if status.fault is not None:
            fault, text = portable_fault(status.fault)
            status = replace(status, fault=fault)
        self._line.send(Told(self._number, status, text))
        if status.state.is_over:
            self._pipeline = None


class _Shower:
    """Hands the newest result of one pipeline over, at the display's rate."""

    def __init__(
        self, line: _Line, number: int, pipeline: Pipeline, is_ready: threading.Event
    ) -> None:
        self._line = line
        self._number = number
        self._pipeline = pipeline
        self._is_ready = is_ready
        self._pixels: SharedPixels | None = None
        self._worker = Worker("shower", self._run, self._on_end)

    def start(self) -> None:
        """Start the thread; it ends with the pipeline's results."""
        self._worker.start()

    @property
    def is_busy(self) -> bool:
        """Whether there may be results left to show."""
        return self._worker.is_alive

    def _run(self, stop: threading.Event) -> None:
        hurry_thread(Urgency.BESIDE)
        results = self._pipeline.results
        due_s = 0.0
        while not results.is_drained and not stop.wait(due_s - time.monotonic()):
            if not self._is_ready.wait(_WAIT_S):
                continue
            result = results.take(_WAIT_S)
            if result is None:
                continue
            due_s = time.monotonic() + self._pipeline.picture_period_s
            self._is_ready.clear()
            self._show(result)

    def _show(self, result: FrameResult) -> None:
        image, mask = result.frame.image, result.mask
        size_bytes = image.nbytes + mask.nbytes
        if self._pixels is None or self._pixels.size_bytes < size_bytes:
            descriptor = os.memfd_create("peregrine-pixels", os.MFD_CLOEXEC)
            os.posix_fallocate(descriptor, 0, size_bytes)
            self._line.send_memory(Memory(size_bytes), descriptor)
            self._pixels = SharedPixels(descriptor, size_bytes)
        self._pixels.write(image, mask)
        frame = replace(result.frame, image=np.zeros((0, 0), np.uint8))
        self._line.send(
            Shown(
                self._number,
                replace(result, frame=frame, mask=np.zeros((0, 0), np.bool_)),
                self._pipeline.trails.snapshot(result.frame.time_s),
                image.shape,
                mask.shape,
            )
        )

    def _on_end(self, error: Exception | None) -> None:
        if error is not None and not isinstance(error, OSError):
            log.error("results are not shown any more", exc_info=error)


class _Answerer:
    """Answers questions one after another, in a thread: a driver may take its time."""

    def __init__(self, line: _Line) -> None:
        self._line = line
        self._questions: Backlog[Ask] = Backlog(_MOST_QUESTIONS)
        self._worker = Worker("answerer", self._run, self._on_end)
        self._is_started = False

    def ask(self, question: Ask) -> None:
        """Answer it in its turn."""
        if not self._is_started:
            self._is_started = True
            self._worker.start()
        if not self._questions.offer(question):
            fault = SourceBusyError(
                "the cameras do not answer", hint="Unplug the one that was used last."
            )
            self._line.send(Answered(question.number, None, fault))

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            asked = self._questions.take(_WAIT_S)
            if asked is None:
                continue
            answer: object = None
            fault: Exception | None = None
            try:
                answer = asked.question()
            except Exception as error:  # noqa: BLE001  a bug is told like any other
                fault, _ = portable_fault(error)
            self._line.send(Answered(asked.number, answer, fault))

    def _on_end(self, error: Exception | None) -> None:
        if error is not None and not isinstance(error, OSError):
            log.error("questions are not answered any more", exc_info=error)


class _LineHandler(logging.handlers.QueueHandler):
    """Sends log records to the process that has the log."""

    def __init__(self, line: _Line) -> None:
        # The queue is not used: `enqueue` is its only user.
        super().__init__(queue.SimpleQueue())
        self._line = line

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self._line.send(Logged(record))
        except OSError:
            # Nobody is there to read it.
            self.setLevel(logging.CRITICAL + 1)


def main() -> None:
    """Serve the other end of the descriptor that the command line names."""
    prepare_process()
    line: _Line = Line(int(sys.argv[1]))
    root = logging.getLogger()
    root.addHandler(_LineHandler(line))
    root.setLevel(logging.INFO)
    threading.Thread(target=_load_ahead, name="load-ahead", daemon=True).start()
    hurry_thread(Urgency.BESIDE)
    FeedServer(line).serve()


def _load_ahead() -> None:
    """Load what the first feed will most likely need, while the window loads Qt."""
    load_solver()
    for name in ("app.sources.catalogue", "engines.openvino_runtime"):
        importlib.import_module(name)
    try:
        import_openvino()
    except EngineUnavailableError as error:
        log.debug("not loaded ahead: %s", error.message)


if __name__ == "__main__":
    main()
