"""One life of a host: from its start to its end."""

import logging
import os
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Type, TypeVar

import numpy as np

from engines.errors import FrameLostError
from engines.host.channel import Channel
from engines.host.errors import (
    HostGoneError,
    HostProtocolError,
    PeerRefusedError,
    error_of,
)
from engines.host.machine import Capabilities, capabilities_from
from engines.host.messages import (
    PROTOCOL_VERSION,
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
    name_of,
)
from engines.host.process import HostProcess
from engines.host.rendezvous import Rendezvous
from engines.host.ring import Ring, RingLayout, TensorLayout

if TYPE_CHECKING:
    from numpy.typing import NDArray

log = logging.getLogger(__name__)
host_log = logging.getLogger("engines.host.log")

# How soon a waiting client notices that it is not wanted any more.
_SLICE_S = 0.1
# For a process whose socket has closed to be gone too.
_LAST_MOMENT_S = 1.0

_AnswerT = TypeVar("_AnswerT", bound=Message)


class Deadlines(NamedTuple):
    """How long a client waits before it ends a host, in seconds."""

    handshake_s: float = 30.0
    """From the start of the interpreter until it has greeted."""
    open_s: float = 900.0
    """For loading and warming up: TF-TRT may build engines for minutes."""
    infer_s: float = 10.0
    """For one inference."""
    silence_s: float = 60.0
    """Without a heartbeat. Larger rides out a library's long load from a slow card."""
    stop_s: float = 1.5
    """For an orderly end; it is killed after that. Engines lose nothing by it."""


