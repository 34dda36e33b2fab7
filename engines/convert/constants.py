"""Fold what depends on constants only."""

from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Optional

import numpy as np

from engines.convert.graph import (
    CONTROL_FLOW,
    GraphDef,
    GraphEditor,
    Rewrite,
    Terminals,
    canonical,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A constant that takes more than this and more than what it was made of (a Fill or
# a Tile of a large shape) would make the file larger, not smaller.
_LARGEST_GROWTH_BYTES = 1 << 16

_FAKE_QUANTISATION = (
    "FakeQuantWithMinMaxArgs",
    "FakeQuantWithMinMaxVars",
    "FakeQuantWithMinMaxVarsPerChannel",
    "QuantizeAndDequantizeV2",
    "QuantizeAndDequantizeV3",
)


def session_config() -> Any:  # noqa: ANN401  a message of TensorFlow
    """Configure a session that computes and changes nothing.

    One thread, so that equal graphs give equal sums; no Grappler, so that what runs
    is what is written; no GPU.
    """
    import tensorflow as tf
    from tensorflow.core.protobuf import rewriter_config_pb2

    config = tf.compat.v1.ConfigProto(
        device_count={"GPU": 0},
        intra_op_parallelism_threads=1,
        inter_op_parallelism_threads=1,
    )
    rewrite = config.graph_options.rewrite_options
    rewrite.disable_meta_optimizer = True
    rewrite.constant_folding = rewriter_config_pb2.RewriterConfig.OFF
    return config


def evaluate(graph: GraphDef, tensors: Iterable[str]) -> "Dict[str, NDArray[Any]]":
    """Compute tensors that depend on no placeholder."""
    import tensorflow as tf

    wanted = list(tensors)
    imported = tf.Graph()
    with imported.as_default():
        tf.import_graph_def(graph, name="")
    names = [name if ":" in name else name + ":0" for name in wanted]
    with tf.compat.v1.Session(graph=imported, config=session_config()) as session:
        return dict(zip(wanted, session.run(names)))


def fold_constants(graph: GraphDef, terminals: Terminals) -> Rewrite:
    """Replace every node whose result cannot change by that result.

    Shapes that are known before a frame came count as constants. Random numbers,
    operations with a state, loops and fake quantisation stay.
    """
    import tensorflow as tf

    editor = GraphEditor(graph, terminals)
    imported = tf.Graph()
    with imported.as_default():
        tf.import_graph_def(graph, name="")
    constant: Dict[str, bool] = {}
    shapes: Dict[str, NDArray[Any]] = {}
    foldable: List[Any] = []
    for operation in _in_order(imported):
        if operation.type == "Const":
            constant[operation.name] = True
            continue
        shape = _static_shape(operation)
        if shape is not None:
            shapes[operation.name] = shape
            constant[operation.name] = True
        elif _is_foldable(operation, editor, constant):
            constant[operation.name] = True
            foldable.append(operation)
    values = _run(imported, foldable, shapes)
    for name, value in values.items():
        node = editor.node(name)
        if node.name in terminals.outputs:
            continue
        operation = imported.get_operation_by_name(name)
        if _grows_too_much(operation, value):
            editor.kept(node, f"folded it would take {value.nbytes} bytes")
            continue
        editor.removed("depends on constants only", node.op)
        editor.make_constant(node, value)
    editor.keep_reachable()
    return editor.finish()


def _in_order(graph: Any) -> List[Any]:  # noqa: ANN401  a graph of TensorFlow
    # Importing puts every operation after its inputs.
    return list(graph.get_operations())


def _static_shape(operation: Any) -> "Optional[NDArray[Any]]":  # noqa: ANN401
    if operation.type not in ("Shape", "Size", "Rank"):
        return None
    shape = operation.inputs[0].shape
    if shape.ndims is None:
        return None
    dtype = operation.outputs[0].dtype.as_numpy_dtype
    if operation.type == "Rank":
        return np.array(shape.ndims, dtype)
    if not shape.is_fully_defined():
        return None
    sizes = np.array(shape.as_list(), dtype)
    return sizes if operation.type == "Shape" else np.array(sizes.prod(), dtype)


def _is_foldable(
    operation: Any,  # noqa: ANN401
    editor: GraphEditor,
    constant: Dict[str, bool],
) -> bool:
    if operation.type in CONTROL_FLOW or operation.type in _FAKE_QUANTISATION:
        return False
    if not operation.inputs or len(operation.outputs) != 1:
        return False
    if operation.op_def.is_stateful or operation.type.startswith("Placeholder"):
        return False
    if any(edge.type in CONTROL_FLOW for edge in operation.control_inputs):
        return False
    if operation.outputs[0].dtype.base_dtype.name in ("variant", "resource"):
        return False
    return operation.name in editor and all(
        tensor.op.name in constant for tensor in operation.inputs
    )


def _run(
    graph: Any,  # noqa: ANN401
    foldable: List[Any],
    shapes: "Dict[str, NDArray[Any]]",
) -> "Dict[str, NDArray[Any]]":
    import tensorflow as tf

    values = dict(shapes)
    if foldable:
        # Shapes are fed: computing them would ask for the placeholder's value.
        feed = {graph.get_tensor_by_name(f"{n}:0"): v for n, v in shapes.items()}
        with tf.compat.v1.Session(graph=graph, config=session_config()) as session:
            results = session.run([one.outputs[0] for one in foldable], feed)
        values.update(
            (canonical(one.outputs[0].name), np.asarray(result))
            for one, result in zip(foldable, results)
        )
    return values


def _grows_too_much(operation: Any, value: "NDArray[Any]") -> bool:  # noqa: ANN401
    if value.nbytes <= _LARGEST_GROWTH_BYTES:
        return False
    taken = 0
    for tensor in operation.inputs:
        if tensor.shape.is_fully_defined():
            taken += int(np.prod(tensor.shape.as_list())) * tensor.dtype.size
    return value.nbytes > 2 * taken
