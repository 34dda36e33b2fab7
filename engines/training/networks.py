"""The networks of Peregrine: frames in, foreground probability of the last one out.

A U-Net on a strided stem. Every size works with the same weights: a level of odd
size loses its last row in the pooling below it, and its skip connection gives the
row back by zero padding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True)
class NetworkSettings:
    """Shape of one network. Level 0 works at the size the stem leaves."""

    name: str
    stem_stride: int
    """Pixels per step of the stem, each axis. Larger is faster and coarser."""
    stem_kernel: int
    stem_width: int
    """Channels of the stem: what is kept of `stem_stride ** 2` pixels."""
    widths: tuple[int, ...]
    """Channels of each level, finest first."""
    encoder_convolutions: tuple[int, ...]
    """Convolutions on the way down, one number a level; the stem is none of them."""
    decoder_widths: tuple[int, ...]
    """Channels on the way up, one number a level but the coarsest."""
    decoder_convolutions: tuple[int, ...]
    """Convolutions on the way up, likewise."""
    dropout_ratio: float = 0.0
    """Share of a coarsest level's channels left out in training."""
    frame_count: int = 3
    width_px: int = 320
    """Default input size: half of 640 x 480."""
    height_px: int = 240

    def __post_init__(self) -> None:
        levels = len(self.widths)
        lengths = (
            len(self.encoder_convolutions),
            len(self.decoder_widths) + 1,
            len(self.decoder_convolutions) + 1,
        )
        if lengths != (levels, levels, levels):
            raise ValueError(
                f"{levels} widths need {levels} numbers for the encoder and "
                f"{levels - 1} for the decoder"
            )


NETWORKS: Mapping[str, NetworkSettings] = {
    settings.name: settings
    for settings in (
        # The shape of the bundled network, `resources/models/default`.
        # A stride of 4 with half as many parameters more takes as long on one core
        # and finds less: resolution counts where objects are small.
        NetworkSettings(
            "fast",
            stem_stride=2,
            stem_kernel=3,
            stem_width=8,
            widths=(8, 16, 32, 48, 48),
            encoder_convolutions=(0, 1, 1, 1, 1),
            decoder_widths=(8, 16, 24, 32),
            decoder_convolutions=(0, 1, 1, 1),
        ),
        # 1.3 times the time of `fast` on one core with AVX2.
        NetworkSettings(
            "medium",
            stem_stride=2,
            stem_kernel=3,
            stem_width=8,
            widths=(8, 24, 40, 56, 64),
            encoder_convolutions=(0, 1, 2, 2, 1),
            decoder_widths=(8, 24, 32, 48),
            decoder_convolutions=(0, 1, 1, 1),
        ),
        NetworkSettings(
            "large",
            stem_stride=2,
            stem_kernel=3,
            stem_width=24,
            widths=(24, 32, 56, 72, 80),
            encoder_convolutions=(1, 2, 2, 2, 1),
            decoder_widths=(16, 32, 48, 64),
            decoder_convolutions=(1, 1, 1, 1),
        ),
    )
}
"""Networks that can be trained, by name, smallest first."""


def build_network(
    settings: NetworkSettings,
    height_px: int | None = None,
    width_px: int | None = None,
) -> Any:  # noqa: ANN401  a keras.Model, and keras is not installed everywhere
    """Build an untrained network.

    Parameters
    ----------
    settings : NetworkSettings
        Its shape.
    height_px, width_px : int or None
        Size of the frames; None takes the default of `settings`. At least
        `stem_stride * 2 ** (levels - 1)` each.

    Returns
    -------
    keras.Model
        From float32 (N, H, W, frame_count), 0 to 1, oldest frame first, to float32
        (N, H, W, 1): the foreground probability in the last frame.
    """
    from keras import Input, Model, layers

    height_px = settings.height_px if height_px is None else height_px
    width_px = settings.width_px if width_px is None else width_px
    frames = Input((height_px, width_px, settings.frame_count), name="frames")
    x = _padded_to_multiple(frames, settings.stem_stride)
    x = _convolution(
        x,
        settings.stem_width,
        "stem",
        kernel=settings.stem_kernel,
        stride=settings.stem_stride,
    )
    skips = []
    for level, width in enumerate(settings.widths):
        if level > 0:
            skips.append(x)
            x = layers.MaxPooling2D(2, name=f"down{level}_pool")(x)
        for index in range(settings.encoder_convolutions[level]):
            x = _convolution(x, width, f"down{level}_{index}")
    if settings.dropout_ratio > 0:
        x = layers.SpatialDropout2D(settings.dropout_ratio, name="dropout")(x)
    for level in reversed(range(len(skips))):
        width = settings.decoder_widths[level]
        x = _transposed_convolution(x, width, f"up{level}")
        x = _padded_to(x, skips[level], f"up{level}_pad")
        x = layers.Concatenate(name=f"up{level}_join")([x, skips[level]])
        for index in range(settings.decoder_convolutions[level]):
            x = _convolution(x, width, f"up{level}_{index}")
    x = _head(x, settings.stem_stride)
    x = _cropped_to(x, height_px, width_px, "head_crop")
    probability = layers.Activation("sigmoid", name="probability")(x)
    return Model(frames, probability, name=f"peregrine_{settings.name}")


