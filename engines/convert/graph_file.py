"""The graphs of a conversion as a file to browse: nodes by name, with their times.

`graph.json` beside an engine: `stages`, each with `title`, `is_timed` and `nodes`, one
`[name, operation, microseconds or null]` each. Stages are the network as trained, as it
was optimised, and where the library tells it, as the engine runs it.
"""

import json
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple

GRAPH_NAME = "graph.json"

Node = Tuple[str, str, Optional[float]]
"""Name, operation, microseconds of one inference."""


class Stage(NamedTuple):
    """One state of the network."""

    title: str
    nodes: Tuple[Node, ...]

    def to_document(self) -> Dict[str, Any]:
        """Write it as JSON values."""
        return {
            "title": self.title,
            "is_timed": any(time_us is not None for _, _, time_us in self.nodes),
            "nodes": [list(node) for node in self.nodes],
        }


def nodes_of_graph(
    graph: Any,  # noqa: ANN401  a message of TensorFlow
    times_us: Optional[Mapping[str, float]] = None,
) -> Tuple[Node, ...]:
    """List the nodes of a TensorFlow graph."""
    times = times_us or {}
    return tuple((node.name, node.op, times.get(node.name)) for node in graph.node)


def nodes_of_onnx(model: Any) -> Tuple[Node, ...]:  # noqa: ANN401  a message of ONNX
    """List the nodes of an ONNX network; one without a name takes its output's."""
    return tuple(
        (node.name or next(iter(node.output), ""), node.op_type, None)
        for node in model.graph.node
    )


def save_graphs(stages: Iterable[Stage], folder: Path) -> None:
    """Write `graph.json`."""
    documents: List[Dict[str, Any]] = [stage.to_document() for stage in stages]
    text = json.dumps({"stages": documents}, separators=(",", ":"))
    (folder / GRAPH_NAME).write_text(text + "\n", encoding="utf-8")
