"""Describe a network for the console: from its graph to a model's manifest."""

from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Tuple

from engines.convert.graph import (
    IDENTITIES,
    GraphDef,
    GraphEditor,
    Terminals,
    attribute,
    node_name,
)
from engines.errors import ManifestError
from engines.manifest import (
    Activation,
    Colour,
    InputSpec,
    Layout,
    ModelManifest,
    OutputSpec,
)

if TYPE_CHECKING:
    from engines.convert.model_source import Location

_PASSING = IDENTITIES | {"Reshape", "Squeeze", "Unsqueeze", "ExpandDims", "Transpose"}
_BEFORE_SCALING = ("Cast", "Sub", "Add", "AddV2", "Identity", "Reshape", "Transpose")
# 1/255 and 1/127.5 are below, a standard deviation of scaled pixels is above.
_SMALL_FACTOR = 0.05
_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2dNative", "Conv2DBackpropInput")


class GraphFacts(NamedTuple):
    """What a graph tells about pictures."""

    layout: Layout
    last_operation: str
    """The operation that gave the output its range: `Sigmoid`, `Softmax`."""
    rescales: bool = False
    """Whether it scales pixels of 0 to 255 itself."""


def facts_of_graph(graph: GraphDef, input_name: str, output_name: str) -> GraphFacts:
    """Read layout, last operation and scaling of a TensorFlow graph."""
    layout = Layout.NHWC
    for node in graph.node:
        if node.op in _CONVOLUTIONS:
            is_first = attribute(node, "data_format").s == b"NCHW"
            layout = Layout.NCHW if is_first else Layout.NHWC
            break
    nodes = {node.name: (node.op, node.input) for node in graph.node}
    last = _last_operation(nodes, node_name(output_name))
    return GraphFacts(layout, last, _rescales(graph, input_name))


def _rescales(graph: GraphDef, input_name: str) -> bool:
    """Whether the input is soon multiplied by a small or divided by a large number."""
    editor = GraphEditor(graph, Terminals((input_name,), ()))
    taker = editor.node(input_name)
    while len(editor.consumers(taker)) == 1:
        taker = editor.consumers(taker)[0]
        constants = [editor.value(tensor) for tensor in taker.input]
        largest = [float(abs(one).max()) for one in constants if one is not None]
        if taker.op == "Mul" and largest:
            return largest[0] < _SMALL_FACTOR
        if taker.op == "RealDiv" and largest:
            return largest[0] > 1.0 / _SMALL_FACTOR
        if taker.op not in _BEFORE_SCALING:
            return False
    return False


def facts_of_onnx(model: Any, output_name: str, shape: Tuple[int, ...]) -> GraphFacts:  # noqa: ANN401
    """Read layout and last operation of an ONNX network.

    Its convolutions are always NCHW; where the input has its few channels last, the
    network turns it over itself.
    """
    is_last = len(shape) == 4 and shape[3] < shape[1] and shape[3] <= 16
    nodes = {
        output: (node.op_type, node.input)
        for node in model.graph.node
        for output in node.output
    }
    last = _last_operation(nodes, output_name)
    return GraphFacts(Layout.NHWC if is_last else Layout.NCHW, last)


def _last_operation(nodes: Any, name: str) -> str:  # noqa: ANN401  name to op, inputs
    op, inputs = nodes.get(name, ("", ()))
    while op in _PASSING and inputs:
        above = nodes.get(inputs[0]) or nodes.get(node_name(inputs[0]))
        op, inputs = above or ("", ())
    return str(op)


def describe_input(
    facts: GraphFacts, shape: Tuple[int, ...], dtype: str
) -> Optional[InputSpec]:
    """Describe an input that takes a picture; None for any other.

    What a graph does not tell is assumed: pixels scaled to 0 to 1 unless the graph
    scales them itself, one grey frame for one channel, an RGB frame for three, else
    grey frames.
    """
    if len(shape) != 4 or dtype not in ("float32", "uint8") or shape[0] != 1:
        return None
    is_last = facts.layout is Layout.NHWC
    channels = shape[3 if is_last else 1]
    height, width = shape[1:3] if is_last else shape[2:4]
    colour = Colour.RGB if channels == 3 else Colour.GREY
    return InputSpec(
        width_px=width,
        height_px=height,
        frame_count=channels // colour.channels,
        colour=colour,
        layout=facts.layout,
        dtype=dtype,
        scale=1.0 if facts.rescales or dtype == "uint8" else 1.0 / 255.0,
    )


def describe(
    name: str,
    facts: GraphFacts,
    input_shape: Tuple[int, ...],
    dtype: str,
    output_shape: Tuple[int, ...],
) -> Optional[ModelManifest]:
    """Describe a network that takes a picture and gives one; None for any other."""
    spec = describe_input(facts, input_shape, dtype)
    if spec is None or len(output_shape) not in (3, 4):
        return None
    channels = output_shape[-1 if facts.layout is Layout.NHWC else 1]
    classes = 1 if len(output_shape) == 3 else channels
    return ModelManifest(
        name=name,
        input=spec,
        output=OutputSpec(
            activation=_activation(facts.last_operation, classes), layout=facts.layout
        ),
        notes="Colour order, scaling and the meaning of the output were assumed from "
        "the graph: correct them here where they are wrong.",
    )


def _activation(last_operation: str, classes: int) -> Activation:
    if last_operation == "Softmax":
        return Activation.CLASS_PROBABILITIES
    if last_operation == "Sigmoid":
        return Activation.PROBABILITY
    return Activation.CLASS_LOGITS if classes > 1 else Activation.LOGIT


def fitted(
    location: "Location",
    facts: GraphFacts,
    shape: Tuple[int, ...],
    dtype: str,
    output_shape: Tuple[int, ...],
) -> Optional[ModelManifest]:
    """Take the operator's own description, brought to the size, or make one.

    Raises
    ------
    ManifestError
        If the description is of another network.
    """
    if location.manifest is None:
        return describe(location.name, facts, shape, dtype, output_shape)
    model = location.manifest
    if len(shape) == 4:
        is_last = model.input.layout is Layout.NHWC
        height, width = shape[1:3] if is_last else shape[2:4]
        spec = model.input._replace(width_px=width, height_px=height)
        model = model._replace(input=spec)
    if model.input.shape != shape or model.input.dtype != dtype:
        raise ManifestError(
            f"the manifest describes an input of shape {model.input.shape} and type "
            f"{model.input.dtype}, the network takes {shape} of {dtype}",
            hint="Correct the layout, colour or frame count in the manifest.",
        )
    return model
