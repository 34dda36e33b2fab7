"""Freezes the bundled network as another program would have done it.

    .venv-engines/bin/python tools/foreign_graph.py ball_net.pb

Its batch norms are in many nodes, as training left them, its ends have other names, and
nothing tells that its three channels are grey frames.
"""

import sys
from pathlib import Path

SAVED_MODEL = (
    Path(__file__).resolve().parents[1] / "resources/models/default/saved_model"
)


def main() -> None:
    """Write the frozen graph."""
    import tensorflow as tf
    from tensorflow.python.framework import convert_to_constants

    model = tf.saved_model.load(str(SAVED_MODEL))
    function = model.signatures["serving_default"]
    frozen = convert_to_constants.convert_variables_to_constants_v2(function)
    graph = frozen.graph.as_graph_def()
    [result] = [node for node in graph.node if node.name == "Identity"]
    names = {"frames": "camera", result.input[0].split(":")[0]: "target_mask"}
    graph.node.remove(result)
    for node in graph.node:
        node.name = names.get(node.name, node.name)
        for at, tensor in enumerate(node.input):
            name, *port = tensor.split(":")
            node.input[at] = ":".join([names.get(name, name), *port])
    Path(sys.argv[1]).write_bytes(graph.SerializeToString())


if __name__ == "__main__":
    main()
