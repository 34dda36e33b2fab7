"""What markers, outlines and trails look like, as points in the picture.

Arrays of whole frames at once: one row per track, then the lines of its marker, then
their points, then u and v.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from app.frames import Trail

    Points = NDArray[np.float64]

LINE_POINTS = 5
"""Of each line of a marker: all markers fit in one array."""

_ARM_RATIO = 0.3
_DASHES = 8
_BAR = 5.0
"""Half the length of the bar at a predicted position."""
_LINE_DISTANCE_PX = 1.4


class Contours(NamedTuple):
    """The borders of a mask's regions and of their holes."""

    points_px: Points
    """Shape (P, 2): of all contours, in full-frame pixels."""
    starts: NDArray[np.intp]
    """Shape (C,): where in `points_px` each contour starts."""

    def __len__(self) -> int:
        return len(self.starts)

    def split(self, points: NDArray[np.int32]) -> list[NDArray[np.int32]]:
        """Cut an array with a row per point into one per contour."""
        ends = [*self.starts[1:].tolist(), len(points)]
        return [
            points[start:end]
            for start, end in zip(self.starts.tolist(), ends, strict=True)
        ]


def joined_contours(parts: Iterable[Contours]) -> Contours:
    """Put contours of several masks together."""
    points, starts, count = [np.zeros((0, 2))], [np.zeros(0, np.intp)], 0
    for part in parts:
        points.append(part.points_px)
        starts.append(part.starts + count)
        count += len(part.points_px)
    return Contours(np.concatenate(points), np.concatenate(starts))


def brackets(centre: Points, half_size: Points, corner: float) -> Points:
    """Four corners around each track.

    Parameters
    ----------
    centre, half_size : ndarray of float, shape (N, 2)
    corner : float
        By how much the corners are cut off.

    Returns
    -------
    ndarray of float, shape (N, 4, LINE_POINTS, 2)
    """
    side = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    arm = half_size.min(axis=1, keepdims=True) * _ARM_RATIO + corner
    # From the corner inwards, along u and along v: an arm, a round, an arm.
    inwards = np.array([[1, 0], [0, 0], [0, 0], [0, 0], [0, 1]])
    cut = np.array([[0, 0], [1, 0], [0.3, 0.3], [0, 1], [0, 0]])
    steps = inwards[None] * arm[:, None] + cut[None] * corner
    extent = half_size[:, None, None] - steps[:, None]
    corners: Points = centre[:, None, None] + side[None, :, None] * extent
    return corners


def uncertainty_axes(covariance: Points, least: Points, most: float) -> Points:
    """Half axes of the ellipse of two standard deviations.

    Parameters
    ----------
    covariance : ndarray of float, shape (3, N)
        Along u, of u with v, along v.
    least : ndarray of float, shape (N,)
        Shorter half axes are made so long: the object has room inside.
    most : float
        An ellipse whose longer half axis is longer is drawn smaller, in its shape.

    Returns
    -------
    ndarray of float, shape (N, 2, 2)
        The longer, then the shorter; each u and v.
    """
    along_u, both, along_v = covariance
    middle, lean = (along_u + along_v) / 2, (along_u - along_v) / 2
    spread = np.hypot(lean, both)
    angle = np.arctan2(both, lean) / 2
    longer = np.array([np.cos(angle), np.sin(angle)])
    axes = np.stack([longer, np.array([-longer[1], longer[0]])])
    sigma = np.sqrt(np.maximum(np.stack([middle + spread, middle - spread]), 0))
    length = np.maximum(2 * sigma * np.minimum(1, most / (2 * sigma[0] + 1e-9)), least)
    half_axes: Points = (axes * length[:, None]).transpose(2, 0, 1)
    return half_axes


def dashed_ellipses(centre: Points, half_axes: Points) -> Points:
    """An ellipse of dashes around each track.

    Parameters
    ----------
    centre : ndarray of float, shape (N, 2)
    half_axes : ndarray of float, shape (N, 2, 2)
        From `uncertainty_axes`.

    Returns
    -------
    ndarray of float, shape (N, dashes, LINE_POINTS, 2)
    """
    turn = 2 * np.pi / _DASHES
    start = np.arange(_DASHES)[:, None] * turn
    angle = start + np.linspace(-0.3, 0.3, LINE_POINTS) * turn
    around = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    ellipses: Points = centre[:, None, None] + np.einsum(
        "dpa,nac->ndpc", around, half_axes
    )
    return ellipses


def leads(centre: Points, step: Points) -> Points:
    """A line from each track to where it should be by now, with a bar at its end.

    Parameters
    ----------
    centre, step : ndarray of float, shape (N, 2)

    Returns
    -------
    ndarray of float, shape (N, 2, LINE_POINTS, 2)
    """
    along = np.linspace(0, 1, LINE_POINTS)
    length = np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-9)[:, None]
    across = step[:, ::-1] * (-1, 1) / length
    lines = np.empty((len(centre), 2, LINE_POINTS, 2))
    lines[:, 0] = centre[:, None] + along[:, None] * step[:, None]
    bar = _BAR * (2 * along - 1)
    lines[:, 1] = (centre + step)[:, None] + bar[:, None] * across[:, None]
    return lines


