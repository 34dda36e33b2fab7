"""Fold batch norms, scales and offsets into the layers beside them."""

from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Tuple

import numpy as np

from engines.convert.constants import fold_constants
from engines.convert.graph import (
    GraphDef,
    GraphEditor,
    NodeDef,
    Rewrite,
    Terminals,
    attribute,
)
from engines.convert.linear import (
    DATA_INPUT,
    WEIGHTS_INPUT,
    Linear,
    channel_vector,
    linear_at,
)
from engines.convert.redundant import absorb_pads, remove_redundant

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engines.convert.linear import Vector

_BATCH_NORMS = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
_SUMS = ("Add", "AddV2", "BiasAdd")
_PADS = ("Pad", "PadV2")


class _Affine(NamedTuple):
    """A node that computes `data * scale + offset` with constants."""

    node: NodeDef
    data: str
    scale: "NDArray[Any]"
    offset: "NDArray[Any]"
    is_channels_last: bool

    def per_channel(
        self, channels: int, rank: int, is_channels_last: bool
    ) -> "Optional[Tuple[Vector, Vector]]":
        """Scale and offset, one number per channel; None if they are not that."""
        if self.node.op in (*_BATCH_NORMS, "BiasAdd"):
            if rank == 4 and self.is_channels_last != is_channels_last:
                return None
            shape = [channels] + [1] * (0 if is_channels_last else rank - 2)
            if self.offset.size not in (1, channels):
                return None
            pair = [
                np.broadcast_to(one, (channels,)).reshape(shape)
                for one in (self.scale, self.offset)
            ]
        else:
            pair = [self.scale, self.offset]
        read = [channel_vector(one, channels, rank, is_channels_last) for one in pair]
        if read[0] is None or read[1] is None:
            return None
        return read[0], read[1]


class _Chain(NamedTuple):
    """What stands before an affine node: linear [-> bias] [-> zero padding]."""

    linear: Linear
    bias_node: Optional[NodeDef]
    bias: "Vector"
    pad: Optional[NodeDef]

    @property
    def last(self) -> NodeDef:
        """The node whose result the affine node takes."""
        return self.pad or self.bias_node or self.linear.node


def fold(graph: GraphDef, terminals: Terminals) -> Rewrite:
    """Fold constants; fold scales and offsets into weights and biases.

    A batch norm, or a multiplication and an addition with constants, goes into the
    convolution, transposed convolution, depthwise convolution or dense layer before
    it, also across zero padding (its scale only: the padding stays zero), or else
    into the one after it. Weights are computed in double and rounded once. Where
    the result would not be the same the node stays, and the report says why.
    """
    constants = fold_constants(graph, terminals)
    editor = GraphEditor(constants.graph, terminals)
    while _fold_once(editor):
        pass
    remove_redundant(editor)
    absorb_pads(editor)
    while _fold_once(editor):
        pass
    editor.keep_reachable()
    folded = editor.finish()
    again = fold_constants(folded.graph, terminals)
    return Rewrite(
        graph=again.graph,
        removed=constants.removed + folded.removed + again.removed,
        kept=folded.kept + again.kept,
        notes=folded.notes,
    )


def _fold_once(editor: GraphEditor) -> bool:
    """Fold what can be folded in one walk; tell whether anything was."""
    changed = False
    for node in editor.in_order():
        if node.name not in editor or editor.is_terminal_input(node):
            continue
        affine = _affine_at(editor, node)
        if affine is None:
            continue
        if _fold_backward(editor, affine) or _fold_forward(editor, affine):
            changed = True
    return changed


