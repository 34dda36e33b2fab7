"""What training puts behind the objects: photographs and drawn textures.

The photographs may be used freely; `resources/LICENSES.md` names each one's licence.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engines.scene.backdrop import Backdrop

if TYPE_CHECKING:
    from numpy.typing import NDArray

PHOTOGRAPHS = Path(__file__).parents[2] / "resources" / "photographs"
EDGE_PX = 512
"""Height and width of a tile."""


def background_tiles(seed: int, textures: int) -> NDArray[np.uint8]:
    """Make the tiles that a training's clips are cut from.

    Parameters
    ----------
    seed : int
        Decides the textures.
    textures : int
        How many are drawn, beside two tiles of every photograph.

    Returns
    -------
    ndarray of uint8, shape (N, EDGE_PX, EDGE_PX)
        Grey levels, each tile with a mean near the middle.
    """
    tiles = [
        tile
        for path in sorted(PHOTOGRAPHS.glob("*.jpg"))
        for tile in _tiles_of_photograph(path)
    ]
    rng = np.random.default_rng([seed, 0xBAC])
    for _ in range(textures):
        clutter = int(rng.integers(0, 25)) if rng.random() < 0.5 else 0
        backdrop = Backdrop(rng, EDGE_PX, EDGE_PX, (40.0, 215.0), clutter, 0.0)
        tiles.append(backdrop.render(0.0, (0.0, 0.0)))
    return np.stack([_centred(tile) for tile in tiles])


def _tiles_of_photograph(path: Path) -> list[NDArray[np.uint8]]:
    """The whole of it, and its middle at its own resolution."""
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise FileNotFoundError(f"{path} is no picture")
    whole = cv2.resize(picture, (EDGE_PX, EDGE_PX), interpolation=cv2.INTER_AREA)
    height, width = picture.shape
    down, right = max(0, EDGE_PX - height), max(0, EDGE_PX - width)
    wide = cv2.copyMakeBorder(picture, 0, down, 0, right, cv2.BORDER_REFLECT)
    top, left = (wide.shape[0] - EDGE_PX) // 2, (wide.shape[1] - EDGE_PX) // 2
    middle = wide[top : top + EDGE_PX, left : left + EDGE_PX]
    return [whole.astype(np.uint8, copy=False), middle.astype(np.uint8, copy=False)]


def _centred(tile: NDArray[np.uint8]) -> NDArray[np.uint8]:
    shifted = tile.astype(np.int16) + (127 - round(float(tile.mean())))
    return np.clip(shifted, 0, 255).astype(np.uint8)
