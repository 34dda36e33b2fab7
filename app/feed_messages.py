"""What the window's process and the feed's process say to each other.

Messages are pickled: both ends are the same program, run by the same user, joined by
a socket pair that nobody else can open. Pixels do not travel in messages but in
memory that both ends share (`SharedPixels`).
"""

from __future__ import annotations

import contextlib
import mmap
import os
import pickle
import socket
import threading
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle, send_handle
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

import numpy as np

from app.errors import ConsoleError
from engines.errors import EngineError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from numpy.typing import NDArray

    from app.frames import FrameResult, Trail
    from app.pipeline import PipelineStatus
    from app.sources.base import FrameMode, FrameSource
    from engines.base import Engine

# --- to the feed's process


@dataclass(frozen=True, slots=True)
class Open:
    """Run this from now on, under this number."""

    number: int
    make_source: Callable[[], FrameSource]
    make_engine: Callable[[], Engine]
    mode: FrameMode


@dataclass(frozen=True, slots=True)
class Call:
    """Call a method of the pipeline."""

    number: int
    method: str
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Ask:
    """Answer a question that is about no feed; others go on meanwhile."""

    number: int
    question: Callable[[], object]
    """Called over there: it must be picklable, and its answer too."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The pixels are read: the next result may be written."""


# --- to the window's process


@dataclass(frozen=True, slots=True)
class Told:
    """How a pipeline stands."""

    number: int
    status: PipelineStatus
    fault_text: str
    """Traceback of a fault that nobody expected; empty for others."""


@dataclass(frozen=True, slots=True)
class Memory:
    """The descriptor of memory for pixels follows, of this size."""

    size_bytes: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A result, without its pixels."""

    number: int
    result: FrameResult
    """Its image and its mask are empty."""
    trails: tuple[Trail, ...]
    image_shape: tuple[int, ...]
    mask_shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a question, or why there is none."""

    number: int
    answer: object
    fault: Exception | None


@dataclass(frozen=True, slots=True)
class Logged:
    """A line for the log."""

    record: logging.LogRecord


ToFeed: TypeAlias = Open | Call | Ask | Ready
ToWindow: TypeAlias = Told | Memory | Shown | Answered | Logged

In = TypeVar("In")
Out = TypeVar("Out")


class Line(Generic[In, Out]):
    """One end of a connection on which any thread may send, and one receives."""

    def __init__(self, descriptor: int) -> None:
        self._connection: Connection[Any, Any] = Connection(descriptor)
        self._send_lock = threading.Lock()

    def send(self, message: Out) -> None:
        """Send a message.

        Raises
        ------
        OSError
            If the other end is gone.
        """
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        with self._send_lock:
            self._connection.send_bytes(data)

    def send_memory(self, message: Out, descriptor: int) -> None:
        """Send a message and a file descriptor behind it; raises as `send`."""
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        with self._send_lock:
            self._connection.send_bytes(data)
            send_handle(self._connection, descriptor, os.getppid())

    def receive(self) -> In:
        """Wait for a message.

        Raises
        ------
        EOFError, OSError
            If the other end is gone.
        """
        message: In = pickle.loads(self._connection.recv_bytes())
        return message

    def receive_descriptor(self) -> int:
        """Take the descriptor behind the message received last."""
        return recv_handle(self._connection)

    def has_message(self, timeout_s: float) -> bool:
        """Wait for a message or the end, at most this long."""
        return self._connection.poll(timeout_s)

    def hang_up(self) -> None:
        """End the connection for both ends, and for who receives here."""
        with (
            contextlib.suppress(OSError),
            socket.socket(fileno=os.dup(self._connection.fileno())) as ours,
        ):
            ours.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close this end."""
        self._connection.close()


class SharedPixels:
    """Memory for the pixels of one result: an image, and a mask behind it.

    Parameters
    ----------
    descriptor : int
        Of the memory; closed here.
    size_bytes : int
    """

    def __init__(self, descriptor: int, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self._memory = mmap.mmap(descriptor, size_bytes)
        os.close(descriptor)

    def write(self, image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> None:
        """Copy pixels into it."""
        shapes = image.shape, mask.shape
        for here, array in zip(self._views(*shapes), (image, mask), strict=True):
            np.copyto(here, array)

    def read(
        self, image_shape: tuple[int, ...], mask_shape: tuple[int, ...]
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Copy pixels out of it; read-only."""
        image, mask = (view.copy() for view in self._views(image_shape, mask_shape))
        image.setflags(write=False)
        mask.setflags(write=False)
        return image, mask.view(np.bool_)

    def _views(
        self, image_shape: tuple[int, ...], mask_shape: tuple[int, ...]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        image = np.ndarray(image_shape, np.uint8, self._memory)
        return image, np.ndarray(mask_shape, np.uint8, self._memory, image.nbytes)


def portable_fault(fault: Exception) -> tuple[Exception, str]:
    """A fault as it can be pickled, and its traceback if nobody expected it."""
    text = ""
    if not isinstance(fault, (ConsoleError, EngineError)):
        text = "".join(traceback.format_exception(fault))
    try:
        pickle.loads(pickle.dumps(fault))
    except Exception:  # noqa: BLE001  an error may refuse in any way
        return RuntimeError(f"{type(fault).__name__}: {fault}"), text
    return fault, text


class FarTracebackError(Exception):
    """The traceback of an error that was raised in another process, as its cause."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"in the feed's process:\n{self.text}"
