import numpy as np
import pytest

from engines.convert.constants import fold_constants
from engines.convert.fold import fold
from engines.convert.graph import Terminals, count_by_op
from tests.engines.convert.networks import graph_of, random_array, run_graph, tf

SHAPE = (1, 7, 9, 4)
ENDS = Terminals(("image",), ("result",))


def batch_norm(x, channels, seed=5):
    v1 = tf.compat.v1
    return v1.nn.fused_batch_norm(
        x,
        np.abs(random_array(channels, seed=seed)) + 0.5,
        random_array(channels, seed=seed + 1),
        mean=random_array(channels, seed=seed + 2),
        variance=np.abs(random_array(channels, seed=seed + 3)) + 0.5,
        is_training=False,
    )[0]


def conv(x, weights, padding="SAME", stride=1):
    strides = [1, stride, stride, 1]
    return tf.compat.v1.nn.conv2d(x, filter=weights, strides=strides, padding=padding)


def transposed(x, weights, shape, stride=2):
    return tf.compat.v1.nn.conv2d_transpose(
        x, weights, shape, strides=[1, stride, stride, 1], padding="VALID"
    )


def depthwise(x, weights):
    return tf.compat.v1.nn.depthwise_conv2d_native(x, weights, [1, 1, 1, 1], "SAME")


def folded(build, shape=SHAPE):
    """Fold a graph, check that it computes the same, give the rewrite."""
    exported = graph_of(build, shape)
    rewrite = fold(exported.graph, ENDS)
    feed = {"image": random_array(*shape, seed=9)}
    expected = run_graph(exported.graph, feed, "result")
    found = run_graph(rewrite.graph, feed, "result")
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=2e-6)
    return rewrite


def ops(rewrite):
    counts = count_by_op(rewrite.graph)
    return {
        op: count for op, count in counts.items() if op not in ("Const", "Identity")
    }


LAYERS = {
    "convolution": (lambda x: conv(x, random_array(3, 3, 4, 6)), 6, "Conv2D"),
    "strided convolution": (
        lambda x: conv(x, random_array(3, 3, 4, 6), stride=2),
        6,
        "Conv2D",
    ),
    "transposed convolution": (
        lambda x: transposed(x, random_array(2, 2, 6, 4), (1, 14, 18, 6)),
        6,
        "Conv2DBackpropInput",
    ),
    "depthwise convolution": (
        lambda x: depthwise(x, random_array(3, 3, 4, 2)),
        8,
        "DepthwiseConv2dNative",
    ),
}


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_a_batch_norm_behind_a_layer_becomes_its_bias(name):
    layer, channels, op = LAYERS[name]

    rewrite = folded(lambda x: batch_norm(layer(x), channels))

    assert ops(rewrite) == {"Placeholder": 1, op: 1, "BiasAdd": 1}


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_a_written_out_batch_norm_behind_a_biased_layer_is_folded(name):
    layer, channels, op = LAYERS[name]

    def build(x):
        y = tf.nn.bias_add(layer(x), random_array(channels, seed=1))
        return y * random_array(channels, seed=2) + random_array(channels, seed=3)

    assert ops(folded(build)) == {"Placeholder": 1, op: 1, "BiasAdd": 1}


def test_scales_behind_a_dense_layer_are_folded():
    def build(x):
        y = tf.matmul(x, random_array(4, 5)) + random_array(5, seed=1)
        return (y * 2.0 - random_array(5, seed=2)) / 3.0

    rewrite = folded(build, (2, 4))

    assert ops(rewrite) == {"Placeholder": 1, "MatMul": 1, "BiasAdd": 1}


def test_across_zero_padding_the_scale_is_folded_and_the_offset_stays():
    def build(x):
        y = conv(x, random_array(3, 3, 4, 6))
        return batch_norm(tf.pad(y, [[0, 0], [0, 1], [0, 1], [0, 0]]), 6)

    rewrite = folded(build)

    assert ops(rewrite) == {"Placeholder": 1, "Conv2D": 1, "Pad": 1, "BiasAdd": 1}


