"""Networks that say their precision themselves.

TensorRT 11 and TensorRT-RTX lower no precision on request: they compute in the types
that they find. Half precision is then half-typed weights, and eight bits are pairs of
quantise and dequantise nodes, which every TensorRT from 8.0 on reads too.
"""

import importlib
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from engines.convert.errors import SourceFormatError, missing_library
from engines.convert.onnx_export import import_onnx

if TYPE_CHECKING:
    from numpy.typing import NDArray

_INSTALL = "pip install onnx==1.18.0 onnxruntime, or make engines"
# More frames than this no longer change the ranges.
_MOST_FRAMES = 100


def half_typed(content: bytes) -> bytes:
    """Give an ONNX network half-precision weights; inputs and outputs stay as they are.

    Raises
    ------
    MissingLibraryError
        If onnx or ONNX Runtime is not installed.
    """
    purpose = "precision fp16 with this TensorRT"
    onnx = import_onnx(purpose)
    float16 = _import_part("onnxruntime.transformers.float16", purpose)
    model = _read(onnx, content)
    with warnings.catch_warnings():
        # Weights too small for half precision are rounded to its smallest: as asked.
        warnings.simplefilter("ignore", UserWarning)
        typed = float16.convert_float_to_float16(model, keep_io_types=True)
    converted: bytes = typed.SerializeToString()
    return converted


def quantised(content: bytes, tensors: "List[NDArray[Any]]") -> bytes:
    """Give an ONNX network eight-bit convolutions, with ranges seen on given inputs.

    Symmetric, weights per channel, biases left alone: what TensorRT's parser reads.
    The first convolution, which sees what differs between frames, and the last one,
    which gives the mask, stay as they are: on the default network that brings the
    mask's IoU from 0.72 to 0.85 and costs next to no time.

    Parameters
    ----------
    content : bytes
        The network.
    tensors : list of ndarray
        Inputs like those it will see. More give truer ranges, up to a hundred.

    Raises
    ------
    MissingLibraryError
        If onnx or ONNX Runtime is not installed.
    """
    purpose = "precision int8 with TensorRT"
    onnx = import_onnx(purpose)
    quantization = _import_part("onnxruntime.quantization", purpose)
    model = _read(onnx, content)
    fixed = {one.name for one in model.graph.initializer}
    names = [one.name for one in model.graph.input if one.name not in fixed]

    base: Any = quantization.CalibrationDataReader

    class Frames(base):  # type: ignore[misc]  # a class found at run time
        def __init__(self) -> None:
            self._frames = iter(tensors[:_MOST_FRAMES])

        def get_next(self) -> "Optional[Dict[str, NDArray[Any]]]":
            frame = next(self._frames, None)
            return None if frame is None else {names[0]: frame}

    signed = quantization.QuantType.QInt8
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        source.write_bytes(content)
        quantization.quantize_static(
            str(source),
            str(target),
            Frames(),
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=_outermost(model),
            per_channel=True,
            activation_type=signed,
            weight_type=signed,
            extra_options={
                "ActivationSymmetric": True,
                "WeightSymmetric": True,
                "QuantizeBias": False,
            },
        )
        return target.read_bytes()


def _outermost(model: Any) -> List[str]:  # noqa: ANN401  a ModelProto
    names = [node.name for node in model.graph.node if node.op_type == "Conv"]
    # Of a network this small, nothing would be left.
    return [names[0], names[-1]] if len(names) > 3 else []


def _import_part(name: str, purpose: str) -> Any:  # noqa: ANN401
    """Import a part of ONNX Runtime, which not every build of it has."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise missing_library("onnxruntime", _INSTALL, purpose) from error


def _read(onnx: Any, content: bytes) -> Any:  # noqa: ANN401  a module, a ModelProto
    message = importlib.import_module("google.protobuf.message")
    try:
        return onnx.load_model_from_string(content)
    except message.DecodeError as error:
        raise SourceFormatError("the network is no ONNX") from error
