"""The CUDA runtime: the GPU, streams and CUDA graphs.

Through ctypes on `libcudart`: no Python package for CUDA exists for the Python 3.6
and CUDA 10.2 of a Jetson TX2, and this small part of the library has not changed
from there to CUDA 13. All of it is used by one thread at a time, and everything that
is opened has a `close()`, which may be called twice.
"""

import contextlib
import ctypes
import ctypes.util
import sys
from pathlib import Path
from typing import Any, Callable, Iterator, NamedTuple, Optional, Tuple

from engines.errors import EngineError, EngineUnavailableError

_OUT_OF_MEMORY = 2
_NON_BLOCKING = 1  # flag of cudaStreamCreateWithFlags
_THREAD_LOCAL = 1  # mode of cudaStreamBeginCapture
_INTEGRATED, _MAJOR, _MINOR = 18, 75, 76  # attributes of cudaDeviceGetAttribute
_NAME_BYTES = 256
# The properties grow from version to version; the name has always come first.
_PROPERTIES_BYTES = 16384

_SONAMES = (
    "libcudart.so",
    "libcudart.so.13",
    "libcudart.so.12",
    "libcudart.so.11.0",
    "libcudart.so.10.2",
)


class CudaError(EngineError):
    """A call of the CUDA runtime failed."""


class CudaMemoryError(CudaError):
    """The GPU has not enough free memory."""


class CudaDevice(NamedTuple):
    """The GPU that is used."""

    name: str
    """In its maker's words."""
    compute_capability: Tuple[int, int]
    is_integrated: bool
    """Whether it shares the processor's memory, as on every Jetson."""


class CudaRuntime:
    """The CUDA runtime library.

    Parameters
    ----------
    path : str, optional
        The library; None looks for it.

    Raises
    ------
    EngineUnavailableError
        If there is no library or no GPU.
    """

    def __init__(self, path: Optional[str] = None) -> None:
        self._library = _load(path)
        _declare(self._library)
        count = ctypes.c_int()
        code = self._library.cudaGetDeviceCount(ctypes.byref(count))
        if code != 0 or count.value == 0:
            reason = self._reason(code) if code else "no CUDA-capable device"
            raise EngineUnavailableError(
                f"there is no usable NVIDIA GPU ({reason})",
                hint="Check that the driver is loaded, or choose an engine that needs "
                "no NVIDIA GPU.",
            )
        self.device = CudaDevice(
            name=self._name(),
            compute_capability=(self._attribute(_MAJOR), self._attribute(_MINOR)),
            is_integrated=self._attribute(_INTEGRATED) == 1,
        )

    def call(self, function: str, *arguments: Any) -> None:  # noqa: ANN401
        """Call a function of the library and check what it returns.

        Raises
        ------
        CudaMemoryError
            If there is not enough memory.
        CudaError
            If it fails otherwise.
        """
        code = getattr(self._library, function)(*arguments)
        if code == 0:
            return
        # Else the next call of anybody in this process reports this error again.
        self._library.cudaGetLastError()
        text = f"{function} failed: {self._reason(code)}"
        if code == _OUT_OF_MEMORY:
            raise CudaMemoryError(
                text, hint="Close other programs that use the GPU, or take less memory."
            )
        raise CudaError(text)

    def has(self, function: str) -> bool:
        """Whether this version has a function."""
        return hasattr(self._library, function)

    @property
    def version(self) -> str:
        """Of the library, as `10.2`."""
        number = ctypes.c_int()
        self.call("cudaRuntimeGetVersion", ctypes.byref(number))
        return f"{number.value // 1000}.{number.value % 1000 // 10}"

    def free_bytes(self) -> int:
        """Free memory of the GPU; on a Jetson less than could be had."""
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        self.call("cudaMemGetInfo", ctypes.byref(free), ctypes.byref(total))
        return free.value

    def _reason(self, code: int) -> str:
        text: bytes = self._library.cudaGetErrorString(code) or b""
        return f"{text.decode('utf-8', 'replace')} (CUDA error {code})"

    def _name(self) -> str:
        properties = ctypes.create_string_buffer(_PROPERTIES_BYTES)
        self.call("cudaGetDeviceProperties", properties, 0)
        return properties.raw[:_NAME_BYTES].split(b"\0")[0].decode("utf-8", "replace")

    def _attribute(self, which: int) -> int:
        value = ctypes.c_int()
        self.call("cudaDeviceGetAttribute", ctypes.byref(value), which, 0)
        return value.value


def _load(path: Optional[str]) -> ctypes.CDLL:
    reasons = []
    for one in _places() if path is None else [path]:
        try:
            return ctypes.CDLL(one)
        except OSError as error:
            reasons.append(str(error))
    raise EngineUnavailableError(
        "the CUDA runtime is not installed ({})".format(reasons[0] if reasons else ""),
        hint="On a Jetson it belongs to JetPack; elsewhere install CUDA, or choose an "
        "engine that needs no NVIDIA GPU.",
    )


