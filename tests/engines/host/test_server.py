import logging
import os
import socket
import threading

import numpy as np
import pytest

from engines.base import EngineKind
from engines.catalogue import open_engine
from engines.errors import EngineLoadError, InferenceError
from engines.host import server as server_module
from engines.host.channel import Channel
from engines.host.errors import HostError, HostFramingError, HostVersionError
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
    OpenEngine,
    Ping,
    Pong,
    Result,
    Stop,
    Stopped,
)
from engines.host.ring import Ring, RingLayout, TensorLayout
from engines.host.server import EngineHost, ForwardingHandler
from engines.reference import REFERENCE_MANIFEST, ReferenceEngine

ORDER = OpenEngine(
    kind="reference",
    model_folder=None,
    precision=None,
    threads=1,
    input_shape=REFERENCE_MANIFEST.input.shape,
    input_dtype="float32",
    slot_count=2,
)
GREETING = Hello(PROTOCOL_VERSION, 1, {})


class MutableEngine(ReferenceEngine):
    """Gives an output of another shape when it is told."""

    def __init__(self):
        super().__init__()
        self.is_narrow = False
        self.closed = 0

    def infer(self, tensor):
        output = super().infer(tensor)
        return output[:, :10] if self.is_narrow else output

    def close(self):
        self.closed += 1


class Conversation:
    """A host in a thread, and the client's end of its channel."""

    def __init__(self, ring_path, engine):
        near, self.far = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.channel = Channel(self.far)
        self.ring_descriptor = os.open(str(ring_path), os.O_CREAT | os.O_RDWR, 0o600)
        self.fault = None
        self.engine = engine
        self._near = Channel(near)
        self._host = EngineHost(
            self._near, self.ring_descriptor, lambda *_order: engine
        )
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        try:
            self._host.serve()
        except HostError as error:
            self.fault = error

    def ask(self, message):
        """Send a message and give the answer; heartbeats are left out."""
        self.channel.send(message)
        return self.answer()

    def answer(self):
        message = self.channel.receive()
        while isinstance(message, Heartbeat):
            message = self.channel.receive()
        return message

    def wait_for_end(self):
        """Wait until the host has ended by itself."""
        self._thread.join(10.0)
        assert not self._thread.is_alive()

    def end(self):
        self.channel.close()
        self._thread.join()
        self._near.close()
        os.close(self.ring_descriptor)


@pytest.fixture
def conversation(tmp_path):
    talk = Conversation(tmp_path / "ring", MutableEngine())
    assert isinstance(talk.answer(), Hello)
    yield talk
    talk.end()


@pytest.fixture
def greeted(conversation):
    conversation.channel.send(GREETING)
    return conversation


def _ring(conversation, opened):
    output = TensorLayout(opened.output_shape, opened.output_dtype)
    layout = RingLayout(
        ORDER.slot_count, TensorLayout(ORDER.input_shape, ORDER.input_dtype), output
    )
    return Ring(conversation.ring_descriptor, layout)


def test_an_output_comes_back_through_the_ring(greeted):
    opened = greeted.ask(ORDER)
    ring = _ring(greeted, opened)
    tensor = np.random.RandomState(0).rand(*ORDER.input_shape).astype(np.float32)
    ring.slots[1].input[...] = tensor

    result = greeted.ask(Infer(1, 77))

    assert isinstance(result, Result)
    assert (result.slot, result.sequence) == (1, 77)
    with open_engine(EngineKind.REFERENCE) as engine:
        np.testing.assert_array_equal(ring.slots[1].output, engine.infer(tensor))


def test_opening_tells_what_was_opened_and_warms_it_up(greeted):
    opened = greeted.ask(ORDER)

    assert isinstance(opened, EngineOpened)
    assert (opened.kind, opened.precision, opened.threads) == ("reference", "fp32", 1)
    assert opened.output_shape == (1, 240, 320, 1)
    assert opened.warm_up_ms > 0


def test_a_ping_is_answered_without_an_engine(greeted):
    assert greeted.ask(Ping(3)) == Pong(3)


def test_a_closed_engine_makes_room_for_the_next(greeted):
    greeted.ask(ORDER)

    assert greeted.ask(CloseEngine()) == EngineClosed()

    assert greeted.engine.closed == 1
    assert isinstance(greeted.ask(ORDER), EngineOpened)


def test_stop_is_answered_after_the_engine_is_closed(greeted):
    greeted.ask(ORDER)

    assert greeted.ask(Stop()) == Stopped()

    greeted.wait_for_end()
    assert greeted.engine.closed == 1
    assert greeted.fault is None


def test_a_client_that_goes_away_closes_the_engine(greeted):
    greeted.ask(ORDER)

    greeted.channel.close()
    greeted.wait_for_end()

    assert greeted.engine.closed == 1
    assert greeted.fault is None


