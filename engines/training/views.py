"""Looks at rendered scenes as a network does: what it sees, and what is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from engines.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from engines.scene import SceneSettings, SceneTruth

_FIRST_INDEX = 7
_FRAMES_BETWEEN_CLIPS = 11
"""Clips of one scene are far enough apart to show other places and other objects."""


class View(NamedTuple):
    """One clip of a scene, and what is true in its last frame."""

    frames: NDArray[np.uint8]
    """Shape (h, w, 3), at the network's size, oldest first."""
    visible: NDArray[np.bool_]
    """Shape (h, w): objects in the last frame that anybody would see."""
    doubtful: NDArray[np.bool_]
    """Shape (h, w): objects that some would see. The rest is as good as absent."""
    truth: SceneTruth
    """In pixels of the scene."""


@dataclass(frozen=True)
class Look:
    """How a scene is looked at."""

    width_px: int
    """Of the view, as `height_px` is."""
    height_px: int
    shrink: int
    """Pixels of the scene per pixel of the view, each axis."""

    @property
    def scene_size(self) -> tuple[int, int]:
        """Width and height the scene must have."""
        return self.width_px * self.shrink, self.height_px * self.shrink

    def at(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Shrink one frame of the scene."""
        size = (self.width_px, self.height_px)
        return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8)


def views(settings: SceneSettings, look: Look, count: int) -> Iterator[View]:
    """Look at a scene several times through a network's eyes.

    Parameters
    ----------
    settings : SceneSettings
        The scene, of `look.scene_size`.
    look : Look
        From where.
    count : int
        Views to take.
    """
    scene = Scene(settings)
    # The same background and noise without objects: the difference is the signal.
    empty = Scene(settings._replace(object_count=0))
    for number in range(count):
        last = _FIRST_INDEX + number * _FRAMES_BETWEEN_CLIPS
        planes = [look.at(scene.render(last - k)) for k in (2, 1, 0)]
        share = look.at(scene.mask(last).astype(np.uint8) * 255)
        before, now = (look.at(empty.render(last - k)) for k in (1, 0))
        visible, doubtful = split_by_visibility(
            share >= 128, _difference(planes[-1], now), _difference(before, now)
        )
        yield View(np.stack(planes, axis=-1), visible, doubtful, scene.truth(last))


def _difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return cv2.absdiff(one, other).astype(np.uint8, copy=False)


def labelled(mask: NDArray[Any]) -> tuple[int, NDArray[np.int32]]:
    """Number the connected regions of a mask.

    Returns
    -------
    tuple of int and ndarray of int32, shape (H, W)
        How many numbers there are, and each pixel's; 0 is the background's.
    """
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    return count, labels.astype(np.int32, copy=False)


def split_by_visibility(
    mask: NDArray[np.bool_], signal: NDArray[np.uint8], unrest: NDArray[np.uint8]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Part a mask into regions that anybody sees, and regions that some see.

    A region is seen if its strongest pixel is ten grey levels and three times the
    unrest around it, and all of it together twelve times; half of that is doubtful.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        Where objects are.
    signal : ndarray of uint8, shape (H, W)
        How much they change the picture.
    unrest : ndarray of uint8, shape (H, W)
        How much the picture changes from frame to frame without them: noise, shake,
        flicker.

    Returns
    -------
    tuple of two ndarrays of bool, shape (H, W)
        The seen and the doubtful part of `mask`.
    """
    squared = cv2.blur(np.square(unrest, dtype=np.float32), (9, 9))
    # A difference has the noise of two frames; rounding to grey levels is noise too.
    sigma = np.sqrt(0.5 * squared + 0.25)
    count, labels = labelled(mask)
    place = labels[mask]
    grey = signal[mask].astype(np.float64)
    ratio = grey / sigma[mask]
    peak, peak_ratio = np.zeros(count), np.zeros(count)
    np.maximum.at(peak, place, grey)
    np.maximum.at(peak_ratio, place, ratio)
    total_ratio = np.sqrt(np.bincount(place, ratio**2, count))
    clearness = np.min([peak / 10.0, peak_ratio / 3.0, total_ratio / 12.0], axis=0)
    clearness[0] = 0.0
    visible = (clearness >= 1.0)[labels]
    return visible, (clearness >= 0.5)[labels] & ~visible
