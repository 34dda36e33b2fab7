"""From training to inference: learning phases, switches, batch norms."""

from typing import Any, Dict, List, Mapping, Optional, Set, Tuple

import numpy as np

from engines.convert.constants import evaluate
from engines.convert.errors import InputNotFoundError, listing
from engines.convert.graph import (
    GraphDef,
    GraphEditor,
    NodeDef,
    Rewrite,
    Terminals,
    attribute,
    canonical,
    node_name,
    placeholder_shape,
)
from engines.convert.inline import inline_functions

_BATCH_NORMS = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
_INFERENCE_WORDS = ("infer", "eval", "is_test", "deploy")


def use_inference(
    graph: GraphDef,
    terminals: Terminals,
    values: Optional[Mapping[str, Any]] = None,
) -> Rewrite:
    """Fix a graph to inference: what only training does is no longer reachable.

    Learning-phase placeholders become constants, every switch whose outcome is then
    known is replaced by the branch it takes, and fused batch norms use their moving
    averages.

    Parameters
    ----------
    graph, terminals
        What to rewrite.
    values : mapping of str to value, optional
        Placeholders that are no inputs, by name, and what they are at inference;
        those not named are recognised by their type and name.

    Raises
    ------
    InputNotFoundError
        If a placeholder is needed that is neither an input nor recognised.
    """
    editor = GraphEditor(graph, terminals)
    _fix_placeholders(editor, values or {})
    changes_result = _use_moving_averages(editor)
    _take_known_branches(editor)
    editor.keep_reachable("only training needs it")
    first = editor.finish(changes_result)
    second = inline_functions(first.graph, terminals)
    return Rewrite(
        graph=second.graph,
        removed=first.removed + second.removed,
        kept=first.kept + second.kept,
        notes=first.notes + second.notes,
        changes_result=changes_result,
    )


def inference_value(node: NodeDef) -> Optional[Any]:  # noqa: ANN401
    """Tell what a placeholder that is no input is at inference; None if unknown.

    A truth value is the learning phase: false, but true where its name says that it
    turns inference on. A float that is the share kept by a dropout is 1, the share
    dropped is 0.
    """
    import tensorflow as tf

    dtype = tf.as_dtype(attribute(node, "dtype").type)
    name = node.name.lower()
    if dtype == tf.bool:
        return np.array(any(word in name for word in _INFERENCE_WORDS))
    is_scalar = not placeholder_shape(node)
    if dtype in (tf.float32, tf.float64, tf.float16) and is_scalar:
        if "keep" in name:
            return np.array(1.0, dtype.as_numpy_dtype)
        if "drop" in name or "rate" in name:
            return np.array(0.0, dtype.as_numpy_dtype)
    return None


def flags_of(
    graph: GraphDef, terminals: Terminals, values: Mapping[str, Any]
) -> Dict[str, Any]:
    """Tell what placeholders that are no inputs are at inference.

    Parameters
    ----------
    graph, terminals
        Only placeholders that the outputs depend on count.
    values : mapping of str to value
        Those that the operator gave.

    Raises
    ------
    InputNotFoundError
        If one is neither given nor recognised, and has no default.
    """
    return _flags(GraphEditor(graph, terminals), values)


def _flags(editor: GraphEditor, values: Mapping[str, Any]) -> Dict[str, Any]:
    import tensorflow as tf

    flags: Dict[str, Any] = {}
    unknown: List[str] = []
    inputs = editor.terminals.inputs
    reachable = editor.cone(editor.terminals.outputs, stop=inputs)
    for node in editor.nodes():
        if not node.op.startswith("Placeholder") or node.name not in reachable:
            continue
        if node.name in inputs:
            continue
        dtype = tf.as_dtype(attribute(node, "dtype").type)
        if node.name in values:
            flags[node.name] = np.array(values[node.name], dtype.as_numpy_dtype)
            continue
        value = inference_value(node)
        if value is not None:
            flags[node.name] = value
        elif node.op != "PlaceholderWithDefault":
            unknown.append(node.name)
    if unknown:
        raise InputNotFoundError(
            f"the output also depends on {listing(unknown)}",
            hint="Name the one that takes the image with --input, "
            "and give the others a value with --set NAME=VALUE.",
        )
    return flags


def _fix_placeholders(editor: GraphEditor, values: Mapping[str, Any]) -> None:
    for name, value in _flags(editor, values).items():
        node = editor.node(name)
        editor.notes.append(f"{name} is {value.tolist()} at inference")
        editor.removed("learning phase, now a constant", node.op)
        editor.make_constant(node, value)
    for node in editor.nodes():
        if node.op == "PlaceholderWithDefault" and not editor.is_terminal_input(node):
            editor.removed("placeholder, its default taken", node.op)
            editor.redirect({node.name: node.input[0]})


