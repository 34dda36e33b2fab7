from __future__ import annotations

import numpy as np
import pytest

from app.detection_score import Object, Tally


def test_each_object_and_each_detection_counts_once() -> None:
    # given
    tally = Tally()
    found = np.array([(10.0, 10.0), (12.5, 10.0), (80.0, 10.0)])

    # when
    hits = tally.add(found, [Object(11.0, 10.0, 4.0), Object(50.0, 50.0, 4.0)])

    # then
    assert hits == [(0, 0)]
    assert (tally.hits, tally.misses, tally.false) == (1, 1, 2)
    assert tally.f1 == pytest.approx(2 / 5)
    assert (tally.precision, tally.recall) == (pytest.approx(1 / 3), 0.5)
    assert tally.error_px == pytest.approx(1.0)


def test_a_long_object_is_hit_within_half_its_length() -> None:
    # given
    near, far = Tally(), Tally()

    # when
    near.add(np.array([(19.0, 0.0)]), [Object(0.0, 0.0, 40.0)])
    far.add(np.array([(21.0, 0.0)]), [Object(0.0, 0.0, 40.0)])

    # then
    assert (near.hits, far.hits) == (1, 0)


def test_clips_are_added_up() -> None:
    # given
    one, other = Tally(), Tally()
    one.add(np.array([(0.0, 0.0)]), [Object(0.0, 0.0, 4.0)])
    other.add(np.zeros((0, 2)), [Object(0.0, 0.0, 4.0)])

    # when
    one.merge(other)

    # then
    assert (one.hits, one.misses, one.false, one.recall) == (1, 1, 0, 0.5)


def test_without_hits_there_is_no_error() -> None:
    assert np.isnan(Tally().error_px)
