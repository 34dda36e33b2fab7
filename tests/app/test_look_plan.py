from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.frames import Blobs, Tracks, TrackState
from app.look_plan import PLACES, Found, LookPlan, Place

FRAME, CROP, SMALL = (1280, 720), (160, 120), 32.0


def tracks_of(
    points: list[tuple[float, float]],
    *,
    size_px: float = 4.0,
    velocity: tuple[float, float] = (0.0, 0.0),
    state: TrackState = TrackState.CONFIRMED,
    sigma_px: float = 1.0,
    blob: int = -1,
) -> Tracks:
    """Tracks 1, 2, 3 ... at these points."""
    count = len(points)
    x, y = np.array(points, np.float32).reshape(-1, 2).T

    def column(value: float) -> np.ndarray:
        return np.full(count, value, np.float32)

    return Tracks(
        id=np.arange(1, count + 1),
        state=np.full(count, state, np.uint8),
        x_px=x,
        y_px=y,
        vx_px_s=column(velocity[0]),
        vy_px_s=column(velocity[1]),
        width_px=column(size_px),
        height_px=column(size_px),
        area_px=column(size_px**2),
        confidence=column(0.9),
        blob=np.full(count, blob, np.int32),
        age_s=column(1.0),
        sigma_px=column(sigma_px),
    )


def holds(place: Place, x: float, y: float, margin: float = 0.0) -> bool:
    return (
        place.left_px + margin - 0.5 <= x <= place.left_px + CROP[0] - margin - 0.5
        and place.top_px + margin - 0.5 <= y <= place.top_px + CROP[1] - margin - 0.5
    )


def found(tracks: Tracks, blobs: Blobs | None = None, time_s: float = 0.0) -> Found:
    return Found(tracks, blobs or Blobs.empty(), time_s)


def aimed(places: list[Place]) -> list[Place]:
    return [each for each in places if not each.is_search]


