from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.tracking.gaps import fill_gaps


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def test_a_track_goes_straight_through_its_gap() -> None:
    frame, track_id, values = fill_gaps(
        ints(3, 7, 4), ints(1, 1, 2), np.array([[0.0, 8.0], [4.0, 0.0], [9.0, 9.0]]), 5
    )

    assert frame.tolist() == [3, 4, 4, 5, 6, 7]
    assert track_id.tolist() == [1, 1, 2, 1, 1, 1]
    assert values.tolist() == [[0, 8], [1, 6], [9, 9], [2, 4], [3, 2], [4, 0]]


@pytest.mark.parametrize(("most_frames", "rows"), [(0, 2), (2, 2), (3, 5)])
def test_longer_gaps_stay_open(most_frames: int, rows: int) -> None:
    frame, _, _ = fill_gaps(ints(3, 7), ints(1, 1), np.zeros((2, 1)), most_frames)

    assert frame.size == rows


def test_nothing_stays_nothing() -> None:
    frame, track_id, values = fill_gaps(ints(), ints(), np.zeros((0, 5)), 10)

    assert (frame.size, track_id.size, values.shape) == (0, 0, (0, 5))


@given(
    some.sets(some.tuples(some.integers(0, 30), some.integers(0, 4)), max_size=40),
    some.integers(0, 12),
)
def test_what_was_seen_stays_and_gaps_end(
    seen: set[tuple[int, int]], most_frames: int
) -> None:
    rows = np.array(sorted(seen), np.int64).reshape(-1, 2)
    frame, track_id, values = fill_gaps(
        rows[:, 0], rows[:, 1], rows[:, :1] * 1.0, most_frames
    )

    told = list(zip(frame.tolist(), track_id.tolist(), strict=True))
    assert len(set(told)) == len(told)
    assert told == sorted(told)
    assert seen <= set(told)
    np.testing.assert_allclose(values[:, 0], frame)
    for each in range(5):
        apart = np.diff(frame[track_id == each])
        assert ((apart == 1) | (apart > most_frames + 1)).all()
