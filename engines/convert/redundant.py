"""Remove operations that change nothing, and pads a convolution can do itself."""

from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from engines.convert.graph import GraphEditor, NodeDef, attribute, static_shapes

_Shapes = Dict[str, Optional[Tuple[Optional[int], ...]]]


def remove_redundant(editor: GraphEditor) -> None:
    """Bypass casts, reshapes, transposes, pads and the like that change nothing."""
    shapes = static_shapes(editor.finish().graph)
    bypassed: Dict[str, str] = {}
    for node in editor.nodes():
        if editor.is_terminal(node) or not node.input:
            continue
        if _changes_nothing(editor, node, shapes):
            editor.removed("changes nothing", node.op)
            bypassed[node.name] = node.input[0]
    editor.redirect(bypassed)


def _changes_nothing(editor: GraphEditor, node: NodeDef, shapes: _Shapes) -> bool:
    if node.op == "Cast":
        return bool(attribute(node, "SrcT").type == attribute(node, "DstT").type)
    if node.op in ("Reshape", "Slice", "Tile", "BroadcastTo", "ExpandDims", "Squeeze"):
        before, after = shapes.get(node.input[0]), shapes.get(node.name)
        is_known = before is not None and None not in before
        # A tile or a slice to the same shape repeats or cuts nothing.
        return is_known and before == after
    if node.op == "Transpose":
        order = editor.value(node.input[1])
        return order is not None and bool(np.all(order == np.arange(order.size)))
    if node.op in ("Pad", "PadV2", "MirrorPad"):
        amounts = editor.value(node.input[1])
        return amounts is not None and not np.any(amounts)
    if node.op in ("ConcatV2", "AddN"):
        return bool(attribute(node, "N").i == 1)
    if node.op == "Relu":
        return bool(editor.node(node.input[0]).op in ("Relu", "Relu6", "Sigmoid"))
    return False


class _Window(NamedTuple):
    """How a convolution walks along one axis."""

    size_px: int
    before_px: int
    after_px: int
    kernel_px: int
    stride_px: int

    def is_same_padding(self) -> bool:
        """Whether SAME would pad what is padded now, as far as it is looked at."""
        padded = self.size_px + self.before_px + self.after_px
        count = (padded - self.kernel_px) // self.stride_px + 1
        if count != -(-self.size_px // self.stride_px):
            return False
        span = (count - 1) * self.stride_px + self.kernel_px
        total = max(span - self.size_px, 0)
        return self.before_px == total // 2 and self.after_px >= total - total // 2


def absorb_pads(editor: GraphEditor) -> None:
    """Let a convolution pad for itself where its SAME padding is what a Pad does."""
    found: List[Tuple[NodeDef, NodeDef]] = []
    for node in editor.nodes():
        if node.op != "Pad" or not editor.has_one_use(node):
            continue
        taker = editor.consumers(node)[0]
        is_convolution = taker.op in ("Conv2D", "DepthwiseConv2dNative")
        if is_convolution and attribute(taker, "padding").s == b"VALID":
            found.append((node, taker))
    if not found:
        return
    shapes = static_shapes(editor.finish().graph)
    for pad, taker in found:
        windows = _windows(editor, pad, taker, shapes)
        if windows is None or not all(one.is_same_padding() for one in windows):
            editor.kept(pad, f"{taker.name} has no padding mode that does the same")
            continue
        taker.attr["padding"].s = b"SAME"
        editor.removed("padding done by the convolution itself", pad.op)
        editor.redirect({pad.name: pad.input[0]})


def _windows(
    editor: GraphEditor, pad: NodeDef, taker: NodeDef, shapes: _Shapes
) -> Optional[List[_Window]]:
    amounts: Any = editor.value(pad.input[1])
    weights = editor.value(taker.input[1])
    shape = shapes.get(pad.input[0])
    if amounts is None or weights is None or shape is None or len(shape) != 4:
        return None
    axes = (2, 3) if attribute(taker, "data_format").s == b"NCHW" else (1, 2)
    if any(np.any(amounts[axis]) for axis in range(4) if axis not in axes):
        return None
    strides = list(attribute(taker, "strides").list.i)
    dilations = list(attribute(taker, "dilations").list.i) or [1, 1, 1, 1]
    windows = []
    for index, axis in enumerate(axes):
        size = shape[axis]
        if size is None:
            return None
        kernel = (weights.shape[index] - 1) * dilations[axis] + 1
        before, after = (int(amount) for amount in amounts[axis])
        windows.append(_Window(size, before, after, kernel, strides[axis]))
    return windows