def _convolution(
    x: Any,  # noqa: ANN401
    width: int,
    name: str,
    kernel: int = 3,
    stride: int = 1,
) -> Any:  # noqa: ANN401
    from keras import layers

    x = layers.Conv2D(
        width, kernel, strides=stride, padding="same", use_bias=False, name=name
    )(x)
    x = layers.BatchNormalization(momentum=0.98, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _transposed_convolution(x: Any, width: int, name: str) -> Any:  # noqa: ANN401
    from keras import layers

    x = layers.Conv2DTranspose(width, 2, strides=2, use_bias=False, name=name)(x)
    x = layers.BatchNormalization(momentum=0.98, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _head(x: Any, stride: int) -> Any:  # noqa: ANN401
    """One logit a pixel: `stride ** 2` channels laid out as a square of pixels.

    A transposed convolution to one channel would say the same, and take 0.8 ms
    instead of 0.2 on a CPU whose vectors run along the channels.
    """
    from keras import layers

    x = layers.Conv2D(stride * stride, 3, padding="same", name="head")(x)
    rows, columns = x.shape[1], x.shape[2]
    x = layers.Reshape((rows, columns, stride, stride), name="head_square")(x)
    x = layers.Permute((1, 3, 2, 4), name="head_order")(x)
    return layers.Reshape((rows * stride, columns * stride, 1), name="head_logit")(x)


def _padded_to(x: Any, skip: Any, name: str) -> Any:  # noqa: ANN401
    """Give back the row or column that pooling an odd size left out."""
    from keras import layers

    rows, columns = skip.shape[1] - x.shape[1], skip.shape[2] - x.shape[2]
    if rows == 0 and columns == 0:
        return x
    return layers.ZeroPadding2D(((0, rows), (0, columns)), name=name)(x)


def _padded_to_multiple(frames: Any, stride: int) -> Any:  # noqa: ANN401
    """Make the stem's grid begin at the first pixel whatever the size.

    A strided convolution that pads by itself divides the padding among both sides,
    and so begins elsewhere when the size is no multiple of its stride.
    """
    from keras import layers

    rows, columns = (-size % stride for size in frames.shape[1:3])
    if rows == 0 and columns == 0:
        return frames
    return layers.ZeroPadding2D(((0, rows), (0, columns)), name="stem_pad")(frames)


def _cropped_to(x: Any, height_px: int, width_px: int, name: str) -> Any:  # noqa: ANN401
    from keras import layers

    rows, columns = x.shape[1] - height_px, x.shape[2] - width_px
    if rows == 0 and columns == 0:
        return x
    return layers.Cropping2D(((0, rows), (0, columns)), name=name)(x)


def multiply_accumulates(network: Any) -> int:  # noqa: ANN401
    """Count the multiplications of one inference; GFLOP are twice that over 1e9."""
    total = 0
    for layer in network.layers:
        kernel = getattr(layer, "kernel", None)
        if kernel is None:
            continue
        # A transposed convolution applies its kernel once per input pixel.
        is_transposed = "Transpose" in type(layer).__name__
        grid = layer.input if is_transposed else layer.output
        total += int(grid.shape[1]) * int(grid.shape[2]) * int(np.prod(kernel.shape))
    return total


def weights_of(network: Any) -> dict[str, NDArray[np.float32]]:  # noqa: ANN401
    """Copy a network's weights, by `layer/variable` name, whatever the backend."""
    return {
        _weight_name(variable): np.asarray(variable.numpy(), np.float32)
        for variable in network.weights
    }


def set_weights(network: Any, weights: Mapping[str, NDArray[np.float32]]) -> None:  # noqa: ANN401
    """Put weights of `weights_of` into a network of the same settings, any size.

    Raises
    ------
    ValueError
        Naming what is missing, superfluous or of another shape.
    """
    wanted = {_weight_name(variable): variable for variable in network.weights}
    if wanted.keys() != weights.keys():
        raise ValueError(
            f"weights differ from the network: missing "
            f"{sorted(wanted.keys() - weights.keys())}, superfluous "
            f"{sorted(weights.keys() - wanted.keys())}"
        )
    for name, variable in wanted.items():
        variable.assign(weights[name])


def _weight_name(variable: Any) -> str:  # noqa: ANN401
    # A path may begin with the names of models around the layer.
    return "/".join(variable.path.split("/")[-2:])


def save_weights(path: Path, weights: Mapping[str, NDArray[np.float32]]) -> None:
    """Write weights into an .npz file, whole or not at all."""
    unfinished = path.with_name(path.name + ".new")
    with unfinished.open("wb") as file:
        np.savez(file, **weights)  # type: ignore[arg-type]  # names are no options
    unfinished.replace(path)


def load_weights(path: Path) -> dict[str, NDArray[np.float32]]:
    """Read what `save_weights` wrote."""
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files}
