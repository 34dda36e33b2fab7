"""Recent positions of tracks."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from app.errors import ConsoleError
from app.frames import Tracks, TrackState
from app.trails import Trails


def _tracks(x_px: dict[int, float], state: TrackState = TrackState.CONFIRMED) -> Tracks:
    """Tracks with the given ids at the given places, all at y = 7."""
    count = len(x_px)
    zero = np.zeros(count, np.float32)
    return Tracks(
        id=np.array(list(x_px), np.int64),
        state=np.full(count, state, np.uint8),
        x_px=np.array(list(x_px.values()), np.float32),
        y_px=zero + 7,
        vx_px_s=zero,
        vy_px_s=zero,
        width_px=zero,
        height_px=zero,
        area_px=zero,
        confidence=zero,
        blob=np.zeros(count, np.int32),
        age_s=zero,
        sigma_px=zero,
    )


def _xs(trails: Trails) -> dict[int, list[float]]:
    return {each.track_id: each.points_px[:, 0].tolist() for each in trails.snapshot()}


def test_a_trail_holds_the_positions_oldest_first() -> None:
    trails = Trails()

    for frame in range(4):
        trails.update(_tracks({1: 10.0 * frame}), frame / 100)

    assert _xs(trails) == {1: [0, 10, 20, 30]}


def test_points_are_x_and_y() -> None:
    trails = Trails()

    trails.update(_tracks({1: 3.0}), 0.0)

    assert trails.snapshot()[0].points_px.tolist() == [[3, 7]]


def test_trails_come_in_the_order_of_their_ids() -> None:
    trails = Trails()

    trails.update(_tracks({3: 0.0}), 0.0)
    trails.update(_tracks({1: 0.0, 2: 0.0, 3: 0.0}), 0.01)

    assert list(_xs(trails)) == [1, 2, 3]


def test_points_older_than_the_length_are_gone() -> None:
    trails = Trails(length_s=0.1)

    for frame in range(21):
        trails.update(_tracks({1: float(frame)}), frame / 100)

    assert _xs(trails) == {1: [float(x) for x in range(10, 21)]}


def test_a_trail_holds_no_more_than_its_points() -> None:
    trails = Trails(length_s=10, max_points=4)

    for frame in range(11):
        trails.update(_tracks({1: float(frame)}), frame / 100)

    assert _xs(trails) == {1: [7, 8, 9, 10]}


def test_a_longer_trail_keeps_its_points_and_takes_more() -> None:
    trails = Trails(length_s=10, max_points=4)
    for frame in range(6):
        trails.update(_tracks({1: float(frame), 2: 9.0}), frame / 100)

    trails.resize(10, 6)
    for frame in range(6, 8):
        trails.update(_tracks({1: float(frame)}), frame / 100)

    assert _xs(trails) == {1: [2, 3, 4, 5, 6, 7], 2: [9, 9, 9, 9]}


def test_a_shorter_trail_loses_its_oldest_points() -> None:
    trails = Trails(length_s=10, max_points=8)
    for frame in range(11):
        trails.update(_tracks({1: float(frame)}), frame / 100)

    trails.resize(0.015, 4)

    assert _xs(trails) == {1: [9, 10]}
    trails.update(_tracks({1: 11.0}), 0.11)
    trails.resize(10, 4)
    assert _xs(trails) == {1: [8, 9, 10, 11]}


def test_a_length_that_makes_no_trail_is_refused_later_too() -> None:
    trails = Trails()

    with pytest.raises(ConsoleError):
        trails.resize(0, 4)
    with pytest.raises(ConsoleError):
        trails.resize(1, 1)


def test_the_trail_of_a_lost_track_waits_until_it_is_seen_again() -> None:
    trails = Trails()

    trails.update(_tracks({1: 0.0}), 0.0)
    trails.update(_tracks({1: 1.0}, TrackState.LOST), 0.01)
    waiting = _xs(trails)
    trails.update(_tracks({1: 2.0}), 0.02)

    assert waiting == {1: [0]}
    assert _xs(trails) == {1: [0, 2]}


@pytest.mark.parametrize("state", [TrackState.TENTATIVE, TrackState.ENDED])
def test_a_track_that_is_not_believed_or_over_adds_nothing(state: TrackState) -> None:
    trails = Trails()

    trails.update(_tracks({1: 0.0}, state), 0.0)

    assert trails.snapshot() == ()


def test_the_trail_of_an_ended_track_fades_out() -> None:
    trails = Trails(length_s=0.1)
    for frame in range(5):
        trails.update(_tracks({1: float(frame)}), frame / 100)

    trails.update(_tracks({}), 0.12)
    fading = _xs(trails)
    trails.update(_tracks({}), 0.15)
    gone = _xs(trails)

    assert fading == {1: [2, 3, 4]}
    assert gone == {}


def test_the_trail_of_a_new_track_holds_nothing_of_an_old_one() -> None:
    trails = Trails(length_s=0.1)
    trails.update(_tracks({1: 5.0}), 0.0)

    trails.update(_tracks({2: 6.0}), 1.0)

    assert _xs(trails) == {2: [6]}


def test_many_tracks_are_kept_apart() -> None:
    trails = Trails()

    for frame in range(3):
        trails.update(_tracks({i: 100.0 * i + frame for i in range(1, 60)}), frame / 9)

    assert _xs(trails) == {
        i: [100.0 * i, 100.0 * i + 1, 100.0 * i + 2] for i in range(1, 60)
    }


def test_rows_of_ended_tracks_are_used_again() -> None:
    trails = Trails(length_s=0.1)

    for frame in range(500):
        trails.update(_tracks({frame: 0.0}), frame / 100)

    assert len(trails._times_s) <= 32


def test_a_snapshot_is_read_only() -> None:
    trails = Trails()
    trails.update(_tracks({1: 0.0}), 0.0)

    assert not trails.snapshot()[0].points_px.flags.writeable


def test_trails_of_an_earlier_frame_do_not_run_ahead() -> None:
    trails = Trails()
    for frame in range(6):
        trails.update(_tracks({1: 10.0 * frame}), frame / 100)
    trails.update(_tracks({1: 60.0, 2: 5.0}), 0.06)

    [trail] = trails.snapshot(until_s=0.03)

    assert trail.points_px[:, 0].tolist() == [0, 10, 20, 30]


def test_a_snapshot_stays_as_it_was() -> None:
    trails = Trails(max_points=2)
    trails.update(_tracks({1: 0.0}), 0.0)
    before = trails.snapshot()

    for frame in range(1, 5):
        trails.update(_tracks({1: float(frame)}), frame / 100)

    assert before[0].points_px[:, 0].tolist() == [0]


def test_a_snapshot_taken_meanwhile_is_whole() -> None:
    trails = Trails(length_s=1.0, max_points=8)
    is_over = threading.Event()
    torn: list[list[float]] = []

    def look() -> None:
        while not is_over.is_set():
            for each in trails.snapshot():
                steps = np.diff(each.points_px[:, 0])
                if not (steps == 1).all():
                    torn.append(each.points_px[:, 0].tolist())

    other = threading.Thread(target=look)
    other.start()
    for frame in range(600):
        trails.update(_tracks({1: float(frame), 2: float(frame)}), frame / 1000)
    is_over.set()
    other.join()

    assert torn == []


@pytest.mark.parametrize("length_s", [0.0, -1.0, float("nan")])
def test_a_length_that_is_not_over_0_is_refused(length_s: float) -> None:
    with pytest.raises(ConsoleError, match="length of trails"):
        Trails(length_s=length_s)


def test_a_trail_of_one_point_is_refused() -> None:
    with pytest.raises(ConsoleError, match="1 points"):
        Trails(max_points=1)
