"""Editing of TensorFlow graphs: what every pass is built from.

A graph is a `GraphDef` of TensorFlow, in which a tensor is named `node` (its first
output) or `node:1`, and a control edge is an input `^node`.
"""

import collections
from typing import (
    TYPE_CHECKING,
    Any,
    Dict,
    Iterable,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
)

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

GraphDef = Any
NodeDef = Any

IDENTITIES = frozenset(
    ["Identity", "StopGradient", "CheckNumerics", "Snapshot", "PreventGradient"]
)
CONTROL_FLOW = frozenset(
    [
        *("Switch", "Merge", "RefSwitch", "RefMerge", "Enter", "RefEnter", "Exit"),
        *("NextIteration", "RefNextIteration", "LoopCond", "While", "StatelessWhile"),
        *("If", "StatelessIf", "Case", "StatelessCase"),
    ]
)


class Terminals(NamedTuple):
    """Nodes that a pass must leave in place, under their names."""

    inputs: Tuple[str, ...]
    outputs: Tuple[str, ...]


class Removal(NamedTuple):
    """Nodes of one operation that a step removed for one reason."""

    reason: str
    op: str
    nodes: int


class KeptNode(NamedTuple):
    """A node that a step could not remove, and why."""

    node: str
    op: str
    reason: str


class Rewrite(NamedTuple):
    """What a pass made of a graph."""

    graph: GraphDef
    removed: Tuple[Removal, ...] = ()
    kept: Tuple[KeptNode, ...] = ()
    notes: Tuple[str, ...] = ()
    """Sentences for the operator, values included."""
    changes_result: bool = False
    """The output is meant to differ from here on: training became inference."""


def node_name(tensor: str) -> str:
    """Name of the node that a tensor or a control edge comes from."""
    return tensor.lstrip("^").split(":")[0]


def canonical(tensor: str) -> str:
    """Write a tensor's name one way: `node:0` is `node`."""
    return tensor[:-2] if tensor.endswith(":0") else tensor


def operation_definition(op: str) -> Any:  # noqa: ANN401  an OpDef
    """Definition of an operation; None where this TensorFlow has none."""
    from tensorflow.python.framework import op_def_registry

    if hasattr(op_def_registry, "get"):
        return op_def_registry.get(op)
    return op_def_registry.get_registered_ops().get(op)  # TensorFlow 1.15


def count_by_op(graph: GraphDef) -> Dict[str, int]:
    """Count nodes by operation, those of library functions included."""
    counts: Dict[str, int] = collections.Counter(node.op for node in graph.node)
    for function in graph.library.function:
        for node in function.node_def:
            counts[node.op] += 1
    return dict(counts)


def attribute(node: NodeDef, name: str) -> Any:  # noqa: ANN401  an AttrValue
    """Attribute of a node, an empty one where it has none.

    Reading `node.attr[name]` would add what is not there, and TensorFlow refuses
    attributes that an operation does not know.
    """
    if name in node.attr:
        return node.attr[name]
    from tensorflow.core.framework import attr_value_pb2

    return attr_value_pb2.AttrValue()


def tensor_value(node: NodeDef) -> "NDArray[Any]":
    """Value of a Const node."""
    import tensorflow as tf

    value: NDArray[Any] = tf.make_ndarray(attribute(node, "value").tensor)
    return value


def placeholder_shape(node: NodeDef) -> Optional[Tuple[Optional[int], ...]]:
    """Shape of a placeholder; None where the rank is unknown."""
    if "shape" not in node.attr or attribute(node, "shape").shape.unknown_rank:
        return None
    sizes = [dimension.size for dimension in attribute(node, "shape").shape.dim]
    # A placeholder made without a shape has an empty one before TensorFlow 1.x
    # learned `unknown_rank`; a scalar input is told apart by its type elsewhere.
    return tuple(size if size >= 0 else None for size in sizes)


