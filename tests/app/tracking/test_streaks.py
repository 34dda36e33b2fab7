"""What streaks show of velocities."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from app.frames import Blobs
from app.tracking.motion import BOUNCE, CRUISE, Motion, weighed
from app.tracking.settings import TrackerSettings
from app.tracking.shutter import ShutterMeter
from app.tracking.sightings import Sightings, sightings_of
from app.tracking.streaks import (
    heed_pairs,
    pair_log_ratio,
    shown,
    smooth_pairs,
)

BODY_PX = 8.0
SHARE = 0.8
INTERVAL_S = 0.01
_FIRST = np.array([0])


def _seen(
    points: list[tuple[float, float]], steps: list[tuple[float, float]]
) -> Sightings:
    """Blobs of objects that move by so many px a frame interval."""
    x, y = np.array(points, float).T
    step = np.array(steps, float)
    streak = SHARE * np.hypot(*step.T)
    blobs = Blobs.of(x, y, BODY_PX)
    blobs = dataclasses.replace(
        blobs,
        length_px=np.sqrt(BODY_PX**2 + streak**2 / 0.75).astype(np.float32),
        angle_rad=np.arctan(step[:, 1] / (step[:, 0] + 1e-9)).astype(np.float32),
    )
    return sightings_of(blobs, TrackerSettings())


def _turned(length_px: float, angle_deg: float) -> tuple[float, float]:
    angle = np.radians(angle_deg)
    return float(length_px * np.cos(angle)), float(length_px * np.sin(angle))


def _moving(step: tuple[float, float]) -> Motion:
    """One track that was at the origin and goes on for a frame interval."""
    first = np.array([[-step[0]], [-step[1]]])
    noise = np.array([0.7])
    motion = Motion.from_two_points(
        first, np.zeros((2, 1)), np.array([INTERVAL_S]), noise
    )
    motion.predict(INTERVAL_S, INTERVAL_S, np.array([BODY_PX]), 1.0, 0.06)
    return motion


def _weighed(
    motion: Motion, point: tuple[float, float], step: tuple[float, float]
) -> tuple[float, Motion]:
    """Log density of a streak there, and the track that it was given to."""
    seen = _seen([point], [step])
    likelihood = motion.log_likelihood(_FIRST, seen.point_px, seen.noise_px2)
    told = shown(
        motion, _FIRST, seen, _FIRST, likelihood, INTERVAL_S, SHARE * INTERVAL_S
    )
    density, weight = weighed(likelihood)
    after = motion.take(_FIRST)
    told.apply(after, _FIRST, _FIRST)
    after.correct(_FIRST, seen.point_px, seen.noise_px2, weight)
    return float(density[0]), after


def _ratio(step: tuple[float, float], one: object, two: object) -> float:
    first, second = _seen([(0, 0)], [one]), _seen([step], [two])
    way = np.array(step, float)[:, None]
    return float(
        pair_log_ratio(first, second, _FIRST, _FIRST, way, np.ones(1), SHARE)[0]
    )


# Tracks


def test_a_streak_as_long_as_the_way_is_likelier_than_others() -> None:
    motion = _moving((40, 0))

    right = _weighed(motion, (40, 0), (40, 0))[0]

    for wrong in [(15, 0), (110, 0), _turned(40, 45), (0, 40)]:
        assert _weighed(motion, (40, 0), wrong)[0] < right - 2


def test_the_sign_of_a_streak_is_that_which_fits() -> None:
    for step in [(40, 0), (-40, 0), (0, 40), (0, -40)]:
        after = _weighed(_moving(step), step, step)[1]

        velocity = after.combined()[2:, 0] * INTERVAL_S
        assert velocity == pytest.approx(step, abs=2)


def test_after_a_bounce_the_velocity_is_the_one_the_streak_shows() -> None:
    motion = _moving((40, 0))
    # It hit a wall half way, and went back and down.
    point, step = (5.0, 12.0), (-30.0, 25.0)
    seen = _seen([point], [step])
    likelihood = motion.log_likelihood(_FIRST, seen.point_px, seen.noise_px2)
    blind = motion.take(_FIRST)
    blind.correct(_FIRST, seen.point_px, seen.noise_px2, weighed(likelihood)[1])

    after = _weighed(motion, point, step)[1]

    error = np.hypot(*(after.combined()[2:, 0] * INTERVAL_S - step))
    assert error < 5
    assert error < 0.4 * np.hypot(*(blind.combined()[2:, 0] * INTERVAL_S - step))


def test_a_blob_on_a_circle_is_likelier_where_its_streak_leads() -> None:
    motion = _moving((40, 0))
    step = _turned(40, 50)
    along = (20 + step[0] / 2, step[1] / 2)

    beside = (along[0], along[1] - 25)

    gain = _weighed(motion, along, step)[0] - _weighed(motion, beside, step)[0]
    assert gain > 3


def test_a_round_blob_is_weighed_by_its_place_alone() -> None:
    motion = _moving((40, 0))
    seen = _seen([(40, 0)], [(0, 0)])
    likelihood = motion.log_likelihood(_FIRST, seen.point_px, seen.noise_px2)
    before = likelihood.copy()

    told = shown(motion, _FIRST, seen, _FIRST, likelihood, INTERVAL_S, SHARE)

    assert (likelihood == before).all()
    state = motion.state.copy()
    told.apply(motion, _FIRST, _FIRST)
    assert (motion.state == state).all()


def test_only_the_tracks_of_chosen_pairs_know_the_streak() -> None:
    motion = _moving((40, 0)).joined(_moving((40, 0)))
    seen = _seen([(40, 0), (41, 0), (39, 0)], [(40, 0), (0, 0), (42, 0)])
    track, blob = np.array([0, 0, 1]), np.array([0, 1, 2])
    likelihood = motion.log_likelihood(
        track, seen.point_px[:, blob], seen.noise_px2[blob]
    )
    told = shown(motion, track, seen, blob, likelihood, INTERVAL_S, SHARE * INTERVAL_S)
    before = motion.state.copy()

    told.apply(motion, np.array([1, 0]), np.array([2, 1]))

    assert (motion.state[:, :, 0] == before[:, :, 0]).all()
    assert motion.state[2, CRUISE, 1] != before[2, CRUISE, 1]


# Pairs


def test_a_pair_is_likelier_the_better_its_streaks_are_its_way() -> None:
    right = _ratio((40, 0), (40, 0), (40, 0))

    assert right > 4
    assert _ratio((40, 0), (40, 0), (70, 0)) < right - 3
    assert _ratio((40, 0), (90, 0), (90, 0)) < -1
    assert _ratio((40, 0), (12, 0), (12, 0)) < -1
    assert _ratio((40, 0), (0, 40), (0, 40)) < -1


def test_a_pair_on_a_curve_is_likely_and_a_zigzag_is_not() -> None:
    chord = 40 * np.sinc(np.radians(25) / np.pi)

    curve = _ratio((chord, 0), _turned(40, -25), _turned(40, 25))

    assert curve > 2
    assert _ratio((chord, 0), _turned(40, 45), _turned(40, 45)) < curve - 2


@pytest.mark.parametrize("turn", [False, True])
def test_one_streak_of_two_blobs_tells_less(turn: bool) -> None:
    streaks = [(40, 0), (0, 0)][:: -1 if turn else 1]

    alone = _ratio((40, 0), *streaks)

    assert 0.5 < alone < _ratio((40, 0), (40, 0), (40, 0))


def test_round_blobs_tell_nothing_of_a_pair() -> None:
    assert _ratio((40, 0), (0, 0), (0, 0)) == 0


def test_chance_gains_nothing_on_average() -> None:
    """Streaks of any direction, and of lengths that films have, are weighed evenly."""
    random = np.random.default_rng(3)
    count = 40_000
    length = 40 * np.exp(random.uniform(-1, 1, (2, count)))
    angle = random.uniform(0, 2 * np.pi, (2, count))
    steps = length * np.stack([np.cos(angle), np.sin(angle)])
    one, two = (_seen([(0, 0)] * count, steps[:, side].T) for side in (0, 1))
    rows = np.arange(count)
    way = np.tile([[40.0], [0.0]], count)

    ratio = np.exp(pair_log_ratio(one, two, rows, rows, way, np.ones(count), SHARE))

    assert ratio.mean() == pytest.approx(1, abs=0.3)


# Learning from pairs


def test_pairs_that_fly_on_or_curve_show_the_share() -> None:
    for one, two in [((40, 0), (40, 0)), (_turned(40, -25), _turned(40, 25))]:
        streak, step = smooth_pairs(
            _seen([(0, 0)], [one]),
            _seen([(40, 0)], [two]),
            _FIRST,
            _FIRST,
            np.array([[40.0], [0.0]]),
        )

        assert streak / step == pytest.approx([SHARE], rel=0.12)


@pytest.mark.parametrize(
    "streaks",
    [[(40, 0), (90, 0)], [(0, 40), (0, 40)], [(40, 0), (0, 0)], [(0, 0), (0, 0)]],
)
def test_other_pairs_show_no_share(streaks: list[tuple[float, float]]) -> None:
    first, second = _seen([(0, 0)], streaks[:1]), _seen([(40, 0)], streaks[1:])

    streak, step = smooth_pairs(
        first, second, _FIRST, _FIRST, np.array([[40.0], [0.0]])
    )

    assert streak.size == step.size == 0


def _heeded(share: float | None) -> tuple[float, Motion, ShutterMeter]:
    """What a pair on a curve tells and becomes."""
    one, two = _turned(40, -25), _turned(40, 25)
    first, second = _seen([(0, 0)], [one]), _seen([(40, 0)], [two])
    motion = Motion.from_two_points(
        first.point_px, second.point_px, np.array([INTERVAL_S]), second.noise_px2
    )
    meter = ShutterMeter()
    meter.share = share
    step = second.point_px - first.point_px
    ratio = heed_pairs(
        motion,
        first,
        second,
        _FIRST,
        _FIRST,
        step,
        np.ones(1),
        INTERVAL_S,
        meter,
    )
    return float(ratio[0]), motion, meter


def test_a_pair_knows_how_its_second_blob_goes_on() -> None:
    ratio, motion, _ = _heeded(SHARE)

    velocity = motion.combined()[2:, 0] * INTERVAL_S
    assert velocity == pytest.approx(_turned(40, 25), abs=3)
    assert motion.state[7].sum() == pytest.approx(1)
    assert motion.state[7, BOUNCE] == 0
    assert ratio > _heeded(None)[0] + 2


def test_pairs_are_learned_from_while_the_share_is_not_known() -> None:
    unknown = _heeded(None)[2]
    known = _heeded(0.5)[2]

    assert np.ptp(unknown._log_odds) > 1
    assert known.share == 0.5
