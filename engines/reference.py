"""An engine without a network: three-frame differencing.

What moves differs from both the frame before and the frame before that. It finds
fast objects in front of a still camera, needs no library, and is what tests and
machines without an inference library run.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from engines.base import Engine, EngineKind, EngineSpec, Precision
from engines.manifest import Activation, InputSpec, ModelManifest, OutputSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

REFERENCE_MANIFEST = ModelManifest(
    name="three-frame difference",
    input=InputSpec(width_px=320, height_px=240, frame_count=3),
    output=OutputSpec(activation=Activation.PROBABILITY),
    threshold_low=0.4,
    threshold_high=0.6,
)

# A difference of this many grey levels of 255 counts as probability 0.5.
_HALF_LEVEL = 18.0 / 255.0


class ReferenceEngine(Engine):
    """Foreground where the newest frame differs from both frames before it."""

    def __init__(self, manifest: ModelManifest = REFERENCE_MANIFEST) -> None:
        self._spec = EngineSpec(
            kind=EngineKind.REFERENCE,
            precision=Precision.FP32,
            device="CPU",
            library=f"numpy {np.__version__}",
            threads=1,
            model=manifest,
        )

    @property
    def spec(self) -> EngineSpec:
        """What is running."""
        return self._spec

    def infer(self, tensor: "NDArray[Any]") -> "NDArray[Any]":
        """Difference three frames; see `Engine.infer`."""
        self.check_input(tensor)
        newest = tensor[..., 2:]
        change = np.minimum(
            np.abs(newest - tensor[..., 1:2]), np.abs(newest - tensor[..., :1])
        )
        probability: NDArray[Any] = change / (change + np.float32(_HALF_LEVEL))
        return probability

    def close(self) -> None:
        """Nothing to release."""