@pytest.mark.parametrize(
    ("changes", "error", "fault"),
    [
        ({"kind": "magic"}, "HostProtocolError", "magic"),
        ({"precision": "fp1"}, "HostProtocolError", "fp1"),
        ({"threads": 0}, "HostProtocolError", "0 threads"),
        ({"slot_count": 1000}, "HostProtocolError", "1000 slots"),
        ({"input_dtype": "object"}, "HostProtocolError", "object"),
        ({"input_shape": (1, 8, 8, 3)}, "EngineLoadError", "the client sends"),
        ({"input_shape": (99999, 99999)}, "HostProtocolError", "bytes"),
        ({"model_folder": "/nowhere/at/all"}, "ManifestError", "manifest.json"),
        ({"model_folder": "/nowhere\0"}, "HostProtocolError", "zero in its name"),
    ],
)
def test_an_order_that_cannot_be_met_is_refused_in_words(
    greeted, changes, error, fault
):
    refusal = greeted.ask(ORDER._replace(**changes))

    assert isinstance(refusal, Failure)
    assert refusal.error == error
    assert fault in refusal.message
    assert isinstance(greeted.ask(ORDER), EngineOpened)


def test_a_second_engine_beside_the_first_is_refused(greeted):
    greeted.ask(ORDER)

    assert greeted.ask(ORDER).message == "an engine is open already; close it first"


@pytest.mark.parametrize(
    "message", [Infer(0, 1), GREETING, Result(0, 1, 1.0), Pong(1), Stopped()]
)
def test_a_message_out_of_place_is_refused_and_the_next_answered(greeted, message):
    assert greeted.ask(message).error == "HostProtocolError"
    assert greeted.ask(Ping(1)) == Pong(1)


def test_a_slot_outside_the_ring_is_refused(greeted):
    greeted.ask(ORDER)

    assert greeted.ask(Infer(2, 1)).message == "slot 2 of a ring of 2"


def test_an_output_that_changes_its_shape_is_refused(greeted):
    greeted.ask(ORDER)
    greeted.engine.is_narrow = True

    refusal = greeted.ask(Infer(0, 1))

    assert refusal.error == InferenceError.__name__
    assert "at first it was (1, 240, 320, 1)" in refusal.message


def test_a_model_whose_first_inference_fails_is_closed_again(tmp_path):
    class Unready(MutableEngine):
        def infer(self, _tensor):
            raise EngineLoadError("no memory for it")

    talk = Conversation(tmp_path / "ring", Unready())
    talk.channel.send(GREETING)
    talk.answer()

    refusal = talk.ask(ORDER)

    talk.end()
    assert refusal.message == "no memory for it"
    assert talk.engine.closed == 1


def test_a_client_of_another_version_is_refused_with_a_sentence(conversation):
    refusal = conversation.ask(Hello(PROTOCOL_VERSION + 1, 1, {}))

    assert refusal.error == "HostVersionError"
    assert f"version {PROTOCOL_VERSION + 1} of" in refusal.message
    conversation.wait_for_end()
    assert isinstance(conversation.fault, HostVersionError)


def test_a_client_that_does_not_greet_is_refused(conversation):
    refusal = conversation.ask(Ping(1))

    assert refusal.message == "'ping' came before hello"


def test_a_stream_out_of_step_ends_the_conversation(greeted):
    greeted.far.sendall(b"\xff\xff\xff\xff")

    refusal = greeted.answer()

    assert refusal.error == HostFramingError.__name__
    greeted.wait_for_end()
    assert isinstance(greeted.fault, HostFramingError)


def test_a_heartbeat_tells_that_an_engine_is_being_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(server_module, "HEARTBEAT_S", 0.01)
    is_seen = threading.Event()

    class SlowEngine(MutableEngine):
        def infer(self, tensor):
            is_seen.wait(5.0)
            return super().infer(tensor)

    talk = Conversation(tmp_path / "ring", SlowEngine())
    talk.channel.send(GREETING)
    talk.answer()
    talk.channel.send(ORDER)

    message = talk.channel.receive()
    while message != Heartbeat("open"):
        message = talk.channel.receive()

    is_seen.set()
    assert isinstance(talk.answer(), EngineOpened)
    talk.end()


def test_the_hosts_log_goes_to_the_client():
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with near, far:
        handler = ForwardingHandler(Channel(near))

        handler.handle(
            logging.LogRecord("engines.x", 30, "", 0, "%d nodes left", (3,), None)
        )

        assert Channel(far).receive() == Log(30, "engines.x", "3 nodes left")


def test_a_log_line_after_the_clients_end_is_dropped():
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with near:
        far.close()

        record = logging.LogRecord("engines.x", 30, "", 0, "late", (), None)

        assert ForwardingHandler(Channel(near)).handle(record)
        # And nobody who writes to it directly is left in doubt.
        with pytest.raises(OSError, match="Broken pipe"):
            near.sendall(b"late")
