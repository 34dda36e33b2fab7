"""Who was in a zone, and who crossed a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from app.errors import SessionError
from app.frames import TrackState
from app.recording.paths import TrackPaths
from app.recording.zones import (
    Line,
    Zone,
    ZonePlan,
    crossings,
    load_zones,
    save_zones,
    visits,
)
from tests.app.review.sessions import opened

if TYPE_CHECKING:
    from pathlib import Path

SQUARE = Zone("door", ((20.0, 10.0), (40.0, 10.0), (40.0, 30.0), (20.0, 30.0)))
UPRIGHT = Line("goal", (30.0, 48.0), (30.0, 0.0))


def _paths(*tracks: list[tuple[float, float]]) -> TrackPaths:
    """Tracks 1, 2, ... with a position every tenth of a second."""
    lengths = [len(each) for each in tracks]
    x_px, y_px = np.array([place for each in tracks for place in each], float).T
    number = np.concatenate([np.arange(length) for length in lengths])
    return TrackPaths(
        ids=np.arange(1, len(tracks) + 1),
        starts=np.r_[0, np.cumsum(lengths)],
        number=number,
        time_s=number / 10,
        x_px=x_px,
        y_px=y_px,
        state=np.full(len(number), TrackState.CONFIRMED, np.uint8),
    )


def test_a_recorded_track_crosses_a_line_there_and_back(tmp_path: Path) -> None:
    def swings(at: int) -> tuple[float, float]:
        return 32.5 - abs(at - 30), 20.0

    session = opened(
        tmp_path, {1: lambda at: (at + 0.5, 20.0), 2: swings, 3: lambda _: (50, 5)}
    )
    seen = TrackPaths.of(session.frames, session.tracks(), (TrackState.CONFIRMED,))
    session.close()

    found = crossings(seen, UPRIGHT)

    # Upwards on the screen, right is where x grows.
    assert [(each.track_id, each.is_forward) for each in found] == [
        (2, True),
        (1, True),
        (2, False),
    ]
    time_s = session.frames.time_s
    assert found[1].time_s == pytest.approx((time_s[29] + time_s[30]) / 2)
    assert found[1].number == 29
    assert found[1].line == "goal"


def test_ends_of_a_line_are_ends() -> None:
    past = _paths([(20, 60), (40, 60)], [(20, 47), (40, 47)])

    assert [each.track_id for each in crossings(past, UPRIGHT)] == [2]


def test_on_the_line_counts_as_beyond_it() -> None:
    touches = _paths([(28, 20), (30, 20), (28, 20)], [(28, 9), (30, 9), (32, 9)])

    found = crossings(touches, UPRIGHT)

    assert sorted((each.track_id, each.is_forward) for each in found) == [
        (1, False),
        (1, True),
        (2, True),
    ]


def test_a_visit_has_the_times_at_the_edge() -> None:
    found = visits(_paths([(10, 20), (30, 20), (50, 20)]), SQUARE)

    assert len(found) == 1
    assert found[0].entered_s == pytest.approx(0.05)
    assert found[0].dwell_s == pytest.approx(0.1)
    assert (found[0].is_entry, found[0].is_exit) == (True, True)


def test_who_passes_between_two_frames_was_there() -> None:
    found = visits(_paths([(0, 20), (100, 20)]), SQUARE)

    assert len(found) == 1
    assert found[0].dwell_s == pytest.approx(0.02)


def test_who_is_first_and_last_seen_inside_neither_came_nor_went() -> None:
    found = visits(_paths([(25, 20), (26, 20)], [(0, 0), (1, 0)]), SQUARE)

    assert [each.track_id for each in found] == [1]
    assert (found[0].is_entry, found[0].is_exit) == (False, False)
    assert found[0].dwell_s == pytest.approx(0.1)


def test_random_ways_are_inside_when_opencv_says_so() -> None:
    random = np.random.default_rng(3)
    corners = ((5.3, 4.1), (60.2, 8.4), (33.1, 25.7), (58.8, 44.9), (9.6, 40.2))
    zone = Zone("star", corners)
    polygon = np.array(corners, np.float32)
    ways = [list(random.uniform((0, 0), (64, 48), (60, 2))) for _ in range(20)]
    paths = _paths(*ways)

    found = visits(paths, zone)

    for track_id, way in enumerate(ways, start=1):
        own = [each for each in found if each.track_id == track_id]
        for at, (x, y) in enumerate(way):
            is_in = any(each.entered_s <= at / 10 <= each.left_s for each in own)
            true = cv2.pointPolygonTest(polygon, (float(x), float(y)), False) > 0
            assert is_in == true
    assert all(each.dwell_s > 0 for each in found)


def test_zones_are_kept_with_their_session(tmp_path: Path) -> None:
    plan = ZonePlan((SQUARE,), (UPRIGHT,))

    save_zones(tmp_path, plan)

    assert load_zones(tmp_path) == plan
    assert plan.free_name("zone") == "zone 1"
    assert ZonePlan((Zone("zone 1", SQUARE.corners_px),)).free_name("zone") == "zone 2"
    assert plan.without("door") == ZonePlan((), (UPRIGHT,))
    assert load_zones(tmp_path / "nothing") == ZonePlan()


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{",
        '{"zones": [{"name": "a", "corners_px": [[0, 0], [1, 1]]}]}',
        '{"zones": 3}',
    ],
)
def test_a_damaged_plan_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "zones.json").write_text(text)

    with pytest.raises(SessionError, match=r"zones\.json cannot be read"):
        load_zones(tmp_path)