@given(
    frame=st.tuples(st.integers(40, 2000), st.integers(40, 1200)),
    crop=st.tuples(st.integers(33, 200), st.integers(33, 200)),
    pictures=st.integers(1, 4),
    spot=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_a_round_shows_every_small_object_whole_wherever_it_is(
    frame: tuple[int, int],
    crop: tuple[int, int],
    pictures: int,
    spot: tuple[float, float],
) -> None:
    crop = min(crop[0], frame[0]), min(crop[1], frame[1])
    plan = LookPlan(frame, crop, SMALL)
    frames = -(-plan.round_crops // (pictures * PLACES))

    places = [p for n in range(frames) for p in plan.places(pictures, None, n)]

    left, top = (
        round(part * (whole - 16)) for part, whole in zip(spot, frame, strict=True)
    )
    assert all(0 <= p.left_px <= frame[0] - crop[0] for p in places)
    assert all(0 <= p.top_px <= frame[1] - crop[1] for p in places)
    assert any(
        p.left_px <= left
        and p.top_px <= top
        and left + 16 <= p.left_px + crop[0]
        and top + 16 <= p.top_px + crop[1]
        for p in places
    )


@given(
    points=st.lists(st.tuples(st.floats(-50, 1330), st.floats(-50, 770)), max_size=40),
    blobs=st.lists(st.tuples(st.floats(0, 1279), st.floats(0, 719)), max_size=40),
    pictures=st.integers(1, 4),
)
def test_there_are_as_many_places_as_asked_and_some_of_them_search(
    points: list[tuple[float, float]],
    blobs: list[tuple[float, float]],
    pictures: int,
) -> None:
    seen = Blobs.of([x for x, _ in blobs], [y for _, y in blobs], 4.0)
    plan = LookPlan(FRAME, CROP, SMALL)

    for number in range(3):
        places = plan.places(pictures, found(tracks_of(points), seen), number / 120)

        assert len(places) == pictures * PLACES
        assert sum(each.is_search for each in places) >= pictures
        assert all(0 <= p.left_px <= 1280 - 160 for p in places)
        assert all(0 <= p.top_px <= 720 - 120 for p in places)


def test_a_track_is_looked_at_where_it_should_be_by_now() -> None:
    plan = LookPlan(FRAME, CROP, SMALL)
    tracks = tracks_of([(300.0, 300.0)], velocity=(6000.0, -1200.0))

    places = plan.places(1, found(tracks, time_s=1.0), 1.0 + 2 / 120)

    (place,) = aimed(places)
    assert place.left_px + CROP[0] / 2 == pytest.approx(400, abs=1)
    assert place.top_px + CROP[1] / 2 == pytest.approx(280, abs=1)


@pytest.mark.parametrize(
    "tracks",
    [
        pytest.param(tracks_of([(300.0, 300.0)], size_px=60.0), id="large"),
        pytest.param(tracks_of([(300.0, 300.0)], state=TrackState.ENDED), id="ended"),
        pytest.param(tracks_of([(-20.0, 300.0)]), id="outside"),
        pytest.param(tracks_of([(300.0, 300.0)], sigma_px=90.0), id="anywhere"),
    ],
)
def test_what_a_crop_does_not_help_gets_none(tracks: Tracks) -> None:
    plan = LookPlan(FRAME, CROP, SMALL)

    assert not aimed(plan.places(2, found(tracks), 0.0))


def test_tracks_near_each_other_share_a_crop() -> None:
    plan = LookPlan(FRAME, CROP, SMALL)
    tracks = tracks_of([(300.0, 300.0), (380.0, 340.0), (1000.0, 600.0)])

    places = aimed(plan.places(1, found(tracks), 0.0))

    assert len(places) == 2
    both = [p for p in places if holds(p, 300, 300, 8) and holds(p, 380, 340, 8)]
    assert len(both) == 1
    assert any(holds(p, 1000, 600, 8) for p in places)


@given(count=st.integers(4, 30), pictures=st.integers(1, 3))
def test_tracks_that_are_too_many_take_turns(count: int, pictures: int) -> None:
    # So far apart that no crop holds two of them.
    points = [(90.0 + 200 * (n % 6), 70.0 + 145 * (n // 6)) for n in range(count)]
    plan = LookPlan(FRAME, CROP, SMALL)
    each_frame = pictures * (PLACES - 1)
    turns = -(-count // each_frame)

    places = [
        place
        for number in range(turns)
        for place in aimed(plan.places(pictures, found(tracks_of(points)), number))
    ]

    assert all(any(holds(place, *point) for place in places) for point in points)


def test_what_was_just_found_is_looked_at_again_although_tracks_wait() -> None:
    points = [(90.0 + 200 * n, 70.0) for n in range(6)]
    plan = LookPlan(FRAME, CROP, SMALL)
    blobs = Blobs.of([700.0], [600.0], 4.0)

    places = aimed(plan.places(1, found(tracks_of(points), blobs), 0.0))

    assert any(holds(place, 700, 600) for place in places)
    assert sum(holds(place, *point) for place in places for point in points) == 2


def test_a_blob_that_has_a_track_is_not_looked_at_twice() -> None:
    plan = LookPlan(FRAME, CROP, SMALL)
    blobs = Blobs.of([700.0], [600.0], 4.0)

    places = plan.places(1, found(tracks_of([(700.0, 600.0)], blob=0), blobs), 0.0)

    assert len(aimed(places)) == 1


def test_specks_that_never_become_tracks_do_not_keep_a_new_object_waiting() -> None:
    plan = LookPlan(FRAME, CROP, SMALL)
    specks = [(90.0 + 200 * (n % 6), 70.0 + 145 * (n // 6)) for n in range(24)]
    x, y = (list(axis) for axis in zip(*specks, strict=True))
    for number in range(16):
        plan.places(1, found(Tracks.empty(), Blobs.of(x, y, 4.0)), number / 120)
    new = Blobs.of([*x, 640.0], [*y, 690.0], 4.0, [0.99] * 24 + [0.6])

    places = aimed(plan.places(1, found(Tracks.empty(), new), 1.0))

    assert any(holds(place, 640, 690) for place in places)
