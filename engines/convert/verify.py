"""Compare a result with the network as trained, on the same pictures."""

from typing import TYPE_CHECKING, Any, List, Mapping, NamedTuple, Optional

import numpy as np

from engines.base import Precision
from engines.convert.constants import session_config
from engines.convert.errors import VerificationError
from engines.convert.tensorflow_errors import translated
from engines.postprocessing import probability_from_output

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engines.convert.graph import GraphDef, Terminals
    from engines.manifest import ModelManifest

EXACT_TOLERANCE = 1e-4
"""Largest difference of a result that claims to be equal, where the output reaches
1; scaled with the output where it reaches more."""


class Difference(NamedTuple):
    """How far a result is from the network as trained."""

    max_abs_diff: float
    mask_iou: Optional[float]
    """Intersection over union of the masks of all pictures; None for a network that
    gives no mask, or none on these pictures."""
    reference_peak: float
    """Largest magnitude of the reference's output."""

    @property
    def is_equal(self) -> bool:
        """Whether it is within rounding."""
        limit = EXACT_TOLERANCE * max(1.0, self.reference_peak)
        return self.max_abs_diff <= limit


def run_graph(
    graph: "GraphDef",
    terminals: "Terminals",
    tensors: "List[NDArray[Any]]",
    flags: "Optional[Mapping[str, Any]]" = None,
) -> "List[NDArray[Any]]":
    """Infer with a frozen graph, TensorFlow's own optimisations off.

    Parameters
    ----------
    graph, terminals
        What to run, from its one input to its one output.
    tensors : list of ndarray
        Inputs.
    flags : mapping of str to value, optional
        Placeholders that are no inputs.
    """
    import tensorflow as tf

    imported = tf.Graph()
    # TensorFlow writes every attribute's default into the graph that it is given.
    copy = type(graph)()
    copy.CopyFrom(graph)
    with translated("running the graph"):
        with imported.as_default():
            tf.import_graph_def(copy, name="")
        with tf.compat.v1.Session(graph=imported, config=session_config()) as session:
            feed = {f"{name}:0": value for name, value in (flags or {}).items()}
            results = []
            for tensor in tensors:
                feed[f"{terminals.inputs[0]}:0"] = tensor
                results.append(session.run(f"{terminals.outputs[0]}:0", feed))
            return results


def compare(
    reference: "List[NDArray[Any]]",
    result: "List[NDArray[Any]]",
    model: "Optional[ModelManifest]" = None,
) -> Difference:
    """Measure how far results are from the reference.

    Parameters
    ----------
    reference, result : list of ndarray
        Outputs for the same inputs.
    model : ModelManifest, optional
        What the output means, for the masks.

    Raises
    ------
    VerificationError
        If a shape differs.
    """
    largest = peak = 0.0
    both = either = 0
    for expected, found in zip(reference, result):
        if expected.shape != found.shape:
            raise VerificationError(
                f"the result has shape {found.shape}, the network gave {expected.shape}"
            )
        largest = max(largest, _largest_difference(expected, found))
        peak = max(peak, float(np.abs(_wide(expected)).max()) if expected.size else 0.0)
        if model is not None:
            one, other = _mask(expected, model), _mask(found, model)
            both += int(np.count_nonzero(one & other))
            either += int(np.count_nonzero(one | other))
    return Difference(largest, both / either if either else None, peak)


def _wide(values: "NDArray[Any]") -> "NDArray[np.float64]":
    return np.asarray(values, np.float64)


def _largest_difference(expected: "NDArray[Any]", found: "NDArray[Any]") -> float:
    if not expected.size:
        return 0.0
    if not np.array_equal(np.isfinite(_wide(expected)), np.isfinite(_wide(found))):
        return float("inf")
    difference = np.abs(_wide(expected) - _wide(found))
    return float(np.nan_to_num(difference).max())


def _mask(output: "NDArray[Any]", model: "ModelManifest") -> "NDArray[np.bool_]":
    probability = probability_from_output(output, model.output)
    above: NDArray[np.bool_] = probability >= np.float32(model.threshold_high)
    return above


def require_equal(difference: Difference, step: str, precision: Precision) -> None:
    """Refuse a result that claims to be equal and is not.

    A reduced precision claims nothing: what it costs is in the report. It is
    refused only where the output has become meaningless.

    Raises
    ------
    VerificationError
        With the difference.
    """
    if precision is Precision.FP32 and not difference.is_equal:
        raise VerificationError(
            f"after step {step!r} the output differs by {difference.max_abs_diff:.3g} "
            f"from the network as trained, allowed is {EXACT_TOLERANCE:g}",
            hint="This is a fault of the step: please report it with the network.",
        )
    if not np.isfinite(difference.max_abs_diff):
        raise VerificationError(
            f"in {precision.value} the output overflows",
            hint="Choose precision fp32.",
        )
