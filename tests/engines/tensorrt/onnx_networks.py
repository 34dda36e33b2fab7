"""Small ONNX networks for the tests that have onnx."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="onnx has an environment of its own")

FLOAT = 1  # onnx's number for it
ODD_SHAPE = (1, 3, 9, 11)


def _weights(name, shape, seed):
    values = np.random.RandomState(seed).normal(0.0, 0.3, shape).astype(np.float32)
    return onnx.numpy_helper.from_array(values, name)


def model(nodes, weights=(), shape=ODD_SHAPE):
    helper = onnx.helper
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", FLOAT, shape)],
        [helper.make_tensor_value_info("y", FLOAT, None)],
        list(weights),
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    made.ir_version = 7
    return made.SerializeToString()


def padded_unet():
    """One level down and up: at an odd size, the way up is padded before the skip."""
    node = onnx.helper.make_node
    pads = onnx.numpy_helper.from_array(
        np.array([0, 0, 0, 0, 0, 0, 1, 1], np.int64), "pads"
    )
    return model(
        [
            node("Conv", ["x", "w1"], ["c1"], "down", pads=[1, 1, 1, 1]),
            node("Relu", ["c1"], ["r1"], "rectified"),
            node(
                "MaxPool", ["r1"], ["p1"], "pooled", kernel_shape=[2, 2], strides=[2, 2]
            ),
            node("ConvTranspose", ["p1", "w2"], ["u1"], "up", strides=[2, 2]),
            node("Pad", ["u1", "pads"], ["u2"], "padded"),
            node("Concat", ["u2", "r1"], ["j1"], "joined", axis=1),
            node("Conv", ["j1", "w3"], ["c3"], "last"),
            node("Sigmoid", ["c3"], ["y"], "mask"),
        ],
        [
            _weights("w1", (4, 3, 3, 3), 1),
            _weights("w2", (4, 4, 2, 2), 2),
            _weights("w3", (1, 8, 1, 1), 3),
            pads,
        ],
    )


def chain(convolutions):
    """Convolutions one after the other, `c0` to `c<n>`."""
    node = onnx.helper.make_node
    names = ["x", *(f"t{number}" for number in range(convolutions - 1)), "y"]
    nodes = [
        node("Conv", [names[at], f"w{at}"], [names[at + 1]], f"c{at}")
        for at in range(convolutions)
    ]
    weights = [_weights(f"w{at}", (3, 3, 1, 1), at) for at in range(convolutions)]
    return model(nodes, weights)


def with_unknown_nodes():
    node = onnx.helper.make_node
    return model(
        [
            node("Relu", ["x"], ["a"], "known"),
            node("Foo", ["a"], ["b"], "mystery"),
            node("Unique", ["b"], ["y"], "counted"),
        ]
    )


def open_size():
    node = onnx.helper.make_node
    return model([node("Relu", ["x"], ["y"], "only")], shape=(None, 3, None, 11))
