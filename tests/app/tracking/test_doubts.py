"""Two that met, and who they are afterwards."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest

from app.frames import TrackState
from app.tracking import tracker as tracker_module
from app.tracking.doubts import MOST, Doubts, Given, rivals
from app.tracking.motion import Motion
from app.tracking.settings import TrackerSettings
from app.tracking.tracker import Tracker
from tests.app.tracking.simulation import Camera, billiard, film, line

INTERVAL_S = 0.01
BODY_PX = 8.0


def _rivals(
    costs: dict[tuple[int, int], float], *chosen: tuple[int, int]
) -> list[tuple[int, int]]:
    """Ask with the cost of each pair of a track and a blob."""
    pairs = sorted(costs)
    found = rivals(
        np.array([track for track, _ in pairs]),
        np.array([blob for _, blob in pairs]),
        np.array([costs[pair] for pair in pairs]),
        np.array(sorted(pairs.index(each) for each in chosen)),
    )
    return [] if found is None else list(zip(*np.array(found).tolist(), strict=True))


def test_tracks_that_could_as_well_have_each_others_blobs_are_rivals() -> None:
    costs = {(0, 0): -9.0, (0, 1): -7.0, (3, 0): -8.0, (3, 1): -9.0}

    assert _rivals(costs, (0, 0), (3, 1)) == [(0, 3)]


def test_tracks_that_are_much_better_off_as_it_is_are_none() -> None:
    costs = {(0, 0): -20.0, (0, 1): -7.0, (3, 0): -8.0, (3, 1): -9.0}

    assert _rivals(costs, (0, 0), (3, 1)) == []


def test_a_track_without_a_blob_is_a_rival_of_one_that_has_what_it_could_have() -> None:
    costs = {(1, 0): -9.0, (2, 0): -8.0}

    assert _rivals(costs, (1, 0)) == [(1, 2)]


def test_a_track_that_has_nothing_else_loses_what_it_has() -> None:
    # With the other's blob the first gains little; the second would have none.
    costs = {(0, 0): -9.0, (0, 1): -8.0, (1, 1): -8.0}

    assert _rivals(costs, (0, 0), (1, 1)) == []


def test_blobs_of_nobody_make_no_rivals() -> None:
    assert _rivals({(0, 0): -9.0, (0, 1): -8.5}, (0, 0)) == []


def _two(*, crossed: bool, frames: int) -> tuple[Doubts, list[int]]:
    """Two tracks that fly past each other, with each other's blobs if `crossed`."""
    ids = np.array([4.0, 7.0])
    body = np.full(2, BODY_PX)
    noise = np.full(2, 0.5)
    speed = np.array([[300.0, 300.0], [30.0, -30.0]])

    def at(frame: int) -> np.ndarray:
        start = np.array([[0.0, 0.0], [0.0, 6.0]])
        return start + speed * (frame * INTERVAL_S)

    motion = Motion.from_two_points(at(0), at(1), np.full(2, INTERVAL_S), noise)
    doubts = Doubts()
    left = []
    for frame in range(2, 2 + frames):
        motion.predict(INTERVAL_S, INTERVAL_S, body, 1.0, 0.01)
        if frame == 2:
            doubts.add(np.array([0]), np.array([1]), ids, body, motion)
        else:
            doubts.predict(INTERVAL_S, INTERVAL_S, 1.0, 0.01)
        points = at(frame)[:, ::-1] if crossed else at(frame)
        likelihood = motion.log_likelihood(np.arange(2), points, noise)
        fit = np.logaddexp.reduce(likelihood)
        weight = np.exp(likelihood - fit)
        doubts.follow(ids, Given(np.arange(2), points, noise, body, fit))
        motion.correct(np.arange(2), points, noise, weight)
        left.append(len(doubts))
    return doubts, left


def test_a_choice_that_was_right_is_soon_not_doubted_any_more() -> None:
    doubts, left = _two(crossed=False, frames=12)

    assert left[0] == 1
    assert left[-1] == 0
    assert not list(doubts.settled())


def test_tracks_that_went_on_as_each_other_are_exchanged_once() -> None:
    doubts, _ = _two(crossed=True, frames=6)

    [(first, second, state)] = list(doubts.settled())

    assert (first, second) == (4, 7)
    # The first goes down its own way.
    velocity = Motion(state).combined()[2:]
    assert velocity[1].tolist() == pytest.approx([30, -30], abs=25)
    assert not list(doubts.settled())


def test_what_is_known_of_ended_tracks_is_forgotten() -> None:
    doubts, _ = _two(crossed=True, frames=6)

    doubts.forget(np.array([7.0]))

    assert len(doubts) == 0


def test_a_crowd_is_doubted_no_more_than_is_affordable() -> None:
    count = 2 * MOST
    ids, body = np.arange(2.0 * count), np.full(2 * count, BODY_PX)
    points = np.random.default_rng(1).random((2, 2 * count)) * 1000
    motion = Motion.from_two_points(
        points, points, np.full(2 * count, INTERVAL_S), np.ones(2 * count)
    )
    doubts = Doubts()

    doubts.add(np.arange(count), np.arange(count) + count, ids, body, motion)
    nothing = np.zeros(0)
    doubts.follow(
        ids,
        Given(np.zeros(0, int), np.zeros((2, 0)), nothing, nothing, nothing),
    )

    assert len(doubts) <= MOST


def _exchanged() -> int:
    """How many of 54 pairs go on as each other after they met."""
    count = 0
    places = [(x, y) for x in (50, 450, 850) for y in (120, 360, 600)]
    for seed in range(6):
        random = np.random.default_rng(seed)
        paths = []
        for x, y in places:
            slope = random.uniform(150, 400)
            paths.append(line(x, y - 0.2 * slope, 500, slope))
            paths.append(line(x, y + 0.2 * slope, 500, -slope))
        tracker = Tracker()
        owners = []
        camera = Camera(noise_px=2.0, miss_ratio=0.1, seed=seed)
        for frame, shot in enumerate(film(paths, camera, 46)):
            tracks = tracker.update(shot.blobs, shot.time_s)
            if frame in {10, 45}:
                apart = np.hypot(
                    tracks.x_px[:, None] - shot.truth[:, 0],
                    tracks.y_px[:, None] - shot.truth[:, 1],
                )
                apart[tracks.state == TrackState.TENTATIVE] = np.inf
                owners.append(tracks.id[apart.argmin(axis=0)].reshape(-1, 2))
        before, after = owners
        count += np.count_nonzero((before == after[:, ::-1]).all(axis=1))
    return count


def test_fewer_that_meet_go_on_as_each_other_if_what_they_do_next_counts() -> None:
    with mock.patch.object(tracker_module, "rivals", return_value=None):
        never_doubted = _exchanged()

    assert _exchanged() < never_doubted


def test_what_is_believed_is_never_exchanged_for_what_is_not_yet() -> None:
    random = np.random.default_rng(0)
    paths = [billiard(*each) for each in random.random((60, 4)) * (640, 360, 400, 400)]
    # Objects wait long to be believed.
    tracker = Tracker(TrackerSettings(false_tracks_per_frame=1e-12))
    believed: set[int] = set()
    camera = Camera(noise_px=3.0, miss_ratio=0.3, clutter_per_frame=10)

    for shot in film(paths, camera, 60):
        tracks = tracker.update(shot.blobs, shot.time_s)
        tentative = tracks.id[tracks.state == TrackState.TENTATIVE].tolist()
        assert believed.isdisjoint(tentative)
        believed.update(tracks.id[tracks.state == TrackState.CONFIRMED].tolist())

    assert len(believed) >= 40
