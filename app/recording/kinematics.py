"""How fast a track moved, and how that changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WINDOW = 5
"""Positions that a parabola is laid through. More is smoother, and blunts bounces."""
_BREAK_S = 0.1


class Motion(NamedTuple):
    """One value per position, not a number where too few are known around it."""

    speed: NDArray[np.float64]
    """Lengths a second, in the unit of the positions."""
    acceleration: NDArray[np.float64]
    """Magnitude of the change of velocity, also where only the direction changes."""
    heading_deg: NDArray[np.float64]
    """Counter-clockwise from the right, -180 to 180."""


def motion_of(
    time_s: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> Motion:
    """Speed, acceleration and heading along a path.

    A parabola is fitted to each position and its neighbours by least squares, with
    their true times: differences of two positions 8 ms apart would tell more of their
    noise than of the motion. Nothing is fitted across a gap of 0.1 s.

    Parameters
    ----------
    time_s : ndarray of float64, shape (N,)
        Ascending.
    x, y : ndarray of float64, shape (N,)
        Right and down.
    """
    pieces = np.split(np.arange(len(time_s)), np.flatnonzero(breaks(time_s)) + 1)
    fitted = [_fitted(time_s[rows], x[rows], y[rows]) for rows in pieces]
    velocity, change = (np.concatenate(each) for each in zip(*fitted, strict=True))
    return Motion(
        speed=np.hypot(*velocity.T),
        acceleration=np.hypot(*change.T),
        heading_deg=np.degrees(np.arctan2(-velocity[:, 1], velocity[:, 0])),
    )


def breaks(time_s: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether a path is interrupted after each position but the last."""
    is_break: NDArray[np.bool_] = np.diff(time_s) > _BREAK_S
    return is_break


def _fitted(
    time_s: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Velocity and acceleration, each of shape (N, 2)."""
    count = len(time_s)
    points = np.stack([x, y], axis=1)
    unknown = np.full((count, 2), np.nan)
    if count < 2:
        return unknown, unknown
    if count == 2:
        step = (points[1] - points[0]) / max(time_s[1] - time_s[0], 1e-9)
        return np.tile(step, (2, 1)), unknown
    width = min(WINDOW, count)
    first = np.clip(np.arange(count) - width // 2, 0, count - width)
    rows = first[:, None] + np.arange(width)
    # Polynomials that are orthogonal over each window: nothing has to be solved.
    near_s = time_s[rows]
    middle_s = near_s.mean(axis=1)
    straight = near_s - middle_s[:, None]
    square = np.sum(straight**2, axis=1)
    skew = np.sum(straight**3, axis=1) / square
    bent = straight**2 - (square / width + skew * straight.T).T
    slope = _along(straight, points[rows])
    curvature = _along(bent, points[rows])
    since = time_s - middle_s
    return slope + curvature * (2 * since - skew)[:, None], 2 * curvature


def _along(
    basis: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Part of values, shape (N, W, 2), that goes along a basis, shape (N, W)."""
    products = np.stack([np.sum(basis * values[..., at], axis=1) for at in (0, 1)])
    part: NDArray[np.float64] = (products / np.sum(basis**2, axis=1)).T
    return part
