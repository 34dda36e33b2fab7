"""From the network's raw output to foreground probability."""

from typing import TYPE_CHECKING, Any

import numpy as np

from engines.errors import InferenceError
from engines.manifest import Activation, Layout, OutputSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray


def probability_from_output(
    output: "NDArray[Any]", spec: OutputSpec
) -> "NDArray[np.float32]":
    """Read the foreground probability out of the network's output.

    Parameters
    ----------
    output : ndarray, shape (1, h, w, C) or (1, C, h, w) or (1, h, w)
        What the engine gave. Not modified.
    spec : OutputSpec
        What it means.

    Returns
    -------
    ndarray of float32, shape (h, w)
        0 to 1. May share memory with `output`.

    Raises
    ------
    InferenceError
        If the output has another number of axes or channels.
    """
    if output.ndim == 3:
        output = output[..., np.newaxis] if spec.layout is Layout.NHWC else output[None]
        output = output.reshape((1, *output.shape[-3:]))
    if output.ndim != 4 or output.shape[0] != 1:
        raise InferenceError(
            f"the network gave an output of shape {output.shape}, not one picture",
            hint="Describe the output in the model's manifest.",
        )
    maps = output[0] if spec.layout is Layout.NCHW else np.moveaxis(output[0], 2, 0)
    if spec.activation in (Activation.PROBABILITY, Activation.LOGIT):
        one: NDArray[np.float32] = maps[0].astype(np.float32, copy=False)
        return one if spec.activation is Activation.PROBABILITY else _sigmoid(one)
    if not 0 <= spec.foreground_class < len(maps):
        raise InferenceError(
            f"the manifest names class {spec.foreground_class} as foreground, "
            f"the network gave {len(maps)} classes",
            hint="Correct foreground_class in the model's manifest.",
        )
    if spec.activation is Activation.CLASS_PROBABILITIES:
        chosen: NDArray[np.float32] = maps[spec.foreground_class]
        return chosen.astype(np.float32, copy=False)
    powers: NDArray[np.float32] = np.exp(maps - maps.max(axis=0, keepdims=True))
    share: NDArray[np.float32] = powers[spec.foreground_class] / powers.sum(axis=0)
    return share.astype(np.float32, copy=False)


def _sigmoid(logits: "NDArray[np.float32]") -> "NDArray[np.float32]":
    # Clipped where float32 has reached 0 and 1, so that exp() cannot overflow.
    powers: NDArray[np.float32] = np.exp(-np.clip(logits, -40.0, 40.0))
    return np.float32(1.0) / (np.float32(1.0) + powers)
