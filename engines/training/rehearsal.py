"""Rendered clips for a network that learns something else, so that nothing is lost."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.training.backgrounds import background_tiles
from engines.training.conditions import ClipSize, draw_conditions
from engines.training.render import ClipRenderer

if TYPE_CHECKING:
    from engines.training.labelled_frames import Lessons

_TEXTURES = 24
_BLOCK_PX = 8


def rendered_clips(
    seed: int, number: int, count: int, crop_px: tuple[int, int], scene_ratio: float
) -> Lessons:
    """Render some clips.

    Parameters
    ----------
    seed, number : int
        Decide them.
    count : int
        How many.
    crop_px : tuple of two int
        Height and width; what is more than a multiple of eight stays empty and counts
        for nothing.
    scene_ratio : float
        As of `conditions.draw_conditions`.
    """
    height_px, width_px = (edge // _BLOCK_PX * _BLOCK_PX for edge in crop_px)
    size = ClipSize(width_px, height_px)
    tiles, renderer = _renderer(seed, size)
    rng = np.random.default_rng([seed, 0x4EA, number])
    given = draw_conditions(rng, count, size, tiles, scene_ratio)
    frames, weight, doubt = (np.asarray(part) for part in renderer(given))
    short = ((0, 0), (0, crop_px[0] - height_px), (0, crop_px[1] - width_px), (0, 0))
    return (
        np.pad(frames, short),
        np.pad(weight, short),
        np.pad(doubt, short, constant_values=1.0),
    )


@cache
def _renderer(seed: int, size: ClipSize) -> tuple[int, Any]:
    tiles = background_tiles(seed, _TEXTURES)
    return len(tiles), ClipRenderer(tiles, size, seed)
