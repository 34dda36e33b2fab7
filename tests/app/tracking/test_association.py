"""Pairs that are near, and the best of them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from app.tracking.association import assign, load_solver, pairs_within

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MATRICES = st.integers(1, 5).flatmap(
    lambda columns: st.lists(
        st.lists(
            st.sampled_from([-9.0, -4.0, -2.5, -1.0, 0.0, 3.0]),
            min_size=columns,
            max_size=columns,
        ),
        min_size=1,
        max_size=5,
    )
)


def _best_total(matrix: NDArray[np.float64]) -> float:
    """The least sum over all ways to choose, by trying them all."""
    tall = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    useful = np.minimum(tall, 0)
    return min(
        sum(useful[row, column] for column, row in enumerate(rows))
        for rows in itertools.permutations(range(tall.shape[0]), tall.shape[1])
    )


@settings(max_examples=150)
@given(_MATRICES)
def test_no_other_choice_costs_less(rows: list[list[float]]) -> None:
    matrix = np.array(rows)
    row, column = np.indices(matrix.shape).reshape(2, -1)

    chosen = assign(row, column, matrix.ravel())

    assert matrix.ravel()[chosen].sum() == pytest.approx(_best_total(matrix))
    assert len(set(row[chosen])) == len(chosen) == len(set(column[chosen]))


def test_a_pair_that_costs_something_is_left_out() -> None:
    chosen = assign(np.array([0, 1]), np.array([0, 1]), np.array([-1.0, 0.5]))

    assert chosen.tolist() == [0]


def test_pairs_without_a_rival_are_all_chosen() -> None:
    rows, columns = np.array([3, 7, 9]), np.array([1, 0, 5])

    chosen = assign(rows, columns, np.array([-1.0, -2.0, -3.0]))

    assert chosen.tolist() == [0, 1, 2]


def test_the_best_total_wins_over_the_best_pair() -> None:
    # Row 0 likes column 0 best, yet row 1 has nothing else.
    rows, columns = np.array([0, 0, 1]), np.array([0, 1, 0])

    chosen = assign(rows, columns, np.array([-5.0, -4.0, -3.0]))

    assert chosen.tolist() == [1, 2]


@pytest.mark.parametrize("seed", range(30))
def test_of_many_pairs_no_other_choice_costs_less(seed: int) -> None:
    random = np.random.default_rng(seed)
    cost = np.where(random.random((30, 25)) < 0.1, random.normal(-1, 2, (30, 25)), 9.0)
    rows, columns = np.nonzero(cost < 9)

    chosen = assign(rows, columns, cost[rows, columns])

    best = linear_sum_assignment(np.minimum(cost, 0))
    assert cost[rows[chosen], columns[chosen]].sum() == pytest.approx(
        np.minimum(cost, 0)[best].sum()
    )
    assert len(set(rows[chosen])) == len(set(columns[chosen])) == chosen.size
    assert (np.diff(chosen) > 0).all()


def test_no_pairs_give_no_choice() -> None:
    none = np.zeros(0, np.intp)

    assert assign(none, none, np.zeros(0)).size == 0


def test_the_solver_can_be_loaded_ahead() -> None:
    load_solver()

    assert assign(
        np.array([0, 0]), np.array([0, 1]), np.array([-1.0, -2])
    ).tolist() == [1]


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(0, 20), st.integers(0, 20))
def test_the_pairs_within_a_radius_are_found(
    seed: int, first: int, second: int
) -> None:
    random = np.random.default_rng(seed)
    one, other = random.random((2, first)), random.random((2, second))
    radius = random.random(first)

    got = pairs_within(one, other, radius, most=20)

    apart = np.hypot(*(one[:, :, None] - other[:, None]))
    wanted = np.nonzero(apart <= radius[:, None])
    np.testing.assert_array_equal(got[0], wanted[0])
    np.testing.assert_array_equal(got[1], wanted[1])
    np.testing.assert_allclose(got[2], apart[wanted] ** 2)


@pytest.mark.parametrize("radius", [0.0, 0.02, 0.3])
def test_the_pairs_of_many_points_are_found(radius: float) -> None:
    random = np.random.default_rng(3)
    one, other = random.random((2, 300)), random.random((2, 500))
    other[:, :30] = one[:, :30]
    radii = radius * random.random(300)

    got = pairs_within(one, other, radii, most=500)

    apart = np.hypot(*(one[:, :, None] - other[:, None]))
    wanted = np.nonzero(apart <= radii[:, None])
    np.testing.assert_array_equal(got[0], wanted[0])
    np.testing.assert_array_equal(got[1], wanted[1])
    np.testing.assert_allclose(got[2], apart[wanted] ** 2)


@pytest.mark.parametrize("others", [500, 9000])
def test_in_a_flood_each_point_keeps_its_nearest(others: int) -> None:
    random = np.random.default_rng(0)
    one, other = random.random((2, 3)), random.random((2, others))

    first, second, _ = pairs_within(one, other, np.full(3, 9.0), most=4)

    apart = np.hypot(*(one[:, :, None] - other[:, None]))
    nearest = np.sort(np.argsort(apart, axis=1)[:, :4], axis=1)
    assert first.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert second.tolist() == nearest.ravel().tolist()
