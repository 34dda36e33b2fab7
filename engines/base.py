"""The `Engine` protocol: a loaded network, ready to infer."""

import abc
import enum
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Type

from engines.errors import InferenceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engines.manifest import ModelManifest


class EngineKind(enum.Enum):
    """What runs the network."""

    REFERENCE = "reference"
    """Three-frame differencing, no network: tests, demos, any machine."""
    TENSORFLOW = "tensorflow"
    TF_TRT = "tf-trt"
    TENSORRT = "tensorrt"
    OPENVINO = "openvino"
    ONNXRUNTIME = "onnxruntime"


class Precision(enum.Enum):
    """The number format of the network's arithmetic."""

    FP32 = "fp32"
    FP16 = "fp16"
    BF16 = "bf16"
    INT8 = "int8"


class EngineSpec(NamedTuple):
    """What is running, where: shown to the operator, written beside results."""

    kind: EngineKind
    precision: Precision
    device: str
    """The processor in its maker's words."""
    library: str
    """Name and version of the library that runs it."""
    threads: int
    model: "ModelManifest"


class Engine(abc.ABC):
    """A loaded network.

    Opened and closed in one thread, which outlives it, and called by one thread at a
    time. Usable as a context manager.
    """

    @property
    @abc.abstractmethod
    def spec(self) -> EngineSpec:
        """What is running, where."""

    @abc.abstractmethod
    def infer(self, tensor: "NDArray[Any]") -> "NDArray[Any]":
        """Run the network once.

        Parameters
        ----------
        tensor : ndarray
            Input of the shape, layout and dtype of `spec.model.input`, batch of
            one included: `Preprocessor.tensor` makes it. Not modified, not kept.

        Returns
        -------
        ndarray
            The network's raw output, `spec.model.output` says what it means
            (`probability_from_output` reads it). The engine may reuse this array
            on the next call: copy it to keep it.

        Raises
        ------
        InferenceError
            If the shape or dtype is wrong, or the runtime reports a failure.
        """

    def check_input(self, tensor: "NDArray[Any]") -> None:
        """Refuse a tensor that the network does not take.

        Raises
        ------
        InferenceError
            Naming both shapes and dtypes.
        """
        wanted = self.spec.model.input
        if tensor.shape != wanted.shape or tensor.dtype.name != wanted.dtype:
            raise InferenceError(
                f"input of shape {tensor.shape} and dtype {tensor.dtype}, "
                f"the network takes {wanted.shape} of {wanted.dtype}"
            )

    def cancel(self) -> None:  # noqa: B027  most engines have nothing to end
        """End a wait within `infer`, from another thread, for good.

        Only engines that can wait long, for another process say, do something.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """Release the network. Calling it again does nothing."""

    def __enter__(self) -> "Engine":
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()
