"""What may not matter to the tracker, what always holds, and what it never exceeds."""

from __future__ import annotations

import tracemalloc
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.frames import Blobs, Tracks, TrackState
from app.tracking import birth, tracker
from app.tracking.association import pairs_within
from app.tracking.settings import TrackerSettings
from app.tracking.tracker import Tracker
from tests.app.tracking.simulation import (
    HEIGHT_PX,
    WIDTH_PX,
    Camera,
    Shot,
    billiard,
    film,
    follow,
    line,
)

if TYPE_CHECKING:
    from collections.abc import Callable

BUSY = Camera(clutter_per_frame=2, miss_ratio=0.1, body_px=12.0)
STREAKED = replace(BUSY, exposure_ratio=0.8)
FLOOD = 10_000


def _swarm(count: int, speed_px_s: float, seed: int = 5) -> list:
    random = np.random.default_rng(seed)
    angle = random.random(count) * 2 * np.pi
    place = random.random((count, 2)) * (WIDTH_PX, HEIGHT_PX)
    velocity = speed_px_s * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return [billiard(*each) for each in np.hstack([place, velocity])]


# What may not matter


def _changed(
    shots: list[Shot],
    *,
    shift_px: tuple[float, float] = (0, 0),
    factor: float = 1,
    slower: float = 1,
) -> list[Shot]:
    return [
        Shot(
            slower * shot.time_s,
            replace(
                Blobs.of(
                    factor * shot.blobs.x_px.astype(np.float64) + shift_px[0],
                    factor * shot.blobs.y_px.astype(np.float64) + shift_px[1],
                    factor * shot.blobs.width_px,
                ),
                length_px=factor * shot.blobs.length_px,
                breadth_px=factor * shot.blobs.breadth_px,
                angle_rad=shot.blobs.angle_rad,
            ),
            shot.truth,
        )
        for shot in shots
    ]


def _ids_and_states(shots: list[Shot], wanted: TrackerSettings | None = None) -> list:
    return [
        (tracks.id.tolist(), tracks.state.tolist(), tracks.blob.tolist())
        for tracks in follow(shots, wanted).tracks
    ]


@pytest.fixture(scope="module", params=[BUSY, STREAKED], ids=["round", "streaks"])
def busy_shots(request: pytest.FixtureRequest) -> list[Shot]:
    speed_px_s = 3000.0 if request.param is STREAKED else 600.0
    return film(_swarm(8, speed_px_s), request.param, 60)


@pytest.fixture(scope="module")
def busy_tracks(busy_shots: list[Shot]) -> list:
    return _ids_and_states(_changed(busy_shots))


@pytest.mark.parametrize("shift_px", [(1000, -400), (-2345.6, 0.3), (1e4, 1e4)])
def test_where_the_frame_begins_does_not_matter(
    busy_shots: list[Shot], busy_tracks: list, shift_px: tuple[float, float]
) -> None:
    there = _ids_and_states(_changed(busy_shots, shift_px=shift_px))

    assert there == busy_tracks


@pytest.mark.parametrize("factor", [0.61, 1.9, 4.0])
def test_the_size_of_a_pixel_does_not_matter(
    busy_shots: list[Shot], busy_tracks: list, factor: float
) -> None:
    noise_px = TrackerSettings().position_noise_px * factor
    wanted = TrackerSettings(position_noise_px=noise_px)

    other = _ids_and_states(_changed(busy_shots, factor=factor), wanted)

    assert other == busy_tracks


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    ("camera", "speed_px_s"), [(BUSY, 600.0), (STREAKED, 3000.0)], ids=["round", "fast"]
)
def test_the_rate_of_frames_does_not_matter(
    camera: Camera, speed_px_s: float, seed: int
) -> None:
    shots = film(_swarm(8, speed_px_s, seed), replace(camera, seed=seed), 60)
    lost_after_s = TrackerSettings().lost_after_s
    expected = _ids_and_states(_changed(shots))

    for slower in (0.013, 0.24, 2.24, 7.3):
        wanted = TrackerSettings(lost_after_s=lost_after_s * slower)
        other = _ids_and_states(_changed(shots, slower=slower), wanted)

        assert other == expected


@pytest.mark.parametrize("seen_frames", [3, 4, 6, 9])
def test_patience_of_whole_frames_is_as_long_at_every_rate(seen_frames: int) -> None:
    last = seen_frames - 1
    hidden_s = ((last + 0.5) / 120, np.inf)
    path = line(300, 300, 700, 100, hidden_s=hidden_s)
    shots = film([path], Camera(noise_px=0.0), 12 * seen_frames)

    ends = set()
    for slower in np.geomspace(0.01, 5, 20):
        told = _ids_and_states(_changed(shots, slower=float(slower)))
        ends.add([state for _, state, _ in told].index([TrackState.ENDED]))

    assert ends == {last + int(tracker.PATIENCE) * last + 1}


def _who_is_who(shots: list[Shot], frames: list[int]) -> dict[tuple[int, int], int]:
    """The id of every blob of a believed track, by frame and row."""
    return {
        (frame, blob): track_id
        for frame, tracks in zip(frames, follow(shots).tracks, strict=True)
        for track_id, blob, state in zip(
            tracks.id.tolist(), tracks.blob.tolist(), tracks.state, strict=True
        )
        if state == TrackState.CONFIRMED
    }


