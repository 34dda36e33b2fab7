"""Find where a graph begins and ends."""

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

from engines.convert.batch_norm import inference_value
from engines.convert.errors import InputNotFoundError, OutputNotFoundError, listing
from engines.convert.graph import (
    GraphDef,
    NodeDef,
    Terminals,
    attribute,
    canonical,
    node_name,
    static_shapes,
)
from engines.convert.prune import purpose

Shape = Optional[Tuple[Optional[int], ...]]

_LAYERS = (
    *("Conv2D", "DepthwiseConv2dNative", "Conv2DBackpropInput", "Conv3D"),
    *("MatMul", "BatchMatMul", "BatchMatMulV2"),
)
_ACTIVATIONS = ("Sigmoid", "Softmax", "Tanh", "ArgMax", "LogSoftmax")


class End(NamedTuple):
    """An input or output that a graph has, or could have."""

    name: str
    """What the operator calls it."""
    tensor: str
    """Its name in the frozen graph."""
    dtype: str
    shape: Shape
    """None where not even the rank is known."""

    def describe(self) -> str:
        """Write name, type and shape for a message."""
        return f"{self.name} ({self.dtype}, {shape_text(self.shape)})"

    def to_document(self) -> Dict[str, Any]:
        """Write it for an event."""
        return dict(self._asdict())


def shape_text(shape: Shape) -> str:
    """Write a shape the way TensorFlow's users do: `(?, 254, 318, 3)`."""
    if shape is None:
        return "unknown shape"
    return "({})".format(
        ", ".join("?" if size is None else str(size) for size in shape)
    )


class Ends(NamedTuple):
    """What a graph could take and give."""

    inputs: Tuple[End, ...]
    outputs: Tuple[End, ...]


def find_inputs(graph: GraphDef) -> Tuple[End, ...]:
    """List placeholders that could take the image, the likely ones only.

    Learning phases and dropout shares are left out. Where there are several, those
    that a layer's weights meet without another placeholder are taken: labels are
    only compared with the result.
    """
    shapes = static_shapes(graph)
    found = [
        node
        for node in graph.node
        if node.op.startswith("Placeholder") and inference_value(node) is None
    ]
    if len(found) > 1:
        bits = _bits_of(graph, found)
        met = {bits[node.name] for node in graph.node if node.op in _LAYERS}
        found = [one for one in found if bits[one.name] in met] or found
    return tuple(_end(node, shapes) for node in found)


def find_outputs(graph: GraphDef, input_name: str) -> Tuple[End, ...]:
    """List tensors that depend on the input alone and that nothing else uses.

    Losses, metrics and gradients depend on labels too and are left out, so are
    summaries, assertions and updates of variables. A picture is preferred to
    anything else.
    """
    shapes = static_shapes(graph)
    alone = _depending_alone(graph, input_name)
    ends = _last_nodes(alone, _is_no_result)
    tensors = _last_nodes(
        alone, lambda node: _is_no_result(node) or shapes.get(node.name) == ()
    )
    # A loss takes parts of its own from the result, which then end in it.
    compared = _taken_elsewhere(graph, alone)
    found = [_end(node, shapes) for node in tensors or ends if node.name != input_name]
    final = [one for one in found if one.name not in compared] or found
    pictures = [one for one in final if one.shape is not None and len(one.shape) == 4]
    return tuple(pictures or final)


def _last_nodes(
    nodes: Dict[str, NodeDef], is_idle: Callable[[NodeDef], bool]
) -> List[NodeDef]:
    """Nodes that no other takes, after those that are no result were taken away."""
    left = dict(nodes)
    while True:
        taken = {node_name(one) for node in left.values() for one in node.input}
        ends = [node for name, node in left.items() if name not in taken]
        idle = [node for node in ends if is_idle(node)]
        if not idle:
            return ends
        for node in idle:
            del left[node.name]


def _taken_elsewhere(graph: GraphDef, nodes: Dict[str, NodeDef]) -> Set[str]:
    """Of some nodes those that a node outside takes data from."""
    outside = [node for node in graph.node if node.name not in nodes]
    return {node_name(one) for node in outside for one in node.input} & set(nodes)


def activations_of(graph: GraphDef, input_name: str) -> Tuple[End, ...]:
    """List activations that could be the output, to suggest them."""
    shapes = static_shapes(graph)
    alone = _depending_alone(graph, input_name)
    return tuple(
        _end(node, shapes) for node in alone.values() if node.op in _ACTIVATIONS
    )


