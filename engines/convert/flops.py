"""Estimate how much each node of a frozen graph computes."""

from typing import Any, Dict, Optional, Sequence, Tuple

from engines.convert.graph import GraphDef, node_name

# Two operations, one to multiply and one to add, for each weight that is applied.
_PER_WEIGHT = 2


def flops_by_node(graph: GraphDef) -> Dict[str, int]:
    """Count operations of convolutions and matrix products, and of nothing else.

    These are nearly all that a network computes. Nodes whose shapes TensorFlow cannot
    tell count as nothing.

    Parameters
    ----------
    graph : GraphDef
        Frozen, its input of a fixed size.

    Returns
    -------
    dict
        Node to operations, for those nodes that have any.
    """
    import tensorflow as tf

    imported = tf.Graph()
    with imported.as_default():
        tf.import_graph_def(graph, name="")
    counted: Dict[str, int] = {}
    for operation in imported.get_operations():
        flops = _flops(operation)
        if flops:
            counted[node_name(operation.name)] = flops
    return counted


def _flops(operation: Any) -> int:  # noqa: ANN401  an Operation
    kind = operation.type
    if kind in ("Conv2D", "DepthwiseConv2dNative"):
        return _times(_output(operation), _weights_per_value(operation, kind))
    if kind == "Conv2DBackpropInput":
        # A transposed convolution applies its weights at each place of its input.
        kernel, source = _input(operation, 1), _input(operation, 2)
        if kernel is None:
            return 0
        return _times(source, kernel[0] * kernel[1] * kernel[2])
    if kind in ("MatMul", "BatchMatMul", "BatchMatMulV2"):
        first = _input(operation, 0)
        name = "transpose_a" if kind == "MatMul" else "adj_x"
        if first is None or len(first) < 2:
            return 0
        depth = first[-2] if operation.get_attr(name) else first[-1]
        return _times(_output(operation), depth)
    return 0


def _weights_per_value(operation: Any, kind: str) -> int:  # noqa: ANN401
    kernel = _input(operation, 1)
    if kernel is None:
        return 0
    height, width, channels, _ = kernel
    # A depthwise convolution reads one channel for each that it writes.
    return height * width * (1 if kind == "DepthwiseConv2dNative" else channels)


def _times(shape: Optional[Sequence[int]], weights: int) -> int:
    if shape is None:
        return 0
    count = _PER_WEIGHT * weights
    for size in shape:
        count *= size
    return count


def _output(operation: Any) -> Optional[Tuple[int, ...]]:  # noqa: ANN401
    return _known(operation.outputs[0].shape)


def _input(operation: Any, index: int) -> Optional[Tuple[int, ...]]:  # noqa: ANN401
    return _known(operation.inputs[index].shape)


def _known(shape: Any) -> Optional[Tuple[int, ...]]:  # noqa: ANN401  a TensorShape
    if not shape.is_fully_defined():
        return None
    return tuple(int(size) for size in shape.as_list())
