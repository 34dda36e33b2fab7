"""Find, explain and rewrite the pads in front of a U-Net's skip connections.

Where an odd size is halved and doubled again one row or column is missing, and the
decoder pads it before it joins the encoder's picture. Parsers of TensorRT are known
to stop at such pads. The check names each one and the input sizes that need none.
"""

from typing import Any, Dict, List, NamedTuple, Optional, Set, Tuple

import numpy as np

from engines.convert.graph import (
    GraphDef,
    GraphEditor,
    NodeDef,
    Rewrite,
    Terminals,
    attribute,
    node_name,
    static_shapes,
)

_PADS = ("Pad", "PadV2", "MirrorPad")
_CROPS = ("StridedSlice", "Slice")
_JOINS = ("ConcatV2", "Concat", "Add", "AddV2", "AddN")
_PASSING = (
    *("Identity", "BiasAdd", "Relu", "Relu6", "LeakyRelu", "Elu", "Sigmoid", "Tanh"),
    *("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", "Mul", "Sub", "Cast"),
)


class PaddedSkip(NamedTuple):
    """One pad or crop whose result joins another picture."""

    node: str
    joins_at: str
    is_crop: bool
    amounts_px: Tuple[Tuple[int, int], Tuple[int, int]]
    """Top and bottom, left and right; negative for a crop."""

    def describe(self) -> str:
        """Write it in a sentence."""
        (top, bottom), (left, right) = self.amounts_px
        what = "crops" if self.is_crop else "pads"
        sides = f"top {abs(top)}, bottom {abs(bottom)}, left {abs(left)}, "
        return f"{self.node} {what} {sides}right {abs(right)} before {self.joins_at}"


class SkipCheck(NamedTuple):
    """All padded skips of a network and how to be rid of them."""

    skips: Tuple[PaddedSkip, ...]
    reduction: int
    """Input sizes that are a multiple of it need no pad."""
    fitting_sizes_px: Tuple[Tuple[int, int], ...]
    """Widths and heights next to the present one that need none."""

    def sentences(self) -> Tuple[str, ...]:
        """Write it for the operator."""
        if not self.skips:
            return ()
        sizes = " or ".join(f"{w}x{h}" for w, h in self.fitting_sizes_px)
        return (
            *(skip.describe() for skip in self.skips),
            f"sizes that are multiples of {self.reduction} need no pads: {sizes}",
        )


def check_padded_skips(graph: GraphDef, terminals: Terminals) -> SkipCheck:
    """Find pads and crops in front of a concatenation or a sum of pictures.

    Parameters
    ----------
    graph : GraphDef
        Frozen, with a known input size.
    terminals : Terminals
        Its ends.
    """
    editor = GraphEditor(graph, terminals)
    shapes = static_shapes(graph)
    skips = []
    for node in editor.in_order():
        if node.op not in _PADS + _CROPS:
            continue
        amounts = _amounts(editor, node, shapes)
        join = _join_after(editor, node) if amounts else None
        if amounts and join is not None:
            is_crop = node.op in _CROPS
            skips.append(PaddedSkip(node.name, join.name, is_crop, amounts))
    reduction = _largest_reduction(editor)
    size = shapes.get(terminals.inputs[0])
    return SkipCheck(tuple(skips), reduction, _fitting_sizes(size, reduction, editor))


def _axes(editor: GraphEditor) -> Tuple[int, int]:
    """Axes of height and width."""
    for node in editor.nodes():
        if node.op in ("Conv2D", "DepthwiseConv2dNative", "Conv2DBackpropInput"):
            return (2, 3) if attribute(node, "data_format").s == b"NCHW" else (1, 2)
    return (1, 2)


_Amounts = Tuple[Tuple[int, int], Tuple[int, int]]


def _amounts(
    editor: GraphEditor, node: NodeDef, shapes: Dict[str, Any]
) -> Optional[_Amounts]:
    """Rows and columns that a node adds or, negative, takes; None if neither."""
    rows, columns = _axes(editor)
    if node.op in _PADS:
        pads = editor.value(node.input[1])
        if pads is None or pads.shape != (4, 2) or not np.any(pads[[rows, columns]]):
            return None
        return _pair(pads[rows]), _pair(pads[columns])
    before, after = shapes.get(node.input[0]), shapes.get(node.name)
    starts = editor.value(node.input[1])
    if starts is None or not before or not after or len(before) != 4 != len(after):
        return None
    if len(after) != 4 or None in before or None in after or before == after:
        return None
    if before[0] != after[0] or starts.size <= columns:
        return None
    taken = []
    for axis in (rows, columns):
        start = int(starts[axis])
        taken.append((-start, -(before[axis] - after[axis] - start)))
    # A slice of channels, or one with a step, is no crop.
    is_crop = any(one != (0, 0) for one in taken)
    return (taken[0], taken[1]) if is_crop else None


def _pair(values: Any) -> Tuple[int, int]:  # noqa: ANN401  two numbers
    return int(values[0]), int(values[1])


