"""What the tracker takes from blobs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from app.frames import Blobs
from app.tracking.settings import TrackerSettings
from app.tracking.sightings import Sightings, sightings_of, streak_log_ratio

_FIRST = np.array([0])


def _streak(length_px: float, angle_rad: float, breadth_px: float = 8.0) -> Blobs:
    def column(value: float) -> np.ndarray:
        return np.array([value], np.float32)

    return dataclasses.replace(
        Blobs.of([100], [50], breadth_px),
        length_px=column(length_px),
        breadth_px=column(breadth_px),
        angle_rad=column(angle_rad),
    )


def _seen(blobs: Blobs) -> Sightings:
    return sightings_of(blobs, TrackerSettings())


def _step(x_px: float, y_px: float) -> np.ndarray:
    return np.array([[x_px], [y_px]])


def test_a_blob_has_the_size_of_its_box() -> None:
    blobs = dataclasses.replace(
        Blobs.of([1], [2]),
        width_px=np.array([4], np.float32),
        height_px=np.array([9], np.float32),
    )

    assert _seen(blobs).body_px.tolist() == [6]


def test_a_streak_has_the_same_size_whichever_way_it_points() -> None:
    across, along = (
        dataclasses.replace(
            _streak(32, angle),
            width_px=np.array([box_px], np.float32),
            height_px=np.array([box_px], np.float32),
        )
        for angle, box_px in [(0, 16), (np.pi / 4, 28)]
    )

    assert _seen(across).body_px.tolist() == _seen(along).body_px.tolist() == [16]


def test_a_larger_blob_is_measured_worse() -> None:
    small, large = _seen(Blobs.of([0, 0], [0, 0], [5, 50])).noise_px2

    assert small < large


def test_rows_lead_back_to_the_blobs() -> None:
    seen = _seen(Blobs.of([0, 1, 2], [0, 0, 0], 8.0, [0.9, 0.01, 0.8]))

    assert seen.row.tolist() == [0, 2]
    assert seen.x_px.tolist() == [0, 2]


def test_a_round_blob_shows_no_streak() -> None:
    seen = _seen(Blobs.of([0], [0]))

    assert seen.streak_px.tolist() == [0]
    assert streak_log_ratio(seen, _FIRST, _step(50, 0)).tolist() == [0]


def test_a_streak_is_as_long_as_the_way_through_the_exposure() -> None:
    # Four standard deviations of an even line of 30 px are 4 * 30 / sqrt(12).
    length_px = np.hypot(8, 4 * 30 / np.sqrt(12))

    assert _seen(_streak(length_px, 0)).streak_px[0] == pytest.approx(30, rel=1e-5)


def test_a_streak_is_measured_as_well_as_its_length_and_its_angle() -> None:
    random = np.random.default_rng(4)
    for length_px in (14.0, 24.0, 48.0):
        seen = _seen(_streak(length_px, 0.0))
        long = length_px * (1 + 0.1 * random.normal(size=4000))
        broad = 8 * (1 + 0.1 * random.normal(size=4000))
        # Where length and breadth came out nearly alike, it is no streak.
        is_long = long > 1.4 * broad
        along = np.sqrt(0.75 * (long[is_long] ** 2 - broad[is_long] ** 2))
        across = along.mean() * 0.5 / np.sqrt(seen.sharpness[0])
        measured = (along.var() + across**2) / 2

        assert seen.streak_noise_px2[0] == pytest.approx(measured, rel=0.4)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_movement_along_the_streak_is_likely_either_way(sign: int) -> None:
    seen = _seen(_streak(30, 0.5))

    ratio = streak_log_ratio(seen, _FIRST, sign * 60 * _step(np.cos(0.5), np.sin(0.5)))

    assert ratio[0] > 1


def test_a_movement_across_the_streak_is_unlikely() -> None:
    seen = _seen(_streak(30, 0.5))

    ratio = streak_log_ratio(seen, _FIRST, 60 * _step(-np.sin(0.5), np.cos(0.5)))

    assert ratio[0] < -1


def test_a_longer_streak_tells_more() -> None:
    step = 60 * _step(1, 0)

    ratios = [
        streak_log_ratio(_seen(_streak(length_px, 0)), _FIRST, step)[0]
        for length_px in (9, 13, 18, 30)
    ]

    assert ratios[0] == 0
    assert ratios == sorted(ratios)


def test_an_object_that_moved_less_than_its_length_is_long_by_shape() -> None:
    seen = _seen(_streak(60, 0))

    assert streak_log_ratio(seen, _FIRST, _step(0, 5)).tolist() == [0]


def test_odds_over_all_directions_are_even() -> None:
    """A direction drawn at random must gain nothing on average."""
    seen = _seen(_streak(14, 0.3))
    angle = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    steps = 60 * np.stack([np.cos(angle), np.sin(angle)])

    ratio = np.exp(streak_log_ratio(seen, np.zeros(720, np.intp), steps))

    assert ratio.mean() == pytest.approx(1, abs=0.01)
