"""Convolutions and dense layers: what scales and offsets can be folded into."""

from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Tuple

import numpy as np

from engines.convert.graph import GraphEditor, NodeDef, attribute

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]
    Weights = NDArray[Any]

# Index of the input that is data. The weights are input 1 of all of them.
DATA_INPUT = {
    "Conv2D": 0,
    "DepthwiseConv2dNative": 0,
    "Conv2DBackpropInput": 2,
    "MatMul": 0,
}
WEIGHTS_INPUT = 1

_FLOATS = ("float32", "float64", "float16")


class Linear(NamedTuple):
    """A node that multiplies its data by constant weights."""

    node: NodeDef
    weights: "Weights"
    """Convolution (kh, kw, in, out), transposed (kh, kw, out, in), depthwise
    (kh, kw, in, multiplier), dense (in, out)."""

    @property
    def is_channels_last(self) -> bool:
        """Whether channels are the last axis of data and result."""
        return bool(attribute(self.node, "data_format").s != b"NCHW")

    @property
    def channels_in(self) -> int:
        """Channels of the data."""
        return int(self.weights.shape[self._axes()[0]])

    @property
    def channels_out(self) -> int:
        """Channels of the result."""
        if self.node.op == "DepthwiseConv2dNative":
            return int(self.weights.shape[2] * self.weights.shape[3])
        return int(self.weights.shape[self._axes()[1]])

    def _axes(self) -> Tuple[int, int]:
        if self.node.op == "Conv2DBackpropInput":
            return 3, 2
        if self.node.op == "MatMul":
            return (1, 0) if attribute(self.node, "transpose_b").b else (0, 1)
        return 2, 3

    def scaled_out(self, scale: "Vector") -> "Weights":
        """Weights that give the result times a scale per channel."""
        if self.node.op == "DepthwiseConv2dNative":
            factors = np.broadcast_to(scale, (self.channels_out,))
            return self._times(factors.reshape(self.weights.shape[2:]))
        return self._times_along(scale, self._axes()[1], self.channels_out)

    def scaled_in(self, scale: "Vector") -> "Weights":
        """Weights that give the same result for data divided by a scale."""
        return self._times_along(scale, self._axes()[0], self.channels_in)

    def _times_along(self, scale: "Vector", axis: int, size: int) -> "Weights":
        shape = [1] * self.weights.ndim
        shape[axis] = size
        return self._times(np.broadcast_to(scale, (size,)).reshape(shape))

    def _times(self, factors: "Vector") -> "Weights":
        product = np.asarray(self.weights, np.float64) * factors
        rounded: Weights = product.astype(self.weights.dtype)
        return rounded

    def result_of_offset(self, offset: "Vector") -> "Vector":
        """Result for data that is a constant per channel, away from borders."""
        weights = np.asarray(self.weights, np.float64)
        offset = np.broadcast_to(offset, (self.channels_in,))
        if self.node.op == "DepthwiseConv2dNative":
            spread: Vector = weights.sum(axis=(0, 1)) * offset[:, np.newaxis]
            return spread.reshape(-1)
        if self.node.op == "MatMul":
            flat = weights if self._axes() == (0, 1) else weights.T
            result: Vector = offset @ flat
            return result
        through: Vector = offset @ weights.sum(axis=(0, 1))
        return through

    def why_offset_stays(self, is_padded: bool) -> str:
        """Tell why an offset of the data is no offset of the result; empty if it is.

        Parameters
        ----------
        is_padded : bool
            Whether zeros are put around the data after the offset.
        """
        op = self.node.op
        if op == "MatMul":
            return ""
        if op == "Conv2DBackpropInput":
            return "a transposed convolution gives its border fewer terms"
        is_point = self.weights.shape[:2] == (1, 1)
        if is_padded or (
            attribute(self.node, "padding").s != b"VALID" and not is_point
        ):
            return "zeros are padded after the offset, the border would differ"
        return ""


def linear_at(editor: GraphEditor, node: NodeDef) -> Optional[Linear]:
    """Read a node as a linear one; None if it is none or its weights vary."""
    if node.op not in DATA_INPUT:
        return None
    weights = editor.value(node.input[WEIGHTS_INPUT])
    if weights is None or weights.dtype.name not in _FLOATS:
        return None
    return Linear(node, weights)


def channel_vector(
    value: "NDArray[Any]", channels: int, rank: int, is_channels_last: bool
) -> "Optional[Vector]":
    """Read a constant as one number per channel; None where it is anything else.

    Parameters
    ----------
    value : ndarray
        Constant that is broadcast against data of `rank` axes.
    channels : int
        Channels of the data.
    rank : int
        Axes of the data.
    is_channels_last : bool
        Whether channels are the last axis, or axis 1.
    """
    if value.ndim > rank or value.size not in (1, channels):
        return None
    if value.size == 1:
        return np.full(channels, value.reshape(-1)[0], np.float64)
    axis = rank - 1 if is_channels_last else 1
    sizes = [1] * (rank - value.ndim) + list(value.shape)
    if sizes[axis] != channels:
        return None
    return np.asarray(value, np.float64).reshape(-1)
