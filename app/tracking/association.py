"""Which blob belongs to which track: the pairs near enough, then the best of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]

SMALL = 20_000
"""Pairs that are looked at one by one as fast as near ones are sought."""


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
    is_small = radius_px.size * second_px.shape[1] <= SMALL
    near = _near_of_all if is_small else _near_by_strips
    first, second, squared = near(first_px, second_px, radius_px)
    if first.size > most * radius_px.size:
        by_distance = np.lexsort((squared, first))
        rank = np.arange(first.size) - first.searchsorted(first)
        kept = np.sort(by_distance[rank < most])
        first, second, squared = first[kept], second[kept], squared[kept]
    return first, second, squared


def _near_of_all(
    first_px: Floats, second_px: Floats, radius_px: Floats
) -> tuple[Ints, Ints, Floats]:
    """Look at all pairs."""
    apart = first_px[:, :, None] - second_px[:, None]
    apart *= apart
    squared = apart[0]
    squared += apart[1]
    is_near = squared <= (radius_px * radius_px)[:, None]
    # Twice as fast as numpy.nonzero in two dimensions.
    near = is_near.ravel().nonzero()[0]
    first, second = np.divmod(near, second_px.shape[1])
    return first, second, squared.ravel()[near]


def _near_by_strips(
    first_px: Floats, second_px: Floats, radius_px: Floats
) -> tuple[Ints, Ints, Floats]:
    """Look at the pairs that are near along x: a few dozen for one of a thousand."""
    order = second_px[0].argsort()
    x = second_px[0, order]
    low = x.searchsorted(first_px[0] - radius_px)
    count = x.searchsorted(first_px[0] + radius_px, "right") - low
    first = np.arange(low.size).repeat(count)
    rank = np.arange(first.size) - (count.cumsum() - count)[first]
    second = order[low[first] + rank]
    apart = first_px.take(first, axis=1)
    apart -= second_px.take(second, axis=1)
    apart *= apart
    squared = apart[0] + apart[1]
    near = (squared <= (radius_px * radius_px)[first]).nonzero()[0]
    near = near[np.lexsort((second[near], first[near]))]
    return first[near], second[near], squared[near]


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
    useful = (cost < 0.0).nonzero()[0]
    row, column = rows[useful], columns[useful]
    if _all_differ(row) and _all_differ(column):
        return useful
    value = cost[useful]
    order = np.lexsort((value, row))
    ordered = row[order]
    is_first = np.empty(order.size, bool)
    is_first[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:])
    best = order[is_first]
    # Where every row can have what suits it best, nothing is better.
    if not _all_differ(column[best]):
        is_open_row, is_open_column = _contested(row, column, best)
        is_open = is_open_row[row]
        settled = best[~is_open[best]]
        contested = is_open.nonzero()[0]
        row_rank, column_rank = is_open_row.cumsum(), is_open_column.cumsum()
        chosen = _solve(
            row_rank[row[contested]] - 1,
            column_rank[column[contested]] - 1,
            value[contested],
        )
        best = np.concatenate([settled, contested[chosen]])
        best.sort()
    return useful[best]


def _all_differ(numbers: Ints) -> bool:
    return len(set(numbers.tolist())) == numbers.size


def _contested(
    row: Ints, column: Ints, best: Ints
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Rows and columns that hang together with a column that suits several best."""
    is_open_row = np.zeros(row[-1] + 1, bool)
    is_open_column = np.bincount(column[best], minlength=column.max() + 1) > 1
    is_open = is_open_column[column]
    before = 0
    while (count := int(np.count_nonzero(is_open))) > before:
        before = count
        is_open_row[row[is_open]] = True
        is_open_column[column[is_open_row[row]]] = True
        is_open = is_open_column[column]
    return is_open_row, is_open_column


def load_solver() -> None:
    """Import what `assign` needs, 0.3 s once, so that no frame waits for it."""
    import scipy.optimize  # noqa: F401  only to have it


def _solve(row: Ints, column: Ints, cost: Floats) -> Ints:
    """Which pairs cost least together: all of them below 0, numbered without gaps."""
    # Not at the top: a window that is not tracking yet should open without it.
    from scipy.optimize import linear_sum_assignment

    shape = row.max() + 1, column.max() + 1
    matrix, pair = np.zeros(shape), np.full(shape, -1)
    matrix[row, column] = cost
    pair[row, column] = np.arange(row.size)
    chosen = pair[linear_sum_assignment(matrix)]
    return chosen[chosen >= 0]