def _affine_at(editor: GraphEditor, node: NodeDef) -> Optional[_Affine]:
    is_last = bool(attribute(node, "data_format").s != b"NCHW")
    zero, one = np.zeros(()), np.ones(())
    if node.op in _BATCH_NORMS:
        parameters = [editor.value(tensor) for tensor in node.input[1:5]]
        if attribute(node, "is_training").b or any(p is None for p in parameters):
            return None
        gamma, beta, mean, variance = (np.asarray(p, np.float64) for p in parameters)
        scale = gamma / np.sqrt(variance + attribute(node, "epsilon").f)
        return _Affine(node, node.input[0], scale, beta - mean * scale, is_last)
    if node.op not in (*_SUMS, "Mul", "Sub", "RealDiv"):
        return None
    for data, other in ((0, 1), (1, 0)):
        value = editor.value(node.input[other])
        if value is None or value.dtype.kind != "f":
            continue
        value = np.asarray(value, np.float64)
        tensor = node.input[data]
        if node.op in _SUMS:
            return _Affine(node, tensor, one, value, is_last)
        if node.op == "Mul":
            return _Affine(node, tensor, value, zero, is_last)
        if node.op == "Sub":
            sign = one if data == 0 else -one
            return _Affine(node, tensor, sign, -sign * value, is_last)
        if data == 0 and np.all(value != 0):
            return _Affine(node, tensor, 1.0 / value, zero, is_last)
        return None
    return None


def _chain_before(editor: GraphEditor, tensor: str) -> Optional[_Chain]:
    if ":" in tensor:
        return None
    node = editor.node(tensor)
    pad = None
    if node.op in _PADS and is_zero_spatial_pad(editor, node):
        pad, node = node, editor.node(node.input[0])
    bias_node = None
    bias: Optional[Vector] = None
    if node.op in _SUMS:
        affine = _affine_at(editor, node)
        if affine is None or ":" in affine.data:
            return None
        linear = linear_at(editor, editor.node(affine.data))
        if linear is not None:
            pair = affine.per_channel(
                linear.channels_out, linear_rank(linear), linear.is_channels_last
            )
            bias_node, bias = (node, pair[1]) if pair else (None, None)
            if pair is None:
                return None
    else:
        linear = linear_at(editor, node)
    if linear is None:
        return None
    if bias is None:
        bias = np.zeros(linear.channels_out)
    return _Chain(linear, bias_node, bias, pad)


def linear_rank(linear: Linear) -> int:
    """Axes of the data and the result of a linear node."""
    return 2 if linear.node.op == "MatMul" else 4


def is_zero_spatial_pad(editor: GraphEditor, node: NodeDef) -> bool:
    """Whether a node pads zeros, and pads neither batch nor channels."""
    amounts = editor.value(node.input[1])
    if amounts is None or amounts.shape != (4, 2):
        return False
    if node.op == "PadV2":
        filling = editor.value(node.input[2])
        if filling is None or np.any(filling != 0):
            return False
    padded = [axis for axis in range(4) if np.any(amounts[axis] != 0)]
    return set(padded) <= {1, 2} or set(padded) <= {2, 3}


def _fold_backward(editor: GraphEditor, affine: _Affine) -> bool:
    node = affine.node
    chain = _chain_before(editor, affine.data)
    if chain is None:
        return False
    linear = chain.linear
    pair = affine.per_channel(
        linear.channels_out, linear_rank(linear), linear.is_channels_last
    )
    if pair is None:
        editor.kept(node, f"its constants are not one per channel of {node.input[0]}")
        return False
    scale, offset = pair
    is_offset_only = bool(np.all(scale == 1.0))
    if is_offset_only and (chain.bias_node is None or chain.pad is not None):
        return _as_bias(editor, affine, chain, offset)
    for one in (linear.node, chain.bias_node, chain.pad):
        if one is not None and not editor.has_one_use(one):
            editor.kept(
                node, f"what it would be folded into, {one.name}, is used twice"
            )
            return False
    _note_folded(editor, node)
    _set_weights(editor, linear, linear.scaled_out(scale))
    if chain.pad is not None:
        _set_bias(editor, chain, chain.bias * scale)
        _end_with_offset(editor, node, chain, offset)
    elif chain.bias_node is not None:
        _set_bias(editor, chain, chain.bias * scale + offset)
        editor.redirect({node.name: chain.bias_node.name})
    else:
        _end_with_offset(editor, node, chain, offset)
    return True


