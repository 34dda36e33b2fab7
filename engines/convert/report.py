"""What a conversion did: one report a step, one for the whole."""

from typing import Any, Dict, NamedTuple, Optional, Tuple

from engines.convert.graph import KeptNode, Removal

NodeCounts = Dict[str, int]


class StepReport(NamedTuple):
    """What one step did to the network."""

    name: str
    summary: str
    """One sentence: what the step is for."""
    ops_before: NodeCounts
    """Nodes by operation."""
    ops_after: NodeCounts
    bytes_before: int
    bytes_after: int
    seconds: float
    max_abs_diff: Optional[float]
    """Against the network as trained; None where it could not be run."""
    mask_iou: Optional[float]
    """None for a network that gives no mask."""
    reasons: Tuple[Removal, ...] = ()
    """What was removed, and why."""
    kept: Tuple[KeptNode, ...] = ()
    """What could not be removed or folded, and why."""
    notes: Tuple[str, ...] = ()

    @property
    def nodes_before(self) -> int:
        """Number of nodes."""
        return sum(self.ops_before.values())

    @property
    def nodes_after(self) -> int:
        """Number of nodes."""
        return sum(self.ops_after.values())

    @property
    def removed(self) -> NodeCounts:
        """Fewer nodes than before, by operation."""
        return _less(self.ops_before, self.ops_after)

    @property
    def added(self) -> NodeCounts:
        """More nodes than before, by operation."""
        return _less(self.ops_after, self.ops_before)

    def to_document(self) -> Dict[str, Any]:
        """Write it as JSON values."""
        return {
            "name": self.name,
            "summary": self.summary,
            "nodes_before": self.nodes_before,
            "nodes_after": self.nodes_after,
            "ops_before": self.ops_before,
            "ops_after": self.ops_after,
            "removed": self.removed,
            "added": self.added,
            "bytes_before": self.bytes_before,
            "bytes_after": self.bytes_after,
            "max_abs_diff": self.max_abs_diff,
            "mask_iou": self.mask_iou,
            "seconds": round(self.seconds, 3),
            "reasons": [dict(one._asdict()) for one in self.reasons],
            "kept": [dict(one._asdict()) for one in self.kept],
            "notes": list(self.notes),
        }


def _less(before: NodeCounts, after: NodeCounts) -> NodeCounts:
    gone = {op: count - after.get(op, 0) for op, count in sorted(before.items())}
    return {op: count for op, count in gone.items() if count > 0}


class EngineResult(NamedTuple):
    """The engine that came out."""

    path: str
    """The file that is loaded; in the report on disk relative to its folder."""
    kind: str
    precision: str
    bytes: int
    """Of all its files."""


class ConversionReport(NamedTuple):
    """What a conversion did and what came out."""

    model: str
    target: str
    steps: Tuple[StepReport, ...]
    engine: EngineResult
    samples: str
    """What every step was compared on."""
    is_compared_on_real_frames: bool
    versions: Dict[str, str]
    seconds: float

    def to_document(self) -> Dict[str, Any]:
        """Write it as JSON values."""
        return {
            "model": self.model,
            "target": self.target,
            "steps": [step.to_document() for step in self.steps],
            "engine": dict(self.engine._asdict()),
            "samples": self.samples,
            "is_compared_on_real_frames": self.is_compared_on_real_frames,
            "versions": self.versions,
            "seconds": round(self.seconds, 3),
        }


def report_from_document(document: Dict[str, Any]) -> ConversionReport:
    """Read a report that `to_document` wrote.

    Raises
    ------
    KeyError, TypeError
        If it is something else.
    """
    return ConversionReport(
        model=document["model"],
        target=document["target"],
        steps=tuple(step_from_document(step) for step in document["steps"]),
        engine=EngineResult(**document["engine"]),
        samples=document["samples"],
        is_compared_on_real_frames=document["is_compared_on_real_frames"],
        versions=document["versions"],
        seconds=document["seconds"],
    )


def step_from_document(document: Dict[str, Any]) -> StepReport:
    """Read the report of one step."""
    return StepReport(
        name=document["name"],
        summary=document["summary"],
        ops_before=document["ops_before"],
        ops_after=document["ops_after"],
        bytes_before=document["bytes_before"],
        bytes_after=document["bytes_after"],
        seconds=document["seconds"],
        max_abs_diff=document["max_abs_diff"],
        mask_iou=document["mask_iou"],
        reasons=tuple(Removal(**one) for one in document["reasons"]),
        kept=tuple(KeptNode(**one) for one in document["kept"]),
        notes=tuple(document["notes"]),
    )