class GraphEditor:
    """A graph that is being rewritten.

    Works on a copy: the graph it was made from stays as it is.

    Parameters
    ----------
    graph : GraphDef
        What to start from.
    terminals : Terminals
        Nodes that keep their names.
    """

    def __init__(self, graph: GraphDef, terminals: Terminals) -> None:
        self._terminals = terminals
        self._graph = type(graph)()
        self._graph.CopyFrom(graph)
        self._nodes: Dict[str, NodeDef] = {}
        for node in self._graph.node:
            self._nodes[node.name] = node
            node.input[:] = [canonical(tensor) for tensor in node.input]
        self._consumers: Optional[Dict[str, List[NodeDef]]] = None
        self._removed: Dict[Tuple[str, str], int] = collections.Counter()
        self._kept: Dict[str, KeptNode] = {}
        self.notes: List[str] = []

    @property
    def terminals(self) -> Terminals:
        """Nodes that keep their names."""
        return self._terminals

    def nodes(self) -> List[NodeDef]:
        """All nodes of now: the list may be walked while editing."""
        return list(self._nodes.values())

    def __contains__(self, name: str) -> bool:
        return name in self._nodes

    def __len__(self) -> int:
        return len(self._nodes)

    def node(self, tensor: str) -> NodeDef:
        """Node that a tensor comes from."""
        return self._nodes[node_name(tensor)]

    def is_terminal(self, node: NodeDef) -> bool:
        """Whether a node is an input or an output of the graph."""
        return node.name in self._terminals.inputs + self._terminals.outputs

    def is_terminal_input(self, node: NodeDef) -> bool:
        """Whether a node is an input of the graph."""
        return node.name in self._terminals.inputs

    def consumers(self, node: NodeDef) -> List[NodeDef]:
        """Nodes that take a node's data, one entry for each edge."""
        if self._consumers is None:
            self._consumers = collections.defaultdict(list)
            for consumer in self._nodes.values():
                for tensor in consumer.input:
                    if not tensor.startswith("^"):
                        self._consumers[node_name(tensor)].append(consumer)
        return self._consumers.get(node.name, [])

    def has_one_use(self, node: NodeDef) -> bool:
        """Whether exactly one edge leaves a node, which is no output."""
        is_output = node.name in self._terminals.outputs
        return len(self.consumers(node)) == 1 and not is_output

    def value(self, tensor: str) -> "Optional[NDArray[Any]]":
        """Value of a tensor that is constant; None where it is not."""
        node = self._nodes.get(node_name(tensor))
        while node is not None and node.op in IDENTITIES and node.input:
            node = self._nodes.get(node_name(node.input[0]))
        if node is None or node.op != "Const":
            return None
        return tensor_value(node)

    def depends_on_constants(self, tensor: str) -> bool:
        """Whether a tensor could be computed before a frame came."""
        return all(
            node.op == "Const"
            or (
                len(node.input) > 0
                and node.op not in CONTROL_FLOW
                and not node.op.startswith("Placeholder")
            )
            for node in map(self.node, self.cone([tensor], with_control=False))
        )

    def add_constant(self, name: str, value: "NDArray[Any]") -> str:
        """Add a Const under a name like the given one; gives its name."""
        import tensorflow as tf

        name = self._free_name(name)
        node = self._graph.node.add()
        node.name = name
        node.op = "Const"
        node.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
        self._nodes[name] = node
        self._consumers = None
        return name

    def make_constant(self, node: NodeDef, value: "NDArray[Any]") -> None:
        """Turn a node into a Const under its own name."""
        import tensorflow as tf

        name = node.name
        node.Clear()
        node.name = name
        node.op = "Const"
        node.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
        self._consumers = None

    def make_bias_add(
        self, node: NodeDef, tensor: str, bias: str, like: NodeDef
    ) -> None:
        """Turn a node into `tensor + bias`, with type and layout of another node."""
        name = node.name
        type_of_value = attribute(like, "T").type
        layout = attribute(like, "data_format").s or b"NHWC"
        node.Clear()
        node.name = name
        node.op = "BiasAdd"
        node.input.extend([tensor, bias])
        node.attr["T"].type = type_of_value
        node.attr["data_format"].s = layout
        self._consumers = None

    def set_input(self, node: NodeDef, index: int, tensor: str) -> None:
        """Let a node take another tensor."""
        node.input[index] = tensor
        self._consumers = None

    def add_node(self, name: str, op: str, inputs: Iterable[str]) -> NodeDef:
        """Add a node under a name like the given one; the caller sets attributes."""
        node = self._graph.node.add()
        node.name = self._free_name(name)
        node.op = op
        node.input.extend(inputs)
        self._nodes[node.name] = node
        self._consumers = None
        return node

    def insert_after(self, node: NodeDef, name: str) -> NodeDef:
        """Put a new node between a node and all that take its result.

        The caller gives it its operation and inputs.
        """
        added = self.add_node(name, "", ())
        for taker in self.nodes():
            for index, tensor in enumerate(taker.input):
                if tensor == node.name:
                    taker.input[index] = added.name
        self._consumers = None
        return added

    def redirect(self, replacements: Dict[str, str]) -> None:
        """Let every consumer of some tensors take others instead.

        An output that is redirected keeps its name: the node that replaces it is
        renamed, where it is no terminal itself and has no second result.

        Parameters
        ----------
        replacements : dict of str to str
            Tensor to tensor. Chains are followed.
        """
        replacements = {
            canonical(old): canonical(new) for old, new in replacements.items()
        }

        def final(tensor: str) -> str:
            seen = 0
            while tensor in replacements and seen <= len(replacements):
                tensor = replacements[tensor]
                seen += 1
            return tensor

        for node in self._nodes.values():
            for index, tensor in enumerate(node.input):
                if tensor in replacements:
                    node.input[index] = final(tensor)
        self._consumers = None
        for output in self._terminals.outputs:
            if output in replacements:
                self._take_name(output, final(output))
        self._forget_unused(node_name(old) for old in replacements)

    def can_take_name(self, tensor: str) -> bool:
        """Whether the node behind a tensor may be renamed to an output's name."""
        node = self._nodes.get(node_name(tensor))
        return node is not None and ":" not in tensor and not self.is_terminal(node)

    def _take_name(self, output: str, tensor: str) -> None:
        source = self._nodes[node_name(tensor)]
        del self._nodes[output]
        self._nodes.pop(source.name)
        former, source.name = source.name, output
        self._nodes[output] = source
        for node in self._nodes.values():
            for index, name in enumerate(node.input):
                if node_name(name) == former:
                    prefix = "^" if name.startswith("^") else ""
                    port = name[name.index(":") :] if ":" in name else ""
                    node.input[index] = prefix + output + port
        self._consumers = None

    def _forget_unused(self, names: Iterable[str]) -> None:
        """Delete nodes that nothing takes any more: they would count as uses."""
        used = {node_name(one) for node in self._nodes.values() for one in node.input}
        used.update(self._terminals.inputs + self._terminals.outputs)
        for name in names:
            if name not in used:
                self._nodes.pop(name, None)
        self._consumers = None

    def drop_control_edges(self, node: NodeDef, keep: Iterable[str] = ()) -> int:
        """Remove a node's control edges but those from some nodes."""
        keep = set(keep)
        before = len(node.input)
        node.input[:] = [
            tensor
            for tensor in node.input
            if not tensor.startswith("^") or tensor[1:] in keep
        ]
        return before - len(node.input)

    def removed(self, reason: str, op: str, count: int = 1) -> None:
        """Note that nodes were removed."""
        self._removed[(reason, op)] += count

    def kept(self, node: NodeDef, reason: str) -> None:
        """Note that a node had to stay; the first reason counts."""
        self._kept.setdefault(node.name, KeptNode(node.name, node.op, reason))

    def has_kept(self, node: NodeDef) -> bool:
        """Whether a node was already noted as one that has to stay."""
        return node.name in self._kept

    def keep_reachable(self, reason: str = "") -> None:
        """Remove what no output depends on; with a reason it is noted."""
        wanted = self.cone(self._terminals.outputs)
        wanted.update(name for name in self._terminals.inputs if name in self._nodes)
        for name in [name for name in self._nodes if name not in wanted]:
            if reason:
                self.removed(reason, self._nodes[name].op)
            del self._nodes[name]
        self._consumers = None

    def cone(
        self,
        names: Iterable[str],
        with_control: bool = True,
        stop: Sequence[str] = (),
    ) -> Set[str]:
        """Names of all nodes that some nodes depend on, themselves included.

        Parameters
        ----------
        names : iterable of str
            Where to start.
        with_control : bool
            Whether control edges count.
        stop : sequence of str
            Nodes whose own inputs do not count.
        """
        found = set()
        waiting = [node_name(name) for name in names]
        while waiting:
            name = waiting.pop()
            if name in found or name not in self._nodes:
                continue
            found.add(name)
            if name in stop:
                continue
            waiting.extend(
                node_name(tensor)
                for tensor in self._nodes[name].input
                if with_control or not tensor.startswith("^")
            )
        return found

    def in_order(self) -> List[NodeDef]:
        """Nodes with every node after what it takes (loops broken anywhere)."""
        order: List[NodeDef] = []
        done: Dict[str, bool] = {}
        for start in self._nodes:
            stack = [(start, False)]
            while stack:
                name, is_ready = stack.pop()
                if is_ready:
                    order.append(self._nodes[name])
                    continue
                if name in done or name not in self._nodes:
                    continue
                done[name] = True
                stack.append((name, True))
                # Reversed: inputs come out in the order they are taken.
                stack.extend(
                    (node_name(tensor), False)
                    for tensor in reversed(self._nodes[name].input)
                )
        return order

    def finish(self, changes_result: bool = False) -> Rewrite:
        """Give the rewritten graph and what was noted on the way."""
        graph = type(self._graph)()
        graph.versions.CopyFrom(self._graph.versions)
        graph.library.CopyFrom(self._graph.library)
        graph.node.extend(self.in_order())
        _drop_unused_functions(graph)
        return Rewrite(
            graph=graph,
            removed=tuple(
                Removal(reason, op, count)
                for (reason, op), count in sorted(self._removed.items())
            ),
            kept=tuple(kept for name, kept in self._kept.items() if name in self),
            notes=tuple(self.notes),
            changes_result=changes_result,
        )

    def _free_name(self, name: str) -> str:
        free, number = name, 0
        while free in self._nodes:
            number += 1
            free = f"{name}_{number}"
        return free


