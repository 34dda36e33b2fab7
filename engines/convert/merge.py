"""Merge nodes that compute the same from the same."""

from typing import Any, Dict, Tuple

from engines.convert.graph import (
    CONTROL_FLOW,
    GraphDef,
    GraphEditor,
    NodeDef,
    Rewrite,
    Terminals,
    canonical,
    node_name,
    operation_definition,
    tensor_value,
)

_COMMUTATIVE = frozenset(["Add", "AddV2", "Mul", "Maximum", "Minimum", "LogicalAnd"])
# Where a graph came from, not what it computes.
_BOOKKEEPING = ("_class", "_output_shapes")


def merge_duplicates(graph: GraphDef, terminals: Terminals) -> Rewrite:
    """Let nodes of equal operation, attributes and inputs become one.

    Walked from the inputs on, so that whole subgraphs that were written twice merge
    in one pass. Constants are compared by value. What draws random numbers, has a
    state or belongs to a loop stays.
    """
    editor = GraphEditor(graph, terminals)
    first: Dict[Tuple[Any, ...], str] = {}
    merged: Dict[str, str] = {}
    for node in editor.in_order():
        if not _may_merge(node) or node.name in terminals.inputs:
            continue
        key = _identity_of(node, merged)
        if key not in first:
            first[key] = node.name
            continue
        if node.name in terminals.outputs:
            editor.kept(node, f"computes the same as {first[key]}, and is an output")
            continue
        merged[node.name] = first[key]
        editor.removed("computes the same as another node", node.op)
    _rename(editor, merged)
    editor.keep_reachable()
    return editor.finish()


def _may_merge(node: NodeDef) -> bool:
    if node.op.startswith("Placeholder") or node.op in CONTROL_FLOW:
        return False
    return not _is_stateful(node.op)


def _is_stateful(op: str) -> bool:
    definition = operation_definition(op)
    return definition is None or bool(definition.is_stateful)


def _identity_of(node: NodeDef, merged: Dict[str, str]) -> Tuple[Any, ...]:
    inputs = [_merged_tensor(tensor, merged) for tensor in node.input]
    if node.op in _COMMUTATIVE:
        inputs.sort()
    attributes = tuple(
        (name, attribute.SerializeToString(deterministic=True))
        for name, attribute in sorted(node.attr.items())
        if name not in _BOOKKEEPING and not (node.op == "Const" and name == "value")
    )
    value: Tuple[Any, ...] = ()
    if node.op == "Const":
        array = tensor_value(node)
        value = (array.shape, array.dtype.str, array.tobytes())
        if array.dtype.hasobject:
            value = (array.shape, "strings", tuple(array.ravel().tolist()))
    return (node.op, node.device, tuple(inputs), attributes, value)


def _merged_tensor(tensor: str, merged: Dict[str, str]) -> str:
    name = node_name(tensor)
    if name not in merged:
        return tensor
    prefix = "^" if tensor.startswith("^") else ""
    port = tensor[tensor.index(":") :] if ":" in tensor else ""
    return canonical(prefix + merged[name] + port)


def _rename(editor: GraphEditor, merged: Dict[str, str]) -> None:
    for node in editor.nodes():
        for index, tensor in enumerate(node.input):
            renamed = _merged_tensor(tensor, merged)
            if renamed != tensor:
                editor.set_input(node, index, renamed)
