"""The steps of a network that comes as ONNX: fewer, and with the same checks."""

import time
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

from engines.base import Precision
from engines.convert.onnx_export import count_onnx_nodes, import_onnx, run_onnx
from engines.convert.onnx_source import OnnxSource, simplified
from engines.convert.report import StepReport
from engines.convert.verify import compare, require_equal

if TYPE_CHECKING:
    from engines.convert.conversion import Prepared

SUMMARY = "constants, batch norms and transposes folded"

_PASSING = ("Relu", "Clip", "LeakyRelu", "Sigmoid", "BatchNormalization", "Identity")


def simplify(source: OnnxSource, prepared: "Prepared") -> Tuple[Any, StepReport]:
    """Simplify a network and compare it with the one that was given.

    Raises
    ------
    ConversionError
        If ONNX Runtime cannot load it, or the result differs.
    """
    before = source.model
    start = time.perf_counter()
    after = simplified(before)
    seconds = time.perf_counter() - start
    samples = prepared.samples.tensors
    results = run_onnx(after.SerializeToString(), prepared.output_end.tensor, samples)
    difference = compare(prepared.reference, results, prepared.model)
    require_equal(difference, "simplify", Precision.FP32)
    report = StepReport(
        name="simplify",
        summary=SUMMARY,
        ops_before=count_onnx_nodes(before),
        ops_after=count_onnx_nodes(after),
        bytes_before=before.ByteSize(),
        bytes_after=after.ByteSize(),
        seconds=seconds,
        max_abs_diff=difference.max_abs_diff,
        mask_iou=difference.mask_iou,
        notes=padded_skips(after),
    )
    return after, report


def padded_skips(model: Any) -> Tuple[str, ...]:  # noqa: ANN401  a ModelProto
    """Name every pad in front of a concatenation or a sum of pictures."""
    takers: Dict[str, List[Any]] = {}
    for node in model.graph.node:
        for name in node.input:
            takers.setdefault(name, []).append(node)
    found = []
    for node in model.graph.node:
        join = _join_after(node, takers) if node.op_type == "Pad" else None
        if join is not None:
            amounts = _amounts(model, node)
            found.append(f"{node.name} pads {amounts} before {join.name}")
    return tuple(found)


def _join_after(node: Any, takers: Dict[str, List[Any]]) -> Optional[Any]:  # noqa: ANN401
    waiting = list(takers.get(node.output[0], []))
    while waiting:
        taker = waiting.pop()
        if taker.op_type in ("Concat", "Add", "Sum") and len(set(taker.input)) > 1:
            return taker
        if taker.op_type in _PASSING:
            waiting.extend(takers.get(taker.output[0], []))
    return None


def _amounts(model: Any, node: Any) -> List[int]:  # noqa: ANN401
    onnx = import_onnx("checking an ONNX network")
    for attribute in node.attribute:  # where they are up to opset 10
        if attribute.name == "pads":
            return [int(one) for one in attribute.ints]
    for tensor in model.graph.initializer:
        if len(node.input) > 1 and tensor.name == node.input[1]:
            return [int(one) for one in onnx.numpy_helper.to_array(tensor)]
    return []
