"""Times the single operations of a network, where the library tells them."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Sequence, Tuple

from engines.base import Precision
from engines.convert.graph import GraphDef, Terminals
from engines.convert.graph_file import Node
from engines.errors import EngineError
from engines.openvino_library import import_openvino

if TYPE_CHECKING:
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

_WARM_UP_CALLS = 3
_CALLS = 10
_OPTIONS = {
    "PERF_COUNT": True,
    "INFERENCE_NUM_THREADS": 1,
    "PERFORMANCE_HINT": "LATENCY",
}


def times_of_graph(
    graph: GraphDef, terminals: Terminals, tensors: "Sequence[NDArray[Any]]"
) -> Dict[str, float]:
    """Run a frozen graph in TensorFlow, and time its nodes.

    Returns
    -------
    dict of str to float
        Mean microseconds of one inference by node; a node that TensorFlow fuses with
        another is not in it. Empty where the graph does not run here.
    """
    import tensorflow as tf

    v1 = tf.compat.v1
    total_us: Dict[str, float] = {}
    try:
        with tf.Graph().as_default(), v1.Session() as session:
            v1.import_graph_def(graph, name="")
            feed, fetch = f"{terminals.inputs[0]}:0", f"{terminals.outputs[0]}:0"
            for number in range(_WARM_UP_CALLS + _CALLS):
                facts = v1.RunMetadata()
                session.run(
                    fetch,
                    {feed: tensors[number % len(tensors)]},
                    options=v1.RunOptions(trace_level=v1.RunOptions.FULL_TRACE),
                    run_metadata=facts,
                )
                if number >= _WARM_UP_CALLS:
                    _add_times(facts, total_us)
    except (tf.errors.OpError, ValueError, KeyError) as error:
        log.warning("operations are not timed in TensorFlow: %s", error)
        return {}
    return {name: round(us / _CALLS, 2) for name, us in total_us.items()}


def _add_times(facts: Any, total_us: Dict[str, float]) -> None:  # noqa: ANN401
    for device in facts.step_stats.dev_stats:
        for node in device.node_stats:
            name = node.node_name.split(":")[0]
            spent_us = node.op_end_rel_micros - node.op_start_rel_micros
            total_us[name] = total_us.get(name, 0.0) + max(0, spent_us)


def nodes_of_openvino(
    path: Path,
    shape: Sequence[int],
    tensors: "Sequence[NDArray[Any]]",
    precision: Precision,
) -> Tuple[Node, ...]:
    """List what OpenVINO runs of a network, with its times.

    Returns
    -------
    tuple of Node
        In the order of execution; empty where OpenVINO does not run it here.
    """
    try:
        openvino = import_openvino()
        core = openvino.Core()
        network = core.read_model(str(path))
        network.reshape(list(shape))
        hint = "bf16" if precision is Precision.BF16 else "f32"
        options = dict(_OPTIONS, INFERENCE_PRECISION_HINT=hint)
        request = core.compile_model(network, "CPU", options).create_infer_request()
        total_us: Dict[str, float] = {}
        found: List[Tuple[str, str]] = []
        for number in range(_WARM_UP_CALLS + _CALLS):
            request.infer([tensors[number % len(tensors)]])
            if number < _WARM_UP_CALLS:
                continue
            for one in request.get_profiling_info():
                if one.node_name not in total_us:
                    found.append((one.node_name, one.node_type))
                spent_us = one.real_time.total_seconds() * 1e6
                total_us[one.node_name] = total_us.get(one.node_name, 0.0) + spent_us
    except (RuntimeError, EngineError) as error:
        log.warning("operations are not timed in OpenVINO: %s", error)
        return ()
    return tuple((name, op, round(total_us[name] / _CALLS, 2)) for name, op in found)
