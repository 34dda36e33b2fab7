"""Clips to learn from: three consecutive frames and where the objects are in the last.

Rendered scenes, looked at through worse cameras: defocus, compression, large things
that move slowly before everything. Deterministic by seed, however many processes
make them.
"""

from __future__ import annotations

import math
import multiprocessing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from engines.scene import Scene, random_settings
from engines.training.disturbances import degrade, pass_before
from engines.training.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from engines.scene import SceneSettings, SceneTruth

FRAME_COUNT = 3
IGNORED = 1
"""Level of a target's pixel that counts for nothing: an object nobody could see."""
LEVELS_PER_WEIGHT = 32.0
"""A target's level from 2 on is the weight of a foreground pixel times this."""
_FIRST_INDEX = 7
_FRAMES_BETWEEN_CLIPS = 11
"""Clips of one scene are far enough apart to show other places and other objects."""


@dataclass(frozen=True)
class ClipSettings:
    """How many clips of which size are made."""

    count: int = 40_000
    width_px: int = 160
    height_px: int = 120
    """Half of the default network's input, so that its odd levels are met again."""
    clips_per_scene: int = 4
    seed: int = 1

    @property
    def scene_count(self) -> int:
        """Scenes needed for `count` clips."""
        return -(-self.count // self.clips_per_scene)


class Clip(NamedTuple):
    """One sample of the training."""

    frames: NDArray[np.uint8]
    """Shape (H, W, 3), oldest first."""
    target: NDArray[np.uint8]
    """Shape (H, W): 0 background, `IGNORED`, or a foreground pixel's weight."""


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
    """How a scene is looked at. All pixels but `width_px` are the scene's."""

    width_px: int
    """Of the view."""
    height_px: int
    shrink: int
    """Pixels of the scene per pixel of the view, each axis."""
    margin_px: int = 0
    """What the scene is larger than the view, on each side."""
    pan_px: tuple[float, float] = (0.0, 0.0)
    """How far the view moves over the scene from frame to frame."""

    @property
    def scene_size(self) -> tuple[int, int]:
        """Width and height the scene must have."""
        return (
            self.width_px * self.shrink + 2 * self.margin_px,
            self.height_px * self.shrink + 2 * self.margin_px,
        )

    def at(
        self, image: NDArray[np.uint8], frames_before_last: int
    ) -> NDArray[np.uint8]:
        """Cut out and shrink one frame of the scene."""
        left, top = (
            round(self.margin_px - step * frames_before_last) for step in self.pan_px
        )
        width, height = self.width_px * self.shrink, self.height_px * self.shrink
        part = image[top : top + height, left : left + width]
        if self.shrink == 1:
            return part
        size = (self.width_px, self.height_px)
        return cv2.resize(part, size, interpolation=cv2.INTER_AREA).astype(np.uint8)


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
        planes = [look.at(scene.render(last - k), k) for k in (2, 1, 0)]
        share = look.at(scene.mask(last).astype(np.uint8) * 255, 0)
        before, now = (look.at(empty.render(last - k), k) for k in (1, 0))
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


def clips_of_scene(settings: ClipSettings, scene_number: int) -> list[Clip]:
    """Make the clips of one scene.

    Parameters
    ----------
    settings : ClipSettings
        Sizes and seed.
    scene_number : int
        From 0; decides everything together with the seed.
    """
    rng = np.random.default_rng([settings.seed, scene_number])
    look = _random_look(settings, rng)
    made = []
    for view in views(
        random_settings(rng, *look.scene_size), look, settings.clips_per_scene
    ):
        frames = view.frames.copy()
        visible, doubtful = view.visible, view.doubtful
        if rng.random() < 0.3:
            cover = pass_before(frames, rng)
            visible, doubtful = visible & ~cover, doubtful & ~cover
        degrade(frames, rng)
        made.append(Clip(frames, target_of(visible, doubtful)))
    return made


def _random_look(settings: ClipSettings, rng: np.random.Generator) -> Look:
    # Most frames are shrunk to the network's size, some arrive in it.
    shrink = 2 if rng.random() < 0.7 else 1
    if rng.random() < 0.75:
        return Look(settings.width_px, settings.height_px, shrink)
    speed_px = math.exp(rng.uniform(math.log(0.5), math.log(8.0)))
    heading = rng.uniform(0.0, 2.0 * math.pi)
    pan_px = (speed_px * math.cos(heading), speed_px * math.sin(heading))
    return Look(settings.width_px, settings.height_px, shrink, 16, pan_px)


def target_of(
    visible: NDArray[np.bool_], doubtful: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Write what shall be learned as one picture.

    Small objects weigh more a pixel: a large one would otherwise count as much as
    fifty small ones.

    Parameters
    ----------
    visible, doubtful : ndarray of bool, shape (H, W)
        From `split_by_visibility`.

    Returns
    -------
    ndarray of uint8, shape (H, W)
        0 background, `IGNORED`, else weight times `LEVELS_PER_WEIGHT`.
    """
    count, labels = labelled(visible)
    area = np.bincount(labels.ravel(), minlength=count)
    weight = np.clip(np.sqrt(60.0 / np.maximum(area, 1)), 0.5, 4.0)
    level = np.rint(weight * LEVELS_PER_WEIGHT).astype(np.uint8)
    level[0] = 0
    target: NDArray[np.uint8] = level[labels]
    target[doubtful] = IGNORED
    return target


def make_clips(
    settings: ClipSettings, path: Path, processes: int | None = None
) -> None:
    """Make all clips and write them as one array, whole or not at all.

    Parameters
    ----------
    settings : ClipSettings
        How many, how large, which.
    path : Path
        A `.npy` of uint8, shape (count, H, W, 4): three frames and the target.
    processes : int or None
        Processes that render; None takes every core.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".new")
    shape = (settings.count, settings.height_px, settings.width_px, FRAME_COUNT + 1)
    array = np.lib.format.open_memmap(unfinished, "w+", np.uint8, shape)
    work = ((settings, number) for number in range(settings.scene_count))
    # Spawned, since a library's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, _use_one_thread) as pool:
        blocks = pool.imap(_block_of_scene, work, chunksize=8)
        progress = Progress("scenes", settings.scene_count)
        for number, block in enumerate(blocks):
            first = number * settings.clips_per_scene
            array[first : first + len(block)] = block[: settings.count - first]
            progress.show(number + 1)
    array.flush()
    unfinished.replace(path)


def _use_one_thread() -> None:
    # As many processes as cores: threads of OpenCV would fight for them.
    cv2.setNumThreads(1)


def _block_of_scene(work: tuple[ClipSettings, int]) -> NDArray[np.uint8]:
    return np.stack([np.dstack(clip) for clip in clips_of_scene(*work)])
