"""The protocol under messages that no honest end sends.

`tests/benchmarks/hosting.py fuzz` does the same with a hundred thousand.
"""

import socket
import struct
from contextlib import ExitStack
from pathlib import Path

import pytest

from engines.host.channel import Channel
from engines.host.errors import HostError, HostFramingError, HostGoneError
from engines.host.messages import (
    MAX_MESSAGE_BYTES,
    PROTOCOL_VERSION,
    Failure,
    Heartbeat,
    Hello,
    Ping,
    Pong,
    decode,
    encode,
)
from engines.host.process import HostProcess
from engines.host.rendezvous import Rendezvous
from tests.engines.host import fuzz
from tests.engines.host.hosts import own_folders, this_python

_BATCH = 50


@pytest.fixture
def host():
    """A real host that has been greeted: its process and both ends' socket."""
    with own_folders(), ExitStack() as undo:
        place = Rendezvous()
        undo.callback(place.close)
        process = HostProcess(
            this_python(),
            [f"--socket={place.socket_path}", f"--ring={place.ring_path}"],
        )
        undo.callback(process.end)
        connection = undo.enter_context(place.accept(30.0))
        channel = Channel(connection)
        assert isinstance(channel.receive(), Hello)
        channel.send(Hello(PROTOCOL_VERSION, 1, {}))
        yield process, connection, channel


def _answer(channel):
    message = channel.receive()
    while isinstance(message, Heartbeat):
        message = channel.receive()
    return message


def _resident_bytes(process_id):
    pages = Path(f"/proc/{process_id}/statm").read_text().split()[1]
    return int(pages) * 4096


def _framed(body):
    return struct.pack("!I", len(body)) + body


def test_three_thousand_wrong_messages_are_refused_one_by_one(host):
    process, connection, channel = host
    before = _resident_bytes(process.process_id)
    answers = []

    bodies = list(fuzz.bodies(seed=1, count=3000))
    for start in range(0, len(bodies), _BATCH):
        batch = bodies[start : start + _BATCH]
        connection.sendall(b"".join(map(_framed, batch)))
        answers += [_answer(channel) for _ in batch]

    assert all(isinstance(answer, Failure) for answer in answers)
    assert all(answer.error.endswith("Error") for answer in answers)
    assert _resident_bytes(process.process_id) - before < 8_000_000
    channel.send(Ping(1))
    assert _answer(channel) == Pong(1)


@pytest.mark.parametrize("length", [0, MAX_MESSAGE_BYTES + 1])
def test_a_host_ends_after_a_length_that_cannot_be(host, length):
    process, connection, channel = host

    connection.sendall(struct.pack("!I", length) + b"x" * 100)

    assert _answer(channel).error == HostFramingError.__name__
    assert process.wait(10.0)
    assert process.obituary() == "ended with status 1"


def test_a_thousand_random_streams_raise_typed_errors_and_hold_little_memory():
    for stream in fuzz.streams(seed=2, count=1000):
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with near, far:
            channel = Channel(near)
            far.sendall(stream)
            far.close()
            is_over = False
            while not is_over:
                try:
                    channel.receive_within(1.0)
                except (HostFramingError, HostGoneError):
                    is_over = True
                except HostError:
                    is_over = False
                assert len(channel._received) <= 2 * MAX_MESSAGE_BYTES + 4


def test_a_changed_byte_never_raises_anything_else():
    body = bytearray(encode(Hello(PROTOCOL_VERSION, 1, {"python": "3.6"})))
    outcomes = set()

    for index in range(len(body)):
        for value in (0, 34, 48, 92, 125, 255):
            changed = bytes(body[:index]) + bytes([value]) + bytes(body[index + 1 :])
            try:
                outcomes.add(type(decode(changed)).__name__)
            except HostError as error:
                outcomes.add(type(error).__name__)

    assert outcomes == {"Hello", "HostProtocolError", "HostVersionError"}
