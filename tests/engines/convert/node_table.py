"""Prints how many nodes of the test network each step leaves, with which TensorFlow.

    PYTHONPATH=. PYTHON -m tests.engines.convert.node_table

Each is compared with the graph as it was exported, at inference, on a seeded picture.
"""

import platform
import sys

import numpy as np

from engines.convert.batch_norm import flags_of
from engines.convert.graph import Terminals
from engines.convert.recipe import graph_steps
from engines.convert.verify import run_graph
from tests.engines.convert.networks import exported_unet, tf

HEIGHT_PX, WIDTH_PX = 254, 318


def table(title, exported):
    """Lines of one network's table."""
    terminals = Terminals((exported.input_name,), (exported.output_name,))
    shape = (1, HEIGHT_PX, WIDTH_PX, 3)
    image = np.random.RandomState(1).rand(*shape).astype(np.float32)
    graph = exported.graph
    for node in graph.node:
        if node.name == exported.input_name:
            node.attr["shape"].shape.dim[0].size = 1
    flags = flags_of(graph, terminals, {})
    (reference,) = run_graph(graph, terminals, [image], flags)
    yield f"| {title} | exported | {len(graph.node)} | |"
    for step in graph_steps((), rewrites_pads=False):
        graph = step.rewrite(graph, terminals).graph
        left = flags_of(graph, terminals, {})
        (result,) = run_graph(graph, terminals, [image], left)
        difference = float(np.abs(result - reference).max())
        yield f"| | {step.name} | {len(graph.node)} | {difference:.1e} |"


def main():
    """Print both tables."""
    python = platform.python_version()
    lines = [f"TensorFlow {tf.__version__}, Python {python}", ""]
    lines += ["| network | step | nodes | largest difference |", "| --- " * 4 + "|"]
    lines += table("inference graph", exported_unet(HEIGHT_PX, WIDTH_PX))
    opened = exported_unet(HEIGHT_PX, WIDTH_PX, is_learning_phase_open=True)
    lines += table("learning phase open", opened)
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
