"""Frames of a clip, prepared for a network that is being converted."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from app.errors import SourceFormatError
from app.sources.base import EndOfSource
from app.sources.catalogue import open_source
from engines.preprocessing import Preprocessor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from app.sources.base import FrameSource
    from engines.manifest import InputSpec

SAMPLE_COUNT = 32
"""Frames to compare on."""
_PREPARED_COUNT = 2 * SAMPLE_COUNT
_FRAMES_LOOKED_AT = 960
_READ_TIMEOUT_S = 0.1


def save_prepared_frames(
    uri: str, spec: InputSpec, path: Path, is_cancelled: Callable[[], bool]
) -> int:
    """Write network inputs made from a clip; gives how many there are to compare on.

    Evenly spread over the first 960 frames, each with the frames before it that the
    network sees together. Every other one is for the ranges of a quantised network,
    which is judged on the rest.

    Parameters
    ----------
    uri : str
        The clip, as `open_source` takes it.
    spec : InputSpec
        What the network takes.
    path : Path
        The `.npz` to write.
    is_cancelled : callable
        Asked between frames; once it is true no more are read.

    Raises
    ------
    SourceError
        If the clip cannot be read, or is too short.
    """
    source = open_source(uri, is_paced=False)
    try:
        tensors = _spread(_tensors(source, spec, is_cancelled))
    finally:
        source.close()
    if not tensors:
        raise SourceFormatError(
            f"{uri} has fewer than the {spec.frame_count} frames that the network "
            "sees together",
            hint="Give a longer clip with --frames.",
        )
    compared, calibration = tensors[::2], tensors[1::2] or tensors[:1]
    np.savez(
        path,
        tensors=np.concatenate(compared),
        calibration=np.concatenate(calibration),
        title=np.array(uri),
    )
    return len(compared)


def _tensors(
    source: FrameSource, spec: InputSpec, is_cancelled: Callable[[], bool]
) -> list[NDArray[np.generic]]:
    clip = source.open()
    preprocessor = Preprocessor(spec, clip.width_px, clip.height_px)
    planes: deque[NDArray[np.uint8]] = deque(maxlen=spec.frame_count)
    expected = min(clip.frame_count or _FRAMES_LOOKED_AT, _FRAMES_LOOKED_AT)
    step = max(1, expected // _PREPARED_COUNT)
    tensors: list[NDArray[np.generic]] = []
    for number in range(_FRAMES_LOOKED_AT):
        frame = None
        try:
            while frame is None and not is_cancelled():
                frame = source.read(_READ_TIMEOUT_S)
        except EndOfSource:
            break
        if frame is None:
            break
        # Copied: a plane may share the memory of a frame that its source reuses.
        planes.append(preprocessor.plane(frame.image).copy())
        if len(planes) == spec.frame_count and number % step == 0:
            tensors.append(preprocessor.tensor(list(planes)).copy())
    if not tensors and len(planes) == spec.frame_count:
        tensors.append(preprocessor.tensor(list(planes)).copy())
    return tensors


def _spread(tensors: list[NDArray[np.generic]]) -> list[NDArray[np.generic]]:
    """Keep at most `_PREPARED_COUNT`, evenly spread."""
    if len(tensors) <= _PREPARED_COUNT:
        return tensors
    chosen = np.linspace(0, len(tensors) - 1, _PREPARED_COUNT).round().astype(int)
    return [tensors[index] for index in chosen]
