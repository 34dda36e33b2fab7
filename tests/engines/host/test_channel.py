import os
import socket
import struct
import threading

import pytest

from engines.host import channel as channel_module
from engines.host.channel import Channel, Peer, check_peer, peer_of
from engines.host.errors import (
    HostFramingError,
    HostGoneError,
    HostProtocolError,
    PeerRefusedError,
)
from engines.host.messages import (
    MAX_MESSAGE_BYTES,
    Heartbeat,
    Infer,
    Ping,
    Pong,
    encode,
)


@pytest.fixture
def ends():
    """A channel and the bare socket at its other end."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with near, far:
        yield Channel(near), far


def _framed(body):
    return struct.pack("!I", len(body)) + body


def test_messages_arrive_in_order_however_the_stream_is_cut(ends):
    channel, far = ends
    stream = b"".join(_framed(encode(Ping(number))) for number in range(3))

    far.sendall(stream[:2])
    assert channel.receive_within(0) is None
    far.sendall(stream[2:50])
    far.sendall(stream[50:])

    assert [channel.receive() for _ in range(3)] == [Ping(0), Ping(1), Ping(2)]


def test_what_one_channel_sends_another_receives(ends):
    channel, far = ends
    other = Channel(far)

    channel.send(Infer(1, 99))

    assert other.receive_within(1.0) == Infer(1, 99)


def test_nothing_comes_within_no_time(ends):
    channel, _ = ends

    assert channel.receive_within(0.0) is None


@pytest.mark.parametrize("length", [0, MAX_MESSAGE_BYTES + 1, 2**32 - 1])
def test_an_impossible_length_is_refused_before_it_is_read(ends, length):
    channel, far = ends
    far.sendall(struct.pack("!I", length))

    with pytest.raises(HostFramingError, match=f"claims {length} bytes"):
        channel.receive()


def test_after_a_malformed_message_the_next_can_be_read(ends):
    channel, far = ends
    far.sendall(_framed(b"nonsense") + _framed(encode(Pong(5))))

    with pytest.raises(HostProtocolError):
        channel.receive()

    assert channel.receive() == Pong(5)


def test_a_closed_end_is_noticed_when_receiving(ends):
    channel, far = ends
    far.close()

    with pytest.raises(HostGoneError, match="closed"):
        channel.receive()


def test_half_a_message_from_an_end_that_closed_is_no_message(ends):
    channel, far = ends
    far.sendall(_framed(encode(Ping(1)))[:-1])
    far.close()

    with pytest.raises(HostGoneError):
        channel.receive_within(1.0)


def test_a_closed_end_is_noticed_when_sending(ends):
    channel, far = ends
    far.close()

    with pytest.raises(HostGoneError, match="gone"):
        channel.send(Ping(1))


def test_messages_of_several_threads_do_not_mix(ends):
    channel, far = ends
    other = Channel(far)
    texts = ["a" * 30000, "b" * 30000, "c" * 30000]
    senders = [
        threading.Thread(
            target=lambda text=text: [channel.send(Heartbeat(text)) for _ in range(20)]
        )
        for text in texts
    ]

    for sender in senders:
        sender.start()
    received = [other.receive().busy_with for _ in range(60)]
    for sender in senders:
        sender.join()

    assert sorted(received) == sorted(texts * 20)


def test_the_kernel_says_who_is_at_the_other_end(ends):
    _, far = ends

    assert peer_of(far) == Peer(os.getpid(), os.getuid())


def test_the_own_user_is_let_in(ends):
    near, far = ends

    check_peer(far)

    # It is left open, and gets what is said.
    near.send(Ping(7))
    assert Channel(far).receive() == Ping(7)


def test_another_user_is_refused(ends, monkeypatch):
    _, far = ends
    stranger = Peer(4711, os.getuid() + 1)
    monkeypatch.setattr(channel_module, "peer_of", lambda _connection: stranger)

    with pytest.raises(PeerRefusedError, match=r"process 4711 .* belongs to user"):
        check_peer(far)
