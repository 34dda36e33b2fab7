"""The pictures that every result is compared on."""

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, List, NamedTuple, Optional, Tuple

import numpy as np

from engines.convert.errors import SizeError, SourceFormatError
from engines.manifest import InputSpec, Layout

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEED = 20
_COUNT = 4
_CALIBRATION_COUNT = 12
ARRAY_NAME = "tensors"
CALIBRATION_NAME = "calibration"


class Samples(NamedTuple):
    """Inputs for the network, each with a batch of one."""

    tensors: "List[NDArray[Any]]"
    description: str
    """What they are, for the report."""
    is_real: bool
    """Whether they are the operator's own frames, or made up."""
    calibration: "Tuple[NDArray[Any], ...]" = ()
    """Inputs for the ranges of a quantised network, none of those to compare on."""

    def first(self, count: int) -> "Samples":
        """The first few."""
        return self._replace(tensors=self.tensors[:count])


def load_samples(path: Path, shape: Tuple[int, ...], dtype: str) -> Samples:
    """Read prepared inputs from an `.npz` with an array `tensors` of shape (N, ...).

    Its array `calibration`, where it has one, is of the same shape; its `title` says
    what the frames are.

    Raises
    ------
    SourceFormatError
        If it is no such file.
    SizeError
        If shape or type are not what the network takes.
    """
    try:
        with np.load(str(path), allow_pickle=False) as archive:
            stack = archive[ARRAY_NAME]
            title = str(archive["title"]) if "title" in archive else path.name
            others = archive.get(CALIBRATION_NAME, stack[:0])
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise SourceFormatError(
            f"{path.name} holds no prepared frames: {error}",
            hint=f"It is an .npz file with an array {ARRAY_NAME!r} of shape (N, ...).",
        ) from error
    if stack.shape[1:] != shape[1:] or stack.dtype != np.dtype(dtype) or not len(stack):
        raise SizeError(
            f"frames of shape {stack.shape} and type {stack.dtype}, "
            f"the network takes {shape} of {dtype}"
        )
    if len(others) and (others.shape[1:], others.dtype) != (
        stack.shape[1:],
        stack.dtype,
    ):
        raise SizeError(
            f"frames of shape {others.shape} and type {others.dtype} for the ranges,"
            f" others of {stack.shape} and {stack.dtype}"
        )
    tensors, calibration = (
        [np.ascontiguousarray(one[np.newaxis]) for one in frames]
        for frames in (stack, others)
    )
    description = f"{len(tensors)} frames of {title}"
    return Samples(tensors, description, True, tuple(calibration))


def made_up_samples(
    shape: Tuple[int, ...], dtype: str, spec: Optional[InputSpec] = None
) -> Samples:
    """Draw inputs: pictures of shapes over noise, or numbers where it takes none.

    The same on every machine and every run.
    """
    random = np.random.RandomState(SEED)
    if spec is None or len(shape) != 4:
        tensors = [_numbers(random, shape, dtype) for _ in range(_COUNT)]
        return Samples(tensors, f"{_COUNT} inputs of seeded random numbers", False)
    tensors = [_picture(random, spec) for _ in range(_COUNT)]
    text = f"{_COUNT} made-up pictures: moving shapes over noise, seed {SEED}"
    return Samples(tensors, text, False)


def made_up_calibration(
    shape: Tuple[int, ...], dtype: str, spec: Optional[InputSpec] = None
) -> "List[NDArray[Any]]":
    """Draw inputs like those of `made_up_samples`, and none of them."""
    random = np.random.RandomState(SEED + 1)
    if spec is None or len(shape) != 4:
        return [_numbers(random, shape, dtype) for _ in range(_CALIBRATION_COUNT)]
    return [_picture(random, spec) for _ in range(_CALIBRATION_COUNT)]


def _numbers(
    random: np.random.RandomState, shape: Tuple[int, ...], dtype: str
) -> "NDArray[Any]":
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return random.standard_normal(shape).astype(kind)
    if kind.kind == "b":
        return random.random_sample(shape) < 0.5
    # Small whole numbers are valid as bytes, classes and positions in a short table.
    return random.randint(0, 8, shape).astype(kind)


def _picture(random: np.random.RandomState, spec: InputSpec) -> "NDArray[Any]":
    planes: List[Any] = []
    height, width = spec.height_px, spec.width_px
    rows, columns = np.mgrid[0:height, 0:width]
    background = random.uniform(60.0, 140.0) + random.normal(0.0, 12.0, (height, width))
    centres = random.uniform(0.1, 0.9, (3, 2)) * (height, width)
    speeds = random.uniform(-0.08, 0.08, (3, 2)) * (height, width)
    radii = random.uniform(0.03, 0.12, 3) * min(height, width)
    levels = random.uniform(0.0, 255.0, (3, 3))
    for frame in range(spec.frame_count):
        for channel in range(spec.colour.channels):
            plane = background + random.normal(0.0, 4.0, (height, width))
            for index in range(3):
                y, x = centres[index] + frame * speeds[index]
                distance = np.maximum(np.abs(rows - y), np.abs(columns - x))
                if index != 0:  # one square, two discs
                    distance = np.hypot(rows - y, columns - x)
                plane[distance < radii[index]] = levels[index, channel]
            planes.append(np.clip(plane, 0, 255).astype(np.uint8))
    pixels = np.stack(planes, axis=-1 if spec.layout is Layout.NHWC else 0)
    if spec.dtype == "uint8":
        return pixels[np.newaxis]
    scaled = pixels.astype(np.float32) * np.float32(spec.scale)
    return (scaled + np.float32(spec.offset)).astype(spec.dtype)[np.newaxis]
