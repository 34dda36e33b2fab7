"""The host's side: serves one client with one engine."""

import logging
import os
import threading
import time
from pathlib import Path
from typing import Callable, Optional

import numpy as np

from engines.base import Engine, EngineKind, Precision
from engines.errors import EngineError, EngineLoadError, InferenceError
from engines.host.channel import Channel
from engines.host.errors import (
    HostFramingError,
    HostGoneError,
    HostProtocolError,
    HostVersionError,
)
from engines.host.machine import find_capabilities
from engines.host.messages import (
    PROTOCOL_VERSION,
    CloseEngine,
    EngineClosed,
    EngineOpened,
    Failure,
    Heartbeat,
    Hello,
    Infer,
    Log,
    Message,
    OpenEngine,
    Ping,
    Pong,
    Result,
    Stop,
    Stopped,
    clipped,
    name_of,
)
from engines.host.ring import Ring, RingLayout, TensorLayout, allocate, checked_layout
from engines.manifest import ModelManifest, load_manifest

HEARTBEAT_S = 1.0
MAX_THREADS = 256

log = logging.getLogger(__name__)


class EngineHost:
    """Answers one client until it says stop or is gone.

    The calling thread opens, runs and closes the engine, as every engine wants it; a
    second one sends the heartbeats, so that a long load is not taken for a death.
    What an engine raises that is no `EngineError` ends the process: the client starts
    a new one.

    Parameters
    ----------
    channel : Channel
        To the client.
    ring_descriptor : int
        The ring's file, still empty.
    open_engine : callable
        `engines.catalogue.open_engine`.
    """

    def __init__(
        self,
        channel: Channel,
        ring_descriptor: int,
        open_engine: Callable[..., Engine],
    ) -> None:
        self._channel = channel
        self._ring_descriptor = ring_descriptor
        self._open_engine = open_engine
        self._engine: Optional[Engine] = None
        self._ring: Optional[Ring] = None
        self._busy_with = ""
        self._is_stopped = threading.Event()

    def serve(self) -> None:
        """Greet the client and answer until it is over.

        Raises
        ------
        HostProtocolError, HostVersionError
            If the client cannot be understood; it has been told.
        """
        try:
            self._converse()
        except HostGoneError:
            # The client died, or needs us no more: that is an end like any other.
            log.debug("the client is gone")
        finally:
            self._is_stopped.set()
            self._close_engine()

    def _converse(self) -> None:
        heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        capabilities = find_capabilities().to_document()
        self._channel.send(Hello(PROTOCOL_VERSION, os.getpid(), capabilities))
        try:
            _check_greeting(self._channel.receive())
            heart.start()
            while not self._is_stopped.is_set():
                self._channel.send(self._next_answer())
        except (HostProtocolError, HostVersionError) as error:
            self._channel.send(_failure_of(error))
            raise

    def _next_answer(self) -> Message:
        try:
            message = self._channel.receive()
            self._busy_with = name_of(message)
            return self._answer(message)
        except (HostGoneError, HostFramingError):
            raise
        except EngineError as error:
            return _failure_of(error)
        finally:
            self._busy_with = ""

    def _answer(self, message: Message) -> Message:
        if isinstance(message, Infer):
            return self._infer(message)
        if isinstance(message, Ping):
            return Pong(message.sequence)
        if isinstance(message, OpenEngine):
            return self._open(message)
        if isinstance(message, CloseEngine):
            self._close_engine()
            return EngineClosed()
        if isinstance(message, Stop):
            self._is_stopped.set()
            self._close_engine()
            return Stopped()
        raise HostProtocolError(f"a {name_of(message)!r} message is out of place here")

    def _open(self, order: OpenEngine) -> EngineOpened:
        if self._engine is not None:
            raise HostProtocolError("an engine is open already; close it first")
        wanted = TensorLayout(order.input_shape, order.input_dtype)
        # Bounds before anything is loaded; the output is not known yet.
        checked_layout(RingLayout(order.slot_count, wanted, wanted))
        engine = self._engine_of(order)
        try:
            _check_model(engine.spec.model, wanted)
            started = time.perf_counter()
            output = engine.infer(np.zeros(wanted.shape, wanted.dtype))
            warm_up_ms = (time.perf_counter() - started) * 1e3
            given = TensorLayout(tuple(output.shape), output.dtype.name)
            layout = checked_layout(RingLayout(order.slot_count, wanted, given))
            allocate(self._ring_descriptor, layout)
            self._ring = Ring(self._ring_descriptor, layout)
        except EngineError:
            engine.close()
            raise
        self._engine = engine
        return EngineOpened(
            kind=engine.spec.kind.value,
            precision=engine.spec.precision.value,
            device=engine.spec.device,
            library=engine.spec.library,
            threads=engine.spec.threads,
            output_shape=given.shape,
            output_dtype=given.dtype,
            warm_up_ms=warm_up_ms,
        )

    def _engine_of(self, order: OpenEngine) -> Engine:
        if not 1 <= order.threads <= MAX_THREADS:
            raise HostProtocolError(
                f"{order.threads} threads, 1 to {MAX_THREADS} are allowed"
            )
        try:
            kind = EngineKind(order.kind)
            precision = None if order.precision is None else Precision(order.precision)
        except ValueError as error:
            raise HostProtocolError(clipped(str(error))) from error
        manifest = None
        if order.model_folder is not None:
            if "\0" in order.model_folder:
                raise HostProtocolError("a model's folder with a zero in its name")
            manifest = load_manifest(Path(order.model_folder))
        return self._open_engine(kind, manifest, precision, order.threads)

    def _infer(self, message: Infer) -> Result:
        if self._engine is None or self._ring is None:
            raise HostProtocolError("no engine is open")
        if message.slot >= len(self._ring.slots):
            raise HostProtocolError(
                f"slot {message.slot} of a ring of {len(self._ring.slots)}"
            )
        slot = self._ring.slots[message.slot]
        started = time.perf_counter()
        output = self._engine.infer(slot.input)
        infer_ms = (time.perf_counter() - started) * 1e3
        if output.shape != slot.output.shape or output.dtype != slot.output.dtype:
            raise InferenceError(
                f"the output is {output.shape} of {output.dtype}, at first it was"
                f" {slot.output.shape} of {slot.output.dtype}"
            )
        np.copyto(slot.output, output)
        return Result(message.slot, message.sequence, infer_ms)

    def _close_engine(self) -> None:
        self._ring = None
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def _beat(self) -> None:
        while not self._is_stopped.wait(HEARTBEAT_S):
            busy_with = self._busy_with
            # A client that asks for nothing reads nothing either.
            if not busy_with:
                continue
            try:
                self._channel.send(Heartbeat(busy_with))
            except HostGoneError:
                return


class ForwardingHandler(logging.Handler):
    """Sends what is logged in the host to the client's log."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record; after the client's end there is nobody to tell."""
        try:
            self._channel.send(
                Log(record.levelno, record.name, clipped(self.format(record)))
            )
        except HostGoneError:
            return


def _check_greeting(message: Message) -> None:
    if not isinstance(message, Hello):
        raise HostProtocolError(f"{name_of(message)!r} came before hello")


def _check_model(model: ModelManifest, wanted: TensorLayout) -> None:
    taken = TensorLayout(model.input.shape, model.input.dtype)
    if taken != wanted:
        raise EngineLoadError(
            f"the client sends {wanted.shape} of {wanted.dtype}, the model takes"
            f" {taken.shape} of {taken.dtype}",
            hint="The model's folder has changed; open it again.",
        )


def _failure_of(error: EngineError) -> Failure:
    return Failure(type(error).__name__, clipped(error.message), clipped(error.hint))
