"""Inference, pruning, merging and cleaning, each on a graph of a few nodes."""

import numpy as np
import pytest

from engines.convert.batch_norm import use_inference
from engines.convert.clean import clean
from engines.convert.errors import InputNotFoundError
from engines.convert.graph import GraphEditor, Terminals, count_by_op
from engines.convert.merge import merge_duplicates
from engines.convert.prune import prune
from tests.engines.convert.networks import graph_of, random_array, run_graph, tf

SHAPE = (1, 3, 4, 2)
ENDS = Terminals(("image",), ("result",))


@pytest.fixture
def control_flow_v1():
    """What TensorFlow 1 writes for a condition: switches and merges."""
    v1 = tf.compat.v1
    if tf.__version__.startswith("1."):
        yield
    else:
        v1.disable_control_flow_v2()
        yield
        v1.enable_control_flow_v2()


def result_of(graph, **flags):
    feed = {"image": random_array(*SHAPE), **flags}
    return run_graph(graph, feed, "result")


@pytest.mark.usefixtures("control_flow_v1")
def test_the_branch_of_training_goes():
    # given
    def build(x):
        is_training = tf.compat.v1.placeholder(tf.bool, (), name="is_training")
        return tf.compat.v1.cond(is_training, lambda: x * 2.0, lambda: x + 3.0)

    exported = graph_of(build, SHAPE)

    # when
    rewrite = use_inference(exported.graph, ENDS)

    # then
    np.testing.assert_array_equal(
        result_of(rewrite.graph), result_of(exported.graph, is_training=False)
    )
    assert not {"Switch", "Merge", "Mul"} & set(count_by_op(rewrite.graph))


@pytest.mark.usefixtures("control_flow_v1")
def test_a_branch_that_is_only_a_constant_is_told_from_the_other():
    def build(x):
        flag = tf.compat.v1.placeholder(tf.bool, (), name="is_training")
        scale = tf.compat.v1.cond(
            flag, lambda: tf.constant(7.0), lambda: tf.constant(5.0)
        )
        return x * scale

    rewrite = use_inference(graph_of(build, SHAPE).graph, ENDS)

    np.testing.assert_array_equal(
        result_of(rewrite.graph), random_array(*SHAPE) * np.float32(5.0)
    )


@pytest.mark.usefixtures("control_flow_v1")
def test_a_placeholder_whose_name_turns_inference_on_is_true():
    def build(x):
        flag = tf.compat.v1.placeholder(tf.bool, (), name="is_inference")
        return tf.compat.v1.cond(flag, lambda: x + 1.0, lambda: x * 9.0)

    rewrite = use_inference(graph_of(build, SHAPE).graph, ENDS)

    np.testing.assert_array_equal(result_of(rewrite.graph), random_array(*SHAPE) + 1)


@pytest.mark.usefixtures("control_flow_v1")
def test_a_branch_that_depends_on_the_image_stays():
    def build(x):
        is_bright = tf.reduce_mean(x) > 100.0
        return tf.compat.v1.cond(is_bright, lambda: x * 2.0, lambda: x + 3.0)

    exported = graph_of(build, SHAPE)

    graph = prune(use_inference(exported.graph, ENDS).graph, ENDS).graph

    np.testing.assert_array_equal(result_of(graph), result_of(exported.graph))
    assert "Merge" in count_by_op(graph)


def test_what_a_placeholder_is_can_be_given():
    def build(x):
        return x * tf.compat.v1.placeholder(tf.float32, (), name="gain")

    rewrite = use_inference(graph_of(build, SHAPE).graph, ENDS, {"gain": 4.0})

    np.testing.assert_array_equal(result_of(rewrite.graph), random_array(*SHAPE) * 4)


def test_a_placeholder_that_nobody_knows_is_asked_for():
    def build(x):
        return x * tf.compat.v1.placeholder(tf.float32, (), name="gain")

    with pytest.raises(InputNotFoundError, match="gain") as caught:
        use_inference(graph_of(build, SHAPE).graph, ENDS)

    assert "--set" in caught.value.hint


def batch_norm_in_training(x, mean, variance):
    from tensorflow.python.ops import gen_nn_ops

    return gen_nn_ops.fused_batch_norm_v3(
        x, np.ones(2, "f"), np.zeros(2, "f"), mean, variance, is_training=True
    )[0]


def test_a_batch_norm_exported_in_training_uses_its_moving_averages():
    # given
    mean, variance = np.float32([1, 2]), np.float32([4, 9])
    exported = graph_of(lambda x: batch_norm_in_training(x, mean, variance), SHAPE)

    # when
    rewrite = use_inference(exported.graph, ENDS)

    # then
    expected = (random_array(*SHAPE) - mean) / np.sqrt(variance)
    np.testing.assert_allclose(result_of(rewrite.graph), expected, atol=1e-3)
    assert rewrite.changes_result


def test_without_moving_averages_a_batch_norm_stays_and_the_reason_is_told():
    empty = np.zeros(0, np.float32)
    exported = graph_of(lambda x: batch_norm_in_training(x, empty, empty), SHAPE)

    rewrite = use_inference(exported.graph, ENDS)

    assert "moving averages are not in this graph" in rewrite.kept[0].reason