@pytest.mark.parametrize("seed", range(1, 9))
def test_time_that_runs_backwards_gives_the_same_associations(seed: int) -> None:
    camera = Camera(miss_ratio=0.05, clutter_per_frame=1, seed=seed)
    shots = film(_swarm(6, 500.0, seed), camera, 80)
    back = [Shot(1 - each.time_s, each.blobs, each.truth) for each in shots[::-1]]

    forward = _who_is_who(shots, list(range(80)))
    backward = _who_is_who(back, list(range(79, -1, -1)))

    # A track starts at its second or third blob, at the other end of time.
    both = sorted(forward.keys() & backward.keys())
    assert len(both) > 0.9 * len(forward)
    pairs = {(forward[each], backward[each]) for each in both}
    assert len(pairs) == len({one for one, _ in pairs})
    assert len(pairs) == len({other for _, other in pairs})


@settings(max_examples=15, deadline=None)
@given(
    dropped=st.sets(st.integers(0, 39), max_size=12),
    velocity_px_s=st.tuples(st.floats(-900, 900), st.floats(-500, 500)),
)
def test_frames_dropped_anywhere_change_no_velocity(
    dropped: set[int], velocity_px_s: tuple[float, float]
) -> None:
    vx, vy = velocity_px_s
    paths = [line(600, 300, vx, vy), line(600, 700, -vx, -vy)]
    kept = [number for number in range(40) if number not in dropped]

    story = follow(film(paths, Camera(noise_px=0.0), kept))

    assert [len(ids) for ids in story.ids] == [1, 1]
    for tracks in story.tracks[3:]:
        assert sorted(tracks.vx_px_s) == pytest.approx(sorted([vx, -vx]), abs=2)
        assert sorted(tracks.vy_px_s) == pytest.approx(sorted([vy, -vy]), abs=2)


# What always holds


def _any_blobs(random: np.random.Generator, most: int) -> Blobs:
    """Blobs such as no camera sees: on one spot, huge, of no size, of no confidence."""
    count = int(random.integers(0, most + 1))
    x, y = random.random((2, count)) * [[WIDTH_PX], [HEIGHT_PX]]
    x[random.random(count) < 0.2] = 400.0
    y[random.random(count) < 0.2] = 300.0
    size = np.exp(random.uniform(-3, 6, count))
    ratio = np.exp(random.normal(0, 1, count))
    return Blobs(
        *(each.astype(np.float32) for each in (x, y, size, size * ratio, size**2)),
        confidence=random.random(count).astype(np.float32),
        length_px=(size * np.maximum(ratio, 1)).astype(np.float32),
        breadth_px=(size * np.minimum(ratio, 1)).astype(np.float32),
        angle_rad=random.uniform(-2, 2, count).astype(np.float32),
    )


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    most=st.sampled_from([2, 8, 40]),
    longest_step_s=st.sampled_from([0.01, 0.3, 5.0]),
)
def test_ids_never_repeat_nor_vanish_whatever_the_blobs_and_times(
    seed: int, most: int, longest_step_s: float
) -> None:
    random = np.random.default_rng(seed)
    follower = Tracker()
    time_s, newest, ended, before = 0.0, 0, set[int](), set[int]()
    for _ in range(40):
        time_s += 1e-3 + longest_step_s * random.random() ** 3
        blobs = _any_blobs(random, most)
        tracks = follower.update(blobs, time_s, (int(WIDTH_PX), int(HEIGHT_PX)))
        ids = tracks.id.tolist()
        new = [each for each in ids if each > newest]
        assert ids == sorted(set(ids))
        assert ended.isdisjoint(ids)
        assert before - set(ids) <= ended
        newest, before = max([newest, *new]), set(ids)
        ended |= set(tracks.id[tracks.state == TrackState.ENDED].tolist())
        matched = tracks.blob[tracks.blob >= 0].tolist()
        assert len(matched) == len(set(matched))
        assert max(matched, default=-1) < len(blobs)
        for each in fields(Tracks):
            assert np.isfinite(getattr(tracks, each.name)).all()


# Limits


@pytest.fixture
def pairs_looked_at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pairs of points each search gave."""
    counts: list[int] = []

    def counted(
        function: Callable[..., tuple[Any, Any, Any]],
    ) -> Callable[..., tuple[Any, Any, Any]]:
        def count(*arguments: Any) -> tuple[Any, Any, Any]:
            found = function(*arguments)
            counts.append(len(found[0]))
            return found

        return count

    for module in (tracker, birth):
        monkeypatch.setattr(module, "pairs_within", counted(pairs_within))
    return counts


def test_ten_thousand_blobs_in_every_frame_stay_bounded(
    pairs_looked_at: list[int],
) -> None:
    random = np.random.default_rng(0)
    follower = Tracker()
    for shot in film(_swarm(20, 300.0), Camera(), 10):
        follower.update(shot.blobs, shot.time_s)

    tracemalloc.start()
    sizes = []
    for frame in range(10, 30):
        flood = random.random((2, FLOOD)) * [[WIDTH_PX], [HEIGHT_PX]]
        tracks = follower.update(Blobs.of(*flood), frame / 120)
        nursery = follower._nursery
        sizes.append((len(tracks), len(nursery._pairs.table), len(nursery._seeds)))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    most_tracks, most_pairs, most_seeds = np.max(sizes, axis=0)
    assert most_tracks < 1100
    assert most_pairs <= birth.FRAMES_BACK * birth.MAX_PAIRS
    assert most_seeds <= birth.FRAMES_BACK * birth.MAX_SEEDS
    assert max(pairs_looked_at) <= max(
        tracker.CANDIDATES * most_tracks, birth.PARTNERS * most_pairs
    )
    assert peak_bytes < 200e6
