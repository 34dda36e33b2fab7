"""Remove what tells where a graph came from, not what it computes."""

from engines.convert.graph import (
    GraphDef,
    GraphEditor,
    Rewrite,
    Terminals,
)
from engines.convert.prune import branch_pivots


def clean(graph: GraphDef, terminals: Terminals) -> Rewrite:
    """Drop device placements, colocation and control edges.

    A placement names a device of the machine that trained; a control edge in a graph
    without state and without branches orders nothing that matters.
    """
    editor = GraphEditor(graph, terminals)
    placements = attributes = edges = 0
    pivots = branch_pivots(editor)
    for node in editor.nodes():
        if node.device:
            node.device = ""
            placements += 1
        for name in [name for name in node.attr if name.startswith("_")]:
            del node.attr[name]
            attributes += 1
        edges += editor.drop_control_edges(node, pivots)
        if any(tensor.startswith("^") for tensor in node.input):
            editor.kept(node, "its control edge chooses a branch")
    editor.keep_reachable("unused")
    rewrite = editor.finish()
    counted = (
        (placements, "device placements"),
        (attributes, "bookkeeping attributes"),
        (edges, "control edges"),
    )
    notes = tuple(f"{count} {what} removed" for count, what in counted if count)
    return rewrite._replace(notes=notes)
