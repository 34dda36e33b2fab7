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

# More calibration frames than this change the ranges no longer, and take time.
_MOST_CALIBRATION_FRAMES = 300


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


def quantise(
    model: Any,  # noqa: ANN401  a network of OpenVINO
    tensors: "List[NDArray[Any]]",
) -> Any:  # noqa: ANN401
    """Quantise to eight bits after training, with ranges seen on given inputs.

    Raises
    ------
    MissingLibraryError
        If NNCF is not installed.
    """
    try:
        nncf = importlib.import_module("nncf")
    except ImportError as error:
        raise missing_library(
            "NNCF", "pip install nncf, or make engines", "precision int8"
        ) from error
    few = tensors[:_MOST_CALIBRATION_FRAMES]
    return nncf.quantize(model, nncf.Dataset(few), subset_size=len(few))


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
    openvino = import_openvino()
    core = openvino.Core()
    hint = "bf16" if precision is Precision.BF16 else "f32"
    options = {"INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": 1}
    try:
        compiled = core.compile_model(core.read_model(str(path)), "CPU", options)
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
