"""Constant-velocity filters under three guesses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.tracking.motion import BOUNCE, CRUISE, MODELS, TURN, Motion, weighed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_INTERVAL_S = 1 / 120
_BODY_PX = np.array([10.0])
_NOISE_PX2 = np.array([0.5])
_BOUNCE_RATE = 0.06


def _started(velocity_px_s: tuple[float, float] = (600.0, 0.0)) -> Motion:
    """One track at (0, 0) that was just seen."""
    step = np.array(velocity_px_s)[:, None] * _INTERVAL_S
    return Motion.from_two_points(
        -step, np.zeros((2, 1)), np.array([_INTERVAL_S]), _NOISE_PX2
    )


def _predict(
    motion: Motion, dt_s: float = _INTERVAL_S, bounce_rate: float = _BOUNCE_RATE
) -> None:
    body_px = np.repeat(_BODY_PX, len(motion))
    motion.predict(dt_s, _INTERVAL_S, body_px, 1.0, bounce_rate)


def _correct(motion: Motion, x_px: float, y_px: float) -> None:
    rows, points = np.array([0]), np.array([[x_px], [y_px]])
    likelihood = motion.log_likelihood(rows, points, _NOISE_PX2)
    motion.correct(rows, points, _NOISE_PX2, weighed(likelihood)[1])


def test_two_points_give_a_velocity() -> None:
    motion = Motion.from_two_points(
        np.array([[10.0], [20.0]]),
        np.array([[13.0], [16.0]]),
        np.array([0.5]),
        _NOISE_PX2,
    )

    assert motion.combined()[:, 0].tolist() == [13, 16, 6, -8]


def test_a_measured_velocity_is_weighed_against_what_is_known() -> None:
    motion = _started((600.0, 0.0))
    variance = motion.state[6, CRUISE].copy()

    motion.heed(np.array([[[900.0]], [[300.0]]]), variance)

    assert motion.state[2:4, CRUISE, 0] == pytest.approx([750, 150])
    assert motion.state[6, CRUISE] == pytest.approx(variance / 2)


def test_a_measured_velocity_tells_how_far_the_object_came() -> None:
    motion = _started((600.0, 0.0))
    _predict(motion)
    sure = np.full(1, 1e-6)
    before = motion.state[4, BOUNCE].copy()

    motion.heed(np.array([[[0.0]], [[600.0]]]), sure)

    # A bounce was as likely at any moment: on average half way.
    half = 600 * _INTERVAL_S / 2
    assert motion.state[:2, BOUNCE, 0] == pytest.approx([half, half], rel=0.02)
    assert motion.state[4, BOUNCE] < 0.5 * before
    assert motion.state[4].min() > 0


def test_the_density_of_a_velocity_sums_to_one() -> None:
    motion = _started((600.0, 0.0))
    speeds = np.linspace(-4000, 4000, 161)
    grid = np.stack(np.meshgrid(600 + speeds, speeds)).reshape(2, -1)
    many = motion.take(np.zeros(grid.shape[1], np.intp))

    density = np.exp(many.heed(grid[:, None], np.full(grid.shape[1], 300.0**2)))

    total = density.sum(axis=1) * (speeds[1] - speeds[0]) ** 2
    assert total[[CRUISE, TURN]] == pytest.approx([1, 1], rel=0.01)


def test_place_and_velocity_together_are_as_likely_as_one_after_the_other() -> None:
    motion = _started((600.0, 100.0))
    _predict(motion)
    rows, point, velocity = np.array([0]), np.array([[4.0], [2.0]]), (200.0, 500.0)
    noise, variance = np.array([0.8]), np.array([90.0**2])

    together = motion.joint_log_likelihood(
        rows, point, noise, np.array(velocity)[:, None], variance
    )

    first = motion.heed(np.array(velocity)[:, None, None], variance)
    after = first + motion.log_likelihood(rows, point, noise)
    assert together == pytest.approx(after)


def test_without_a_measurement_nothing_is_heeded() -> None:
    motion = _started()
    before = motion.state.copy()

    motion.heed(np.zeros((2, MODELS, 1)), np.full((MODELS, 1), np.inf))

    assert (motion.state == before).all()


@pytest.mark.parametrize("intervals", [1, 3, 10])
@pytest.mark.parametrize("radius_px", [5.0, 20.0])
def test_how_likely_an_object_is_near_is_what_drawn_places_say(
    intervals: int, radius_px: float
) -> None:
    motion = _started()
    _predict(motion, intervals * _INTERVAL_S)
    centre = motion.combined()[:2]
    random = np.random.default_rng(3)
    mean, variance, weight = (motion.state[rows, :, 0] for rows in ([0, 1], 4, 7))
    model = random.choice(MODELS, 100_000, p=weight)
    drawn = mean[:, model] + random.normal(size=(2, model.size)) * np.sqrt(
        variance[model]
    )
    part = np.mean(np.hypot(*(drawn - centre)) < radius_px)

    chance = motion.chance_within(centre, np.array([radius_px]))

    assert chance[0] == pytest.approx(part, abs=0.05)


def test_a_cruising_object_goes_on() -> None:
    motion = _started((600.0, -300.0))

    _predict(motion, 0.1)

    assert motion.cruising()[:, 0] == pytest.approx([60, -30, 600, -300])


def test_a_turning_object_is_less_sure_than_a_cruising_one() -> None:
    motion = _started()

    _predict(motion)

    assert motion.state[4, TURN, 0] > motion.state[4, CRUISE, 0]


@pytest.mark.parametrize("model", [CRUISE, TURN])
def test_two_short_steps_do_what_a_long_one_does(model: int) -> None:
    short, long = _started(), _started()

    _predict(short)
    _predict(short)
    _predict(long, 2 * _INTERVAL_S)

    np.testing.assert_allclose(short.state[:7, model], long.state[:7, model])


def test_a_bounced_object_may_have_gone_anywhere_at_its_speed() -> None:
    motion = _started((6000.0, 0.0))

    _predict(motion)
    back = motion.log_likelihood(np.array([0]), np.array([[-50.0], [0]]), _NOISE_PX2)

    assert back[BOUNCE, 0] > max(back[CRUISE, 0], back[TURN, 0]) + 10


def test_the_density_of_a_point_is_that_of_a_normal_distribution() -> None:
    motion = _started()
    _predict(motion)
    point = np.array([[7.0], [1.0]])

    got = motion.log_likelihood(np.array([0]), point, _NOISE_PX2)

    x, y, _, _, variance, _, _, weight = motion.state[:, TURN, 0]
    variance += 0.5
    squared = (7 - x) ** 2 + (1 - y) ** 2
    wanted = weight * np.exp(-squared / (2 * variance)) / (2 * np.pi * variance)
    assert got[TURN, 0] == pytest.approx(np.log(wanted))


def test_density_sums_to_one_over_the_plane() -> None:
    motion = _started()
    _predict(motion)
    axis = np.arange(-120.0, 121.0)
    points = np.stack(np.meshgrid(axis, axis)).reshape(2, -1)
    rows = np.zeros(points.shape[1], np.intp)

    density = np.exp(motion.log_likelihood(rows, points, np.repeat(0.5, rows.size)))

    assert density.sum() == pytest.approx(1, abs=0.01)


def test_nothing_beyond_the_reach_is_likelier_than_the_background() -> None:
    motion = _started((2000.0, 500.0))
    for _ in range(5):
        _predict(motion)
    centre = motion.combined()[:2]
    density_px2 = 1e-6
    reach = motion.reach_px(centre, _NOISE_PX2, density_px2)[0]
    angle = np.linspace(0, 2 * np.pi, 50)
    points = centre + 1.001 * reach * np.stack([np.cos(angle), np.sin(angle)])

    rows = np.zeros(50, np.intp)
    likelihood = motion.log_likelihood(rows, points, np.repeat(_NOISE_PX2, 50))

    assert (np.exp(likelihood).sum(axis=0) < density_px2).all()


def test_a_blob_pulls_the_track_towards_it() -> None:
    motion = _started()
    _predict(motion)

    _correct(motion, 5.0, 2.0)

    y_px = motion.combined()[1, 0]
    assert 0.5 < y_px < 2.0


def test_a_straight_path_makes_cruising_likely() -> None:
    motion = _started()

    for frame in range(1, 20):
        _predict(motion)
        _correct(motion, 5.0 * frame, 0.0)

    assert motion.state[7, CRUISE, 0] > 0.8


def test_what_hardly_ever_bounces_is_not_looked_for_far_beside_its_way() -> None:
    often, hardly = _started(), _started()

    _predict(often)
    _predict(hardly, bounce_rate=1e-4)

    reach = [
        each.reach_px(each.combined()[:2], _NOISE_PX2, 1e-5)[0]
        for each in (often, hardly)
    ]
    assert reach[0] > 2 * reach[1]


def test_a_bounce_is_believed_and_turns_the_velocity() -> None:
    motion = _started((6000.0, 0.0))
    for frame in range(1, 5):
        _predict(motion)
        _correct(motion, 50.0 * frame, 0.0)

    for x_px in (190.0, 140.0, 90.0):
        _predict(motion)
        _correct(motion, x_px, 0.0)

    assert motion.combined()[2, 0] == pytest.approx(-6000, rel=0.05)


def test_an_unseen_object_is_ever_less_sure() -> None:
    motion = _started()
    sigmas = []

    for _ in range(10):
        _predict(motion)
        sigmas.append(motion.sigma_px(motion.combined()[:2])[0])

    assert sigmas == sorted(sigmas)


def test_the_weights_of_a_track_sum_to_one() -> None:
    motion = _started()
    for frame in range(1, 6):
        _predict(motion)
        if frame % 2:
            _correct(motion, 5.0 * frame, 1.0)

    assert motion.state[7].sum() == pytest.approx(1)


def test_rows_taken_and_joined_are_the_same_rows() -> None:
    both = _started((1.0, 2.0)).joined(_started((3.0, 4.0)))

    again = both.take(np.array([1])).joined(both.take(np.array([0])))

    np.testing.assert_array_equal(again.state, both.state[:, :, ::-1])


def test_a_correction_leaves_other_rows_alone() -> None:
    both = _started((1.0, 2.0)).joined(_started((3.0, 4.0)))
    before = both.state[:, :, 1].copy()

    _correct(both, 0.5, 0.5)

    np.testing.assert_array_equal(both.state[:, :, 1], before)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.floats(1e-4, 0.2),
            st.floats(-300, 300),
            st.floats(-300, 300),
            st.booleans(),
        ),
        max_size=12,
    ),
    st.floats(-1e5, 1e5),
)
def test_a_covariance_stays_one(
    frames: list[tuple[float, float, float, bool]], far_px: float
) -> None:
    """Whatever comes, wherever it is: variances over 0, correlation under 1."""
    motion = _started()
    motion.state[:2] += far_px

    for dt_s, x_px, y_px, is_seen in frames:
        _predict(motion, dt_s)
        if is_seen:
            _correct(motion, far_px + x_px, far_px + y_px)

    pp, pv, vv = motion.state[4:7, :, 0]
    assert (pp > 0).all()
    assert (vv > 0).all()
    assert (pv**2 <= pp * vv * (1 + 1e-6)).all()


def test_there_may_be_no_track() -> None:
    motion = Motion.empty()

    motion.predict(0.01, 0.01, np.zeros(0), 1.0, _BOUNCE_RATE)

    assert motion.combined().shape == (4, 0)
    assert motion.state.shape[1] == MODELS