def test_a_dropout_that_was_written_out_goes():
    # given: dropout as TensorFlow 1 and 2 write it, at a fixed rate
    def build(x):
        return tf.nn.relu(tf.compat.v1.nn.dropout(x, rate=0.4))

    # when
    rewrite = prune(graph_of(build, SHAPE).graph, ENDS)

    # then
    np.testing.assert_array_equal(
        result_of(rewrite.graph), np.maximum(random_array(*SHAPE), 0)
    )
    assert "RandomUniform" not in count_by_op(rewrite.graph)
    assert rewrite.changes_result


def test_assertions_summaries_and_losses_go_and_are_named():
    # given
    v1 = tf.compat.v1

    def build(x):
        v1.summary.scalar("mean", tf.reduce_mean(x))
        with tf.control_dependencies([v1.assert_less(x, 1e9)]):
            return tf.nn.relu(x)

    # when
    rewrite = prune(graph_of(build, SHAPE).graph, ENDS)

    # then
    reasons = {one.reason for one in rewrite.removed}
    assert count_by_op(rewrite.graph) == {"Placeholder": 1, "Relu": 1}
    assert "summary" in reasons


def test_an_output_that_only_passed_a_result_on_keeps_its_name():
    rewrite = prune(graph_of(tf.nn.relu, SHAPE).graph, ENDS)

    assert [(node.name, node.op) for node in rewrite.graph.node] == [
        ("image", "Placeholder"),
        ("result", "Relu"),
    ]


def test_an_output_that_is_the_input_stays_a_node():
    rewrite = prune(graph_of(lambda x: x, SHAPE).graph, ENDS)

    assert rewrite.kept[0].reason == "gives an output its name"


def test_subgraphs_that_compute_the_same_merge():
    # given: the same twice, with the terms of a product the other way round
    def build(x):
        one = tf.nn.relu(x * tf.constant([1.0, 2.0]))
        other = tf.nn.relu(tf.constant([1.0, 2.0]) * x)
        return one - tf.nn.sigmoid(other)

    exported = graph_of(build, SHAPE)

    # when
    rewrite = merge_duplicates(exported.graph, ENDS)

    # then
    counts = count_by_op(rewrite.graph)
    assert (counts["Relu"], counts["Mul"]) == (1, 1)
    np.testing.assert_array_equal(result_of(rewrite.graph), result_of(exported.graph))


def test_random_numbers_drawn_twice_stay_two():
    def build(x):
        draw = tf.compat.v1.random_uniform
        return x + draw([2], seed=1) + draw([2], seed=1)

    rewrite = merge_duplicates(graph_of(build, SHAPE).graph, ENDS)

    assert count_by_op(rewrite.graph)["RandomUniform"] == 2


def test_constants_of_equal_bytes_and_other_type_stay_two():
    def build(x):
        whole = tf.cast(tf.constant(np.zeros(2, np.int32)), tf.float32)
        return x + whole + tf.constant(np.zeros(2, np.float32))

    rewrite = merge_duplicates(graph_of(build, SHAPE).graph, ENDS)

    assert count_by_op(rewrite.graph)["Const"] == 2


def test_device_placements_and_control_edges_go():
    def build(x):
        with tf.compat.v1.device("/gpu:1"):
            first = tf.nn.relu(x)
        with tf.control_dependencies([first]):
            return tf.nn.sigmoid(x)

    rewrite = clean(graph_of(build, SHAPE).graph, ENDS)

    assert not any(node.device for node in rewrite.graph.node)
    assert "Relu" not in count_by_op(rewrite.graph)
    assert any("control edges" in note for note in rewrite.notes)


def test_a_pass_leaves_the_graph_it_was_given_as_it_was():
    exported = graph_of(lambda x: tf.identity(x) * 2.0, SHAPE)
    before = exported.graph.SerializeToString(deterministic=True)

    for rewrite in (use_inference, prune, merge_duplicates, clean):
        rewrite(exported.graph, ENDS)

    assert exported.graph.SerializeToString(deterministic=True) == before


def test_a_redirected_node_that_a_control_edge_needs_stays():
    # given
    def build(x):
        first = tf.identity(x, name="first")
        with tf.control_dependencies([first]):
            return tf.nn.relu(x) + first

    editor = GraphEditor(graph_of(build, SHAPE).graph, ENDS)

    # when
    editor.redirect({"first": "image"})

    # then
    assert "first" in editor


def test_attributes_at_their_default_go_so_that_an_older_tensorflow_reads_the_rest():
    def build(x):
        return tf.compat.v1.nn.max_pool(x, [1, 2, 2, 1], [1, 2, 2, 1], "VALID")

    rewrite = clean(graph_of(build, SHAPE).graph, ENDS)

    pool = next(node for node in rewrite.graph.node if node.op == "MaxPool")
    assert set(pool.attr) <= {"ksize", "strides", "padding"}
    blocks = random_array(*SHAPE)[:, :2].reshape(1, 1, 2, 2, 2, 2)
    np.testing.assert_array_equal(result_of(rewrite.graph), blocks.max(axis=(2, 4)))