def choose_input(candidates: Sequence[End], wanted: str) -> End:
    """Pick the input by name, or the only one.

    Raises
    ------
    InputNotFoundError
        With the candidates.
    """
    names = [one.describe() for one in candidates]
    if wanted:
        return _by_name(candidates, wanted, InputNotFoundError, "input")
    if not candidates:
        raise InputNotFoundError(
            "the graph has no placeholder: nothing takes an image",
            hint="Name the tensor that holds the image with --input; what comes "
            "before it is cut off.",
        )
    if len(candidates) > 1:
        raise InputNotFoundError(
            f"the graph has several inputs: {listing(names)}",
            hint="Choose one with --input, give the others with --set NAME=VALUE.",
        )
    return candidates[0]


def choose_output(
    candidates: Sequence[End], wanted: str, suggestions: Sequence[End] = ()
) -> End:
    """Pick the output by name, or the only one.

    Raises
    ------
    OutputNotFoundError
        With the candidates.
    """
    if wanted:
        return _by_name(candidates, wanted, OutputNotFoundError, "output")
    others = listing(one.describe() for one in suggestions)
    hint = "Choose one with --output." + (f" Also there: {others}." if others else "")
    if not candidates:
        raise OutputNotFoundError("no output was found", hint=hint)
    if len(candidates) > 1:
        names = listing(one.describe() for one in candidates)
        raise OutputNotFoundError(f"the graph has several outputs: {names}", hint=hint)
    return candidates[0]


def _by_name(candidates: Sequence[End], wanted: str, error: Any, what: str) -> End:  # noqa: ANN401  a class of errors
    for one in candidates:
        if canonical(wanted) in (one.name, canonical(one.tensor), one.tensor):
            return one
    names = listing(one.describe() for one in candidates)
    raise error(
        f"there is no {what} {wanted!r}",
        hint=f"There are: {names}." if names else "",
    )


def end_at(graph: GraphDef, name: str) -> Optional[End]:
    """Describe any tensor of a graph; None if there is none of that name."""
    tensor = canonical(name)
    nodes = {node.name: node for node in graph.node}
    if node_name(tensor) not in nodes:
        return None
    shapes = static_shapes(graph)
    if tensor not in shapes:
        return None
    end = _end(nodes[node_name(tensor)], shapes)
    return end._replace(name=tensor, tensor=tensor, shape=shapes[tensor])


def terminals_of(input_end: End, output_end: End) -> Terminals:
    """Node names of one input and one output."""
    return Terminals((node_name(input_end.tensor),), (node_name(output_end.tensor),))


def _end(node: NodeDef, shapes: Dict[str, Shape]) -> End:
    import tensorflow as tf

    shape = shapes.get(node.name)
    for name in ("dtype", "T", "DstT", "output_type", "Tparams"):
        if name in node.attr:
            dtype = tf.as_dtype(attribute(node, name).type).name
            break
    else:
        dtype = "unknown"
    return End(node.name, node.name, dtype, shape)


def _bits_of(graph: GraphDef, sources: Sequence[NodeDef]) -> Dict[str, int]:
    """For every node which of some nodes it depends on, as bits of a number."""
    bits = {node.name: 0 for node in graph.node}
    for number, node in enumerate(sources):
        bits[node.name] = 1 << number
    # What comes before an input that was chosen in the middle is cut off.
    fixed = {node.name for node in sources}
    changed = True
    while changed:
        # Once for a graph in order; loops and graphs in disorder take a few rounds.
        changed = False
        for node in graph.node:
            if node.name in fixed:
                continue
            together = own = bits[node.name]
            for tensor in node.input:
                if not tensor.startswith("^"):
                    together |= bits.get(node_name(tensor), 0)
            if together != own:
                bits[node.name] = together
                changed = True
    return bits


def _depending_alone(graph: GraphDef, input_name: str) -> Dict[str, NodeDef]:
    """Nodes that depend on the input and on no other placeholder but flags."""
    others = [
        node
        for node in graph.node
        if node.op.startswith(("Placeholder", "Iterator"))
        and node.name != input_name
        and inference_value(node) is None
    ]
    start = [node for node in graph.node if node.name == input_name]
    bits = _bits_of(graph, start + others)
    return {node.name: node for node in graph.node if bits[node.name] == 1}


def _is_no_result(node: NodeDef) -> bool:
    is_for_training = purpose(node) not in ("no output needs it", "assertion")
    return is_for_training or node.op in ("Shape", "Size", "Rank", "Assert", "PrintV2")
