"""Which new tracks are old ones that were lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from app.tracking.rejoining import rejoin

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_INTERVAL_S = 0.01


def _rejoined(
    old: list[list[float]],
    new: list[list[float]],
    ago_s: float = 0.04,
    gap_s: float = 0.02,
    other_cost: float = 0.0,
) -> list[tuple[int, int]]:
    """Old and new are rows of x, y, vx, vy now; give pairs of (new, old)."""
    shape = (len(new), len(old))
    chosen = rejoin(
        np.array(old, float).T,
        np.array(new, float).T,
        np.full(len(old), ago_s),
        np.full(shape, gap_s),
        np.full(len(old), 10.0),
        _INTERVAL_S,
        1e-6,
        np.full(shape, other_cost),
    )
    return list(zip(chosen[0].tolist(), chosen[1].tolist(), strict=True))


def test_a_new_track_that_comes_from_where_an_old_one_went_is_that_one() -> None:
    # Seen last at (100, 100), hit 1 px further on, and gone up at 2,000 px/s.
    old, new = [104, 100, 100, 0], [101, 160, 0, 2000]

    assert _rejoined([old], [new]) == [(0, 0)]


def test_a_new_track_from_elsewhere_is_another() -> None:
    old, new = [104, 100, 100, 0], [401, 160, 0, 2000]

    assert _rejoined([old], [new]) == []


def test_ways_that_meet_before_the_old_one_was_lost_do_not_count() -> None:
    old, new = [104, 100, 100, 0], [101, 400, 0, 2000]

    assert _rejoined([old], [new]) == []


def test_a_track_that_was_seen_after_the_new_one_is_not_lost() -> None:
    old, new = [104, 100, 100, 0], [101, 160, 0, 2000]

    assert _rejoined([old], [new], gap_s=-0.01) == []


def test_each_new_track_gets_the_old_one_it_fits() -> None:
    old = [[104, 100, 100, 0], [504, 100, 100, 0]]
    new = [[501, 160, 0, 2000], [101, 160, 0, 2000]]

    assert _rejoined(old, new) == [(0, 1), (1, 0)]


def test_other_reasons_can_speak_against_it() -> None:
    old, new = [104, 100, 100, 0], [101, 160, 0, 2000]

    assert _rejoined([old], [new], other_cost=50.0) == []


def test_none_lost_are_none_found() -> None:
    none = np.zeros((4, 0))

    child, parent = rejoin(
        none,
        np.ones((4, 2)),
        np.zeros(0),
        np.zeros((2, 0)),
        np.zeros(0),
        _INTERVAL_S,
        1e-6,
        np.zeros((2, 0)),
    )

    assert child.size == parent.size == 0
