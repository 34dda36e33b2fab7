"""The whole ladder on a network like those the console is for."""

import numpy as np
import pytest

from engines.convert.graph import Terminals, count_by_op
from engines.convert.recipe import graph_steps
from tests.engines.convert.networks import exported_unet, run_graph

# 62x78 halves to odd sizes just as 254x318 does: the same nodes, in less time.
HEIGHT_PX, WIDTH_PX = 62, 78


@pytest.fixture(scope="module")
def inference_graph():
    return exported_unet(HEIGHT_PX, WIDTH_PX)


@pytest.fixture(scope="module")
def learning_phase_graph():
    return exported_unet(HEIGHT_PX, WIDTH_PX, is_learning_phase_open=True)


def with_batch_of_one(exported):
    graph = type(exported.graph)()
    graph.CopyFrom(exported.graph)
    for node in graph.node:
        if node.name == exported.input_name:
            node.attr["shape"].shape.dim[0].size = 1
    return graph


def climb_down(exported):
    graph = with_batch_of_one(exported)
    terminals = Terminals((exported.input_name,), (exported.output_name,))
    for step in graph_steps((), rewrites_pads=False):
        graph = step.rewrite(graph, terminals).graph
    return graph


def largest_difference(exported, graph):
    image = np.random.RandomState(1).rand(1, HEIGHT_PX, WIDTH_PX, 3).astype(np.float32)
    feed = {exported.input_name: image}
    expected = run_graph(exported.graph, feed, exported.output_name)
    found = run_graph(graph, feed, exported.output_name)
    return float(np.abs(expected - found).max())


def test_the_exported_network_has_as_many_nodes_as_the_published_one(inference_graph):
    # TensorFlow 1.15 spends more nodes on a transposed convolution than 2.17 does.
    assert len(inference_graph.graph.node) in (275, 317)


def test_an_inference_graph_comes_down_to_105_nodes(inference_graph):
    graph = climb_down(inference_graph)

    assert len(graph.node) <= 105


def test_the_small_graph_gives_the_same_output(inference_graph):
    graph = climb_down(inference_graph)

    assert largest_difference(inference_graph, graph) <= 1e-6


def test_a_graph_with_its_learning_phase_open_comes_down_to_105_nodes(
    learning_phase_graph,
):
    before = len(learning_phase_graph.graph.node)

    graph = climb_down(learning_phase_graph)

    assert before >= 650
    assert len(graph.node) <= 105


def test_with_the_learning_phase_open_the_output_is_that_of_inference(
    learning_phase_graph,
):
    graph = climb_down(learning_phase_graph)

    assert largest_difference(learning_phase_graph, graph) <= 1e-6


def test_branches_written_as_functions_come_down_as_far():
    # given: what TensorFlow 2 writes instead of switches
    exported = exported_unet(
        22,
        30,
        is_learning_phase_open=True,
        with_control_flow_v2=True,
        widths=(4, 8),
        convolutions=1,
    )

    # when
    graph = climb_down(exported)

    # then
    counts = count_by_op(graph)
    assert not {"If", "StatelessIf", "Switch", "Merge", "FusedBatchNormV3"} & set(
        counts
    )
    assert len(graph.library.function) == 0


def test_nothing_of_training_is_left(learning_phase_graph):
    counts = count_by_op(climb_down(learning_phase_graph))

    assert set(counts) == {
        *("Placeholder", "Const", "Conv2D", "BiasAdd", "Relu", "MaxPool"),
        *("Conv2DBackpropInput", "Pad", "ConcatV2", "Sigmoid"),
    }
