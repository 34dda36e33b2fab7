"""Small graphs for the tests of TF-TRT, on TensorFlow 1.15 and 2.x."""

import numpy as np
import pytest

from engines.convert.graph import Terminals

tf = pytest.importorskip(
    "tensorflow", reason="TensorFlow has an environment of its own"
)
v1 = tf.compat.v1

SHAPE = (1, 8, 8, 3)
ENDS = Terminals(("image",), ("mask",))
HAS_TENSORFLOW_1 = tf.__version__.startswith("1.")


def _ones(*shape):
    return np.full(shape, 0.1, np.float32)


def network():
    """Two convolutions, one down and one up, and a mask."""
    graph = tf.Graph()
    with graph.as_default():
        x = v1.placeholder(tf.float32, SHAPE, name="image")
        x = v1.nn.conv2d(
            x,
            filter=_ones(3, 3, 3, 4),
            strides=[1, 2, 2, 1],
            padding="SAME",
            name="down",
        )
        x = v1.nn.relu(x, name="rectified")
        x = v1.nn.conv2d_transpose(
            x, _ones(2, 2, 1, 4), (1, 8, 8, 1), strides=[1, 2, 2, 1], name="up"
        )
        v1.nn.sigmoid(x, name="mask")
    return graph.as_graph_def()


def converted(names_inside, engine="TRTEngineOp_0", serialized=b"", prefix=""):
    """What TF-TRT makes of `network`: some nodes gone, an engine instead."""
    graph = v1.GraphDef()
    for node in network().node:
        if node.name not in names_inside:
            kept = graph.node.add()
            kept.CopyFrom(node)
            kept.name = prefix + node.name
    added = graph.node.add(name=engine, op="TRTEngineOp")
    added.attr["serialized_segment"].s = serialized
    return graph
