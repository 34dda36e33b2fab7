"""Pictures of moving bodies: drawn once, blurred along their way."""

import math
from typing import TYPE_CHECKING, Dict, NamedTuple, Tuple

import cv2
import numpy as np

from engines.scene.motion import Streak

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_STILLS = 32
"""Kept per body; one that spins needs a new one for nearly every frame."""


class Swept(NamedTuple):
    """How much of the exposure a body spent over each pixel."""

    cover: "NDArray[np.float32]"
    """Shape (h, w): share of the exposure times the body's opacity there."""
    mass: float
    """Sum over the body's whole streak, inside the frame or not."""
    peak: float


class _Still(NamedTuple):
    """A body at rest, seen by somebody flying along."""

    cover: "NDArray[np.float32]"
    x: float
    """Its centroid in the picture."""
    y: float
    mass: float


class Sprite:
    """One body's shape.

    Parameters
    ----------
    size_px : float
        The body's diameter.
    outline : ndarray of float64, shape (N, 2)
        Corners of a convex polygon of diameter 1 around its centroid.
    opacity : tuple of two floats
        Of the rim and of the inner half, 0 to 1: texture that leaves the centre
        where it is.
    is_round : bool
        Whether turning it changes nothing.
    """

    def __init__(
        self,
        size_px: float,
        outline: "NDArray[np.float64]",
        opacity: Tuple[float, float],
        is_round: bool,
    ) -> None:
        self._size_px = size_px
        self._outline = outline
        self._opacity = opacity
        self._is_round = is_round
        self._stills: Dict[int, _Still] = {}

    def swept(
        self,
        angle_rad: float,
        streak: Streak,
        corner_px: Tuple[int, int],
        shape: Tuple[int, int],
    ) -> Swept:
        """Cover along one streak, weighted with the streak's share of the exposure.

        The body is blurred along the rows and then turned into its heading: two
        small filters in place of many drawings.

        Parameters
        ----------
        angle_rad : float
            Of the body against x.
        streak : Streak
            What it travels.
        corner_px, shape : tuple of two ints
            The part of the frame: left and top, height and width.
        """
        heading = streak.heading_rad
        still = self._still(angle_rad - heading)
        cover, x = still.cover, still.x
        # Pixels that lie wholly or in part within half the streak's length.
        reach = math.ceil(0.5 * streak.length_px - 0.5)
        if reach > 0:
            canvas = cv2.copyMakeBorder(
                cover, 0, 0, reach, reach, cv2.BORDER_CONSTANT, value=0
            )
            kernel = np.ones((1, 2 * reach + 1), np.float32)
            kernel[0, 0] = kernel[0, -1] = 0.5 * streak.length_px - (reach - 0.5)
            kernel *= streak.time_ratio / streak.length_px
            cover = np.asarray(cv2.filter2D(canvas, -1, kernel), np.float32)
            x += reach
        elif streak.time_ratio != 1.0:
            cover = cover * np.float32(streak.time_ratio)
        cosine, sine = math.cos(heading), math.sin(heading)
        to_x, to_y = streak.x_px - corner_px[0], streak.y_px - corner_px[1]
        to_still = np.array(
            [
                (cosine, sine, x - cosine * to_x - sine * to_y),
                (-sine, cosine, still.y + sine * to_x - cosine * to_y),
            ]
        )
        placed = cv2.warpAffine(
            cover,
            to_still,
            (shape[1], shape[0]),
            flags=cv2.INTER_LINEAR + cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
        )
        return Swept(
            np.asarray(placed, np.float32),
            streak.time_ratio * still.mass,
            float(cover.max()),
        )

    def _still(self, angle_rad: float) -> _Still:
        degrees = 0 if self._is_round else round(math.degrees(angle_rad)) % 360
        if degrees not in self._stills:
            if len(self._stills) >= _MOST_STILLS:
                self._stills.clear()
            self._stills[degrees] = self._drawn(math.radians(degrees))
        return self._stills[degrees]

    def _drawn(self, angle_rad: float) -> _Still:
        scale = 4 if self._size_px < 12.0 else 2
        edge = int(self._size_px) + 5
        canvas = np.zeros((edge * scale, edge * scale), np.float32)
        cosine, sine = math.cos(angle_rad), math.sin(angle_rad)
        turn = np.array([(cosine, sine), (-sine, cosine)])
        # OpenCV fills the boundary's pixels too: a pixel less gives the true area.
        corners = self._outline.dot(turn) * (self._size_px * scale - 1.0)
        middle = 0.5 * (edge * scale - 1)
        for inner, opacity in zip((1.0, 0.5), self._opacity):
            points = np.rint((corners * inner + middle) * 256.0).astype(np.int32)
            cv2.fillConvexPoly(canvas, points, opacity, cv2.LINE_8, 8)
        cover = np.asarray(
            cv2.resize(canvas, (edge, edge), interpolation=cv2.INTER_AREA), np.float32
        )
        columns, rows = cover.sum(axis=0), cover.sum(axis=1)
        mass = float(rows.sum())
        along = np.arange(edge)
        # The drawn centroid, not the intended one: filling rounds corners to a grid.
        x, y = float(columns.dot(along)) / mass, float(rows.dot(along)) / mass
        return _Still(cover, x, y, mass)
