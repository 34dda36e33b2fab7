"""Remove what training left in the graph."""

from typing import Dict, Optional, Set

import numpy as np

from engines.convert.graph import (
    IDENTITIES,
    GraphDef,
    GraphEditor,
    NodeDef,
    Rewrite,
    Terminals,
    node_name,
)

_DECIDING = ("Switch", "RefSwitch", "LoopCond", "Enter", "RefEnter")
_RANDOM = ("RandomUniform", "StatelessRandomUniform", "StatelessRandomUniformV2")


def prune(graph: GraphDef, terminals: Terminals) -> Rewrite:
    """Remove training nodes, identities, dropout, assertions, summaries, savers.

    What is left is what the outputs depend on through data. Control edges stay only
    where branches or loops do.
    """
    editor = GraphEditor(graph, terminals)
    _drop_order(editor)
    _remove_unreachable(editor)
    changes_result = _bypass_dropout(editor)
    _bypass_identities(editor)
    _remove_unreachable(editor)
    return editor.finish(changes_result)


def purpose(node: NodeDef) -> str:
    """Tell in words what a node that no output needs was for."""
    op = node.op
    if op in ("Assert", "CheckNumerics") or op.startswith("Assert"):
        return "assertion"
    if "Summary" in op:
        return "summary"
    if "Save" in op or "Restore" in op or "MergeV2Checkpoints" in op:
        return "saving and restoring"
    if op.startswith(("Assign", "Apply", "ResourceApply", "Scatter")):
        return "training update"
    if "gradients/" in node.name or op.endswith("Grad"):
        return "gradient"
    if op == "NoOp":
        return "orders nodes only"
    if "Random" in op or "Normal" in op:
        return "random numbers of training"
    return "no output needs it"


def _remove_unreachable(editor: GraphEditor) -> None:
    wanted = editor.cone(editor.terminals.outputs)
    for node in editor.nodes():
        if node.name not in wanted and node.name not in editor.terminals.inputs:
            editor.removed(purpose(node), node.op)
    editor.keep_reachable()


def _drop_order(editor: GraphEditor) -> None:
    """Drop control edges but those that choose a branch."""
    reachable = editor.cone(editor.terminals.outputs)
    pivots = branch_pivots(editor)
    nodes = [node for node in editor.nodes() if node.name in reachable]
    edges = sum(editor.drop_control_edges(node, pivots) for node in nodes)
    if edges:
        editor.notes.append(f"{edges} control edges removed")


def branch_pivots(editor: GraphEditor) -> Set[str]:
    """Nodes whose control edges decide whether another runs at all.

    A constant in a branch, for one, takes no data from the switch: only its control
    edge says in which branch it is.
    """
    found: Set[str] = set()
    for node in editor.in_order():
        is_passed_on = node.op == "Identity" and node_name(node.input[0]) in found
        if node.op in _DECIDING or is_passed_on:
            found.add(node.name)
    return found


def _bypass_identities(editor: GraphEditor) -> None:
    bypassed: Dict[str, str] = {}
    for node in editor.nodes():
        if node.op not in IDENTITIES or node.name in editor.terminals.inputs:
            continue
        # Behind a switch an identity carries the branch's control edges.
        if any(tensor.startswith("^") for tensor in node.input):
            editor.kept(node, "its control edge chooses a branch")
            continue
        is_output = node.name in editor.terminals.outputs
        if is_output and _is_claimed(editor, node, bypassed):
            editor.kept(node, "gives an output its name")
            continue
        bypassed[node.name] = node.input[0]
        editor.removed("passes its input on unchanged", node.op)
    editor.redirect(bypassed)


def _is_claimed(editor: GraphEditor, node: NodeDef, bypassed: Dict[str, str]) -> bool:
    """Whether what an output passes on cannot take the output's name."""
    source = node.input[0]
    while source in bypassed or (
        source in editor and editor.node(source).op in IDENTITIES
    ):
        source = editor.node(source).input[0]
    if not editor.can_take_name(source):
        return True
    others = [name for name in editor.terminals.outputs if name != node.name]
    return any(editor.node(name).op in IDENTITIES and name in editor for name in others)


def _bypass_dropout(editor: GraphEditor) -> bool:
    """Replace `x / keep * random mask` by `x`; tell whether there was any.

    Found where the dropout of a graph exported for training was written out. Its
    result was random before, so no comparison could hold; in expectation it is x.
    """
    random = _drawn_at_random(editor)
    found = False
    for node in editor.nodes():
        source = _undropped(editor, node, random)
        if source is not None:
            editor.removed("dropout does nothing at inference", node.op)
            editor.redirect({node.name: source})
            found = True
    return found


def _drawn_at_random(editor: GraphEditor) -> Set[str]:
    """Nodes that depend on random numbers and otherwise on shapes and constants."""
    found: Set[str] = set()
    for node in editor.in_order():
        data = [one for one in node.input if not one.startswith("^")]
        is_mask = any(editor.node(one).name in found for one in data) and all(
            editor.node(one).name in found or editor.depends_on_constants(one)
            for one in data
        )
        if node.op in _RANDOM or is_mask:
            found.add(node.name)
    return found


def _undropped(editor: GraphEditor, node: NodeDef, random: Set[str]) -> Optional[str]:
    if node.name in random:
        return None
    if node.op == "Mul":
        for scaled, mask in (node.input, reversed(node.input)):
            if editor.node(mask).name in random:
                return _unscaled(editor, scaled)
    if node.op in ("Select", "SelectV2") and editor.node(node.input[0]).name in random:
        other = editor.value(node.input[2])
        if other is not None and not np.any(other):
            return _unscaled(editor, node.input[1])
    return None


def _unscaled(editor: GraphEditor, tensor: str) -> str:
    """Undo the division by the share kept, which comes before the mask."""
    node = editor.node(tensor)
    is_scaled = node.op in ("Mul", "RealDiv")
    if is_scaled and editor.depends_on_constants(node.input[1]):
        return str(node.input[0])
    return tensor
