"""The one seam to the kernel: three calls on an open device node.

Tests put a fake in its place that answers as a recorded driver did.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import grp
import mmap
import os
import select
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from app.errors import (
    SourceBusyError,
    SourceDeniedError,
    SourceError,
    SourceFormatError,
    SourceLostError,
    SourceNotFoundError,
)

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Iterator

    Argument = ctypes.Structure | ctypes.c_int

_GONE = (errno.ENODEV, errno.ENXIO, errno.EIO, errno.ESHUTDOWN, errno.EPROTO)
_DEVICES = Path("/sys/class/video4linux")


class Device(Protocol):
    """An open device node."""

    def ioctl(self, request: int, argument: Argument) -> None:
        """Ask the driver; it writes its answer into the argument.

        Raises
        ------
        OSError
            As the driver says.
        """
        ...

    def map(self, length: int, offset: int) -> mmap.mmap:
        """Map a buffer of the driver; raises `OSError`."""
        ...

    def wait(self, timeout_s: float) -> bool:
        """Wait until a frame can be taken, or until taking one tells what is wrong."""
        ...

    def close(self) -> None:
        """Close the node. Calling it again does nothing."""
        ...


class DeviceNode:
    """Obeys `Device`: a node as `/dev/video0`.

    Raises
    ------
    OSError
        If it cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)

    def ioctl(self, request: int, argument: Argument) -> None:
        """Ask the driver, as `Device` says."""
        fcntl.ioctl(self._fd, request, argument, True)

    def map(self, length: int, offset: int) -> mmap.mmap:
        """Map a buffer."""
        return mmap.mmap(self._fd, length, offset=offset)

    def wait(self, timeout_s: float) -> bool:
        """Wait for a frame."""
        return bool(self._poll.poll(max(0.0, timeout_s) * 1e3))

    def close(self) -> None:
        """Close the node."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1


def open_node(path: str) -> Device:
    """Open a device node; raises `OSError`."""
    return DeviceNode(path)


@contextlib.contextmanager
def driver_errors(path: str, doing: str) -> Iterator[None]:
    """Turn what the system says into what the operator can do about it."""
    try:
        yield
    except OSError as error:
        raise _typed(error, path, doing) from error


def resolve_path(name: str) -> str:
    """The node that a name means: a path, or the number of a device."""
    return f"/dev/video{int(name)}" if name.isdecimal() else name


def _typed(error: OSError, path: str, doing: str) -> SourceError:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return SourceNotFoundError(f"there is no {path}", hint=_there_are())
    if error.errno in (errno.EACCES, errno.EPERM):
        return SourceDeniedError(
            f"you may not use {path}: permission denied", hint=_how_to_be_let_in(path)
        )
    if error.errno == errno.EBUSY:
        who = _who_has(path)
        return SourceBusyError(
            f"{path} is in use{f' by {who}' if who else ''}",
            hint=f"Close {who or 'the other program'}, then start it again.",
        )
    if error.errno in (errno.ENOTTY, errno.EINVAL):
        return SourceFormatError(
            f"{path} refuses {doing}: {error.strerror}",
            hint="`main.py cameras` lists what each camera offers.",
        )
    if error.errno in _GONE:
        return SourceLostError(
            f"{path} is gone while {doing}: {error.strerror}",
            hint="Plug the camera in again.",
        )
    return SourceError(
        f"{path} fails while {doing}: {error.strerror}",
        hint="`dmesg` may say more.",
    )


def _there_are() -> str:
    names = sorted(each.name for each in _DEVICES.glob("video*"))
    if not names:
        return "No camera is plugged in: none is in /dev."
    return f"There are: {', '.join(f'/dev/{name}' for name in names)}."


def _how_to_be_let_in(path: str) -> str:
    try:
        group = grp.getgrgid(Path(path).stat().st_gid).gr_name
    except (OSError, KeyError):
        group = "video"
    return (
        f"Join the group {group!r}: sudo usermod -aG {group} $USER, then log out and"
        " in again."
    )


def _who_has(path: str) -> str:
    """Name of a program of this user that holds a node; empty if none is seen."""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if link.readlink() == Path(path) and link.parts[2] != str(os.getpid()):
                return (link.parents[1] / "comm").read_text().strip()
        except OSError:
            continue
    return ""
