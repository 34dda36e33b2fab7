"""Which blob belongs to which track: the pairs near enough, then the best of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]


def pairs_within(
    first_px: Floats, second_px: Floats, radius_px: Floats, most: int
) -> tuple[Ints, Ints, Floats]:
    """Find the pairs of points that are near each other.

    Parameters
    ----------
    first_px : ndarray of float64, shape (2, N)
    second_px : ndarray of float64, shape (2, K)
    radius_px : ndarray of float64, shape (N,)
        How near is near, for each first point.
    most : int
        With more pairs than so many times N, each first point keeps so many of the
        nearest: a flood of points then costs little.

    Returns
    -------
    first, second : ndarray of intp, shape (P,)
        Rows of each pair, ascending by first.
    squared_px2 : ndarray of float64, shape (P,)
        Squared distance of each pair.
    """
    apart_x = first_px[0, :, None] - second_px[0]
    apart_y = first_px[1, :, None] - second_px[1]
    apart_x *= apart_x
    apart_y *= apart_y
    apart_x += apart_y
    limit = (radius_px * radius_px)[:, None]
    first, second = np.nonzero(apart_x <= limit)
    if first.size > most * radius_px.size:
        nearest = np.sort(np.argpartition(apart_x, most, axis=1)[:, :most], axis=1)
        first, rank = np.nonzero(np.take_along_axis(apart_x, nearest, axis=1) <= limit)
        second = nearest[first, rank]
    return first, second, apart_x[first, second]


def assign(rows: Ints, columns: Ints, cost: Floats) -> Ints:
    """Choose the pairs that cost least together, using no row or column twice.

    Parameters
    ----------
    rows, columns : ndarray of intp, shape (P,)
        The pairs that may be chosen, ascending by row; no pair twice.
    cost : ndarray of float64, shape (P,)
        A pair is chosen only where that is better than leaving both alone, which
        costs 0.

    Returns
    -------
    ndarray of intp
        Positions of the chosen pairs, ascending.
    """
    useful = (cost < 0).nonzero()[0]
    if not useful.size:
        return useful
    row, column, value = rows[useful], columns[useful], cost[useful]
    order = np.lexsort((value, row))
    ordered = row[order]
    is_first = np.empty(order.size, bool)
    is_first[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:])
    best = order[is_first]
    # Where every row can have what suits it best, nothing is better: most frames.
    if len(set(column[best].tolist())) < best.size:
        best = _solve(row, column, value).nonzero()[0]
    return useful[best]


def load_solver() -> None:
    """Import what `assign` needs, 0.3 s once, so that no frame waits for it."""
    import scipy.optimize  # noqa: F401  only to have it


def _solve(rows: Ints, columns: Ints, cost: Floats) -> NDArray[np.bool_]:
    # Not at the top: a window that is not tracking yet should open without it.
    from scipy.optimize import linear_sum_assignment

    row, row_count = _renumbered(rows)
    column, column_count = _renumbered(columns)
    matrix = np.zeros((row_count, column_count))
    matrix[row, column] = cost
    best_column = np.full(row_count, -1)
    assigned_row, assigned_column = linear_sum_assignment(matrix)
    best_column[assigned_row] = assigned_column
    is_chosen: NDArray[np.bool_] = best_column[row] == column
    return is_chosen


def _renumbered(numbers: Ints) -> tuple[Ints, int]:
    """The same numbers counted from 0 without gaps, and how many differ."""
    is_there = np.zeros(numbers.max() + 1, bool)
    is_there[numbers] = True
    rank = np.cumsum(is_there) - 1
    return rank[numbers], int(rank[-1]) + 1
