"""Eight-bit networks for OpenVINO, as near to the network as trained as asked.

Quantising every layer costs some masks more than their use allows, and how much
depends on the processor too: without an instruction for products of bytes, sums of
sixteen bits overflow, unless weights keep to seven bits. So nothing is assumed here:
both ways are tried on this processor, each convolution's share in the error is
measured by quantising that one alone, and then as many stay in full precision, the
worst first, as the masks ask for. (Leaving one alone in full precision ranks them
wrongly: its inputs may stay quantised for the sake of another.) The frames that
decide are those that the ranges come from. Those that the result is judged on are
others.
"""

import contextlib
import importlib
import io
import logging
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

import numpy as np

from engines.base import Precision
from engines.convert.errors import UnsupportedOperationError, missing_library
from engines.convert.openvino_export import infer
from engines.convert.verify import compare

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engines.manifest import ModelManifest

WANTED_IOU = 0.99
"""Of the masks in int8 with those of the network as trained."""
# The frames that decide are not those of the report, which may come out a bit lower.
_MARGIN = 0.002
# More calibration frames than this change the ranges no longer, and take time.
_MOST_CALIBRATION_FRAMES = 300
_MOST_DECIDING_FRAMES = 16
# With more in full precision, the network would be int8 by name alone.
_MOST_FLOAT_RATIO = 0.6
_CONVOLUTIONS = (
    "Convolution",
    "ConvolutionBackpropData",
    "GroupConvolution",
    "GroupConvolutionBackpropData",
    "MatMul",
)


class Quality(NamedTuple):
    """How near a quantised network is, on the frames that decide."""

    mask_iou: Optional[float]
    """None for a network without masks."""
    mean_square: float
    """Of the differences of the outputs."""


class Candidate(NamedTuple):
    """One quantised network."""

    network: Any
    quality: Quality
    overflow: str
    """What NNCF calls its precaution against overflow."""
    floats: Tuple[str, ...]
    """Layers in full precision, in the order in which they were chosen."""


class Quantised(NamedTuple):
    """The network that was chosen."""

    network: Any
    notes: Tuple[str, ...]
    """How it came about, for the report."""


Trial = Callable[[str, Sequence[str]], Candidate]
"""Quantises with a precaution against overflow, some layers left in full precision."""


