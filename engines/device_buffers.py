"""Memory that the GPU and numpy share.

Everything that is opened has a `close()`, which may be called twice.
"""

import abc
import ctypes
from typing import TYPE_CHECKING, Any, List, Optional, Tuple

import numpy as np

from engines.cuda_runtime import CudaError, CudaRuntime, Stream

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

_MAPPED, _DEFAULT = 2, 0  # flags of cudaHostAlloc
_TO_DEVICE, _TO_HOST = 1, 2  # directions of cudaMemcpyAsync


class DeviceBuffer(abc.ABC):
    """One tensor that numpy and the GPU both reach.

    `array` is pinned memory of the host, owned by the buffer: not to be used after
    `close()`.
    """

    array: "NDArray[Any]"
    address: int
    """Where the GPU finds it."""

    @abc.abstractmethod
    def upload(self, stream: Stream) -> None:
        """Queue what makes `array` visible to the GPU."""

    @abc.abstractmethod
    def download(self, stream: Stream) -> None:
        """Queue what makes the GPU's result visible in `array`."""

    @abc.abstractmethod
    def close(self) -> None:
        """Free the memory."""


class MappedBuffer(DeviceBuffer):
    """Memory of the host that the GPU works on where it is: nothing is copied.

    For integrated GPUs, where both are the same memory chips.
    """

    def __init__(
        self, cuda: CudaRuntime, shape: Tuple[int, ...], dtype: "DTypeLike"
    ) -> None:
        self._cuda = cuda
        self._host = _allocate_host(cuda, shape, dtype, _MAPPED)
        try:
            address = ctypes.c_void_p()
            cuda.call(
                "cudaHostGetDevicePointer", ctypes.byref(address), self._host, _DEFAULT
            )
        except CudaError:
            cuda.call("cudaFreeHost", self._host)
            raise
        self.address = address.value or 0
        self.array = _array_at(self._host, shape, dtype)

    def upload(self, stream: Stream) -> None:
        """Nothing to do: the GPU reads what was written."""

    def download(self, stream: Stream) -> None:
        """Nothing to do: the GPU writes where it is read."""

    def close(self) -> None:
        """Free the memory."""
        if self._host:
            del self.array
            self._cuda.call("cudaFreeHost", self._host)
            self._host = 0


class CopiedBuffer(DeviceBuffer):
    """Memory of the GPU with a pinned twin on the host.

    For GPUs with memory of their own; pinned memory is copied without waiting.
    """

    def __init__(
        self, cuda: CudaRuntime, shape: Tuple[int, ...], dtype: "DTypeLike"
    ) -> None:
        self._cuda = cuda
        self._bytes = _bytes_of(shape, dtype)
        self._host = _allocate_host(cuda, shape, dtype, _DEFAULT)
        try:
            address = ctypes.c_void_p()
            cuda.call("cudaMalloc", ctypes.byref(address), self._bytes)
        except CudaError:
            cuda.call("cudaFreeHost", self._host)
            raise
        self.address = address.value or 0
        self.array = _array_at(self._host, shape, dtype)

    def upload(self, stream: Stream) -> None:
        """Queue the copy to the GPU."""
        self._copy(self.address, self._host, _TO_DEVICE, stream)

    def download(self, stream: Stream) -> None:
        """Queue the copy from the GPU."""
        self._copy(self._host, self.address, _TO_HOST, stream)

    def _copy(self, to: int, source: int, direction: int, stream: Stream) -> None:
        self._cuda.call(
            "cudaMemcpyAsync", to, source, self._bytes, direction, stream.handle
        )

    def close(self) -> None:
        """Free the memory."""
        if self._host:
            del self.array
            self._cuda.call("cudaFree", self.address)
            self._cuda.call("cudaFreeHost", self._host)
            self._host = 0


def new_buffer(
    cuda: CudaRuntime, shape: Tuple[int, ...], dtype: "DTypeLike"
) -> DeviceBuffer:
    """Allocate the kind of buffer that suits the GPU."""
    kind = MappedBuffer if cuda.device.is_integrated else CopiedBuffer
    return kind(cuda, shape, dtype)


def _bytes_of(shape: Tuple[int, ...], dtype: "DTypeLike") -> int:
    count = np.dtype(dtype).itemsize
    for size in shape:
        count *= size
    return count


def _allocate_host(
    cuda: CudaRuntime, shape: Tuple[int, ...], dtype: "DTypeLike", flags: int
) -> int:
    host = ctypes.c_void_p()
    cuda.call("cudaHostAlloc", ctypes.byref(host), _bytes_of(shape, dtype), flags)
    return host.value or 0


def _array_at(
    address: int, shape: Tuple[int, ...], dtype: "DTypeLike"
) -> "NDArray[Any]":
    memory = (ctypes.c_byte * _bytes_of(shape, dtype)).from_address(address)
    array: NDArray[Any] = np.frombuffer(memoryview(memory), dtype=dtype).reshape(shape)
    return array


def close_all(resources: List[Any]) -> None:
    """Close in reverse order; the first failure is raised when all were tried."""
    failure: Optional[CudaError] = None
    while resources:
        try:
            resources.pop().close()
        except CudaError as error:
            failure = failure or error
    if failure is not None:
        raise failure
