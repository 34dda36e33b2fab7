"""Messages over a Unix socket: a length of four bytes, then that many of JSON."""

import os
import select
import socket
import struct
import threading
import time
from typing import NamedTuple, Optional

from engines.host.errors import HostFramingError, HostGoneError, PeerRefusedError
from engines.host.messages import MAX_MESSAGE_BYTES, Message, decode, encode

_LENGTH = struct.Struct("!I")
_CREDENTIALS = struct.Struct("3i")


class Peer(NamedTuple):
    """Who holds the other end of a socket, by the kernel's word."""

    process_id: int
    user_id: int


def peer_of(connection: socket.socket) -> Peer:
    """Ask the kernel who is at the other end."""
    credentials = connection.getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size
    )
    process_id, user_id, _ = _CREDENTIALS.unpack(credentials)
    return Peer(process_id, user_id)


def check_peer(connection: socket.socket) -> None:
    """Refuse an end that belongs to another user.

    Raises
    ------
    PeerRefusedError
        If the user is not this process's.
    """
    peer = peer_of(connection)
    if peer.user_id != os.getuid():
        raise PeerRefusedError(
            f"process {peer.process_id} at the other end of the host's socket belongs"
            f" to user {peer.user_id}, not to {os.getuid()}"
        )


class Channel:
    """One end of the conversation.

    One thread receives; any thread may send.

    Parameters
    ----------
    connection : socket
        A connected stream socket; the channel owns it.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        # Sending waits as long as it takes; receiving polls first.
        connection.setblocking(True)
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)
        self._received = bytearray()
        self._send_lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Send one message.

        Raises
        ------
        HostGoneError
            If nobody is there any more.
        """
        body = encode(message)
        try:
            with self._send_lock:
                self._connection.sendall(_LENGTH.pack(len(body)) + body)
        except OSError as error:
            raise HostGoneError(
                f"the other end of the host's socket is gone: {error.strerror}"
            ) from error

    def receive(self) -> Message:
        """Wait for the next message.

        Raises
        ------
        HostGoneError
            If nobody is there any more.
        HostFramingError
            If a length is impossible; the channel is of no use after it.
        HostProtocolError, HostVersionError
            If the message is malformed or another version's; the next can be read.
        """
        body = self._take_body()
        while body is None:
            self._read_some()
            body = self._take_body()
        return decode(body)

    def receive_within(self, timeout_s: float) -> Optional[Message]:
        """Wait for the next message; None if none came in time.

        Raises what `receive` does.
        """
        deadline_s = time.monotonic() + timeout_s
        body = self._take_body()
        while body is None:
            left_s = deadline_s - time.monotonic()
            if not self._poll.poll(max(left_s, 0.0) * 1e3):
                return None
            self._read_some()
            body = self._take_body()
        return decode(body)

    def close(self) -> None:
        """Close the socket. Calling it again does nothing."""
        self._connection.close()

    def _read_some(self) -> None:
        try:
            # One call usually brings a whole message, length included.
            received = self._connection.recv(MAX_MESSAGE_BYTES)
        except OSError as error:
            raise HostGoneError(
                f"the other end of the host's socket is gone: {error.strerror}"
            ) from error
        if not received:
            raise HostGoneError("the other end closed the host's socket")
        self._received += received

    def _take_body(self) -> Optional[bytes]:
        if len(self._received) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._received)
        if not 1 <= length <= MAX_MESSAGE_BYTES:
            raise HostFramingError(
                f"a message claims {length} bytes, 1 to {MAX_MESSAGE_BYTES} are allowed"
            )
        end = _LENGTH.size + length
        if len(self._received) < end:
            return None
        body = bytes(self._received[_LENGTH.size : end])
        del self._received[:end]
        return body
