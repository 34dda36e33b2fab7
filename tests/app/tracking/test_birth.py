"""Blobs in a row that become tracks."""

from __future__ import annotations

import numpy as np
import pytest

from app.frames import Blobs
from app.tracking.background import Background
from app.tracking.birth import MAX_SEEDS, Newborn, Nursery, among_the_rest, believable
from app.tracking.confidence import ConfidenceMeter, log_odds
from app.tracking.settings import TrackerSettings
from app.tracking.sightings import sightings_of

_INTERVAL_S = 0.01
_CLEAN = Background(0.2, 2e-7)
_DENSE = Background(50.0, 5e-5)


def _feed(
    frames: list[Blobs],
    background: Background = _CLEAN,
    settings: TrackerSettings | None = None,
    field_px: tuple[int, int] | None = None,
    new_per_frame: float = 0.0,
    meter: ConfidenceMeter | None = None,
) -> list[Newborn]:
    """Give the frames to a nursery, all blobs free."""
    settings = settings or TrackerSettings()
    nursery = Nursery(settings)
    return [
        nursery.update(
            sightings_of(blobs, settings, meter=meter),
            np.ones(len(blobs), bool),
            number * _INTERVAL_S,
            _INTERVAL_S if number else 0.0,
            _INTERVAL_S,
            background,
            field_px,
            new_per_frame,
        )
        for number, blobs in enumerate(frames)
    ]


def _births(newborn: list[Newborn]) -> list[int]:
    return [each.blob.size for each in newborn]


def test_two_near_blobs_are_enough_in_an_empty_frame() -> None:
    newborn = _feed([Blobs.of([100], [100]), Blobs.of([104], [101])])

    assert _births(newborn) == [0, 1]


def test_two_far_blobs_wait_for_a_third() -> None:
    frames = [Blobs.of([100 + 90 * n], [100]) for n in range(3)]

    newborn = _feed(frames, Background(2.0, 2e-6))

    assert _births(newborn) == [0, 0, 1]


@pytest.mark.parametrize(("start_px", "births"), [(40, [0, 1]), (400, [0, 0])])
def test_an_object_that_comes_in_over_the_border_starts_sooner(
    start_px: int, births: list[int]
) -> None:
    frames = [Blobs.of([start_px + 60 * n], [100]) for n in range(2)]

    newborn = _feed(frames, Background(0.8, 8e-7), field_px=(1280, 720))

    assert _births(newborn) == births


def test_several_rows_at_once_are_believed_sooner_than_one() -> None:
    limit = float(np.log(0.003))
    one = np.log([0.01])
    several = np.log([0.01, 0.001, 0.9, 0.011, 0.002])

    assert believable(one, limit).tolist() == [False]
    assert believable(several, limit).tolist() == [True, True, False, True, True]


def test_one_that_is_believed_by_itself_is_company_for_others() -> None:
    limit = float(np.log(0.003))

    assert believable(np.log([0.001, 0.05]), limit).tolist() == [True, True]
    assert believable(np.log([0.02, 0.05]), limit).tolist() == [False, False]


def test_where_new_objects_keep_coming_they_are_believed_sooner() -> None:
    limit = float(np.log(0.003))
    one = np.log([0.02])

    assert not believable(one, limit, 0.01).any()
    assert believable(one, limit, 0.5).all()


def test_a_pair_is_enough_where_new_objects_keep_coming() -> None:
    frames = [Blobs.of([400 + 30 * n], [100]) for n in range(2)]
    background = Background(2.0, 2e-6)

    assert _births(_feed(frames, background)) == [0, 0]
    assert _births(_feed(frames, background, new_per_frame=1.0)) == [0, 1]


def test_three_blobs_give_position_velocity_and_time_of_birth() -> None:
    frames = [Blobs.of([100 + 60 * n], [100 - 30 * n]) for n in range(3)]

    born = _feed(frames, Background(2.0, 2e-6))[-1]

    assert born.motion.combined()[:, 0] == pytest.approx(
        [220, 40, 6000, -3000], rel=0.02
    )
    assert born.born_s.tolist() == [0.0]


def test_one_frame_may_be_missing() -> None:
    frames = [Blobs.of([100 + 60 * n], [100]) for n in range(4)]
    frames[1] = Blobs.empty()

    newborn = _feed(frames, Background(2.0, 2e-6))

    assert sum(_births(newborn)) == 1
    assert newborn[3].born_s.tolist() == [0.0]


