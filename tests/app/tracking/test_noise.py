from __future__ import annotations

import math

import numpy as np
import pytest

from app.tracking.noise import EVERY, HALFWAY, HIGHEST, LOWEST, NoiseMeter


def test_blobs_as_far_off_as_expected_leave_the_scale_as_it_is() -> None:
    meter = NoiseMeter()

    meter.update(np.array([0.5, 2.0]) * HALFWAY)

    assert meter.scale == 1.0


def test_blobs_farther_off_than_expected_raise_the_scale() -> None:
    meter = NoiseMeter()

    meter.update(np.full(4, 2 * HALFWAY))

    assert meter.scale > 1.0


def test_how_far_off_a_few_blobs_are_does_not_matter() -> None:
    near, far = NoiseMeter(), NoiseMeter()

    near.update(np.array([0.1, 0.2, 1.5 * HALFWAY]))
    far.update(np.array([0.1, 0.2, 1e9]))

    assert near.scale == far.scale < 1.0


@pytest.mark.parametrize(("surprise", "end"), [(0.0, LOWEST), (1e6, HIGHEST)])
def test_the_scale_stays_within_its_bounds(surprise: float, end: float) -> None:
    meter = NoiseMeter()

    for _ in range(1000):
        meter.update(np.full(500, surprise))

    assert meter.scale == end


def test_a_flood_of_blobs_moves_the_scale_no_further_than_some() -> None:
    meter = NoiseMeter()

    meter.update(np.full(10_000, 1e6))

    assert math.log(meter.scale) == pytest.approx(0.5)


def test_some_frames_are_looked_at() -> None:
    meter = NoiseMeter()

    due = [meter.is_due() for _ in range(3 * EVERY)]

    assert sum(due) == 3
