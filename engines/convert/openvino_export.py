"""From a frozen graph or ONNX to OpenVINO, in full, half or eight-bit precision."""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Tuple

from engines.base import Precision
from engines.convert.errors import (
    UnsupportedOperationError,
    UnsupportedTargetError,
    missing_library,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


def import_openvino() -> Any:  # noqa: ANN401  a module
    """Import OpenVINO, or tell how to get it."""
    try:
        return importlib.import_module("openvino")
    except ImportError as error:
        raise missing_library(
            "OpenVINO", "pip install openvino", "the target openvino"
        ) from error


def read_network(path: Path, shape: Tuple[int, ...]) -> Any:  # noqa: ANN401
    """Read a frozen graph or an ONNX file and fix its input's shape.

    Raises
    ------
    UnsupportedOperationError
        If OpenVINO lacks an operation.
    """
    openvino = import_openvino()
    try:
        model = openvino.Core().read_model(str(path))
        model.reshape(list(shape))
    except RuntimeError as error:
        raise UnsupportedOperationError(
            f"OpenVINO cannot read the network: {_last_line(error)}",
            hint="Choose the target onnxruntime or tensorflow.",
        ) from error
    return model


def save_network(model: Any, path: Path) -> None:  # noqa: ANN401
    """Write `model.xml` and `model.bin`, weights in full precision."""
    import_openvino().save_model(model, str(path), compress_to_fp16=False)


def require_precision(precision: Precision) -> None:
    """Refuse a precision that this processor would silently run as another.

    Raises
    ------
    UnsupportedTargetError
        If the processor has no such arithmetic.
    """
    core = import_openvino().Core()
    able = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if precision is Precision.BF16 and "BF16" not in able:
        raise UnsupportedTargetError(
            "this processor has no bf16 arithmetic",
            hint="Choose precision fp32 or int8.",
        )


def run_network(
    path: Path, precision: Precision, tensors: "List[NDArray[Any]]"
) -> "List[NDArray[Any]]":
    """Infer with the saved network on one thread."""
    return infer(import_openvino().Core().read_model(str(path)), precision, tensors)


def infer(
    network: Any,  # noqa: ANN401  a network of OpenVINO
    precision: Precision,
    tensors: "List[NDArray[Any]]",
) -> "List[NDArray[Any]]":
    """Infer on one thread.

    Raises
    ------
    UnsupportedOperationError
        If OpenVINO cannot run the network.
    """
    hint = "bf16" if precision is Precision.BF16 else "f32"
    options = {"INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": 1}
    try:
        compiled = import_openvino().Core().compile_model(network, "CPU", options)
        return [compiled([one])[0].copy() for one in tensors]
    except RuntimeError as error:
        raise UnsupportedOperationError(
            f"OpenVINO cannot run the network: {_last_line(error)}"
        ) from error


def count_network_nodes(model: Any) -> Dict[str, int]:  # noqa: ANN401
    """Count nodes by operation, constants as `Const`."""
    names = {"Constant": "Const", "Parameter": "Placeholder"}
    counts: Dict[str, int] = {}
    for operation in model.get_ops():
        op = names.get(operation.get_type_name(), operation.get_type_name())
        counts[op] = counts.get(op, 0) + 1
    return counts


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # OpenVINO puts "Exception from src/..." first and the reason last.
    return lines[-1][:300] if lines else type(error).__name__