def _join_after(editor: GraphEditor, node: NodeDef) -> Optional[NodeDef]:
    waiting: List[NodeDef] = list(editor.consumers(node))
    seen: Set[str] = set()
    while waiting:
        taker = waiting.pop()
        if taker.name in seen:
            continue
        seen.add(taker.name)
        pictures = [one for one in taker.input if editor.value(one) is None]
        if taker.op in _JOINS and len(set(pictures)) > 1:
            return taker
        if taker.op in _PASSING + _JOINS:
            waiting.extend(editor.consumers(taker))
    return None


def _largest_reduction(editor: GraphEditor) -> int:
    """How many times smaller than the input the smallest picture is."""
    factors: Dict[str, float] = {}
    largest = 1.0
    for node in editor.in_order():
        before = [factors.get(node_name(one), 1.0) for one in node.input] or [1.0]
        factors[node.name] = max(before) * _stride(node, editor)
        largest = max(largest, factors[node.name])
    return round(largest)


def _stride(node: NodeDef, editor: GraphEditor) -> float:
    if node.op in ("Conv2D", "DepthwiseConv2dNative", "MaxPool", "AvgPool"):
        return float(max(attribute(node, "strides").list.i))
    if node.op == "Conv2DBackpropInput":
        return 1.0 / float(max(attribute(node, "strides").list.i))
    if node.op.startswith("Resize"):
        # Keras doubles; a resize to anything else is undone by its own skip.
        size = editor.value(node.input[1])
        return 1.0 if size is None else 0.5
    return 1.0


def _fitting_sizes(
    shape: Any,  # noqa: ANN401
    reduction: int,
    editor: GraphEditor,
) -> Tuple[Tuple[int, int], ...]:
    if shape is None or len(shape) != 4:
        return ()
    rows, columns = _axes(editor)
    height, width = shape[rows], shape[columns]
    if height is None or width is None:
        return ()
    below = (width // reduction * reduction, height // reduction * reduction)
    above = (-(-width // reduction) * reduction, -(-height // reduction) * reduction)
    return (below, above) if below != above and min(below) else (above,)


def rewrite_padded_skips(graph: GraphDef, terminals: Terminals) -> Rewrite:
    """Write pads in front of skips as concatenations with zeros: an equal graph.

    Concatenations along height and width with a constant are what every parser of
    TensorRT takes. Crops stay: a slice with constant bounds is taken as it is.
    """
    check = check_padded_skips(graph, terminals)
    editor = GraphEditor(graph, terminals)
    shapes = static_shapes(graph)
    for skip in check.skips:
        node = editor.node(skip.node)
        reason = _why_not(editor, node, shapes)
        if reason:
            editor.kept(node, reason)
            continue
        editor.removed("pad written as a concatenation with zeros", node.op)
        _as_concatenations(editor, node, shapes)
    editor.notes.extend(check.sentences())
    editor.keep_reachable()
    return editor.finish()


def _why_not(editor: GraphEditor, node: NodeDef, shapes: Dict[str, Any]) -> str:
    if node.op in _CROPS:
        return "a slice with constant bounds is taken as it is"
    if node.op == "MirrorPad":
        return "it mirrors the picture, zeros would not be equal"
    if node.op == "PadV2":
        filling = editor.value(node.input[2])
        if filling is None or np.any(filling):
            return "it does not pad zeros"
    shape = shapes.get(node.input[0])
    if shape is None or None in shape:
        return "the size of the picture is not known"
    amounts = editor.value(node.input[1])
    if amounts is None or np.any(amounts < 0):
        return "its amounts are not known"
    return ""


def _as_concatenations(
    editor: GraphEditor, node: NodeDef, shapes: Dict[str, Any]
) -> None:
    amounts: Any = editor.value(node.input[1])
    dtype = attribute(node, "T").type
    shape = list(shapes[node.input[0]])
    source = node.input[0]
    for axis in range(len(shape)):
        before, after = _pair(amounts[axis])
        parts = [source]
        for amount, is_first in ((before, True), (after, False)):
            if amount:
                zeros = _zeros(
                    editor, node, [*shape[:axis], amount, *shape[axis + 1 :]]
                )
                parts.insert(0 if is_first else len(parts), zeros)
        if len(parts) == 1:
            continue
        along = editor.add_constant(f"{node.name}/axis", np.array(axis, np.int32))
        joined = editor.add_node(f"{node.name}/joined", "ConcatV2", [*parts, along])
        joined.attr["T"].type = dtype
        joined.attr["Tidx"].type = editor.node(along).attr["dtype"].type
        joined.attr["N"].i = len(parts)
        shape[axis] += before + after
        source = joined.name
    editor.redirect({node.name: source})


def _zeros(editor: GraphEditor, node: NodeDef, shape: List[int]) -> str:
    import tensorflow as tf

    dtype = tf.as_dtype(attribute(node, "T").type).as_numpy_dtype
    return editor.add_constant(f"{node.name}/zeros", np.zeros(shape, dtype))
