"""The log directory, read as TensorBoard reads it."""

import pytest

from engines.convert.report import StepReport
from engines.convert.tensorboard_log import without_weights, write_log
from tests.engines.convert.networks import graph_of, random_array, tf

event_accumulator = pytest.importorskip(
    "tensorboard.backend.event_processing.event_accumulator"
)
SHAPE = (1, 8, 8, 3)


def network(x):
    weights = random_array(3, 3, 3, 16)
    return tf.sigmoid(tf.compat.v1.nn.conv2d(x, weights, [1, 1, 1, 1], "SAME"))


def report(nodes_after):
    return StepReport(
        name="fold",
        summary="",
        ops_before={"Conv2D": 5},
        ops_after={"Conv2D": nodes_after},
        bytes_before=10,
        bytes_after=10,
        seconds=0.0,
        max_abs_diff=0.0,
        mask_iou=None,
    )


def read(folder):
    accumulator = event_accumulator.EventAccumulator(str(folder))
    accumulator.Reload()
    return accumulator


def test_every_graph_is_a_run_with_all_its_nodes(tmp_path):
    graph = graph_of(network, SHAPE).graph

    runs = write_log({"as trained": graph, "optimised": graph}, [], tmp_path)

    names = [[node.name for node in read(run).Graph().node] for run in runs]
    assert names == [[node.name for node in graph.node]] * 2


def test_the_steps_are_scalars(tmp_path):
    runs = write_log({}, [report(4), report(3)], tmp_path)

    scalars = read(runs[-1]).Scalars("nodes")
    assert [(one.step, one.value) for one in scalars] == [(0, 4.0), (1, 3.0)]


def test_an_unknown_figure_is_left_out(tmp_path):
    runs = write_log({}, [report(4)], tmp_path)

    assert "mask_iou" not in read(runs[-1]).Tags()["scalars"]


def test_large_constants_keep_their_shape_and_lose_their_values():
    graph = graph_of(network, SHAPE).graph

    light = without_weights(graph)

    constants = [node for node in light.node if node.op == "Const"]
    shapes = [
        [dim.size for dim in node.attr["value"].tensor.tensor_shape.dim]
        for node in constants
    ]
    assert [3, 3, 3, 16] in shapes
    assert light.ByteSize() < graph.ByteSize() / 2
