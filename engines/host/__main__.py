"""The host's process: `python -m engines.host --socket PATH --ring PATH`.

A client starts it, and listens at the socket already. It ends when the client says
so, closes the socket or dies.
"""

import argparse
import ctypes
import faulthandler
import json
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Optional, Sequence

from engines.catalogue import open_engine
from engines.errors import EngineError
from engines.host.channel import Channel, check_peer
from engines.host.errors import HostStartError
from engines.host.machine import find_capabilities
from engines.host.rendezvous import open_ring, remove
from engines.host.server import EngineHost, ForwardingHandler

_SET_PARENT_DEATH_SIGNAL = 1


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the host; gives the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m engines.host", description="Runs an engine for another process."
    )
    parser.add_argument("--socket", type=Path, help="where the client listens")
    parser.add_argument("--ring", type=Path, help="file for the shared memory")
    parser.add_argument(
        "--parent", type=int, help="end with this process, if it is our parent"
    )
    parser.add_argument(
        "--capabilities",
        action="store_true",
        help="print what this interpreter can run, as JSON, and end",
    )
    arguments = parser.parse_args(argv)
    if arguments.capabilities:
        print(json.dumps(find_capabilities().to_document()))  # noqa: T201  what was asked
        return 0
    if arguments.socket is None or arguments.ring is None:
        parser.error("--socket and --ring are needed")
    faulthandler.enable()
    try:
        _serve(arguments.socket, arguments.ring, arguments.parent)
    except EngineError as error:
        sys.stderr.write(f"engine host: {error.message}\n")
        return 1
    sys.stdout.flush()
    sys.stderr.flush()
    # The engine is closed. TensorFlow would need another second to take itself down.
    os._exit(0)


def _serve(socket_path: Path, ring_path: Path, parent_id: Optional[int]) -> None:
    try:
        connection = _connect(socket_path)
        ring_descriptor = open_ring(ring_path)
    finally:
        # Whatever happens from here on, nothing is left behind.
        remove(socket_path)
        remove(ring_path)
    if parent_id is not None:
        _end_with_parent(parent_id)
    channel = Channel(connection)
    logging.getLogger().addHandler(ForwardingHandler(channel))
    logging.getLogger().setLevel(logging.INFO)
    EngineHost(channel, ring_descriptor, open_engine).serve()


def _connect(socket_path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(str(socket_path))
    except OSError as error:
        connection.close()
        raise HostStartError(
            f"nobody listens at {socket_path}: {error.strerror}"
        ) from error
    check_peer(connection)
    return connection


def _end_with_parent(parent_id: int) -> None:
    """Have the kernel end us when the client's thread that started us ends.

    The closed socket tells the same, but nobody reads it during a long inference.
    """
    libc = ctypes.CDLL(None)
    libc.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent_id:
        raise HostStartError(f"the client, process {parent_id}, is gone already")


if __name__ == "__main__":
    sys.exit(main())
