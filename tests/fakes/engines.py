"""An engine that finds what is bright, and waits or fails as it is told."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.base import Engine, EngineKind, EngineSpec, Precision
from engines.errors import InferenceError
from engines.manifest import Activation, InputSpec, ModelManifest, OutputSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray


class FakeEngine(Engine):
    """Foreground where a single grey frame is bright.

    Parameters
    ----------
    size : tuple of int
        Width and height of its input.
    delay_s : float
        How long an inference takes.
    fails_at : int, optional
        The inference with this number, from 0, fails.
    """

    def __init__(
        self,
        size: tuple[int, int] = (64, 48),
        *,
        delay_s: float = 0.0,
        fails_at: int | None = None,
    ) -> None:
        self.inferred = 0
        """How many inferences it did."""
        self.is_closed = False
        self._delay_s = delay_s
        self._fails_at = fails_at
        manifest = ModelManifest(
            name="bright pixels",
            input=InputSpec(width_px=size[0], height_px=size[1], frame_count=1),
            output=OutputSpec(activation=Activation.PROBABILITY),
            threshold_low=0.4,
            threshold_high=0.6,
        )
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
        return self._spec

    def infer(self, tensor: NDArray[Any]) -> NDArray[Any]:
        if self._delay_s:
            time.sleep(self._delay_s)
        if self.inferred == self._fails_at:
            raise InferenceError(
                f"inference {self.inferred} failed", hint="Start again."
            )
        self.inferred += 1
        return tensor

    def close(self) -> None:
        self.is_closed = True
