"""Remove what tells where a graph came from, not what it computes."""

from typing import List

from engines.convert.graph import (
    GraphDef,
    GraphEditor,
    NodeDef,
    Rewrite,
    Terminals,
    operation_definition,
)
from engines.convert.prune import branch_pivots


def clean(graph: GraphDef, terminals: Terminals) -> Rewrite:
    """Drop device placements, colocation, control edges and default attributes.

    Attributes at their default go too: an older TensorFlow refuses those that it does
    not know, and reads the rest. A placement names a device of the machine that
    trained; a control edge in a graph without state and without branches orders
    nothing that matters.
    """
    editor = GraphEditor(graph, terminals)
    placements = attributes = edges = 0
    pivots = branch_pivots(editor)
    for node in editor.nodes():
        if node.device:
            node.device = ""
            placements += 1
        for name in _needless(node):
            del node.attr[name]
            attributes += 1
        edges += editor.drop_control_edges(node, pivots)
        if any(tensor.startswith("^") for tensor in node.input):
            editor.kept(node, "its control edge chooses a branch")
    editor.keep_reachable("unused")
    rewrite = editor.finish()
    counted = (
        (placements, "device placements"),
        (attributes, "attributes at their default or for bookkeeping"),
        (edges, "control edges"),
    )
    notes = tuple(f"{count} {what} removed" for count, what in counted if count)
    return rewrite._replace(notes=notes)


def _needless(node: NodeDef) -> List[str]:
    definition = operation_definition(node.op)
    defaults = {}
    if definition is not None:
        defaults = {
            one.name: one.default_value
            for one in definition.attr
            if one.HasField("default_value")
        }
    return [
        name
        for name, value in node.attr.items()
        if name.startswith("_") or (name in defaults and value == defaults[name])
    ]
