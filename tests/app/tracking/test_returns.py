"""How often objects come, and come back."""

from __future__ import annotations

import numpy as np
import pytest

from app.tracking.returns import BOTTOM, INSIDE, LEFT, RIGHT, TOP, Returns, side_of

NOBODY = np.zeros(0)


def _choose(
    returns: Returns,
    steps: list[list[float]],
    exits: list[int] | None = None,
    entries: list[int] | None = None,
    unlike: float = 0.0,
    false: float = 1e-4,
) -> list[tuple[int, int]]:
    times = np.array(steps)
    new, lost = times.shape
    new_rows, lost_rows, _ = returns.choose(
        times,
        np.array(exits or [INSIDE] * lost),
        np.array(entries or [INSIDE] * new),
        np.full(times.shape, unlike),
        np.full(new, false),
    )
    return list(zip(new_rows.tolist(), lost_rows.tolist(), strict=True))


def _ask(returns: Returns, false: float) -> tuple[list[int], list[bool]]:
    """Whether the one new object is the lost one, and whether that stays open."""
    inside = np.array([INSIDE])
    steps, unlike = np.array([[200.0]]), np.zeros((1, 1))
    new, _, is_open = returns.choose(steps, inside, inside, unlike, np.array([false]))
    return new.tolist(), is_open.tolist()


def test_borders() -> None:
    points = np.array([[50.0, -1, 101, 50, 50], [50.0, 50, 50, -1, 81]])

    sides = side_of(points, (100, 80))

    assert sides.tolist() == [INSIDE, LEFT, RIGHT, TOP, BOTTOM]


def test_without_a_field_everything_is_inside() -> None:
    assert side_of(np.array([[-5.0], [9999.0]]), None).tolist() == [INSIDE]


def test_the_only_lost_object_comes_back() -> None:
    assert _choose(Returns(), [[20.0]]) == [(0, 0)]


def test_one_that_was_there_at_the_same_time_is_another() -> None:
    assert _choose(Returns(), [[0.0]]) == []


def test_of_two_that_were_lost_together_none_is_chosen() -> None:
    assert _choose(Returns(), [[20.0, 20.0]]) == []


def test_the_one_that_was_lost_just_before_is_chosen() -> None:
    assert _choose(Returns(), [[90.0, 2.0]]) == [(0, 1)]


def test_one_lost_object_comes_back_as_one_new_one() -> None:
    assert _choose(Returns(), [[9.0], [8.0]]) == [(1, 0)]


def test_an_object_of_another_size_is_another() -> None:
    assert _choose(Returns(), [[20.0]], unlike=5.0) == []


def test_what_may_be_clutter_is_no_return() -> None:
    assert _choose(Returns(), [[20.0]], false=0.1) == []


def test_objects_that_left_come_back_over_the_same_border() -> None:
    assert _choose(Returns(), [[20.0]], [TOP], [TOP]) == [(0, 0)]
    assert _choose(Returns(), [[20.0]], [RIGHT], [LEFT]) == []
    assert _choose(Returns(), [[20.0]], [RIGHT], [INSIDE]) == []


def test_a_new_object_is_a_lost_one_the_less_the_more_new_ones_come() -> None:
    returns = Returns()
    at_first = returns.new_cost
    for _ in range(60):
        returns.watch(1, NOBODY)
        returns.choose(np.zeros((1, 0)), NOBODY, np.zeros(1), NOBODY, np.zeros(1))
    many_came = returns.new_cost
    returns.found_again(60)

    assert at_first < 0.05
    assert many_came > 2
    assert at_first < returns.new_cost < 1


def test_the_rate_of_new_objects_follows_what_comes() -> None:
    returns = Returns()

    for frame in range(3000):
        returns.watch(1, NOBODY)
        if frame % 10 == 0:
            _choose(returns, [[]], [], false=0.0)

    assert returns.new_per_frame == pytest.approx(0.1, rel=0.1)


def test_what_was_there_when_the_first_blob_was_seen_has_not_come() -> None:
    there, came = Returns(), Returns()

    for frame in range(60):
        for returns, first in ((there, 1), (came, 50)):
            returns.watch(1, NOBODY)
            if frame == first:
                _choose(returns, [[]] * 5)

    assert there.new_per_frame < 0.1 * came.new_per_frame


def test_frames_before_the_first_blob_tell_nothing() -> None:
    returns = Returns()
    before = returns.new_per_frame

    for _ in range(100):
        returns.watch(0, NOBODY)

    assert returns.new_per_frame == before


def test_objects_that_never_come_back_are_awaited_less() -> None:
    returns = Returns()
    before = returns.back_per_step

    for _ in range(200):
        returns.watch(1, np.array([10.0]))

    assert returns.back_per_step < before / 3


def test_objects_that_come_back_are_awaited_more() -> None:
    returns = Returns()
    for _ in range(10):
        returns.watch(1, NOBODY)
    before = returns.back_per_step

    for _ in range(5):
        assert _choose(returns, [[5.0]]) == [(0, 0)]

    assert returns.back_per_step > 2 * before


def test_where_new_objects_come_all_the_time_none_is_taken_for_a_lost_one() -> None:
    returns = Returns()
    for _ in range(100):
        returns.watch(9, NOBODY)
        _choose(returns, [[]])

    assert _choose(returns, [[20.0]]) == []


def test_what_may_be_chance_is_asked_about_again() -> None:
    returns = Returns()
    for _ in range(500):
        returns.watch(1, NOBODY)
    before = returns.new_per_frame, returns.back_per_step

    at_first = _ask(returns, 3e-3)
    learned = returns.new_per_frame, returns.back_per_step
    in_the_end = _ask(returns, 1e-6)

    assert at_first == ([], [True])
    assert learned == before
    assert in_the_end == ([0], [False])
    assert returns.back_per_step > before[1]
