"""A ring of tensor slots in memory that host and client share.

The client writes a tensor into a slot, the host writes the output beside it. Nothing
is copied on the way: an output stays valid until its slot comes round again.
"""

import mmap
import os
from typing import TYPE_CHECKING, Any, List, NamedTuple

import numpy as np

from engines.errors import EngineLoadError
from engines.host.errors import HostProtocolError
from engines.host.messages import Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_RING_BYTES = 1 << 30
MAX_SLOTS = 64
DTYPES = ("float32", "float16", "uint8", "int8", "int32", "int64", "float64", "bool")

# A cache line, and more than any library asks of a tensor's first byte.
_ALIGNMENT_BYTES = 64


class TensorLayout(NamedTuple):
    """Shape and dtype of a tensor."""

    shape: Shape
    dtype: str

    @property
    def size_bytes(self) -> int:
        """Bytes of one, rounded up to where the next may start."""
        size = np.dtype(self.dtype).itemsize
        for length in self.shape:
            size *= length
        return -(-size // _ALIGNMENT_BYTES) * _ALIGNMENT_BYTES


class RingLayout(NamedTuple):
    """Where everything in a ring is; both ends compute it from the same facts."""

    slot_count: int
    input: TensorLayout
    output: TensorLayout

    @property
    def slot_bytes(self) -> int:
        """Bytes from one slot to the next."""
        return self.input.size_bytes + self.output.size_bytes

    @property
    def size_bytes(self) -> int:
        """Bytes of the whole ring."""
        return self.slot_count * self.slot_bytes


class Slot(NamedTuple):
    """One input and its output, as arrays in the shared memory."""

    input: "NDArray[Any]"
    output: "NDArray[Any]"


def checked_layout(layout: RingLayout) -> RingLayout:
    """Refuse a layout that no honest peer asks for.

    Raises
    ------
    HostProtocolError
        Naming what is wrong.
    """
    for tensor in (layout.input, layout.output):
        if tensor.dtype not in DTYPES:
            raise HostProtocolError(f"a tensor of dtype {tensor.dtype[:40]!r}")
    if not 1 <= layout.slot_count <= MAX_SLOTS:
        raise HostProtocolError(
            f"a ring of {layout.slot_count} slots, 1 to {MAX_SLOTS} are allowed"
        )
    if layout.size_bytes > MAX_RING_BYTES:
        raise HostProtocolError(
            f"a ring of {layout.size_bytes} bytes, {MAX_RING_BYTES} are allowed"
        )
    return layout


def allocate(descriptor: int, layout: RingLayout) -> None:
    """Give the ring's file its size.

    Raises
    ------
    EngineLoadError
        If the shared memory is full.
    """
    try:
        # Not ftruncate: a full /dev/shm would then kill the process on first touch.
        os.posix_fallocate(descriptor, 0, layout.size_bytes)
    except OSError as error:
        raise EngineLoadError(
            f"no {layout.size_bytes} bytes of shared memory to be had:"
            f" {error.strerror}",
            hint="Make room in /dev/shm; a container takes --shm-size.",
        ) from error


class Ring:
    """The slots of an allocated ring.

    The memory lives as long as the ring or any array of it.

    Parameters
    ----------
    descriptor : int
        File descriptor of the ring's file; it may be closed afterwards.
    layout : RingLayout
        As the other end has it.

    Raises
    ------
    HostProtocolError
        If the layout is not allowed, or the file is shorter.
    """

    def __init__(self, descriptor: int, layout: RingLayout) -> None:
        checked_layout(layout)
        actual_bytes = os.fstat(descriptor).st_size
        if actual_bytes < layout.size_bytes:
            raise HostProtocolError(
                f"the ring's file has {actual_bytes} bytes, {layout.size_bytes} are"
                " needed"
            )
        # Never closed by hand: an output that the caller still holds would forbid it.
        memory = mmap.mmap(descriptor, layout.size_bytes)
        self.slots: List[Slot] = []
        for index in range(layout.slot_count):
            start = index * layout.slot_bytes
            self.slots.append(
                Slot(
                    _view(memory, layout.input, start),
                    _view(memory, layout.output, start + layout.input.size_bytes),
                )
            )


def _view(memory: mmap.mmap, tensor: TensorLayout, offset: int) -> "NDArray[Any]":
    return np.ndarray(tensor.shape, tensor.dtype, buffer=memory, offset=offset)
