"""Networks saved as TensorFlow graphs: frozen, checkpoint, SavedModel."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, List, Mapping, Optional, Tuple

from engines.convert.batch_norm import flags_of
from engines.convert.constants import session_config
from engines.convert.ends import (
    End,
    activations_of,
    end_at,
    find_inputs,
    find_outputs,
)
from engines.convert.errors import SourceFormatError, missing_library
from engines.convert.graph import (
    GraphDef,
    NodeDef,
    Terminals,
    node_name,
    operation_definition,
)
from engines.convert.inline import inline_functions
from engines.convert.model_source import GraphSource, SourceForm
from engines.convert.tensorflow_errors import newer_attribute, translated

if TYPE_CHECKING:
    from numpy.typing import NDArray

_VARIABLES = ("Variable", "VariableV2", "VarHandleOp")


def import_tensorflow() -> Any:  # noqa: ANN401  a module
    """Import TensorFlow, or tell how to get it."""
    try:
        import tensorflow as tf
    except ImportError as error:
        raise missing_library(
            "TensorFlow", "make engines", "converting a TensorFlow network"
        ) from error
    return tf


class SessionSource(GraphSource):
    """A graph in a session, variables loaded.

    Parameters
    ----------
    form : SourceForm
        How it was saved.
    session : tf.compat.v1.Session
        Owned from now on.
    ends : tuple, optional
        Inputs and outputs that a signature names; None to look for them.
    """

    def __init__(
        self,
        form: SourceForm,
        session: Any,  # noqa: ANN401
        ends: Optional[Tuple[Tuple[End, ...], Tuple[End, ...]]] = None,
    ) -> None:
        self.form = form
        self._session = session
        self._graph = session.graph.as_graph_def()
        self._ends = ends
        self._values: Mapping[str, float] = {}

    def set_values(self, values: Mapping[str, float]) -> None:
        """Give placeholders that are no inputs what they are at inference."""
        self._values = dict(values)

    def graph(self) -> GraphDef:
        """The graph as it was saved."""
        return self._graph

    def inputs(self) -> Tuple[End, ...]:
        """Inputs of the signature, or placeholders."""
        return self._ends[0] if self._ends else find_inputs(self._graph)

    def outputs(self, input_end: End) -> Tuple[End, ...]:
        """Outputs of the signature, or where the graph ends."""
        if self._ends:
            return self._ends[1]
        return find_outputs(self._graph, node_name(input_end.tensor))

    def suggestions(self, input_end: End) -> Tuple[End, ...]:
        """Activations: one of them may be the output."""
        return activations_of(self._graph, node_name(input_end.tensor))

    def find_end(self, name: str) -> Optional[End]:
        """Any tensor of the graph."""
        return end_at(self._graph, name)

    def run(
        self, input_end: End, output_end: End, tensors: "List[NDArray[Any]]"
    ) -> "List[NDArray[Any]]":
        """Infer in the session that holds the variables."""
        ends = Terminals(
            (node_name(input_end.tensor),), (node_name(output_end.tensor),)
        )
        flags = flags_of(self._graph, ends, self._values)
        results = []
        with translated("running the network as trained"):
            for tensor in tensors:
                feed = {_port(name): value for name, value in flags.items()}
                feed[_port(input_end.tensor)] = tensor
                results.append(self._session.run(_port(output_end.tensor), feed))
        return results

    def freeze(self, input_end: End, output_end: End) -> GraphDef:
        """Replace variables by their values, calls by what they call."""
        tf = import_tensorflow()
        terminals = Terminals(
            (node_name(input_end.tensor),), (node_name(output_end.tensor),)
        )
        with translated("freezing"):
            flat = inline_functions(_without_writes(self._graph), terminals).graph
            self._make_readable(flat)
            return tf.compat.v1.graph_util.convert_variables_to_constants(
                self._session, flat, list(terminals.outputs)
            )

    def _make_readable(self, graph: GraphDef) -> None:
        """Add the read by which TensorFlow's freezing gets a variable's value.

        It expects every variable to have one of that name, which those that were
        made by a SavedModel's functions lack.
        """
        from tensorflow.python.framework import ops
        from tensorflow.python.ops import gen_resource_variable_ops

        known = self._session.graph
        names = {operation.name for operation in known.get_operations()}
        for node in graph.node:
            read = node.name + "/Read/ReadVariableOp"
            if node.op == "VarHandleOp" and read not in names and node.name in names:
                handle = known.get_tensor_by_name(node.name + ":0")
                with known.as_default(), ops.name_scope(None):
                    gen_resource_variable_ops.read_variable_op(
                        handle, node.attr["dtype"].type, name=read
                    )

    def close(self) -> None:
        """Close the session."""
        self._session.close()


def _without_writes(graph: GraphDef) -> GraphDef:
    """Let nothing wait for a variable to be written: constants cannot be.

    Moving averages of batch norms are updated in the branch of training, where
    TensorFlow's freezing would leave an assignment to a constant.
    """
    writes = {"^" + node.name for node in graph.node if node.op.startswith("Assign")}
    copy = type(graph)()
    copy.CopyFrom(graph)
    for node in copy.node:
        if any(tensor in writes for tensor in node.input):
            node.input[:] = [one for one in node.input if one not in writes]
    return copy


def _port(tensor: str) -> str:
    return tensor if ":" in tensor else tensor + ":0"


def _new_session(graph: Any = None) -> Any:  # noqa: ANN401
    tf = import_tensorflow()
    return tf.compat.v1.Session(graph=graph or tf.Graph(), config=session_config())


def open_frozen_graph(path: Path) -> SessionSource:
    """Load a frozen graph, binary or text."""
    tf = import_tensorflow()
    graph = read_graph(path)
    variables = [node.name for node in graph.node if node.op in _VARIABLES]
    if variables:
        raise SourceFormatError(
            f"{path.name} is not frozen: it has {len(variables)} variables "
            f"({variables[0]}, ...) and no values for them",
            hint="Name the checkpoint (its .meta file) or the SavedModel instead.",
        )
    session = _new_session()
    with translated(f"loading {path.name}"), session.graph.as_default():
        tf.import_graph_def(graph, name="")
    return SessionSource(SourceForm.FROZEN_GRAPH, session)


def read_graph(path: Path) -> GraphDef:
    """Parse a GraphDef.

    Raises
    ------
    SourceFormatError
        If it is none.
    """
    tf = import_tensorflow()
    from google.protobuf import message, text_format

    graph = tf.compat.v1.GraphDef()
    content = path.read_bytes()
    try:
        if path.suffix == ".pbtxt":
            text_format.Parse(content.decode("utf-8"), graph)
        else:
            graph.ParseFromString(content)
    except (message.DecodeError, text_format.ParseError, UnicodeDecodeError) as error:
        raise SourceFormatError(
            f"{path.name} is not a TensorFlow graph ({len(content)} bytes)",
            hint="It may be cut short, or another kind of file.",
        ) from error
    if not graph.node or not all(node.op for node in graph.node):
        raise SourceFormatError(
            f"{path.name} is not a TensorFlow graph: it has no nodes",
            hint="A SavedModel is named by its folder, not by its saved_model.pb.",
        )
    for node in graph.node:
        _drop_newer_attributes(node)
    return graph


def _drop_newer_attributes(node: NodeDef) -> None:
    """Drop attributes that this TensorFlow does not know, where they say nothing.

    Newer versions write attributes of theirs out even if they are empty. TensorFlow 1
    refuses the graph for it, TensorFlow 2 ignores even those that say something.
    """
    definition = operation_definition(node.op)
    if definition is None:
        return
    known = {one.name for one in definition.attr}
    for name in [one for one in node.attr if one not in known]:
        value = node.attr[name]
        is_empty = value.WhichOneof("value") in (None, "list") and not any(
            field[1] for field in value.list.ListFields()
        )
        if name.startswith("_"):
            continue
        if not is_empty:
            raise newer_attribute(name, node.op)
        del node.attr[name]


def open_checkpoint(prefix: Path) -> SessionSource:
    """Load a checkpoint of TensorFlow 1 with its meta graph."""
    tf = import_tensorflow()
    meta = Path(str(prefix) + ".meta")
    if not meta.is_file():
        raise SourceFormatError(
            f"checkpoint {prefix.name} has no {meta.name}: variables without a graph",
            hint="Save it with its meta graph, or export a SavedModel.",
        )
    session = _new_session()
    with translated(f"loading {meta.name}"), session.graph.as_default():
        saver = tf.compat.v1.train.import_meta_graph(str(meta), clear_devices=True)
        if saver is None:
            raise SourceFormatError(f"{meta.name} holds no variables to restore")
        saver.restore(session, str(prefix))
    return SessionSource(SourceForm.CHECKPOINT, session)


def open_saved_model(folder: Path) -> SessionSource:
    """Load a SavedModel of TensorFlow 1 or 2 with its serving signature."""
    tf = import_tensorflow()
    session = _new_session()
    with translated(f"loading {folder.name}"), session.graph.as_default():
        tags = _serving_tags(folder)
        meta = tf.compat.v1.saved_model.load(session, tags, str(folder))
    return SessionSource(SourceForm.SAVED_MODEL, session, _signature_ends(meta))


def _serving_tags(folder: Path) -> List[str]:
    from tensorflow.core.protobuf import saved_model_pb2

    binary = folder / "saved_model.pb"
    if not binary.is_file():
        return ["serve"]
    saved = saved_model_pb2.SavedModel()
    from google.protobuf import message

    try:
        saved.ParseFromString(binary.read_bytes())
    except message.DecodeError as error:
        raise SourceFormatError(f"{binary} is not a SavedModel") from error
    sets = [list(meta.meta_info_def.tags) for meta in saved.meta_graphs]
    if not sets:
        raise SourceFormatError(f"{binary} holds no graph")
    for tags in sets:
        if tags == ["serve"]:
            return tags
    return sorted(sets, key=len)[0]


def _signature_ends(
    meta: Any,  # noqa: ANN401  a MetaGraphDef
) -> Optional[Tuple[Tuple[End, ...], Tuple[End, ...]]]:
    signatures = {
        name: one
        for name, one in meta.signature_def.items()
        if not name.startswith("__") and one.inputs
    }
    if not signatures:
        return None
    chosen = signatures.get("serving_default") or signatures[sorted(signatures)[0]]
    return (
        tuple(_signature_end(name, one) for name, one in sorted(chosen.inputs.items())),
        tuple(
            _signature_end(name, one) for name, one in sorted(chosen.outputs.items())
        ),
    )


def _signature_end(name: str, info: Any) -> End:  # noqa: ANN401  a TensorInfo
    tf = import_tensorflow()
    shape = None
    if not info.tensor_shape.unknown_rank:
        sizes = [dimension.size for dimension in info.tensor_shape.dim]
        shape = tuple(size if size >= 0 else None for size in sizes)
    return End(name, info.name, tf.as_dtype(info.dtype).name, shape)