def quantise(
    network: Any,  # noqa: ANN401  a network of OpenVINO
    tensors: "List[NDArray[Any]]",
    model: "Optional[ModelManifest]" = None,
) -> Quantised:
    """Quantise to eight bits after training, with ranges seen on given inputs.

    Parameters
    ----------
    network : openvino.Model
        In full precision. Not modified.
    tensors : list of ndarray
        Inputs for the ranges, none of those that the result is compared on.
    model : ModelManifest, optional
        What the output means, for the masks. Without one there is no aim to reach,
        and every layer is quantised.

    Raises
    ------
    MissingLibraryError
        If NNCF is not installed.
    UnsupportedOperationError
        If NNCF or OpenVINO refuses the network.
    """
    nncf = _import_nncf()
    few = tensors[:_MOST_CALIBRATION_FRAMES]
    step = -(-len(few) // _MOST_DECIDING_FRAMES)
    deciding = few[::step]
    reference = infer(network, Precision.FP32, deciding)

    def trial(overflow: str, floats: Sequence[str]) -> Candidate:
        made = _quantised(nncf, network.clone(), few, overflow, floats)
        found = infer(made, Precision.INT8, deciding)
        return Candidate(
            made, _quality(reference, found, model), overflow, tuple(floats)
        )

    layers = [
        one.get_friendly_name()
        for one in network.get_ordered_ops()
        if one.get_type_name() in _CONVOLUTIONS
    ]
    chosen = search(trial, layers)
    return Quantised(chosen.network, _notes(chosen, len(layers), len(few)))


def search(trial: Trial, layers: Sequence[str]) -> Candidate:
    """Find the network with fewest layers in full precision that is near enough.

    Parameters
    ----------
    trial : callable
        Makes and judges one.
    layers : sequence of str
        Those that can be left in full precision.

    Returns
    -------
    Candidate
        Where none is near enough, the one with as many as are allowed.
    """
    plain = min(
        (trial(overflow, ()) for overflow in ("first_layer_only", "enable")),
        key=lambda one: one.quality.mean_square,
    )
    if _is_near(plain.quality):
        return plain
    alone = {
        name: trial(plain.overflow, [one for one in layers if one != name]).quality
        for name in layers
    }
    worst_first = sorted(layers, key=lambda name: -alone[name].mean_square)
    most = int(_MOST_FLOAT_RATIO * len(layers))
    best, low, high = plain, 1, most
    # One more layer in full precision brings the masks nearer, nearly always.
    while low <= high:
        middle = (low + high) // 2
        found = trial(plain.overflow, worst_first[:middle])
        if _is_near(found.quality):
            best, high = found, middle - 1
        else:
            low = middle + 1
            if not _is_near(best.quality):
                best = found
    return best


def _is_near(quality: Quality) -> bool:
    return quality.mask_iou is None or quality.mask_iou >= WANTED_IOU + _MARGIN


def _import_nncf() -> Any:  # noqa: ANN401  a module
    try:
        nncf = importlib.import_module("nncf")
    except ImportError as error:
        raise missing_library(
            "NNCF", "pip install nncf, or make engines", "precision int8"
        ) from error
    # Trial by trial, it would tell the same again.
    # Its own function for it would set the level of everybody's handlers.
    logging.getLogger("nncf").setLevel(logging.ERROR)
    return nncf


def _quantised(
    nncf: Any,  # noqa: ANN401  a module
    network: Any,  # noqa: ANN401  a network of OpenVINO
    tensors: "List[NDArray[Any]]",
    overflow: str,
    floats: Sequence[str],
) -> Any:  # noqa: ANN401
    advanced = importlib.import_module("nncf.quantization.advanced_parameters")
    ranges = importlib.import_module("nncf.quantization.range_estimator")
    parameters = advanced.AdvancedQuantizationParameters(
        overflow_fix=advanced.OverflowFix(overflow),
        # By default, ranges are averaged over the frames. A fast object is in few of
        # them, and what it alone brings about would be cut off.
        activations_range_estimator_params=ranges.RangeEstimatorParametersSet.MINMAX,
    )
    scope = nncf.IgnoredScope(names=list(floats)) if floats else None
    try:
        # It draws bars on stdout, where this process speaks to another.
        with contextlib.redirect_stdout(io.StringIO()):
            return nncf.quantize(
                network,
                nncf.Dataset(tensors),
                subset_size=len(tensors),
                ignored_scope=scope,
                advanced_parameters=parameters,
            )
    except (RuntimeError, nncf.ValidationError, nncf.UnsupportedModelError) as error:
        raise UnsupportedOperationError(
            f"NNCF cannot quantise the network: {error}",
            hint="Choose precision fp32.",
        ) from error


def _quality(
    reference: "List[NDArray[Any]]",
    found: "List[NDArray[Any]]",
    model: "Optional[ModelManifest]",
) -> Quality:
    squares = [np.mean(np.square(a - b)) for a, b in zip(reference, found)]
    mean_square = float(np.mean(squares))
    return Quality(compare(reference, found, model).mask_iou, mean_square)


def _notes(chosen: Candidate, layer_count: int, frame_count: int) -> Tuple[str, ...]:
    notes = [f"ranges were taken from {frame_count} frames, others than these"]
    if chosen.overflow == "enable":
        notes.append(
            "weights keep to seven bits, which was nearer on this processor: its sums"
            " of products overflow otherwise"
        )
    if chosen.floats:
        notes.append(
            "{} of {} layers stay in full precision, by their measured share in the "
            "error: {}".format(
                len(chosen.floats), layer_count, ", ".join(chosen.floats)
            )
        )
    iou = chosen.quality.mask_iou
    if iou is not None and iou < WANTED_IOU:
        notes.append(
            f"a mask IoU of {WANTED_IOU:g} was not reached on the frames that decided: "
            f"{iou:.3f}"
        )
    return tuple(notes)
