"""What TF-TRT made of a graph: how much runs in TensorRT, what does not, and why."""

import collections
from typing import Any, Dict, List, NamedTuple, Tuple

from engines.convert.errors import NoSpeedUpError, listing
from engines.convert.flops import flops_by_node
from engines.convert.graph import GraphDef, KeptNode, attribute
from engines.convert.tf_trt_log import ConversionLog
from engines.convert.tf_trt_parameters import TfTrtParameters

ENGINE_OP = "TRTEngineOp"
ELSEWHERE = "Choose the target tensorrt, or convert on the board that will run it."
_NO_WORK = ("Const", "Placeholder", "NoOp", "Identity", ENGINE_OP)


class TfTrtReport(NamedTuple):
    """What runs where after a conversion."""

    engines: Tuple[str, ...]
    """Names of the engines in the graph."""
    built_engines: int
    """How many of them are in the file already; the others are made at first use."""
    nodes_in_engines: int
    stayed: Tuple[KeptNode, ...]
    """Nodes that TensorFlow runs, and why; constants and inputs left out."""
    work_in_engines_ratio: float
    """Share of the multiplications that engines do, 0 to 1."""
    flops: int
    """Of the whole network."""
    ops: Dict[str, int]
    """Nodes of the converted graph by operation, those inside engines left out."""

    def sentences(self) -> Tuple[str, ...]:
        """Tell it."""
        text = (
            f"{len(self.engines)} engines do {self.work_in_engines_ratio:.1%} of the "
            f"{self.flops / 1e9:.3g} GFLOP"
        )
        if self.built_engines < len(self.engines):
            waiting = len(self.engines) - self.built_engines
            text += f"; {waiting} of them are made at first use"
        return (text,)

    def to_document(self) -> Dict[str, Any]:
        """Write it as JSON values."""
        document = dict(self._asdict())
        document["engines"] = list(self.engines)
        document["stayed"] = [dict(one._asdict()) for one in self.stayed]
        return document


def report_on(
    before: GraphDef,
    after: GraphDef,
    log: ConversionLog,
    parameters: TfTrtParameters,
) -> TfTrtReport:
    """Compare a graph with what TF-TRT made of it.

    Parameters
    ----------
    before : GraphDef
        Frozen, of a fixed size.
    after : GraphDef
        Converted.
    log : ConversionLog
        What was said meanwhile.
    parameters : TfTrtParameters
        What it was converted with.
    """
    engines = [node for node in after.node if node.op == ENGINE_OP]
    built = [one for one in engines if attribute(one, "serialized_segment").s]
    remaining = [node for node in after.node if node.op not in _NO_WORK]
    flops = flops_by_node(before)
    outside = sum(flops.get(_original(node.name, flops), 0) for node in remaining)
    total = sum(flops.values())
    inside = len([node for node in before.node if node.op not in _NO_WORK])
    return TfTrtReport(
        engines=tuple(node.name for node in engines),
        built_engines=len(built),
        nodes_in_engines=max(0, inside - len(remaining)) if engines else 0,
        stayed=tuple(
            KeptNode(node.name, node.op, _reason(node, log, parameters))
            for node in remaining
        ),
        work_in_engines_ratio=(total - outside) / total if total and engines else 0.0,
        flops=total,
        ops=dict(collections.Counter(node.op for node in after.node)),
    )


def _original(name: str, known: Dict[str, int]) -> str:
    """Name of a node before TensorFlow 2 put the function's name in front of it."""
    while name not in known and "/" in name:
        name = name.split("/", 1)[1]
    return name


def _reason(
    node: Any,  # noqa: ANN401  a NodeDef
    log: ConversionLog,
    parameters: TfTrtParameters,
) -> str:
    if node.name in parameters.denied_nodes:
        return "left out as asked"
    if node.name in log.excluded:
        return log.excluded[node.name]
    for segment in log.kept:
        if node.name in segment.nodes:
            return segment.reason or "TensorRT could not make an engine of its segment"
    if node.op in log.unconverted:
        said = log.unconverted[node.op]
        return said or f"TF-TRT does not convert this {node.op}"
    size = parameters.minimum_segment_size
    return f"its segment has fewer than {size} operations (minimum_segment_size)"


def require_engines(
    report: TfTrtReport,
    log: ConversionLog,
    parameters: TfTrtParameters,
    obstacle: str,
) -> None:
    """Refuse a conversion that made no engine, with the likely cause.

    Parameters
    ----------
    report : TfTrtReport
        Of the conversion.
    log : ConversionLog
        What was said meanwhile.
    parameters : TfTrtParameters
        What it was converted with.
    obstacle : str
        Why TF-TRT cannot work here at all; empty if it can.

    Raises
    ------
    NoSpeedUpError
        If there is no engine.
    """
    if report.engines:
        return
    cause, hint = obstacle, ELSEWHERE
    if not obstacle:
        cause, hint = _cause(report, log, parameters)
    raise NoSpeedUpError(
        f"TF-TRT made no engine, the graph is as slow as before: {cause}", hint=hint
    )


def _cause(
    report: TfTrtReport, log: ConversionLog, parameters: TfTrtParameters
) -> Tuple[str, str]:
    unplaced = [why for why in log.excluded.values() if "placed on GPU" in why]
    if unplaced and len(unplaced) == len(log.excluded):
        return "TensorFlow placed no node on the GPU", (
            "Check that TensorFlow sees the GPU: CUDA_VISIBLE_DEVICES must not hide it."
        )
    if log.kept:
        return (
            "TensorRT refused all {} segments: {}".format(
                len(log.kept), log.kept[0].reason or "it gave no reason"
            ),
            "Give a larger workspace, or free memory.",
        )
    if log.largest_dropped:
        return (
            f"the largest segment has {log.largest_dropped} operations, "
            f"minimum_segment_size is {parameters.minimum_segment_size}",
            "Give a smaller minimum_segment_size.",
        )
    names = _unconverted_of(report)
    return (
        f"no operation could be converted: {listing(names) or 'none is left'}",
        "Choose the target tensorrt, whose converter knows other operations.",
    )


def _unconverted_of(report: TfTrtReport) -> List[str]:
    return sorted({node.op for node in report.stayed})
