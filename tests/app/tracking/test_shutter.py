"""How long the shutter is open."""

from __future__ import annotations

import numpy as np
import pytest

from app.tracking.shutter import ShutterMeter


def _shown(share: float, seed: int = 1, frames: int = 40) -> ShutterMeter:
    """A meter that saw two streaks a frame, a third of which show nothing."""
    random = np.random.default_rng(seed)
    meter = ShutterMeter()
    for _ in range(frames):
        step = random.uniform(20, 80, 2)
        streak = share * step * np.exp(random.normal(0, 0.1, 2))
        is_astray = random.random(2) < 0.33
        streak[is_astray] = step[is_astray] * random.uniform(0.05, 2, is_astray.sum())
        meter.update(streak, step)
    return meter


def test_nothing_is_known_at_first() -> None:
    assert ShutterMeter().share is None


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.8, 1.0])
def test_the_share_is_learned_though_some_streaks_show_nothing(share: float) -> None:
    assert _shown(share).share == pytest.approx(share, rel=0.07)


def test_two_streaks_are_not_enough() -> None:
    assert _shown(0.5, frames=1).share is None


def test_lengths_that_have_nothing_to_do_with_the_way_tell_nothing() -> None:
    random = np.random.default_rng(2)
    meter = ShutterMeter()

    known = []
    for _ in range(300):
        streak, step = np.exp(random.uniform(1.5, 4.5, (2, 4)))
        meter.update(streak, step)
        known.append(meter.share is not None)

    assert sum(known) < 10


def test_objects_that_are_longer_than_their_way_are_long_by_shape() -> None:
    meter = ShutterMeter()
    for _ in range(100):
        meter.update(np.array([30.0, 33.0]), np.array([20.0, 19.0]))

    assert meter.share is None


def test_objects_that_hardly_move_change_nothing() -> None:
    meter = _shown(0.5)
    before = meter.share

    for _ in range(100):
        meter.update(np.array([30.0, 30.0]), np.array([0.0, 2.0]))

    assert meter.share == before


def test_another_exposure_is_learned_anew() -> None:
    meter = _shown(0.8, frames=300)
    step = np.full(2, 50.0)

    for _ in range(600):
        meter.update(0.3 * step, step)

    assert meter.share == pytest.approx(0.3, rel=0.05)