def static_shapes(graph: GraphDef) -> Dict[str, Optional[Tuple[Optional[int], ...]]]:
    """Infer the shape of every tensor; None where even the rank is unknown."""
    import tensorflow as tf

    imported = tf.Graph()
    with imported.as_default():
        tf.import_graph_def(graph, name="")
    shapes: Dict[str, Optional[Tuple[Optional[int], ...]]] = {}
    for operation in imported.get_operations():
        for tensor in operation.outputs:
            shape = tensor.shape
            known = None if shape.ndims is None else tuple(shape.as_list())
            shapes[canonical(tensor.name)] = known
    return shapes


def as_float64(value: "NDArray[Any]") -> "NDArray[np.float64]":
    """Widen a weight: folded weights are computed in double and rounded once."""
    wide: NDArray[np.float64] = np.asarray(value, np.float64)
    return wide


def _drop_unused_functions(graph: GraphDef) -> None:
    functions = {one.signature.name: one for one in graph.library.function}
    used = set()
    waiting = list(graph.node)
    while waiting:
        node = waiting.pop()
        for value in node.attr.values():
            for called in [value.func, *value.list.func]:
                name = called.name
                if name in functions and name not in used:
                    used.add(name)
                    waiting.extend(functions[name].node_def)
    for name in set(functions) - used:
        graph.library.function.remove(functions[name])
    for gradient in list(graph.library.gradient):
        graph.library.gradient.remove(gradient)
