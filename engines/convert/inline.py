"""Put the bodies of library functions where they are called."""

from typing import Dict, List

from engines.convert.graph import (
    GraphDef,
    GraphEditor,
    NodeDef,
    Rewrite,
    Terminals,
    attribute,
    canonical,
)

_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
_BRANCHES = ("If", "StatelessIf")


def inline_functions(graph: GraphDef, terminals: Terminals) -> Rewrite:
    """Replace calls by what they call, and branches of known outcome by that branch.

    Loops stay: their bodies run a number of times that is not known here.
    """
    import tensorflow as tf

    # Bodies are translated among the functions that they call in turn.
    among = tf.Graph()
    with among.as_default():
        library = type(graph)()
        library.versions.CopyFrom(graph.versions)
        library.library.CopyFrom(graph.library)
        tf.import_graph_def(library, name="")
    with among.as_default():
        return _inlined(graph, terminals)


def _inlined(graph: GraphDef, terminals: Terminals) -> Rewrite:
    editor = GraphEditor(graph, terminals)
    functions = {one.signature.name: one for one in graph.library.function}
    while True:
        calls = [(node, _callee(node, editor)) for node in editor.nodes()]
        known = [(node, name) for node, name in calls if name in functions]
        if not known:
            break
        for node, name in known:
            editor.removed("call of a function, put in place", node.op)
            _put_in_place(editor, node, functions[name])
    for node in editor.nodes():
        if node.op in _BRANCHES:
            editor.kept(node, "which branch it takes is not known before a frame came")
    editor.keep_reachable()
    return editor.finish()


def _callee(node: NodeDef, editor: GraphEditor) -> str:
    if node.op in _CALLS:
        return str(attribute(node, "f").func.name)
    if node.op in _BRANCHES:
        outcome = editor.value(node.input[0])
        if outcome is not None:
            branch = "then_branch" if bool(outcome.all()) else "else_branch"
            return str(attribute(node, branch).func.name)
    return ""


def _put_in_place(editor: GraphEditor, call: NodeDef, function: NodeDef) -> None:
    from tensorflow.python.framework import function_def_to_graph

    body, flat_names = function_def_to_graph.function_def_to_graph_def(function)
    arguments = [tensor for tensor in call.input if not tensor.startswith("^")]
    if call.op in _BRANCHES:
        arguments = arguments[1:]
    control = [tensor for tensor in call.input if tensor.startswith("^")]
    formal = [argument.name for argument in function.signature.input_arg]
    replaced = dict(zip(formal, arguments))
    renamed = _copy_body(editor, call, body.node, replaced, control)
    results = _results(function, flat_names)
    editor.redirect(
        {
            f"{call.name}:{index}": _moved(tensor, replaced, renamed)
            for index, tensor in enumerate(results)
        }
    )
    _redirect_control(editor, call, [renamed[name] for name in renamed])


def _copy_body(
    editor: GraphEditor,
    call: NodeDef,
    body: List[NodeDef],
    replaced: Dict[str, str],
    control: List[str],
) -> Dict[str, str]:
    nodes = [node for node in body if node.name not in replaced]
    renamed: Dict[str, str] = {}
    copies = []
    for node in nodes:
        copy = editor.add_node(f"{call.name}/{node.name}", node.op, ())
        renamed[node.name] = copy.name
        copies.append(copy)
    for node, copy in zip(nodes, copies):
        for name, value in node.attr.items():
            copy.attr[name].CopyFrom(value)
        copy.device = node.device
        copy.input.extend(_moved(tensor, replaced, renamed) for tensor in node.input)
        if not copy.input:
            copy.input.extend(control)
    return renamed


def _moved(tensor: str, replaced: Dict[str, str], renamed: Dict[str, str]) -> str:
    is_control = tensor.startswith("^")
    name, _, port = tensor.lstrip("^").partition(":")
    if name in replaced:
        outside = replaced[name]
        return "^" + outside.split(":")[0] if is_control else outside
    moved = renamed[name] + (f":{port}" if port else "")
    return "^" + moved if is_control else canonical(moved)


def _results(function: NodeDef, flat_names: Dict[str, str]) -> List[str]:
    """Tensors of the body that the function returns, in order.

    A function names them `node:result:index`; the body, turned into a graph, counts
    through all results of a node.
    """
    formal = {argument.name for argument in function.signature.input_arg}
    returned = [function.ret[one.name] for one in function.signature.output_arg]
    return [canonical(one if one in formal else flat_names[one]) for one in returned]


def _redirect_control(editor: GraphEditor, call: NodeDef, inside: List[str]) -> None:
    for node in editor.nodes():
        edge = "^" + call.name
        if edge in node.input:
            kept = [tensor for tensor in node.input if tensor != edge]
            # What waited for the call waits for its last node.
            node.input[:] = [*kept, "^" + inside[-1]] if inside else kept
