from __future__ import annotations

import math

import numpy as np
import pytest

from app.tracking.motion import CRUISE, MODELS, Motion
from app.tracking.steadiness import (
    HIGHEST,
    LOWEST,
    MAX_STEP,
    SteadinessMeter,
    ways_off,
)


def _after(before: tuple[float, float], now: tuple[float, float], frames: int) -> float:
    meter = SteadinessMeter()
    for _ in range(frames):
        meter.update(np.array([before]).T, np.array([now]).T)
    return meter.scale


def test_nobody_seen_teaches_nothing() -> None:
    meter = SteadinessMeter()

    meter.update(np.zeros((2, 0)), np.zeros((2, 0)))

    assert meter.scale == 1.0


def test_errors_to_one_side_and_the_other_mean_steadier_objects() -> None:
    assert _after((1, 0), (-1, 0), frames=5) < 1.0
    assert _after((1, 0), (-1, 0), frames=1000) == LOWEST


def test_errors_to_the_same_side_take_it_back() -> None:
    meter = SteadinessMeter()
    side, other = np.array([[0.0], [1.0]]), np.array([[0.0], [-1.0]])
    for _ in range(20):
        meter.update(side, other)
    steadier = meter.scale

    for _ in range(10):
        meter.update(side, side)

    assert steadier < meter.scale < HIGHEST
    for _ in range(1000):
        meter.update(side, side)
    assert meter.scale == HIGHEST


def test_an_error_across_or_after_one_unseen_says_nothing() -> None:
    assert _after((1, 0), (0, 1), frames=50) == 1.0
    assert _after((0, 0), (-1, 0), frames=50) == 1.0


def test_a_crowd_moves_the_scale_no_further_than_some() -> None:
    meter = SteadinessMeter()
    side = np.tile([[1.0], [0.0]], 1000)

    meter.update(side, -side)

    assert math.log(meter.scale) == pytest.approx(-MAX_STEP)


def test_ways_off_are_of_length_1_and_0_where_nothing_is_off() -> None:
    points = np.array([[3.0, 7.0], [4.0, 7.0]])
    expected = np.array([[0.0, 7.0], [0.0, 7.0]])

    assert ways_off(points, expected).T.tolist() == [[0.6, 0.8], [0.0, 0.0]]


@pytest.mark.parametrize(("turn_bodies", "is_steady"), [(0.0, True), (0.15, False)])
def test_the_scale_becomes_what_a_filter_of_its_own_needs(
    turn_bodies: float, is_steady: bool
) -> None:
    """Objects of 10 px whose velocity wanders, or does not, and blobs 1 px off."""
    random = np.random.default_rng(5)
    count, body, noise = 20, np.full(20, 10.0), np.ones(20)
    place = random.uniform(0, 1000, (2, count))
    step = random.normal(0, 2, (2, count))
    first = place.copy()
    place += step
    motion = Motion.from_two_points(first, place, noise, noise)
    meter = SteadinessMeter()
    ways = np.zeros((2, count))
    everyone = np.arange(count)
    cruising = np.zeros((MODELS, count))
    cruising[CRUISE] = 1

    for _ in range(300):
        if turn_bodies:
            step = 0.9 * step + random.normal(0, turn_bodies * 10, (2, count))
        place += step
        motion.predict(1.0, 1.0, body, 1.0, 1e-9, meter.scale)
        points = place + random.normal(0, 1, (2, count))
        before, ways = ways, ways_off(points, motion.state[:2, CRUISE])
        meter.update(before, ways)
        motion.correct(everyone, points, noise, cruising)

    assert (meter.scale < 0.3) is is_steady
