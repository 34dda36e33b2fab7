"""Give a frozen graph definite ends: one input of known shape, one output."""

from typing import Any, List, Optional, Sequence, Tuple

from engines.convert.ends import End, Shape, shape_text
from engines.convert.errors import InputNotFoundError, SizeError
from engines.convert.graph import (
    GraphDef,
    GraphEditor,
    Terminals,
    canonical,
    node_name,
)

_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2dNative")


def definite_shape(
    end: End,
    size_px: Optional[Tuple[int, int]],
    shape: Optional[Sequence[int]],
    channels: Optional[int],
) -> Tuple[int, ...]:
    """Settle the input's shape: a batch of one, the operator's size where it is open.

    Parameters
    ----------
    end : End
        The input as the graph has it.
    size_px : tuple of int, optional
        Width and height that the operator gave.
    shape : sequence of int, optional
        Whole shape that the operator gave.
    channels : int, optional
        What the first convolution takes, where the graph does not say it at the
        input.

    Raises
    ------
    SizeError
        If the shape stays open, or the graph is made for another one.
    InputNotFoundError
        If it takes no numbers.
    """
    if end.dtype == "string":
        raise InputNotFoundError(
            f"input {end.name} takes an encoded file, not pixels",
            hint="Name the decoded picture's tensor with --input.",
        )
    if shape is not None:
        _require_taken(end, tuple(shape))
        return tuple(shape)
    known = end.shape
    if known is None and size_px is not None and channels is not None:
        known = (None, None, None, channels)
    if known is None:
        raise SizeError(
            f"input {end.name} has an unknown shape",
            hint="Give it with --size WIDTHxHEIGHT, or --shape for no picture.",
        )
    sizes = list(known)
    if sizes and sizes[0] is None:
        sizes[0] = 1
    if len(sizes) == 4:
        _fill_picture(sizes, size_px, channels, end)
    if None in sizes:
        raise SizeError(
            f"input {end.name} has shape {shape_text(known)}: its size is open",
            hint="Give it with --size WIDTHxHEIGHT, or --shape for no picture.",
        )
    return tuple(int(size) for size in sizes if size is not None)


def _fill_picture(
    sizes: List[Optional[int]],
    size_px: Optional[Tuple[int, int]],
    channels: Optional[int],
    end: End,
) -> None:
    is_channels_first = sizes[1] is not None and sizes[3] is None
    rows, columns, depth = (2, 3, 1) if is_channels_first else (1, 2, 3)
    if sizes[depth] is None:
        sizes[depth] = channels
    if size_px is None:
        return
    for axis, size in ((columns, size_px[0]), (rows, size_px[1])):
        if sizes[axis] is None:
            sizes[axis] = size
    # A graph of channels first that is fixed has its size in other places.
    if size_px not in ((sizes[columns], sizes[rows]), (sizes[3], sizes[2])):
        raise SizeError(
            f"the network is made for {shape_text(end.shape)}, "
            f"not for {size_px[0]}x{size_px[1]}",
            hint="Leave --size out, or export the network for that size.",
        )


def _require_taken(end: End, shape: Tuple[int, ...]) -> None:
    known: Shape = end.shape
    fits = known is None or (
        len(known) == len(shape)
        and all(one is None or one == two for one, two in zip(known, shape))
    )
    # A scalar shape is also what old graphs have where none was given.
    if not fits and known != ():
        raise SizeError(
            f"the network is made for {shape_text(known)}, not for {shape_text(shape)}",
            hint="Leave --shape out.",
        )


def first_channels(graph: GraphDef) -> Optional[int]:
    """Channels that the first convolution of a graph takes; None if there is none."""
    editor = GraphEditor(graph, Terminals((), ()))
    for node in editor.nodes():
        if node.op in _CONVOLUTIONS:
            weights = editor.value(node.input[1])
            return None if weights is None else int(weights.shape[2])
    return None


def with_ends(
    graph: GraphDef, input_end: End, output_end: End, shape: Tuple[int, ...]
) -> Tuple[GraphDef, Terminals]:
    """Cut a frozen graph to one input of known shape and one output.

    An input that is no placeholder becomes one: what came before it is cut off. An
    output that is a further result of its node gets a node of its own.
    """
    name = node_name(input_end.tensor)
    output = canonical(output_end.tensor)
    editor = GraphEditor(graph, Terminals((name,), (node_name(output),)))
    if name not in editor:
        raise InputNotFoundError(
            f"the output does not depend on {name}",
            hint="Choose another input or output.",
        )
    _make_placeholder(editor, name, canonical(input_end.tensor), input_end.dtype, shape)
    if ":" in output:
        output = _own_node(editor, output)
    terminals = Terminals((name,), (output,))
    cut = GraphEditor(editor.finish().graph, terminals)
    cut.keep_reachable()
    complete = _with_defaults(cut.finish().graph)
    return complete, terminals


def _make_placeholder(
    editor: GraphEditor, name: str, tensor: str, dtype: str, shape: Tuple[int, ...]
) -> None:
    import tensorflow as tf

    node = editor.node(name)
    if not node.op.startswith("Placeholder"):
        if ":" in tensor:
            editor.redirect({tensor: name})
        node.Clear()
        node.name = name
        node.op = "Placeholder"
        node.attr["dtype"].type = tf.as_dtype(dtype).as_datatype_enum
    elif node.op == "PlaceholderWithDefault":
        node.op = "Placeholder"
        del node.input[:]
    for attribute_name in [one for one in node.attr if one not in ("dtype", "shape")]:
        del node.attr[attribute_name]
    node.attr["shape"].shape.CopyFrom(tf.TensorShape(shape).as_proto())


def _own_node(editor: GraphEditor, tensor: str) -> str:
    import tensorflow as tf

    imported = tf.Graph()
    with imported.as_default():
        tf.import_graph_def(editor.finish().graph, name="")
    dtype = imported.get_tensor_by_name(tensor).dtype
    node = editor.add_node(tensor.replace(":", "_"), "Identity", [tensor])
    node.attr["T"].type = dtype.as_datatype_enum
    return str(node.name)


def _with_defaults(graph: GraphDef) -> GraphDef:
    """Write out attributes that were left at their defaults.

    Passes may then rely on them. Importing also checks that the shape fits.
    """
    import tensorflow as tf

    imported = tf.Graph()
    with imported.as_default():
        tf.import_graph_def(graph, name="")
    complete: Any = imported.as_graph_def()
    return complete
