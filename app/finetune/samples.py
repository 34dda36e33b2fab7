"""Labelled frames of clips, at the network's size: to learn from, and held back."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.labels import LabelsError
from app.sources.base import EndOfSource
from app.sources.catalogue import open_source
from engines.preprocessing import Preprocessor
from engines.training.labelled_frames import PLANES, LabelledFrames

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from app.labels import Label, Labels
    from engines.manifest import InputSpec
    from engines.preprocessing import PixelMap

MOST_FRAMES = 600
"""Labelled frames that are taken of one clip, evenly spread: what memory bounds."""
_BEFORE = PLANES // 2
_READ_TIMEOUT_S = 0.1


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled frame with its neighbours."""

    planes: NDArray[np.uint8]
    """Shape (PLANES, H, W), oldest first; the middle one is labelled."""
    has_later: bool
    labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class ClipSamples:
    """What one clip gives."""

    name: str
    pixel_map: PixelMap
    learned: tuple[Sample, ...]
    held_back: tuple[Sample, ...]


def split(
    numbers: Sequence[int], held_back_ratio: float
) -> tuple[list[int], list[int]]:
    """Part labelled frames into those to learn from and those to judge on.

    The last ones of a clip are held back: frames between those that are learned would
    show the same thing. None that is held back shares a picture with one learned.

    Parameters
    ----------
    numbers : sequence of int
        Places of the frames, ascending.
    held_back_ratio : float
        Share of them that is held back, 0 to 1.
    """
    count = len(numbers) - round(held_back_ratio * len(numbers))
    learned = list(numbers[:count])
    last = learned[-1] if learned else -PLANES
    return learned, [one for one in numbers[count:] if one - last >= PLANES]


def clip_samples(
    clip: str,
    labels: Labels,
    spec: InputSpec,
    held_back_ratio: float,
    on_frame: Callable[[], object] = lambda: None,
) -> ClipSamples:
    """Read the labelled frames of a clip.

    Parameters
    ----------
    clip : str
        A source, as `open_source` takes it.
    labels : dict
        From `labels.read_labels`.
    spec : InputSpec
        What the network takes.
    held_back_ratio : float
        As of `split`.
    on_frame : callable
        Called with every frame that is read.

    Raises
    ------
    SourceError
        If the clip cannot be read.
    LabelsError
        If labels are of frames that it does not have.
    """
    # The network's first answer is to its third frame.
    numbers = sorted(number for number in labels if number >= _BEFORE)
    if len(numbers) > MOST_FRAMES:
        chosen = np.linspace(0, len(numbers) - 1, MOST_FRAMES).round().astype(int)
        numbers = [numbers[at] for at in chosen]
    wanted = set(numbers)
    source = open_source(clip, is_paced=False)
    found: dict[int, Sample] = {}
    planes: deque[NDArray[np.uint8]] = deque(maxlen=PLANES)
    count = 0
    try:
        opened = source.open()
        preprocessor = Preprocessor(spec, opened.width_px, opened.height_px)
        end = max(wanted, default=-1) + _BEFORE
        while count <= end:
            try:
                frame = source.read(_READ_TIMEOUT_S)
            except EndOfSource:
                break
            if frame is None:
                continue
            # Copied: a plane may share the memory of a frame that its source reuses.
            planes.append(preprocessor.plane(frame.image).copy())
            count += 1
            middle = count - 1 - _BEFORE
            if middle in wanted and len(planes) == PLANES:
                shown = np.stack(planes)
                found[middle] = Sample(shown, True, tuple(labels[middle]))
            on_frame()
    finally:
        source.close()
    for number in range(max(_BEFORE, count - _BEFORE), count):
        if number in wanted:
            # The last frames have none after them.
            kept = list(planes)[number - count - _BEFORE :][: _BEFORE + 1]
            shown = np.stack(kept + [kept[-1]] * _BEFORE)
            found[number] = Sample(shown, False, tuple(labels[number]))
    missing = wanted - found.keys()
    if missing:
        raise LabelsError(
            f"{clip} has {count} frames, and its labels name frame {min(missing)}",
            hint="Frames count from 0, in files of the MOT Challenge from 1.",
        )
    learned, held_back = split(numbers, held_back_ratio)
    return ClipSamples(
        clip,
        preprocessor.pixel_map,
        tuple(found[number] for number in learned),
        tuple(found[number] for number in held_back),
    )


def lessons_of(clips: Sequence[ClipSamples]) -> LabelledFrames:
    """Put the frames to learn from together, as a training takes them."""
    samples = [(clip, sample) for clip in clips for sample in clip.learned]
    rows = [
        (row, *_ellipse(label, clip.pixel_map))
        for row, (clip, sample) in enumerate(samples)
        for label in sample.labels
    ]
    table = np.array(rows, np.float64).reshape(len(rows), 6)
    return LabelledFrames(
        np.stack([sample.planes for _, sample in samples]),
        np.array([sample.has_later for _, sample in samples]),
        table[:, 0].astype(np.int64),
        table[:, 1:].astype(np.float32),
    )


def _ellipse(label: Label, to_frame: PixelMap) -> tuple[float, ...]:
    """A label in pixels of the network's input."""
    x = (label.x_px + 0.5 - to_frame.left_px) / to_frame.scale_x - 0.5
    y = (label.y_px + 0.5 - to_frame.top_px) / to_frame.scale_y - 0.5
    along = np.array([np.cos(label.angle_rad), np.sin(label.angle_rad)])
    scale = np.array([to_frame.scale_x, to_frame.scale_y])
    length = along * label.length_px / scale
    breadth = along[::-1] * np.array([-1.0, 1.0]) * label.breadth_px / scale
    angle = float(np.arctan2(length[1], length[0]))
    half_length = float(np.hypot(*length)) / 2
    return x, y, half_length, float(np.hypot(*breadth)) / 2, angle
