"""From a frozen graph to ONNX."""

import importlib
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Tuple, Type

import numpy as np

from engines.convert.errors import (
    SourceFormatError,
    UnsupportedOperationError,
    missing_library,
)
from engines.manifest import Layout

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engines.convert.graph import GraphDef

# What TensorRT 8.2 of JetPack 4.6 still reads.
OPSET = 13

# Of these, ONNX's rules give the default in words only: 1 along each axis.
_SLIDING = ("Conv", "ConvTranspose", "MaxPool", "AveragePool")

_INSTALL = "pip install tf2onnx==1.17.0 onnx==1.18.0 onnxruntime, or make engines"


class OnnxNetwork(NamedTuple):
    """An ONNX network with the order of its axes."""

    model: Any
    layout: Layout
    """NCHW where the graph's NHWC input was turned over to save transposes."""
    is_turned: bool
    """Whether tensors of the graph need their axes moved for this network."""

    def tensors_for(self, tensors: "List[NDArray[Any]]") -> "List[NDArray[Any]]":
        """Bring inputs of the graph into this network's order."""
        if not self.is_turned:
            return tensors
        return [np.ascontiguousarray(np.moveaxis(one, 3, 1)) for one in tensors]

    def results_from(self, results: "List[NDArray[Any]]") -> "List[NDArray[Any]]":
        """Bring this network's outputs into the graph's order."""
        if not self.is_turned:
            return results
        return [np.moveaxis(one, 1, 3) if one.ndim == 4 else one for one in results]


def import_onnx(needed_for: str) -> Any:  # noqa: ANN401  a module
    """Import onnx, or tell how to get it."""
    try:
        return importlib.import_module("onnx")
    except ImportError as error:
        raise missing_library("onnx", _INSTALL, needed_for) from error


def onnx_from_graph(
    graph: "GraphDef", input_name: str, output_name: str, has_pictures: bool
) -> OnnxNetwork:
    """Translate a frozen graph.

    Parameters
    ----------
    graph : GraphDef
        With constants, for inference.
    input_name, output_name : str
        Its ends.
    has_pictures : bool
        Whether input and output are NHWC pictures: they become NCHW then, and the
        transposes that ONNX's layout would need at both ends are not made.

    Raises
    ------
    UnsupportedOperationError
        If ONNX has nothing for an operation.
    """
    onnx = import_onnx("converting to ONNX")
    try:
        tf2onnx = importlib.import_module("tf2onnx")
        importlib.import_module("tf2onnx.convert")
    except ImportError as error:
        raise missing_library("tf2onnx", _INSTALL, "converting to ONNX") from error
    inputs, outputs = [input_name + ":0"], [output_name + ":0"]
    try:
        model, _ = tf2onnx.convert.from_graph_def(
            graph,
            input_names=inputs,
            output_names=outputs,
            opset=OPSET,
            inputs_as_nchw=inputs if has_pictures else None,
            outputs_as_nchw=outputs if has_pictures else None,
        )
        drop_defaults(model)
        onnx.checker.check_model(model, full_check=True)
    except (ValueError, KeyError, NotImplementedError, RuntimeError) as error:
        raise UnsupportedOperationError(
            f"ONNX cannot express this graph: {_reason(error)}",
            hint="Name an output before that operation, or choose another target.",
        ) from error
    except onnx.checker.ValidationError as error:
        raise UnsupportedOperationError(
            f"ONNX cannot express this graph: {_reason(error)}",
            hint="Name an output before that operation, or choose another target.",
        ) from error
    layout = Layout.NCHW if has_pictures else Layout.NHWC
    return OnnxNetwork(model, layout, has_pictures)


def drop_defaults(model: Any) -> None:  # noqa: ANN401  a ModelProto
    """Remove attributes that say what holds without them."""
    onnx = import_onnx("converting to ONNX")
    opsets = {one.domain: one.version for one in model.opset_import}
    for node in model.graph.node:
        if node.domain not in opsets or not onnx.defs.has(node.op_type, node.domain):
            continue
        known = onnx.defs.get_schema(node.op_type, opsets[node.domain], node.domain)
        kept = [one for one in node.attribute if not _is_default(onnx, known, one)]
        del node.attribute[:]
        node.attribute.extend(kept)


def _is_default(onnx: Any, schema: Any, attribute: Any) -> bool:  # noqa: ANN401
    value = onnx.helper.get_attribute_value(attribute)
    if attribute.name in ("dilations", "strides") and schema.name in _SLIDING:
        return set(value) == {1}
    definition = schema.attributes.get(attribute.name)
    if definition is None or not definition.default_value.type:
        return False
    return bool(value == onnx.helper.get_attribute_value(definition.default_value))


def _reason(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__


def read_onnx(path: str) -> Any:  # noqa: ANN401  a ModelProto
    """Read and check an ONNX file.

    Raises
    ------
    SourceFormatError
        If it is none, or breaks ONNX's rules.
    """
    onnx = import_onnx("reading an ONNX network")
    from google.protobuf import message

    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except (message.DecodeError, OSError, ValueError) as error:
        raise SourceFormatError(
            f"{path} is not an ONNX network",
            hint="It may be cut short, or another kind of file.",
        ) from error
    except onnx.checker.ValidationError as error:
        raise SourceFormatError(
            f"{path} is no valid ONNX: {_reason(error)}",
            hint="Export it again; 'onnx.checker' of the exporter says the same.",
        ) from error
    return model


def count_onnx_nodes(model: Any) -> Dict[str, int]:  # noqa: ANN401  a ModelProto
    """Count nodes by operation; constants as `Const`, as TensorFlow counts them."""
    counts: Dict[str, int] = {}
    for node in model.graph.node:
        op = "Const" if node.op_type == "Constant" else node.op_type
        counts[op] = counts.get(op, 0) + 1
    if model.graph.initializer:
        counts["Const"] = counts.get("Const", 0) + len(model.graph.initializer)
    fixed = {one.name for one in model.graph.initializer}
    inputs = [one for one in model.graph.input if one.name not in fixed]
    counts["Placeholder"] = len(inputs)
    return counts


def run_onnx(
    content: bytes, output_name: str, tensors: "List[NDArray[Any]]"
) -> "List[NDArray[Any]]":
    """Infer with ONNX Runtime on one thread."""
    try:
        runtime = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise missing_library(
            "onnxruntime", "pip install onnxruntime", "checking an ONNX network"
        ) from error
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = runtime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )
        name = session.get_inputs()[0].name
        return [session.run([output_name], {name: one})[0] for one in tensors]
    except runtime_errors(runtime) as error:
        raise UnsupportedOperationError(
            f"ONNX Runtime refuses the network: {_reason(error)}"
        ) from error


def runtime_errors(runtime: Any) -> Tuple[Type[Exception], ...]:  # noqa: ANN401
    """Classes of ONNX Runtime's errors: one for each cause, without a common base."""
    state = runtime.capi.onnxruntime_pybind11_state
    classes = [one for one in vars(state).values() if isinstance(one, type)]
    return tuple(one for one in classes if issubclass(one, Exception))