def _use_moving_averages(editor: GraphEditor) -> bool:
    changed = 0
    for node in editor.nodes():
        if node.op not in _BATCH_NORMS or not attribute(node, "is_training").b:
            continue
        averages = [editor.value(tensor) for tensor in node.input[3:5]]
        if any(value is None or value.size == 0 for value in averages):
            editor.kept(
                node,
                "normalises with the batch's own statistics, the moving averages "
                "are not in this graph",
            )
            continue
        node.attr["is_training"].b = False
        changed += 1
    if changed:
        editor.notes.append(
            f"{changed} batch norms were exported in training mode: they use their "
            "moving averages now, and the output differs from before on purpose"
        )
    return changed > 0


def _take_known_branches(editor: GraphEditor) -> None:
    """Resolve switches: their outcome, then what is dead, then the merges.

    Undecided switches of a first round may hang on merges that it resolves, so this
    goes round until nothing changes.
    """
    while True:
        outcomes = _known_outcomes(editor)
        if not outcomes:
            return
        replaced: Dict[str, str] = {}
        dead: Set[str] = set()
        for node, outcome in outcomes:
            replaced[f"{node.name}:{int(outcome)}"] = node.input[0]
            dead.add(f"{node.name}:{int(not outcome)}")
        dead_nodes = _spread_death(editor, {canonical(one) for one in dead})
        for node in editor.nodes():
            if node.op in ("Merge", "RefMerge") and node.name not in dead_nodes[0]:
                _resolve_merge(editor, node, dead_nodes, replaced)
        for node, _ in outcomes:
            editor.removed("its outcome is known at inference", node.op)
        _release_control(editor, [node for node, _ in outcomes])
        editor.redirect(replaced)
        editor.keep_reachable("only training needs it")


def _known_outcomes(editor: GraphEditor) -> List[Tuple[NodeDef, bool]]:
    reachable = editor.cone(editor.terminals.outputs)
    switches = [
        node
        for node in editor.nodes()
        if node.op in ("Switch", "RefSwitch") and node.name in reachable
    ]
    predicates = {node.input[1] for node in switches}
    constant = {one for one in predicates if editor.depends_on_constants(one)}
    if not constant:
        return []
    found = evaluate(editor.finish().graph, constant)
    return [
        (node, bool(found[node.input[1]]))
        for node in switches
        if node.input[1] in constant
    ]


_Dead = Tuple[Set[str], Set[str]]


def _spread_death(editor: GraphEditor, dead_tensors: Set[str]) -> _Dead:
    """Find what never runs: it needs, for data or order, what never runs."""
    dead_nodes: Set[str] = set()
    takers: Dict[str, List[NodeDef]] = {}
    for node in editor.nodes():
        for tensor in node.input:
            takers.setdefault(node_name(tensor), []).append(node)
    waiting = [node_name(tensor) for tensor in dead_tensors]
    while waiting:
        for node in takers.get(waiting.pop(), []):
            if node.name in dead_nodes:
                continue
            lost = [_is_dead(one, dead_tensors, dead_nodes) for one in node.input]
            if all(lost) if node.op in ("Merge", "RefMerge") else any(lost):
                dead_nodes.add(node.name)
                waiting.append(node.name)
    return dead_nodes, dead_tensors


def _is_dead(tensor: str, dead_tensors: Set[str], dead_nodes: Set[str]) -> bool:
    return node_name(tensor) in dead_nodes or tensor in dead_tensors


def _resolve_merge(
    editor: GraphEditor, node: NodeDef, dead: _Dead, replaced: Dict[str, str]
) -> None:
    data = [tensor for tensor in node.input if not tensor.startswith("^")]
    alive = [one for one in data if not _is_dead(one, dead[1], dead[0])]
    if len(alive) != 1 or len(alive) == len(data):
        return
    replaced[node.name] = alive[0]
    chosen = np.array(data.index(alive[0]), np.int32)
    replaced[f"{node.name}:1"] = editor.add_constant(node.name + "/taken", chosen)
    editor.removed("one branch is left", node.op)


def _release_control(editor: GraphEditor, switches: List[NodeDef]) -> None:
    """Let nothing wait for a switch whose branch is taken anyway."""
    names = {"^" + node.name for node in switches}
    for node in editor.nodes():
        if any(tensor in names for tensor in node.input):
            node.input[:] = [one for one in node.input if one not in names]