def crosses(centre: Points, arm: float) -> Points:
    """A small plus on each track, shape (N, 2, LINE_POINTS, 2)."""
    across = np.linspace(-arm, arm, LINE_POINTS)
    plus = np.zeros((2, LINE_POINTS, 2))
    plus[0, :, 0] = plus[1, :, 1] = across
    lines: Points = centre[:, None, None] + plus
    return lines


def widened(lines: Points, first_width: float, last_width: float) -> Points:
    """Put lines side by side that together are as wide as asked.

    OpenCV draws lines of one pixel ten times faster than wider ones, and side by side
    they can be narrow at one end.

    Parameters
    ----------
    lines : ndarray of float, shape (N, P, 2)
        At least two points each.
    first_width, last_width : float
        At the first and at the last point of each line, in pixels.

    Returns
    -------
    ndarray of float, shape (N, some, P, 2)
    """
    along = np.empty_like(lines)
    along[:, 1:-1] = lines[:, 2:] - lines[:, :-2]
    along[:, 0] = lines[:, 1] - lines[:, 0]
    along[:, -1] = lines[:, -1] - lines[:, -2]
    length = np.maximum(np.hypot(along[..., 0], along[..., 1]), 1e-9)
    # A line of one pixel has soft edges: it covers about one pixel more.
    steps = np.arange(lines.shape[1]) / (lines.shape[1] - 1)
    half_width = (first_width + (last_width - first_width) * steps - 1) / 2
    across = along[..., ::-1] * (-1, 1)
    across *= (np.maximum(half_width, 0) / length)[..., None]
    count = 1 + math.ceil((max(first_width, last_width) - 1) / _LINE_DISTANCE_PX)
    offset = np.arange(count) * (2 / max(count - 1, 1)) - (count > 1)
    side_by_side: Points = lines[:, None] + offset[:, None, None] * across[:, None]
    return side_by_side


def trail_lines(trails: Sequence[Trail], points: int) -> Points:
    """Give every trail the same number of points, shape (N, points, 2).

    Parameters
    ----------
    trails : sequence of Trail
        At least two points each.
    points : int
        Fewer cut sharp turns, and are drawn faster.
    """
    lengths = np.array([len(trail.points_px) for trail in trails])
    starts = np.cumsum(lengths) - lengths
    joined = np.concatenate([trail.points_px for trail in trails])
    place = (lengths - 1)[:, None] * (np.arange(points) / (points - 1))
    before = np.minimum(place.astype(np.intp), (lengths - 2)[:, None])
    share = (place - before)[..., None]
    first = starts[:, None] + before
    lines: Points = joined[first] * (1 - share) + joined[first + 1] * share
    return lines


def contours_of(
    mask: NDArray[np.bool_],
    mask_area_px: tuple[float, float, float, float],
    window_px: tuple[float, float, float, float],
    fineness: int,
) -> Contours:
    """Find the borders of a mask's regions along the edges of its pixels.

    Parameters
    ----------
    mask : ndarray of bool, shape (h, w)
    mask_area_px : tuple
        Left, top, width and height of what it covers of the frame.
    window_px : tuple
        Left, top, right and bottom of what is looked at, in the same pixels.
    fineness : int
        1 cuts the corners of the mask's pixels, which smooths slanted borders and joins
        regions a pixel apart; larger follows the pixels.

    Returns
    -------
    Contours
        A region that reaches out of the window may be cut there.
    """
    height, width = mask.shape
    left, top, area_width, area_height = mask_area_px
    scale = np.array([area_width / width, area_height / height])
    first_column = max(0, int((window_px[0] - left) / scale[0]) - 2)
    first_row = max(0, int((window_px[1] - top) / scale[1]) - 2)
    end_column = min(width, int((window_px[2] - left) / scale[0]) + 3)
    end_row = min(height, int((window_px[3] - top) / scale[1]) + 3)
    if end_column <= first_column or end_row <= first_row:
        return Contours(np.zeros((0, 2)), np.zeros(0, np.intp))
    seen = mask[first_row:end_row, first_column:end_column].view(np.uint8)
    fine = cv2.resize(
        seen, None, fx=fineness, fy=fineness, interpolation=cv2.INTER_NEAREST
    )
    # Grown by one to the right and below, the contour, which runs through the centres
    # of pixels, runs along the edges of the mask's.
    fine = cv2.copyMakeBorder(fine, 0, 1, 0, 1, cv2.BORDER_CONSTANT, value=0)
    grown = cv2.dilate(fine, np.ones((2, 2), np.uint8), anchor=(1, 1))
    found, _ = cv2.findContours(grown, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if not found:
        return Contours(np.zeros((0, 2)), np.zeros(0, np.intp))
    lengths = np.array([len(contour) for contour in found])
    edges = np.concatenate(found)[:, 0] / fineness + (first_column, first_row)
    return Contours(
        points_px=edges * scale + (left - 0.5, top - 0.5),
        starts=np.concatenate([[0], np.cumsum(lengths[:-1])]).astype(np.intp),
    )