class HostLink:
    """A host's process, the channel to it and the ring shared with it.

    Parameters
    ----------
    python : Path
        Interpreter of the host.
    order : OpenEngine
        The engine to open.
    deadlines : Deadlines
        How long to wait.
    is_cancelled : threading.Event
        Set, it ends every wait within 100 ms.

    Raises
    ------
    HostGoneError
        If the host dies, falls silent or breaks the protocol: as from every method.
    HostStartError
        If there is no such interpreter, or it does not become a host in time.
    HostVersionError
        If the host is of another version.
    EngineError
        If it cannot open the engine: the error that it named.
    FrameLostError
        If the wait was cancelled.
    """

    def __init__(
        self,
        python: Path,
        order: OpenEngine,
        deadlines: Deadlines,
        is_cancelled: threading.Event,
    ) -> None:
        self._deadlines = deadlines
        self._is_cancelled = is_cancelled
        self._sequence = 0
        self.infer_ms = 0.0
        """Duration of the newest inference within the host."""
        with ExitStack() as undo:
            rendezvous = Rendezvous()
            undo.callback(rendezvous.close)
            self._process = HostProcess(
                python,
                [
                    f"--socket={rendezvous.socket_path}",
                    f"--ring={rendezvous.ring_path}",
                    f"--parent={os.getpid()}",
                ],
            )
            undo.callback(self._process.end)
            self._channel = self._connect(rendezvous)
            undo.callback(self._channel.close)
            self.capabilities = self._greet()
            rendezvous.remove_names()
            self._send(order)
            self.opened = self._await(EngineOpened, deadlines.open_s)
            # Libraries say much while they load.
            self._process.forget_lines()
            self._ring = Ring(rendezvous.ring_descriptor, _layout(order, self.opened))
            undo.pop_all()
            rendezvous.close()

    @property
    def process_id(self) -> int:
        """Number of the host's process."""
        return self._process.process_id

    def infer(self, tensor: "NDArray[Any]") -> "NDArray[Any]":
        """Infer a tensor whose shape and dtype have been checked.

        Returns
        -------
        ndarray
            The output, in shared memory; reused `slot_count` calls later.

        Raises
        ------
        EngineError
            What the host named.
        """
        self._sequence += 1
        index = self._sequence % len(self._ring.slots)
        slot = self._ring.slots[index]
        np.copyto(slot.input, tensor)
        self._send(Infer(index, self._sequence))
        result = self._await(Result, self._deadlines.infer_s)
        if (result.slot, result.sequence) != (index, self._sequence):
            raise self._death("it answered another inference than was asked", 0.0)
        self.infer_ms = result.infer_ms
        return slot.output

    def ping(self) -> float:
        """Time of a message to the host and back, in milliseconds."""
        self._sequence += 1
        started = time.perf_counter()
        self._send(Ping(self._sequence))
        self._await(Pong, self._deadlines.infer_s)
        return (time.perf_counter() - started) * 1e3

    def stop(self) -> None:
        """Let the host release its engine and end; kill it if it does not."""
        deadline_s = time.monotonic() + self._deadlines.stop_s
        try:
            self._channel.send(Stop())
            # Read on: a host that waits to send its last log lines cannot end.
            while time.monotonic() < deadline_s:
                message = self._channel.receive_within(_SLICE_S)
                if isinstance(message, Log):
                    _forward(message)
        except (HostGoneError, HostProtocolError) as error:
            log.debug("the host's last word: %s", error.message)
        self._process.wait(max(deadline_s - time.monotonic(), _SLICE_S))
        self.end()

    def end(self) -> None:
        """Kill the host if it still runs, and release everything."""
        self._channel.close()
        self._process.end()
        # The memory goes with the last array of it, not with some later exception.
        self._ring.slots.clear()

    def _connect(self, rendezvous: Rendezvous) -> Channel:
        deadline_s = time.monotonic() + self._deadlines.handshake_s
        while True:
            try:
                connection = rendezvous.accept(_SLICE_S)
            except PeerRefusedError as error:
                log.warning("%s", error.message)
                continue
            if connection is not None:
                return Channel(connection)
            if not self._process.is_running:
                raise self._death("")
            self._check_patience(deadline_s)

    def _greet(self) -> Capabilities:
        self._send(Hello(PROTOCOL_VERSION, os.getpid(), {}))
        hello = self._await(Hello, self._deadlines.handshake_s)
        try:
            return capabilities_from(hello.capabilities)
        except ValueError as error:
            raise self._death(str(error), 0.0) from error

    def _send(self, message: Message) -> None:
        try:
            self._channel.send(message)
        except HostGoneError as error:
            raise self._death(error.message) from error

    def _await(self, wanted: Type[_AnswerT], timeout_s: float) -> _AnswerT:
        """Receive until the wanted answer; logs and heartbeats come in between."""
        deadline_s = time.monotonic() + timeout_s
        silence_s = time.monotonic() + self._deadlines.silence_s
        while True:
            try:
                message = self._channel.receive_within(_SLICE_S)
            except (HostGoneError, HostProtocolError) as error:
                raise self._death(error.message) from error
            if isinstance(message, wanted):
                return message
            if message is not None:
                self._take_note(message)
                silence_s = time.monotonic() + self._deadlines.silence_s
            self._check_patience(min(deadline_s, silence_s))

    def _take_note(self, message: Message) -> None:
        if isinstance(message, Failure):
            raise error_of(*message)
        if isinstance(message, Log):
            _forward(message)
        elif not isinstance(message, Heartbeat):
            raise self._death(f"it sent {name_of(message)!r} out of place", 0.0)

    def _check_patience(self, deadline_s: float) -> None:
        if self._is_cancelled.is_set():
            raise FrameLostError("waiting for the engine host was cancelled")
        if time.monotonic() > deadline_s:
            raise self._death("it did not answer in time", 0.0)

    def _death(self, symptom: str, patience_s: float = _LAST_MOMENT_S) -> HostGoneError:
        """Say how the host died; what still runs after this is of no use."""
        # A closed socket is seen before the process is gone.
        has_ended = self._process.wait(patience_s)
        how = self._process.obituary() if has_ended else symptom
        return HostGoneError(
            f"the engine host, process {self.process_id}, failed: {how}",
            hint=self._process.last_lines(),
        )


def _layout(order: OpenEngine, opened: EngineOpened) -> RingLayout:
    return RingLayout(
        order.slot_count,
        TensorLayout(order.input_shape, order.input_dtype),
        TensorLayout(opened.output_shape, opened.output_dtype),
    )


def _forward(message: Log) -> None:
    host_log.log(message.level, "%s: %s", message.logger, message.text)
