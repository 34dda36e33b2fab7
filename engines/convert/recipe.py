"""The ladder: which steps a conversion takes, in which order, and how each fared."""

import time
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

import numpy as np

from engines.base import Precision
from engines.convert.batch_norm import flags_of, use_inference
from engines.convert.clean import clean
from engines.convert.errors import VerificationError
from engines.convert.fold import fold
from engines.convert.graph import (
    GraphDef,
    Rewrite,
    Terminals,
    count_by_op,
)
from engines.convert.merge import merge_duplicates
from engines.convert.padded_skips import check_padded_skips, rewrite_padded_skips
from engines.convert.prune import prune
from engines.convert.report import StepReport
from engines.convert.tensorflow_errors import translated
from engines.convert.verify import Difference, compare, require_equal, run_graph

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engines.convert.samples import Samples
    from engines.manifest import ModelManifest

Pass = Callable[[GraphDef, Terminals], Rewrite]


class Step(NamedTuple):
    """One rung: a function from graph to graph."""

    name: str
    summary: str
    rewrite: Pass


# A step rounds every weight once; a nudged input rounds in the first layer only.
_ROUNDINGS_OF_A_STEP = 30.0

FREEZE_SUMMARY = "variables become constants"


def graph_steps(
    values: Sequence[Tuple[str, float]], rewrites_pads: bool
) -> Tuple[Step, ...]:
    """Steps from the frozen graph to the smallest equal one.

    Inference comes before pruning: as long as a switch waits for the learning phase,
    identities and control edges behind it choose branches and must stay.
    """

    def inference(graph: GraphDef, terminals: Terminals) -> Rewrite:
        return use_inference(graph, terminals, dict(values))

    steps = [
        Step("batch-norm", "learning phase and batch norms at inference", inference),
        Step("prune", "training nodes, identities and dropout removed", prune),
        Step("fold", "batch norms, scales and constants folded", fold),
        Step("merge", "equal nodes and subgraphs merged", merge_duplicates),
        Step("clean", "placements and control edges removed", clean),
    ]
    if rewrites_pads:
        summary = "pads before skips written as concatenations"
        steps.append(Step("padded-skips", summary, rewrite_padded_skips))
    return tuple(steps)


class Ladder:
    """Takes a graph down the steps and measures every rung against the top.

    Parameters
    ----------
    terminals : Terminals
        The graph's input and output.
    samples : Samples
        What every rung is run on.
    reference : list of ndarray
        What the network as trained gives for them.
    model : ModelManifest, optional
        What the output means.
    values : mapping of str to float
        Placeholders that are no inputs, and what they are at inference.
    report : callable
        Called with every `StepReport`.
    """

    def __init__(
        self,
        terminals: Terminals,
        samples: "Samples",
        reference: "List[NDArray[Any]]",
        model: "Optional[ModelManifest]",
        values: Mapping[str, float],
        report: Callable[[StepReport], None],
    ) -> None:
        self._terminals = terminals
        self._samples = samples
        self._model = model
        self._values = values
        self._report = report
        self.reference = reference

    def frozen(self, before: GraphDef, after: GraphDef, seconds: float) -> None:
        """Report the step that made the first graph with constants."""
        difference = self._difference(self._run(after))
        require_equal(difference, "freeze", Precision.FP32)
        self._report(
            StepReport(
                name="freeze",
                summary=FREEZE_SUMMARY,
                ops_before=count_by_op(before),
                ops_after=count_by_op(after),
                bytes_before=before.ByteSize(),
                bytes_after=after.ByteSize(),
                seconds=seconds,
                max_abs_diff=difference.max_abs_diff,
                mask_iou=difference.mask_iou,
                notes=check_padded_skips(after, self._terminals).sentences(),
            )
        )

    def take(self, step: Step, graph: GraphDef) -> GraphDef:
        """Take one step; gives its graph.

        Raises
        ------
        ConversionError
            If the step fails, or its graph gives another output.
        """
        start = time.perf_counter()
        with translated(f"step {step.name!r}"):
            rewrite = step.rewrite(graph, self._terminals)
        seconds = time.perf_counter() - start
        results = self._run(rewrite.graph)
        difference = self._difference(results)
        if rewrite.changes_result and not difference.is_equal:
            # Training behaviour was exported; inference is the reference from here.
            self.reference = results
        elif not difference.is_equal:
            self._require_stable(graph, difference, step.name)
            require_equal(difference, step.name, Precision.FP32)
        self._report(
            StepReport(
                name=step.name,
                summary=step.summary,
                ops_before=count_by_op(graph),
                ops_after=count_by_op(rewrite.graph),
                bytes_before=graph.ByteSize(),
                bytes_after=rewrite.graph.ByteSize(),
                seconds=seconds,
                max_abs_diff=difference.max_abs_diff,
                mask_iou=difference.mask_iou,
                reasons=rewrite.removed,
                kept=rewrite.kept,
                notes=rewrite.notes,
            )
        )
        return rewrite.graph

    def _run(self, graph: GraphDef) -> "List[NDArray[Any]]":
        return self._run_on(graph, self._samples.tensors)

    def _run_on(
        self, graph: GraphDef, tensors: "List[NDArray[Any]]"
    ) -> "List[NDArray[Any]]":
        flags = flags_of(graph, self._terminals, self._values)
        return run_graph(graph, self._terminals, tensors, flags)

    def _require_stable(
        self, graph: GraphDef, difference: Difference, step: str
    ) -> None:
        """Tell a network that amplifies rounding from a step that is wrong."""
        tensors = self._samples.tensors
        if tensors[0].dtype.kind != "f":
            return
        nudged = [np.nextafter(one, one.dtype.type(np.inf)) for one in tensors]
        moved = compare(self._run(graph), self._run_on(graph, nudged)).max_abs_diff
        if difference.max_abs_diff <= _ROUNDINGS_OF_A_STEP * moved:
            raise VerificationError(
                f"after step {step!r} the output differs by "
                f"{difference.max_abs_diff:.3g}; the network itself moves by "
                f"{moved:.3g} when its input changes in the last digit",
                hint="It amplifies rounding too much for any rewriting to be equal: "
                "look at batch norms with a variance near zero.",
            )

    def _difference(self, results: "List[NDArray[Any]]") -> Difference:
        return compare(self.reference, results, self._model)
