import numpy as np
import pytest

from engines.convert.graph import Terminals, count_by_op
from engines.convert.padded_skips import check_padded_skips, rewrite_padded_skips
from tests.engines.convert.networks import graph_of, random_array, run_graph, tf

ENDS = Terminals(("image",), ("result",))


def small_unet(x, pad=None, crop=False):
    """Halve, double again, join: with the missing row and column padded or cut."""
    v1 = tf.compat.v1
    small = v1.nn.max_pool(x, [1, 2, 2, 1], [1, 2, 2, 1], "VALID")
    height, width = int(small.shape[1]) * 2, int(small.shape[2]) * 2
    large = v1.nn.conv2d_transpose(
        small, random_array(2, 2, 3, 2), (1, height, width, 3), [1, 2, 2, 1], "VALID"
    )
    large = tf.nn.relu(tf.nn.bias_add(large, random_array(3, seed=1)))
    if pad:
        large = tf.pad(large, [[0, 0], pad[0], pad[1], [0, 0]])
    skip = x[:, :height, :width, :] if crop else x
    joined = tf.concat([tf.nn.relu(large), skip], axis=3)
    return v1.nn.conv2d(joined, random_array(1, 1, 5, 1), [1, 1, 1, 1], "SAME")


@pytest.fixture
def padded():
    return graph_of(lambda x: small_unet(x, pad=([0, 1], [1, 0])), (1, 7, 9, 2))


def test_each_pad_is_found_with_its_amounts(padded):
    check = check_padded_skips(padded.graph, ENDS)

    assert [skip.amounts_px for skip in check.skips] == [((0, 1), (1, 0))]


def test_the_sizes_that_need_no_pad_are_told(padded):
    check = check_padded_skips(padded.graph, ENDS)

    assert check.reduction == 2
    assert check.fitting_sizes_px == ((8, 6), (10, 8))


def test_a_crop_of_the_skip_is_found():
    cropped = graph_of(lambda x: small_unet(x, crop=True), (1, 7, 9, 2))

    (skip,) = check_padded_skips(cropped.graph, ENDS).skips

    assert skip.is_crop
    assert skip.amounts_px == ((0, -1), (0, -1))


def test_a_network_of_fitting_size_has_no_padded_skip():
    even = graph_of(small_unet, (1, 8, 12, 2))

    assert check_padded_skips(even.graph, ENDS).sentences() == ()


def test_a_pad_in_front_of_a_convolution_is_no_padded_skip():
    def build(x):
        padded = tf.pad(x, [[0, 0], [2, 1], [0, 1], [0, 0]])
        weights = random_array(3, 3, 2, 1)
        return tf.compat.v1.nn.conv2d(padded, weights, [1, 1, 1, 1], "VALID")

    exported = graph_of(build, (1, 8, 12, 2))

    assert check_padded_skips(exported.graph, ENDS).skips == ()


def test_the_rewritten_graph_has_no_pad_and_gives_the_same_to_the_bit(padded):
    # when
    rewrite = rewrite_padded_skips(padded.graph, ENDS)

    # then
    feed = {"image": random_array(1, 7, 9, 2)}
    np.testing.assert_array_equal(
        run_graph(rewrite.graph, feed, "result"),
        run_graph(padded.graph, feed, "result"),
    )
    assert "Pad" not in count_by_op(rewrite.graph)


def test_a_mirrored_pad_is_not_rewritten_and_the_reason_is_told():
    def build(x):
        mirrored = tf.pad(x, [[0, 0], [1, 0], [0, 0], [0, 0]], mode="REFLECT")
        return tf.concat([mirrored, tf.nn.relu(mirrored) * 2.0], axis=3)

    exported = graph_of(build, (1, 8, 12, 2))

    rewrite = rewrite_padded_skips(exported.graph, ENDS)

    assert "mirrors" in rewrite.kept[0].reason