def test_a_scale_in_front_of_a_convolution_is_folded_into_it():
    rewrite = folded(lambda x: conv(tf.nn.relu(x) / 255.0, random_array(3, 3, 4, 6)))

    assert ops(rewrite) == {"Placeholder": 1, "Relu": 1, "Conv2D": 1}


def test_a_batch_norm_in_front_of_a_convolution_without_padding_is_folded():
    def build(x):
        return conv(batch_norm(tf.nn.relu(x), 4), random_array(3, 3, 4, 6), "VALID")

    rewrite = folded(build)

    assert ops(rewrite) == {"Placeholder": 1, "Relu": 1, "Conv2D": 1, "BiasAdd": 1}


def test_in_front_of_a_padded_convolution_a_batch_norm_stays_and_the_reason_is_told():
    def build(x):
        return conv(batch_norm(tf.nn.relu(x), 4), random_array(3, 3, 4, 6))

    rewrite = folded(build)

    kept = [one for one in rewrite.kept if one.op.startswith("FusedBatchNorm")]
    assert "border would differ" in kept[0].reason


def test_a_layer_whose_result_is_used_twice_keeps_its_batch_norm():
    def build(x):
        y = conv(x, random_array(3, 3, 4, 6))
        return batch_norm(y, 6) + tf.nn.relu(y)

    rewrite = folded(build)

    assert [one.reason for one in rewrite.kept if "used twice" in one.reason]


def test_weights_that_two_layers_share_are_not_changed_for_both():
    weights = random_array(1, 1, 4, 4)

    def build(x):
        shared = tf.constant(weights)
        return conv(batch_norm(conv(x, shared), 4), shared, "VALID")

    rewrite = folded(build)  # compares the results

    assert ops(rewrite)["Conv2D"] == 2


def test_a_constant_along_the_width_is_not_taken_for_one_along_the_channels():
    def build(x):
        return conv(x, random_array(3, 3, 4, 9)) * random_array(9, 1, seed=3)

    rewrite = folded(build)

    assert "not one per channel" in rewrite.kept[0].reason


def test_padding_that_same_would_do_is_left_to_the_convolution():
    def build(x):
        padded = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
        return conv(padded, random_array(3, 3, 4, 6), "VALID")

    assert ops(folded(build)) == {"Placeholder": 1, "Conv2D": 1}


def test_padding_that_same_would_do_otherwise_stays():
    def build(x):
        padded = tf.pad(x, [[0, 0], [2, 0], [2, 0], [0, 0]])
        return conv(padded, random_array(3, 3, 4, 6), "VALID")

    rewrite = folded(build)

    assert "no padding mode" in rewrite.kept[0].reason


def test_known_shapes_are_folded():
    def build(x):
        shape = tf.shape(x)
        return tf.reshape(tf.nn.relu(x), [shape[0], shape[1] * shape[2], 4])

    assert ops(folded(build)) == {"Placeholder": 1, "Relu": 1, "Reshape": 1}


def test_reshapes_casts_and_transposes_that_change_nothing_go():
    def build(x):
        y = tf.reshape(tf.transpose(tf.nn.relu(x), [0, 1, 2, 3]), SHAPE)
        return tf.nn.sigmoid(y * 1.0)

    counts = ops(folded(build))

    assert "Reshape" not in counts
    assert "Transpose" not in counts


def test_random_numbers_are_not_folded():
    exported = graph_of(lambda x: x + tf.compat.v1.random_uniform([4], seed=1), SHAPE)

    rewrite = fold_constants(exported.graph, ENDS)

    assert count_by_op(rewrite.graph)["RandomUniform"] == 1


def test_a_constant_that_would_make_the_file_much_larger_stays_a_fill():
    shape = (1, 100, 100, 4)
    exported = graph_of(lambda x: x + tf.fill(shape, 2.0), shape)

    rewrite = fold_constants(exported.graph, ENDS)

    assert [one.op for one in rewrite.kept] == ["Fill"]
    assert rewrite.graph.ByteSize() < 10000
