import pytest

from engines.convert.flops import flops_by_node
from tests.engines.tf_trt.graphs import _ones, network, tf, v1


def flops_of(build):
    graph = tf.Graph()
    with graph.as_default():
        build()
    return flops_by_node(graph.as_graph_def())


def test_a_convolution_counts_its_weights_at_every_place_it_writes():
    assert flops_by_node(network())["down"] == 2 * (4 * 4 * 4) * (3 * 3 * 3)


def test_a_transposed_convolution_counts_its_weights_at_every_place_it_reads():
    assert flops_by_node(network())["up"] == 2 * (4 * 4 * 4) * (2 * 2 * 1)


def test_activations_and_constants_count_nothing():
    assert set(flops_by_node(network())) == {"down", "up"}


def test_a_depthwise_convolution_reads_one_channel_for_each_it_writes():
    def build():
        x = v1.placeholder(tf.float32, (1, 5, 6, 3), name="x")
        weights = _ones(3, 3, 3, 2)
        v1.nn.depthwise_conv2d_native(
            x, weights, strides=[1, 1, 1, 1], padding="SAME", name="d"
        )

    assert flops_of(build)["d"] == 2 * (5 * 6 * 6) * (3 * 3)


@pytest.mark.parametrize("is_transposed", [False, True])
def test_a_matrix_product_counts_its_depth(is_transposed):
    def build():
        shape = (7, 2) if is_transposed else (2, 7)
        x = v1.placeholder(tf.float32, shape, name="x")
        tf.matmul(x, _ones(7, 5), transpose_a=is_transposed, name="product")

    assert flops_of(build)["product"] == 2 * (2 * 5) * 7


def test_an_open_size_counts_nothing():
    def build():
        x = v1.placeholder(tf.float32, (None, 8, 8, 3), name="x")
        v1.nn.conv2d(
            x, filter=_ones(3, 3, 3, 4), strides=[1, 1, 1, 1], padding="SAME", name="c"
        )

    assert flops_of(build) == {}
