"""Labelled frames of a user's clips as lessons: crops, and what is wanted in them.

A box or a centre does not tell which pixels are the object's. An ellipse in the box
is taken for its shape: the inner part is wanted, the rim counts for nothing, since it
may be object or background, and all the rest is background.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Lessons = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
    """Frames (N, H, W, 3), 0 to 255; weight of the foreground (N, H, W, 1), 0 in the
    background; 1 where nothing counts, likewise."""

PLANES = 5
"""A frame, the two before it and the two after it: played backwards, it is another."""
CORE = 0.7
"""Part of the ellipse's axes that is surely the object's."""
MARGIN_PX = 1.5
"""Beyond the ellipse, where boxes end that were drawn too small."""
_LEAST_HALF_PX = 0.8
_ON_AN_OBJECT = 0.75
"""Share of the crops that hold an object; the others may."""


class LabelledFrames(NamedTuple):
    """Frames at the network's size, and the ellipses that are in them."""

    planes: NDArray[np.uint8]
    """Shape (N, PLANES, H, W), oldest first; the middle one is labelled."""
    has_later: NDArray[np.bool_]
    """Shape (N,): whether the two later ones are there."""
    frame: NDArray[np.int64]
    """Shape (M,): of each ellipse, its row in `planes`."""
    ellipse: NDArray[np.float32]
    """Shape (M, 5): x and y of the centre, half the length, half the breadth, the
    angle of the length against x; pixels of the network's input and radians."""

    def save(self, path: Path) -> None:
        """Write it for another process."""
        np.savez(path, **self._asdict())

    @staticmethod
    def load(path: Path) -> LabelledFrames:
        """Read what `save` wrote."""
        with np.load(path) as archive:
            return LabelledFrames(*(archive[name] for name in LabelledFrames._fields))


def target_of(
    ellipses: NDArray[np.float32], height_px: int, width_px: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What is wanted in one frame.

    Parameters
    ----------
    ellipses : ndarray of float32, shape (M, 5)
        As of `LabelledFrames.ellipse`.
    height_px, width_px : int
        Of the frame.

    Returns
    -------
    tuple of two ndarrays of float32, shape (height_px, width_px)
        Weight of the foreground, and 1 where nothing counts.
    """
    weight = np.zeros((height_px, width_px), np.float32)
    doubt = np.zeros_like(weight)
    rows = np.arange(height_px, dtype=np.float32)[:, None]
    columns = np.arange(width_px, dtype=np.float32)
    for x, y, half_length, half_breadth, angle in ellipses.tolist():
        u = (columns - x) * np.cos(angle) + (rows - y) * np.sin(angle)
        v = (rows - y) * np.cos(angle) - (columns - x) * np.sin(angle)
        long, broad = (
            max(half_length, _LEAST_HALF_PX),
            max(half_breadth, _LEAST_HALF_PX),
        )
        core = np.hypot(u / (CORE * long), v / (CORE * broad)) <= 1.0
        # What is smaller than a pixel is the nearest one.
        row, column = round(y), round(x)
        if 0 <= row < height_px and 0 <= column < width_px:
            core[row, column] = True
        rim = np.hypot(u / (long + MARGIN_PX), v / (broad + MARGIN_PX)) <= 1.0
        doubt[rim] = 1.0
        # As the renderer weighs: small objects count for more a pixel.
        size = np.clip(np.sqrt(60.0 / max(1, int(core.sum()))), 0.5, 4.0)
        weight[core] = np.maximum(weight[core], np.float32(size))
    doubt[weight > 0.0] = 0.0
    return weight, doubt


def drawn_lessons(
    frames: LabelledFrames,
    rng: np.random.Generator,
    count: int,
    height_px: int,
    width_px: int,
) -> Lessons:
    """Cut crops from labelled frames: mirrored, backwards, in other light.

    Parameters
    ----------
    frames : LabelledFrames
        At least one; no smaller than a crop.
    rng : Generator
        Decides everything.
    count : int
        Crops.
    height_px, width_px : int
        Of a crop.
    """
    shape = (count, height_px, width_px)
    pictures = np.empty((*shape, 3), np.float32)
    weights, doubts = (
        np.empty((*shape, 1), np.float32),
        np.empty((*shape, 1), np.float32),
    )
    for place in range(count):
        row = int(rng.integers(len(frames.planes)))
        own = frames.ellipse[frames.frame == row]
        top, left = _corner(own, rng, frames.planes.shape[2:], height_px, width_px)
        inside = own - np.array([left, top, 0, 0, 0], np.float32)
        weight, doubt = target_of(inside, height_px, width_px)
        is_backwards = frames.has_later[row] and rng.random() < 0.5
        order = (4, 3, 2) if is_backwards else (0, 1, 2)
        rows = slice(top, top + height_px)
        crop = frames.planes[row, list(order), rows, left : left + width_px]
        light = rng.uniform(0.75, 1.25), rng.uniform(-20.0, 20.0)
        crop = np.clip(crop * np.float32(light[0]) + np.float32(light[1]), 0.0, 255.0)
        ways = tuple(-1 if rng.random() < 0.5 else 1 for _ in range(2))
        turned = (slice(None, None, ways[0]), slice(None, None, ways[1]))
        pictures[place] = np.moveaxis(crop, 0, -1)[turned]
        weights[place, ..., 0], doubts[place, ..., 0] = weight[turned], doubt[turned]
    return pictures, weights, doubts


def _corner(
    ellipses: NDArray[np.float32],
    rng: np.random.Generator,
    shape: tuple[int, ...],
    height_px: int,
    width_px: int,
) -> tuple[int, int]:
    """Top and left of a crop."""
    most = shape[0] - height_px, shape[1] - width_px
    if len(ellipses) and rng.random() < _ON_AN_OBJECT:
        x, y = ellipses[rng.integers(len(ellipses)), :2].tolist()
        corner = (
            int(y - rng.uniform(0.1, 0.9) * height_px),
            int(x - rng.uniform(0.1, 0.9) * width_px),
        )
    else:
        corner = int(rng.integers(most[0] + 1)), int(rng.integers(most[1] + 1))
    return min(max(corner[0], 0), most[0]), min(max(corner[1], 0), most[1])
