"""Speed, acceleration and heading of a path."""

from __future__ import annotations

import numpy as np
import pytest

from app.recording.kinematics import motion_of

RANDOM = np.random.default_rng(5)


def _times(count: int) -> np.ndarray:
    """As a camera takes frames: 120 a second, more or less."""
    return np.cumsum(1 / 120 + RANDOM.uniform(-0.001, 0.001, count))


def test_a_throw_is_found_exactly_at_uneven_times() -> None:
    time_s = _times(40)
    x, y = 300 * time_s, 80 * time_s - 490.5 * time_s**2

    motion = motion_of(time_s, x, y)

    assert motion.speed == pytest.approx(np.hypot(300, 80 - 981 * time_s))
    assert motion.acceleration == pytest.approx(981.0)
    falls = 981 * time_s - 80
    assert motion.heading_deg == pytest.approx(np.degrees(np.arctan2(falls, 300)))


def test_noise_changes_the_speed_less_than_differences_would() -> None:
    time_s = _times(400)
    x = 300 * time_s + RANDOM.normal(0, 0.5, 400)

    fitted = motion_of(time_s, x, np.zeros(400)).speed
    differences = np.abs(np.diff(x) / np.diff(time_s))

    assert np.std(fitted) < 0.5 * np.std(differences)
    assert np.median(fitted) == pytest.approx(300, rel=0.03)


def test_nothing_is_fitted_across_a_gap() -> None:
    time_s = np.r_[_times(10), 5 + _times(10)]
    x = np.r_[np.zeros(10), np.full(10, 1000.0)]

    speed = motion_of(time_s, x, np.zeros(20)).speed

    assert np.max(speed) < 1e-6


@pytest.mark.parametrize(("count", "known"), [(0, 0), (1, 0), (2, 2), (3, 3)])
def test_short_paths_say_what_they_can(count: int, known: int) -> None:
    time_s = np.arange(count) / 100

    motion = motion_of(time_s, 50 * time_s, 0 * time_s)

    assert np.count_nonzero(~np.isnan(motion.speed)) == known
    assert np.allclose(motion.speed[:known], 50)
