from __future__ import annotations

import numpy as np
import pytest

from app.tracking.bounces import FIRST_RATE, BounceMeter


def _after(objects: int, bounced: float, frames: int, intervals: float = 1.0) -> float:
    meter = BounceMeter()
    for _ in range(frames):
        meter.update(np.full(objects, bounced), intervals)
    return meter.rate


def test_nobody_seen_teaches_nothing() -> None:
    assert _after(objects=0, bounced=0.0, frames=100) == FIRST_RATE


def test_where_nothing_bounces_hardly_anything_is_taken_to() -> None:
    assert _after(objects=10, bounced=0.0, frames=1000) < FIRST_RATE / 50


@pytest.mark.parametrize("rate", [0.01, 0.3])
def test_the_rate_becomes_that_of_what_was_seen(rate: float) -> None:
    assert _after(objects=10, bounced=rate, frames=3000) == pytest.approx(rate, 0.02)


def test_many_objects_teach_as_fast_as_one_for_longer() -> None:
    assert _after(20, 0.0, frames=10) == pytest.approx(_after(1, 0.0, frames=200))


def test_a_missing_frame_counts_like_one() -> None:
    often = _after(5, 0.02, frames=60)
    seldom = _after(5, 0.04, frames=30, intervals=2.0)

    assert seldom == pytest.approx(often)


def test_what_bounces_later_is_learned_again() -> None:
    meter = BounceMeter()
    for _ in range(10_000):
        meter.update(np.zeros(10), 1.0)

    for _ in range(600):
        meter.update(np.full(10, 0.1), 1.0)

    assert meter.rate > 0.05
