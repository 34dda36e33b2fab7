"""The program that puts the window on the screen: a window waits for it."""

from __future__ import annotations

import logging
import os
import re
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from app.process import hurry_thread

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

log = logging.getLogger(__name__)

_LOCAL_DISPLAY = re.compile(r"(?:unix)?:(\d+)(?:\.\d+)?")
_CREDENTIALS = struct.Struct("3i")
"""Process, user and group of who listens on a socket."""
_PATIENCE_S = 0.5


class DisplayServer:
    """Lets the display server run as soon as the window does.

    Qt waits for its answer before it paints again: a window that goes before ordinary
    programs stands still all the same where its server is one of them and gets no
    core. Compositors that ask for real-time scheduling themselves are left alone, and
    so is a server on another machine.

    Parameters
    ----------
    platform_name : str
        As Qt calls it: `xcb` or `wayland`; others have no server.
    environment : mapping, optional
        Says which display; None takes this process's.
    """

    def __init__(
        self, platform_name: str, environment: Mapping[str, str] | None = None
    ) -> None:
        said = os.environ if environment is None else environment
        addresses = _addresses(platform_name, said)
        self._pid = next(filter(None, map(_listener, addresses)), None)
        self._is_hurried = False

    @property
    def pid(self) -> int | None:
        """Its process; None where it is not on this machine."""
        return self._pid

    def hurry(self, urgency: int) -> None:
        """Let it run before ordinary programs, as `hurry_thread` says."""
        if self._pid is not None and _is_ordinary(self._pid):
            hurry_thread(urgency, self._pid)
            self._is_hurried = True

    def release(self) -> None:
        """Let it be as it was."""
        if self._is_hurried and self._pid is not None:
            hurry_thread(0, self._pid)
            self._is_hurried = False


def _addresses(
    platform_name: str, environment: Mapping[str, str]
) -> Iterator[str | bytes]:
    """Unix sockets the server may listen on."""
    if platform_name == "xcb":
        display = _LOCAL_DISPLAY.fullmatch(environment.get("DISPLAY", ""))
        if display is not None:
            path = f"/tmp/.X11-unix/X{display[1]}"
            # One without a name in the file system is looked for first, as by Xlib.
            yield b"\0" + path.encode("ascii")
            yield path
    elif platform_name.startswith("wayland"):
        name = environment.get("WAYLAND_DISPLAY", "wayland-0")
        yield str(Path(environment.get("XDG_RUNTIME_DIR", "")) / name)


def _listener(address: str | bytes) -> int | None:
    """The process that listens there, unless it only does so on behalf of others."""
    if sys.platform != "linux":
        return None
    with socket.socket(socket.AF_UNIX) as asked, suppress(OSError):
        asked.settimeout(_PATIENCE_S)
        asked.connect(address)
        facts = asked.getsockopt(
            socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size
        )
        pid = int(_CREDENTIALS.unpack(facts)[0])
        # 0 is outside of this container, 1 listens for whom it will start.
        return pid if pid > 1 else None
    return None


def _is_ordinary(pid: int) -> bool:
    try:
        policy = os.sched_getscheduler(pid)
    except OSError as error:
        log.info("the display server is not asked: %s", error.strerror)
        return False
    return policy & ~os.SCHED_RESET_ON_FORK == os.SCHED_OTHER