def _as_bias(
    editor: GraphEditor, affine: _Affine, chain: _Chain, offset: "Vector"
) -> bool:
    """Write an addition after a linear node as its bias: runtimes fuse that."""
    node = affine.node
    if node.op == "BiasAdd" or chain.pad is not None:
        return False
    bias = _constant_like(editor, chain.linear, f"{node.name}/bias", offset)
    editor.make_bias_add(node, chain.linear.node.name, bias, chain.linear.node)
    return True


def _end_with_offset(
    editor: GraphEditor, node: NodeDef, chain: _Chain, offset: "Vector"
) -> None:
    """Let a folded node only add an offset, or vanish where that is zero."""
    if np.any(offset != 0):
        bias = _constant_like(editor, chain.linear, f"{node.name}/bias", offset)
        editor.make_bias_add(node, chain.last.name, bias, chain.linear.node)
    else:
        editor.redirect({node.name: chain.last.name})


def _fold_forward(editor: GraphEditor, affine: _Affine) -> bool:
    node = affine.node
    if node.op == "BiasAdd" and _chain_before(editor, affine.data) is not None:
        return False  # already where it belongs: the bias of a layer
    target = _layer_after(editor, node)
    if target is None:
        if node.op in _BATCH_NORMS and not editor.has_kept(node):
            editor.kept(node, "no layer before or after it can take it in")
        return False
    linear, pad = target
    pair = affine.per_channel(
        linear.channels_in, linear_rank(linear), linear.is_channels_last
    )
    if pair is None:
        editor.kept(node, "its constants are not one per channel")
        return False
    scale, offset = pair
    has_offset = bool(np.any(offset != 0))
    reason = linear.why_offset_stays(pad is not None) if has_offset else ""
    if reason:
        editor.kept(node, f"cannot be folded into {linear.node.name}: {reason}")
        return False
    _note_folded(editor, node)
    if has_offset:
        _add_offset_after(editor, linear, linear.result_of_offset(offset))
    _set_weights(editor, linear, linear.scaled_in(scale))
    editor.redirect({node.name: affine.data})
    return True


def _layer_after(
    editor: GraphEditor, node: NodeDef
) -> Optional[Tuple[Linear, Optional[NodeDef]]]:
    """Layer that alone takes a node's result, perhaps padded."""
    if not editor.has_one_use(node):
        return None
    taker = editor.consumers(node)[0]
    pad = None
    if taker.op in _PADS and is_zero_spatial_pad(editor, taker):
        pad = taker
        if not editor.has_one_use(pad):
            return None
        taker = editor.consumers(pad)[0]
    linear = linear_at(editor, taker)
    if linear is None or taker.name in editor.terminals.outputs:
        return None
    source = (pad or node).name
    if taker.input[DATA_INPUT[taker.op]] != source:
        return None
    return linear, pad


def _add_offset_after(editor: GraphEditor, linear: Linear, offset: "Vector") -> None:
    node = linear.node
    bias = _constant_like(editor, linear, f"{node.name}/offset", offset)
    added = editor.insert_after(node, f"{node.name}/with_offset")
    editor.make_bias_add(added, node.name, bias, node)


def _set_weights(editor: GraphEditor, linear: Linear, weights: "NDArray[Any]") -> None:
    # A new constant: the old one may be shared with another layer.
    name = editor.add_constant(f"{linear.node.name}/folded_weights", weights)
    editor.set_input(linear.node, WEIGHTS_INPUT, name)


def _set_bias(editor: GraphEditor, chain: _Chain, bias: "Vector") -> None:
    node = chain.bias_node
    if node is not None:
        name = _constant_like(editor, chain.linear, f"{node.name}/bias", bias)
        editor.make_bias_add(node, chain.linear.node.name, name, chain.linear.node)


def _constant_like(
    editor: GraphEditor, linear: Linear, name: str, value: "Vector"
) -> str:
    return editor.add_constant(name, value.astype(linear.weights.dtype))


def _note_folded(editor: GraphEditor, node: NodeDef) -> None:
    what = "batch norm" if node.op in _BATCH_NORMS else "scale or offset"
    editor.removed(f"{what} folded into the weights of a layer", node.op)
