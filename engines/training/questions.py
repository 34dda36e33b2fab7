"""Questions to a network: views of scenes, and what ought to be found in them."""

from __future__ import annotations

import itertools
import multiprocessing
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engines.scene import SceneSettings, random_settings
from engines.training.views import Look, View, labelled, views

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

SHRINK = 2
"""Pixels of the full frame per pixel of the network's input."""
NEAR_PX = 5.0
"""A detection this near is the object, however small that is."""


class Question(NamedTuple):
    """One view and what ought to be found in it."""

    frames: NDArray[np.uint8]
    """Shape (H, W, 3)."""
    group: NDArray[np.int64]
    """Per object: the visible region it belongs to; 0 where it cannot be seen.

    Objects that touch make one region, and one blob is all that can be asked for.
    """
    x_px: NDArray[np.float32]
    y_px: NDArray[np.float32]
    reach_px: NDArray[np.float32]
    """How far from the centre a detection is still this object."""
    speed_px: NDArray[np.float32]
    """From frame to frame."""
    size_px: NDArray[np.float32]
    is_whole: NDArray[np.bool_]
    """All of it in the picture, so that its centre can be judged."""


def random_scenes(count: int, seed: int, size: tuple[int, int]) -> list[SceneSettings]:
    """Scenes under all conditions, none of them seen in training.

    Parameters
    ----------
    count : int
        How many.
    seed : int
        Of the evaluation; the training's seeds are pairs, so none is the same.
    size : tuple of two int
        Width and height of the full frame.
    """
    rng = np.random.default_rng([seed, 0xE0A1, 1])
    return [random_settings(rng, *size) for _ in range(count)]


def plain_scenes(count: int, seed: int, size: tuple[int, int]) -> list[SceneSettings]:
    """Scenes as the synthetic source shows them by default."""
    return [
        SceneSettings(width_px=size[0], height_px=size[1], seed=seed + number)
        for number in range(count)
    ]


def questions_of(
    scenes: Sequence[SceneSettings], views_per_scene: int, processes: int | None = None
) -> list[Question]:
    """Render scenes and note what ought to be found in them.

    Parameters
    ----------
    scenes : sequence of SceneSettings
        Of the full frame's size.
    views_per_scene : int
        Clips of each.
    processes : int or None
        Processes that render; None takes every core, 1 this one.
    """
    work = [(scene, views_per_scene) for scene in scenes]
    if processes == 1:
        blocks: Iterable[list[Question]] = map(_questions_of_scene, work)
        return list(itertools.chain.from_iterable(blocks))
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        blocks = pool.map(_questions_of_scene, work, chunksize=4)
    return list(itertools.chain.from_iterable(blocks))


def _questions_of_scene(work: tuple[SceneSettings, int]) -> list[Question]:
    scene, count = work
    look = Look(scene.width_px // SHRINK, scene.height_px // SHRINK, SHRINK)
    return [_question(view, scene.frame_rate_hz) for view in views(scene, look, count)]


def _question(view: View, frame_rate_hz: float) -> Question:
    truth = view.truth
    _, labels = labelled(view.visible)
    group = np.array(
        [
            _label_near(labels, x, y, size)
            for x, y, size in zip(truth.x_px, truth.y_px, truth.size_px, strict=True)
        ],
        np.int64,
    )
    # Half hidden objects may be found, and need not be.
    group[truth.visible_ratio < 0.5] = 0
    return Question(
        view.frames,
        group,
        truth.x_px,
        truth.y_px,
        np.maximum(np.float32(NEAR_PX), np.float32(0.5) * truth.length_px),
        (np.hypot(truth.vx_px_s, truth.vy_px_s) / frame_rate_hz).astype(np.float32),
        truth.size_px,
        truth.visible_ratio > 0.95,
    )


def _label_near(labels: NDArray[np.int32], x: float, y: float, size_px: float) -> int:
    """Label of the region nearest to a full-frame position; 0 if none is near."""
    column, row = (x + 0.5) / SHRINK - 0.5, (y + 0.5) / SHRINK - 0.5
    room = 0.5 * size_px / SHRINK + 1.5
    top, left = max(0, int(row - room)), max(0, int(column - room))
    part = labels[top : int(row + room) + 2, left : int(column + room) + 2]
    rows, columns = np.nonzero(part)
    if len(rows) == 0:
        return 0
    away = np.hypot(rows + top - row, columns + left - column)
    nearest = int(np.argmin(away))
    return int(part[rows[nearest], columns[nearest]])
