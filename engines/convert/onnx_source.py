"""A network that the operator has as ONNX."""

import importlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, List, Optional, Tuple

from engines.convert.ends import End, Shape
from engines.convert.errors import SizeError, SourceFormatError, missing_library
from engines.convert.model_source import ModelSource, SourceForm
from engines.convert.onnx_export import (
    import_onnx,
    read_onnx,
    run_onnx,
    runtime_errors,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


_IR_OF_FIXED_WEIGHTS = 4


class OnnxSource(ModelSource):
    """An ONNX network with its open sizes filled in.

    Parameters
    ----------
    path : Path
        The file.
    size_px : tuple of int, optional
        Width and height, for a network that leaves them open.
    """

    form = SourceForm.ONNX

    def __init__(self, path: Path, size_px: Optional[Tuple[int, int]]) -> None:
        self.model: Any = read_onnx(str(path))
        onnx = import_onnx("reading an ONNX network")
        self._fix_weights()
        for tensor in self.model.graph.input:
            _fill_sizes(tensor, size_px)
        del self.model.graph.value_info[:]
        try:
            self.model = onnx.shape_inference.infer_shapes(self.model)
        except RuntimeError as error:
            raise SizeError(f"{path.name} does not take that size: {error}") from error

    def _fix_weights(self) -> None:
        """Let no caller replace weights: until they are fixed, none is folded.

        Up to version 3 of the format all weights are listed as inputs too.
        """
        graph = self.model.graph
        weights = {one.name for one in graph.initializer}
        inputs = [one for one in graph.input if one.name not in weights]
        del graph.input[:]
        graph.input.extend(inputs)
        self.model.ir_version = max(self.model.ir_version, _IR_OF_FIXED_WEIGHTS)

    def inputs(self) -> Tuple[End, ...]:
        """What it is fed with."""
        return tuple(_end(one) for one in self.model.graph.input)

    def outputs(self, input_end: End) -> Tuple[End, ...]:
        """Outputs of the network."""
        del input_end
        return tuple(_end(one) for one in self.model.graph.output)

    def run(
        self, input_end: End, output_end: End, tensors: "List[NDArray[Any]]"
    ) -> "List[NDArray[Any]]":
        """Infer with ONNX Runtime, the network as it is."""
        del input_end
        return run_onnx(self.model.SerializeToString(), output_end.tensor, tensors)

    def close(self) -> None:
        """Forget the network."""
        self.model = None


def _end(tensor: Any) -> End:  # noqa: ANN401  a ValueInfoProto
    onnx = import_onnx("reading an ONNX network")
    kind = tensor.type.tensor_type
    dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type).name
    shape: Shape = None
    if kind.HasField("shape"):
        shape = tuple(
            one.dim_value if one.HasField("dim_value") else None
            for one in kind.shape.dim
        )
    return End(tensor.name, tensor.name, dtype, shape)


def _fill_sizes(tensor: Any, size_px: Optional[Tuple[int, int]]) -> None:  # noqa: ANN401
    sizes = tensor.type.tensor_type.shape.dim
    if sizes and not sizes[0].HasField("dim_value"):
        sizes[0].dim_value = 1
    is_open = [axis for axis, one in enumerate(sizes) if not one.dim_value]
    if len(sizes) == 4 and is_open and size_px is not None:
        # ONNX pictures are NCHW unless only the last axis says how many channels.
        is_channels_last = sizes[3].dim_value > 0 and not sizes[1].dim_value
        for axis, size in zip((2, 1) if is_channels_last else (3, 2), size_px):
            if axis in is_open:
                sizes[axis].dim_value = size
    if any(not one.dim_value for one in sizes):
        shape = tuple(one.dim_value or "?" for one in sizes)
        raise SizeError(
            f"input {tensor.name} has shape {shape}: its size is open",
            hint="Give it with --size WIDTHxHEIGHT.",
        )


def simplified(model: Any) -> Any:  # noqa: ANN401  a ModelProto
    """Fold constants and batch norms, cancel transposes: ONNX Runtime's basic level.

    What it writes are ONNX's own operations only.

    Raises
    ------
    SourceFormatError
        If ONNX Runtime cannot load the network.
    """
    onnx = import_onnx("simplifying an ONNX network")
    try:
        runtime = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise missing_library(
            "onnxruntime", "pip install onnxruntime", "simplifying an ONNX network"
        ) from error
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "simplified.onnx")
        options = runtime.SessionOptions()
        options.graph_optimization_level = (
            runtime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        )
        options.optimized_model_filepath = path
        options.log_severity_level = 3
        try:
            runtime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except runtime_errors(runtime) as error:
            raise SourceFormatError(f"ONNX Runtime refuses it: {error}") from error
        return onnx.load(path)
