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


class TimedEngine(NamedTuple):
    """How fast one engine was beside another."""

    engine: str
    fps: float
    """One over the median."""
    ratio_to_reference: float
    """How many times as fast as the network as trained, round by round."""
    fps_by_round: Tuple[float, ...]
    ms_p50: float = 0.0
    """Of one inference, as are the others."""
    ms_p95: float = 0.0
    ms_p99: float = 0.0
    step: str = ""
    """Of the ladder whose graph it is; empty for the network as trained and the
    engine."""


class SpeedReport(NamedTuple):
    """The network as trained, the graph of each step and the engine, side by side."""

    threads: int
    results: Tuple[TimedEngine, ...]
    """The network as trained first, the engine last; empty where nothing could be
    timed."""
    reason: str = ""
    """Why nothing could be timed."""

    def to_document(self) -> Dict[str, Any]:
        """Write it as JSON values."""
        results = [dict(one._asdict()) for one in self.results]
        for one in results:
            one["fps_by_round"] = list(one["fps_by_round"])
        return {"threads": self.threads, "results": results, "reason": self.reason}


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
    speed: Optional[SpeedReport] = None
    """None where it was not asked for."""
    trials: Tuple[Dict[str, Any], ...] = ()
    """What a search for the best parameters tried."""

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
            "speed": self.speed.to_document() if self.speed else None,
            "trials": list(self.trials),
        }