def test_a_blob_is_in_one_track_only() -> None:
    # Two ways to go on from the same first blob.
    frames = [
        Blobs.of([100], [100]),
        Blobs.of([160, 160], [100, 110]),
        Blobs.of([220, 220], [100, 120]),
    ]

    newborn = _feed(frames, Background(2.0, 2e-6))

    assert _births(newborn) == [0, 0, 1]


def test_a_blob_beyond_the_speed_limit_is_no_second() -> None:
    slow = TrackerSettings(max_step_bodies=3)
    frames = [Blobs.of([100 + 60 * n], [100]) for n in range(4)]

    assert _births(_feed(frames, settings=slow)) == [0, 0, 0, 0]


def test_blobs_of_other_sizes_are_not_of_one_object() -> None:
    frames = [Blobs.of([100 + 4 * n], [100], 5 * 3.0 ** (n % 2)) for n in range(2)]

    assert _births(_feed(frames)) == [0, 0]


def test_the_same_blobs_are_less_convincing_in_clutter() -> None:
    frames = [Blobs.of([100 + 15 * n], [100]) for n in range(3)]

    clean = min(each.log_chance.min(initial=0) for each in _feed(frames))
    dense = min(each.log_chance.min(initial=0) for each in _feed(frames, _DENSE))

    assert clean < dense - 4


def test_blobs_that_look_false_are_less_convincing_than_sure_ones() -> None:
    meter = ConfidenceMeter()
    for share in np.linspace(0, 1, 50):
        true, false = 0.8 + 0.19 * share, 0.4 + 0.4 * share
        meter.update(log_odds(np.full(5, true)), log_odds(np.full(5, false)))

    def story(confidence: float, told: ConfidenceMeter | None) -> list[Newborn]:
        places = [100 + 15 * n for n in range(3)]
        frames = [Blobs.of([x], [100], confidence=confidence) for x in places]
        return _feed(frames, meter=told)

    assert _births(story(0.55, None)) == [0, 1, 0]
    assert _births(story(0.55, meter)) == [0, 0, 1]
    sure, as_told = (story(0.95, each)[1].log_chance[0] for each in (None, meter))
    assert as_told < sure - 1


def test_blobs_that_no_track_took_in_time_are_told_once() -> None:
    settings = TrackerSettings()
    nursery = Nursery(settings)
    told = []
    for number, blobs in enumerate([Blobs.of([100], [100])] + [Blobs.empty()] * 5):
        seen = sightings_of(blobs, settings)
        nursery.update(
            seen,
            np.ones(len(blobs), bool),
            number * _INTERVAL_S,
            _INTERVAL_S,
            _INTERVAL_S,
            _CLEAN,
        )
        told.append(nursery.given_up.size)

    assert told == [0, 0, 1, 0, 0, 0]


def test_a_flood_makes_a_bounded_number_of_tracks() -> None:
    random = np.random.default_rng(0)
    frames = [Blobs.of(*(random.random((2, 5000)) * 1000)) for _ in range(3)]

    newborn = _feed(frames, Background(5000, 5e-3))

    assert sum(_births(newborn)) <= 2 * MAX_SEEDS


def test_blobs_that_are_not_free_start_nothing() -> None:
    settings = TrackerSettings()
    nursery = Nursery(settings)
    born = 0
    for number in range(4):
        seen = sightings_of(Blobs.of([100 + number], [100]), settings)
        newborn = nursery.update(
            seen,
            np.zeros(1, bool),
            number * _INTERVAL_S,
            _INTERVAL_S,
            _INTERVAL_S,
            _CLEAN,
        )
        born += newborn.blob.size

    assert born == 0


def test_where_there_is_only_chance_nothing_is_less_accidental() -> None:
    log_chance = np.array([-2.0, 0.0, 3.0])

    assert among_the_rest(log_chance, -6.0, 40).tolist() == log_chance.tolist()


def test_blobs_of_believed_rows_make_no_other_row_by_chance() -> None:
    log_chance = np.array([*[-20.0] * 20, 5.0])

    lowered = among_the_rest(log_chance, -6.0, 40)

    assert lowered[-1] == pytest.approx(5 + 3 * np.log(20 / 40))


def test_what_is_believed_then_leaves_fewer_again() -> None:
    log_chance = np.array([*[-20.0] * 20, *[1.0] * 12, 9.0])

    lowered = among_the_rest(log_chance, -6.0, 40)

    assert np.count_nonzero(believable(log_chance, -6.0)) == 20
    assert lowered[-1] == pytest.approx(9 + 3 * np.log((40 - 20 - 12) / 40))


def test_all_blobs_may_be_of_objects() -> None:
    assert among_the_rest(np.full(5, -20.0), -6.0, 5) == pytest.approx(
        -20 + 3 * np.log(1 / 5)
    )
