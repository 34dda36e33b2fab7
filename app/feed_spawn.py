"""Starts the feed's process: apart, because it is the first thing the console does."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import dataclass

from app.paths import ROOT


@dataclass(frozen=True, slots=True)
class SpawnedFeed:
    """The process, and this end of what joins it."""

    process: subprocess.Popen[bytes]
    socket: socket.socket

    def close(self) -> None:
        """End one that nobody took over; nothing where somebody has."""
        if self.socket.fileno() == -1:
            return
        self.socket.close()
        self.process.kill()
        self.process.wait()


def spawn_feed() -> SpawnedFeed:
    """Start `python -m app.feed_process`; it ends when the socket is closed."""
    ours, theirs = socket.socketpair()
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    command = [sys.executable, "-X", "faulthandler", "-m", "app.feed_process"]
    with theirs:
        process = subprocess.Popen(
            [*command, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            # Imported from there, while relative paths of sources stay right.
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            # Ctrl+C in the terminal is for the console, which ends this.
            start_new_session=True,
        )
    return SpawnedFeed(process, ours)
