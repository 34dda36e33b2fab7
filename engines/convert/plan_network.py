"""Read an ONNX network with TensorRT's parser, and tell what it makes of it."""

import importlib
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from engines.convert.errors import (
    ConversionError,
    SizeError,
    SourceFormatError,
    UnsupportedOperationError,
    listing,
)
from engines.errors import EngineUnavailableError
from engines.tensorrt_adapter import TensorRt, reason_of

# Codes of the parser for a network that breaks ONNX's rules; every other one is
# about what TensorRT lacks.
_NOT_VALID = ("INVALID_GRAPH", "INVALID_VALUE", "MODEL_DESERIALIZE_FAILED")


class PlanLayer(NamedTuple):
    """One layer of TensorRT's network, before layers are fused."""

    name: str
    kind: str
    """As TensorRT calls it: `CONVOLUTION`, `SLICE`, ..."""
    output_shape: Tuple[int, ...]
    output_type: str
    """`FLOAT`, `HALF`, `INT8`, ..."""


class ParsedNetwork:
    """TensorRT's view of an ONNX network.

    Holds the builder and the parser too: a network that outlives them ends the
    process.

    Parameters
    ----------
    trt : TensorRt
        The library.
    content : bytes
        The ONNX file.
    input_shape : tuple of int, optional
        For a network that leaves sizes open.

    Raises
    ------
    EngineUnavailableError
        If TensorRT cannot start, for want of a driver or a GPU.
    UnsupportedOperationError
        If TensorRT lacks an operation; every node it lacks is named.
    SourceFormatError
        If it is no valid network.
    SizeError
        If a size is open and none was given.
    """

    def __init__(
        self,
        trt: TensorRt,
        content: bytes,
        input_shape: Optional[Tuple[int, ...]] = None,
    ) -> None:
        self.trt = trt
        with trt.log.errors() as errors:
            self.builder = _new_builder(trt, errors)
            self.network: Any = self.builder.create_network(_network_flags(trt))
            self._parser: Any = trt.module.OnnxParser(self.network, trt.log.logger)
            is_parsed = self._parser.parse(content)
            # Bytes that are no ONNX at all are parsed to nothing without complaint.
            if not is_parsed:
                raise _refusal(trt, self._complaints(content), errors)
            if self.network.num_layers == 0:
                raise SourceFormatError("TensorRT found no network in the ONNX file")
        self._fix_sizes(input_shape)

    def _complaints(self, content: bytes) -> "Tuple[_Complaint, ...]":
        names = _node_names(content)
        if hasattr(self._parser, "supports_model_v2"):
            # Parsing stops at the first node it lacks, this goes on to the last.
            network = self.builder.create_network(_network_flags(self.trt))
            checker = self.trt.module.OnnxParser(network, self.trt.log.logger)
            checker.supports_model_v2(content)
            if checker.num_errors:
                return _read_errors(checker, names)
        return _read_errors(self._parser, names)

    def _fix_sizes(self, input_shape: Optional[Tuple[int, ...]]) -> None:
        for index in range(self.network.num_inputs):
            tensor = self.network.get_input(index)
            shape = tuple(tensor.shape)
            if all(size >= 0 for size in shape):
                continue
            if input_shape is None or len(input_shape) != len(shape):
                raise SizeError(
                    f"input {tensor.name} has the open shape {shape}",
                    hint="Give the size with --size WIDTHxHEIGHT.",
                )
            # A fixed size needs no optimisation profile and is the fastest there is.
            tensor.shape = input_shape

    def layers(self) -> Tuple[PlanLayer, ...]:
        """List the layers in their order."""
        found = []
        for index in range(self.network.num_layers):
            layer = self.network.get_layer(index)
            output = layer.get_output(0) if layer.num_outputs else None
            # The shape of a tensor whose rank is not known yet cannot be asked.
            shape = () if output is None else _shape_of(output)
            kind = "" if output is None else output.dtype.name
            found.append(PlanLayer(layer.name, layer.type.name, shape, kind))
        return tuple(found)

    @property
    def has_quantisation(self) -> bool:
        """Whether the network says itself where it computes in 8 bits."""
        return any(layer.kind == "QUANTIZE" for layer in self.layers())


def _shape_of(tensor: Any) -> Tuple[int, ...]:  # noqa: ANN401
    try:
        return tuple(tensor.shape)
    except ValueError:
        return ()


def count_layers(layers: Tuple[PlanLayer, ...]) -> Dict[str, int]:
    """Count layers by kind."""
    counts: Dict[str, int] = {}
    for layer in layers:
        counts[layer.kind] = counts.get(layer.kind, 0) + 1
    return counts


def _new_builder(trt: TensorRt, errors: List[str]) -> Any:  # noqa: ANN401
    try:
        return trt.module.Builder(trt.log.logger)
    except (TypeError, RuntimeError) as error:  # pybind11 was given no object
        raise EngineUnavailableError(
            f"{trt.library} cannot start: {reason_of(errors)}",
            hint="It needs an NVIDIA GPU with its driver.",
        ) from error


def _network_flags(trt: TensorRt) -> int:
    """Ask for the batch in the network's shape where that is not the only way."""
    flag = getattr(trt.module.NetworkDefinitionCreationFlag, "EXPLICIT_BATCH", None)
    return 0 if flag is None else 1 << int(flag)


class _Complaint(NamedTuple):
    code: str
    sentence: str


def _read_errors(parser: Any, names: List[str]) -> Tuple[_Complaint, ...]:  # noqa: ANN401
    """Read what the parser complains of, while it is there: errors die with it."""
    errors = [parser.get_error(index) for index in range(parser.num_errors)]
    return tuple(_Complaint(_code(one), _sentence(one, names)) for one in errors)


def _refusal(
    trt: TensorRt, complaints: Tuple[_Complaint, ...], said: List[str]
) -> ConversionError:
    if not complaints:
        return SourceFormatError(
            f"{trt.library} cannot read the network: {reason_of(said)}"
        )
    sentences = listing([one.sentence for one in complaints], 6)
    text = f"{trt.library} cannot take {sentences}"
    if all(one.code in _NOT_VALID for one in complaints):
        return SourceFormatError(text, hint="Export the network to ONNX again.")
    return UnsupportedOperationError(
        text,
        hint="Choose the target tf-trt, which leaves such nodes to TensorFlow, or name "
        "an output before them with --output.",
    )


def _code(error: Any) -> str:  # noqa: ANN401
    return str(getattr(error.code(), "name", error.code()))


def _sentence(error: Any, names: List[str]) -> str:  # noqa: ANN401
    # Parsers before TensorRT 10 know a node by its number only.
    index = error.node()
    if hasattr(error, "node_name"):
        name, operator = error.node_name(), error.node_operator()
        node = f"node {name or index} ({operator})" if operator else "the file"
    else:
        known = 0 <= index < len(names)
        node = f"node {names[index]}" if known else f"node {index}"
    why = " ".join(str(error.desc()).split())
    # A check of the parser that failed is printed as its source: "false", for one.
    code = _code(error).lower().replace("_", " ")
    return f"{node}: {code}" if why in ("", "false") else f"{node}: {code}, {why}"


def _node_names(content: bytes) -> List[str]:
    """Name the nodes of an ONNX file; nothing where onnx is not installed."""
    try:
        onnx = importlib.import_module("onnx")
    except ImportError:
        return []
    message = importlib.import_module("google.protobuf.message")
    try:
        nodes = onnx.load_model_from_string(content).graph.node
    except message.DecodeError:
        return []
    return [f"{one.name or number} ({one.op_type})" for number, one in enumerate(nodes)]