def _places() -> Iterator[str]:
    yield from _SONAMES
    found = ctypes.util.find_library("cudart")
    if found:
        yield found
    for folder in ("/usr/local/cuda/lib64", "/usr/local/cuda/lib"):
        yield str(Path(folder) / "libcudart.so")
    # The packages that come with pip keep theirs beside themselves.
    for folder in sys.path:
        for library in sorted(Path(folder).glob("nvidia/c*/lib/libcudart.so.*")):
            yield str(library)


def _declare(library: ctypes.CDLL) -> None:
    """Tell ctypes the types: left alone it cuts addresses to 32 bits."""
    address, size, number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    flags = ctypes.c_uint
    arguments = {
        "cudaGetErrorString": [number],
        "cudaGetDeviceProperties": [address, number],
        "cudaDeviceGetAttribute": [address, number, number],
        "cudaMalloc": [address, size],
        "cudaFree": [address],
        "cudaHostAlloc": [address, size, flags],
        "cudaFreeHost": [address],
        "cudaHostGetDevicePointer": [address, address, flags],
        "cudaMemcpyAsync": [address, address, size, number, address],
        "cudaStreamCreateWithFlags": [address, flags],
        "cudaStreamDestroy": [address],
        "cudaStreamSynchronize": [address],
        "cudaStreamBeginCapture": [address, number],
        "cudaStreamEndCapture": [address, address],
        "cudaGraphInstantiate": [address, address, address, address, size],
        "cudaGraphInstantiateWithFlags": [address, address, ctypes.c_ulonglong],
        "cudaGraphLaunch": [address, address],
        "cudaGraphExecDestroy": [address],
        "cudaGraphDestroy": [address],
    }
    for name, types in arguments.items():
        if hasattr(library, name):
            getattr(library, name).argtypes = types
    library.cudaGetErrorString.restype = ctypes.c_char_p


class Stream:
    """A queue of work for the GPU, done in order.

    Parameters
    ----------
    cuda : CudaRuntime
        The library.
    """

    def __init__(self, cuda: CudaRuntime) -> None:
        self._cuda = cuda
        handle = ctypes.c_void_p()
        cuda.call("cudaStreamCreateWithFlags", ctypes.byref(handle), _NON_BLOCKING)
        self.handle: int = handle.value or 0
        """As TensorRT takes it."""

    def wait(self) -> None:
        """Wait until everything that was queued is done."""
        self._cuda.call("cudaStreamSynchronize", self.handle)

    def close(self) -> None:
        """Destroy the stream."""
        if self.handle:
            self._cuda.call("cudaStreamDestroy", self.handle)
            self.handle = 0


class CapturedGraph:
    """Work that was queued once, to be queued again with a single call.

    Saves what each call of a small network costs on the processor. The work must
    have been done once before, and use the same addresses for good.

    Parameters
    ----------
    cuda : CudaRuntime
        The library.
    stream : Stream
        Where the work is queued.
    enqueue : callable
        Queues the work; called once. An error of it ends the capture.

    Raises
    ------
    CudaError
        If the work cannot be captured.
    """

    def __init__(
        self, cuda: CudaRuntime, stream: Stream, enqueue: Callable[[], None]
    ) -> None:
        self._cuda = cuda
        self._executable = ctypes.c_void_p()
        graph = ctypes.c_void_p()
        cuda.call("cudaStreamBeginCapture", stream.handle, _THREAD_LOCAL)
        try:
            enqueue()
        except EngineError:
            # The stream must leave the capture; what went wrong is said already.
            with contextlib.suppress(CudaError):
                self._end(stream, graph)
                cuda.call("cudaGraphDestroy", graph)
            raise
        self._end(stream, graph)
        try:
            self._instantiate(graph)
        finally:
            cuda.call("cudaGraphDestroy", graph)

    def _end(self, stream: Stream, graph: ctypes.c_void_p) -> None:
        self._cuda.call("cudaStreamEndCapture", stream.handle, ctypes.byref(graph))

    def _instantiate(self, graph: ctypes.c_void_p) -> None:
        place = ctypes.byref(self._executable)
        # CUDA 12 gave the older function other arguments; the newer one is there
        # from 11.4 on.
        if self._cuda.has("cudaGraphInstantiateWithFlags"):
            self._cuda.call("cudaGraphInstantiateWithFlags", place, graph, 0)
        else:
            self._cuda.call("cudaGraphInstantiate", place, graph, None, None, 0)

    def launch(self, stream: Stream) -> None:
        """Queue the work."""
        self._cuda.call("cudaGraphLaunch", self._executable, stream.handle)

    def close(self) -> None:
        """Destroy the graph."""
        if self._executable.value:
            self._cuda.call("cudaGraphExecDestroy", self._executable)
            self._executable = ctypes.c_void_p()
