"""Run a TensorRT engine, whether its tensors have names or numbers.

Up to TensorRT 8.4 a tensor is the place of its address in a list, from 8.5 on it has
a name, and 10 knows names only.
"""

import abc
from typing import Any, Dict, NamedTuple, Tuple

from engines.errors import EngineLoadError, InferenceError
from engines.tensorrt_adapter import TensorRt, reason_of

# TensorRT's own table of numpy types names some that newer numpy has no more.
_DTYPES = {
    "FLOAT": "float32",
    "HALF": "float16",
    "INT8": "int8",
    "UINT8": "uint8",
    "INT32": "int32",
    "INT64": "int64",
    "BOOL": "bool",
}


class PlanTensor(NamedTuple):
    """One input or output of a plan."""

    name: str
    shape: Tuple[int, ...]
    dtype: str
    """As numpy calls it."""
    is_input: bool


class Bindings(abc.ABC):
    """The tensors of an execution context.

    Parameters
    ----------
    trt : TensorRt
        The library.
    engine, context : ICudaEngine, IExecutionContext
        Of the plan. Kept.

    Raises
    ------
    EngineLoadError
        If a tensor has an open size or a type that is not known here.
    """

    def __init__(self, trt: TensorRt, engine: Any, context: Any) -> None:  # noqa: ANN401
        self._trt = trt
        self._engine = engine
        self._context = context
        self.tensors = tuple(_checked(one) for one in self._describe())

    @abc.abstractmethod
    def _describe(self) -> Tuple[PlanTensor, ...]: ...

    @abc.abstractmethod
    def bind(self, addresses: Dict[str, int]) -> None:
        """Tell where each tensor is in the GPU's memory, by name."""

    @abc.abstractmethod
    def _execute(self, stream: int) -> bool: ...

    def enqueue(self, stream: int) -> None:
        """Queue one inference.

        Raises
        ------
        InferenceError
            With TensorRT's reason.
        """
        self._trt.log.last_error = ""
        # TensorRT 10 gives None where 8 gave True; both give False for a failure.
        if self._execute(stream) is False:
            said = self._trt.log.last_error
            raise InferenceError(
                f"TensorRT failed: {reason_of([said] if said else [])}"
            )

    def close(self) -> None:
        """Let go of the engine and its context."""
        self._engine = None
        self._context = None


def _checked(tensor: PlanTensor) -> PlanTensor:
    if any(size < 0 for size in tensor.shape):
        raise EngineLoadError(
            f"tensor {tensor.name} of the plan has the open shape {tensor.shape}",
            hint="Convert the network with a fixed size.",
        )
    if tensor.dtype not in _DTYPES:
        raise EngineLoadError(
            f"tensor {tensor.name} of the plan is of type {tensor.dtype}",
            hint="Convert a network with float inputs and outputs.",
        )
    return tensor._replace(dtype=_DTYPES[tensor.dtype])


class NamedBindings(Bindings):
    """Tensors by name: TensorRT 8.5 and later."""

    def _describe(self) -> Tuple[PlanTensor, ...]:
        engine, mode = self._engine, self._trt.module.TensorIOMode.INPUT
        names = [engine.get_tensor_name(one) for one in range(engine.num_io_tensors)]
        return tuple(
            PlanTensor(
                name,
                tuple(engine.get_tensor_shape(name)),
                engine.get_tensor_dtype(name).name,
                engine.get_tensor_mode(name) == mode,
            )
            for name in names
        )

    def bind(self, addresses: Dict[str, int]) -> None:
        """Tell where each tensor is."""
        for name, address in addresses.items():
            if self._context.set_tensor_address(name, address) is False:
                raise EngineLoadError(f"TensorRT takes no address for tensor {name}")

    def _execute(self, stream: int) -> bool:
        done: bool = self._context.execute_async_v3(stream)
        return done


class IndexedBindings(Bindings):
    """Tensors by number: TensorRT up to 8.4."""

    _addresses: Tuple[int, ...] = ()

    def _describe(self) -> Tuple[PlanTensor, ...]:
        engine = self._engine
        return tuple(
            PlanTensor(
                engine.get_binding_name(index),
                tuple(engine.get_binding_shape(index)),
                engine.get_binding_dtype(index).name,
                engine.binding_is_input(index),
            )
            for index in range(engine.num_bindings)
        )

    def bind(self, addresses: Dict[str, int]) -> None:
        """Tell where each tensor is."""
        self._addresses = tuple(addresses[one.name] for one in self.tensors)

    def _execute(self, stream: int) -> bool:
        done: bool = self._context.execute_async_v2(
            bindings=list(self._addresses), stream_handle=stream
        )
        return done


def bindings_of(trt: TensorRt, engine: Any, context: Any) -> Bindings:  # noqa: ANN401
    """Choose by what the context can do."""
    has_names = hasattr(context, "set_tensor_address")
    kind = NamedBindings if has_names else IndexedBindings
    return kind(trt, engine, context)
