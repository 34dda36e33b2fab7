"""What the inference and the tracking thread do with one frame."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from app.frames import FrameResult, StageTimes
from app.look_merge import Joined, join
from app.second_look import small_px
from app.segmentation import Thresholds, segment
from engines.postprocessing import probability_from_output
from engines.preprocessing import Preprocessor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from app.frames import Frame
    from app.look_merge import LookedAt
    from app.second_look import SecondLook
    from app.tracking.tracker import Tracker
    from engines.base import Engine
    from engines.preprocessing import PixelMap


class InferredFrame(NamedTuple):
    """A frame with what the network says of it."""

    frame: Frame
    probability: NDArray[np.float32]
    """Of foreground, shape (h, w) at the network's size."""
    pixel_map: PixelMap
    """From the network's pixels to the frame's."""
    prepare_ms: float
    infer_ms: float
    looks: tuple[LookedAt, ...] = ()
    """What was looked at again, at full resolution."""
    look_ms: float = 0.0
    small_px: float = 0.0
    """Objects up to this size are seen better there."""


class FrameInference:
    """From a stack of frames to foreground probability.

    Used by one thread. Each frame is brought to the network's size once, however
    many stacks it is part of.

    Parameters
    ----------
    engine : Engine
        Open; its manifest says how frames become its input.
    second_look : SecondLook, optional
        None looks once.
    """

    def __init__(self, engine: Engine, second_look: SecondLook | None = None) -> None:
        self._engine = engine
        self._second_look = second_look
        self._preprocessor: Preprocessor | None = None
        self._frame_shape: tuple[int, int] = (0, 0)
        self._planes: dict[int, NDArray[np.uint8]] = {}

    def infer(self, stack: tuple[Frame, ...]) -> InferredFrame:
        """Ask the network about the newest frame of a stack.

        Parameters
        ----------
        stack : tuple of Frame
            Consecutive frames, oldest first; at a source's start fewer than the
            network takes, the oldest then stands for those before it.

        Raises
        ------
        InferenceError
            If the engine fails.
        """
        started = time.perf_counter()
        frame = stack[-1]
        preprocessor = self._preprocessor_for(frame)
        usable = self._usable(stack, preprocessor)
        tensor = preprocessor.tensor(self._planes_of(usable, preprocessor))
        prepared = time.perf_counter()
        output = self._engine.infer(tensor)
        probability = probability_from_output(output, self._engine.spec.model.output)
        # The engine's memory is written anew while the tracker reads this.
        probability = probability.copy()
        inferred = time.perf_counter()
        looks: tuple[LookedAt, ...] = ()
        if self._second_look is not None:
            whole_ms = (inferred - started) * 1e3
            looks = self._second_look.look(self._engine, preprocessor, usable, whole_ms)
        return InferredFrame(
            frame=frame,
            probability=probability,
            pixel_map=preprocessor.pixel_map,
            prepare_ms=(prepared - started) * 1e3,
            infer_ms=(inferred - prepared) * 1e3,
            looks=looks,
            look_ms=(time.perf_counter() - inferred) * 1e3 if looks else 0.0,
            small_px=small_px(preprocessor),
        )

    def _preprocessor_for(self, frame: Frame) -> Preprocessor:
        shape = (frame.height_px, frame.width_px)
        if self._preprocessor is None or shape != self._frame_shape:
            spec = self._engine.spec.model.input
            self._preprocessor = Preprocessor(spec, frame.width_px, frame.height_px)
            self._frame_shape = shape
            self._planes = {}
        return self._preprocessor

    def _usable(
        self, stack: tuple[Frame, ...], preprocessor: Preprocessor
    ) -> list[Frame]:
        return [
            frame
            for frame in stack[-preprocessor.spec.frame_count :]
            if (frame.height_px, frame.width_px) == self._frame_shape
        ]

    def _planes_of(
        self, usable: list[Frame], preprocessor: Preprocessor
    ) -> list[NDArray[np.uint8]]:
        self._planes = {
            frame.index: self._planes[frame.index]
            if frame.index in self._planes
            else preprocessor.plane(frame.image)
            for frame in usable
        }
        planes = list(self._planes.values())
        missing = preprocessor.spec.frame_count - len(planes)
        return [planes[0]] * missing + planes


def track_frame(
    inferred: InferredFrame, thresholds: Thresholds, tracker: Tracker
) -> FrameResult:
    """Find the blobs of a frame, and follow the tracks to them."""
    started = time.perf_counter()
    frame, pixel_map = inferred.frame, inferred.pixel_map
    blobs, mask, crops = _blobs_of(inferred, thresholds)
    segmented = time.perf_counter()
    tracks = tracker.update(blobs, frame.time_s, (frame.width_px, frame.height_px))
    height, width = mask.shape
    return FrameResult(
        frame=frame,
        blobs=blobs,
        tracks=tracks,
        mask=mask,
        mask_area_px=(
            pixel_map.left_px,
            pixel_map.top_px,
            width * pixel_map.scale_x,
            height * pixel_map.scale_y,
        ),
        done_ns=time.monotonic_ns(),
        stages=StageTimes(
            prepare_ms=inferred.prepare_ms,
            infer_ms=inferred.infer_ms,
            segment_ms=(segmented - started) * 1e3,
            track_ms=(time.perf_counter() - segmented) * 1e3,
            look_ms=inferred.look_ms,
        ),
        crops=crops,
    )


def _blobs_of(inferred: InferredFrame, thresholds: Thresholds) -> Joined:
    whole = segment(inferred.probability, thresholds, inferred.pixel_map)
    if not inferred.looks:
        return Joined(whole.blobs, whole.mask, ())
    return join(
        whole, inferred.pixel_map, inferred.looks, thresholds, inferred.small_px
    )
