"""What the inference thread does with one stack of frames."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from app.frames import FrameResult, StageTimes
from app.segmentation import Thresholds, segment
from engines.postprocessing import probability_from_output
from engines.preprocessing import Preprocessor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from app.frames import Frame
    from app.tracking.tracker import Tracker
    from engines.base import Engine


class FrameInference:
    """Engine, segmentation and tracker, one after the other.

    Used by one thread. Each frame is brought to the network's size once, however
    many stacks it is part of.

    Parameters
    ----------
    engine : Engine
        Open; its manifest says how frames become its input.
    tracker : Tracker
        Keeps its tracks from call to call.
    """

    def __init__(self, engine: Engine, tracker: Tracker) -> None:
        self._engine = engine
        self._tracker = tracker
        self._preprocessor: Preprocessor | None = None
        self._frame_shape: tuple[int, int] = (0, 0)
        self._planes: dict[int, NDArray[np.uint8]] = {}

    def infer(self, stack: tuple[Frame, ...], thresholds: Thresholds) -> FrameResult:
        """Find and track what moves in the newest frame of a stack.

        Parameters
        ----------
        stack : tuple of Frame
            Consecutive frames, oldest first; at a source's start fewer than the
            network takes, the oldest then stands for those before it.
        thresholds : Thresholds
            Of the segmentation.

        Raises
        ------
        InferenceError
            If the engine fails.
        """
        started = time.perf_counter()
        frame = stack[-1]
        preprocessor = self._preprocessor_for(frame)
        tensor = preprocessor.tensor(self._planes_of(stack, preprocessor))
        prepared = time.perf_counter()
        output = self._engine.infer(tensor)
        inferred = time.perf_counter()
        model = self._engine.spec.model
        probability = probability_from_output(output, model.output)
        pixel_map = preprocessor.pixel_map
        blobs, mask = segment(probability, thresholds, pixel_map)
        segmented = time.perf_counter()
        tracks = self._tracker.update(blobs, frame.time_s)
        tracked = time.perf_counter()
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
                prepare_ms=(prepared - started) * 1e3,
                infer_ms=(inferred - prepared) * 1e3,
                segment_ms=(segmented - inferred) * 1e3,
                track_ms=(tracked - segmented) * 1e3,
            ),
        )

    def _preprocessor_for(self, frame: Frame) -> Preprocessor:
        shape = (frame.height_px, frame.width_px)
        if self._preprocessor is None or shape != self._frame_shape:
            spec = self._engine.spec.model.input
            self._preprocessor = Preprocessor(spec, frame.width_px, frame.height_px)
            self._frame_shape = shape
            self._planes = {}
        return self._preprocessor

    def _planes_of(
        self, stack: tuple[Frame, ...], preprocessor: Preprocessor
    ) -> list[NDArray[np.uint8]]:
        usable = [
            frame
            for frame in stack
            if (frame.height_px, frame.width_px) == self._frame_shape
        ]
        self._planes = {
            frame.index: self._planes[frame.index]
            if frame.index in self._planes
            else preprocessor.plane(frame.image)
            for frame in usable
        }
        planes = list(self._planes.values())
        missing = preprocessor.spec.frame_count - len(planes)
        return [planes[0]] * missing + planes
