"""A session under review: read, shown frame by frame, corrected, measured."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.errors import ConsoleError, SessionError
from app.frames import TrackState
from app.recording.corrections import Corrections, Edit, EditKind
from app.recording.ground import Ground
from app.recording.manifest import load_session_manifest
from app.recording.session import Session
from app.recording.zones import Line, Zone, ZonePlan
from app.review.review import Review, ReviewPhase
from tests.app.review.sessions import record
from tests.fakes.recording import number_in, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from app.frames import FrameResult
    from app.review.analysis import Analysis

FRAMES = 100
WAYS = {
    1: lambda at: (at * 0.6, 10.0),
    2: lambda at: (60.0 - at * 0.6, 30.0),
    3: lambda at: (5.0, 5.0) if 20 <= at < 40 else None,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return record(tmp_path, WAYS, FRAMES, missing=(50, 51), not_inferred=(61,))


@pytest.fixture
def open_review() -> Iterator[Callable[[Path], Review]]:
    made: list[Review] = []

    def open_it(folder: Path) -> Review:
        review = Review(folder)
        made.append(review)
        review.start()
        wait_until(lambda: review.status().phase is not ReviewPhase.LOADING)
        return review

    yield open_it
    for review in made:
        review.stop()


def _shown(review: Review, number: int) -> FrameResult:
    review.show(number)
    deadline_s = time.monotonic() + 20
    while time.monotonic() < deadline_s:
        result = review.results.take(0.1)
        if result is not None and result.frame.index == number:
            return result
    raise TimeoutError


def _analysis(review: Review) -> Analysis:
    found = review.status().analysis
    assert found is not None
    return found


def _after(review: Review, act: Callable[[], None]) -> Analysis:
    """What is found once something that was asked for is done."""
    before = _analysis(review)
    act()
    wait_until(lambda: _analysis(review) is not before)
    return _analysis(review)


def test_any_frame_is_shown_exactly(
    open_review: Callable[[Path], Review], folder: Path
) -> None:
    review = open_review(folder)

    for number in (0, 97, 3, 49, 50, 48, 47, 96):
        result = _shown(review, number)
        source_number = number if number < 50 else number + 2
        assert number_in(np.asarray(result.frame.image)) == source_number
        if number != 59:
            there = result.tracks.id.tolist()
            assert there == ([1, 2, 3] if 20 <= number < 40 else [1, 2])


def test_steps_back_are_decoded_before_they_are_asked_for(folder: Path) -> None:
    session = Session(folder)
    video = session.video
    for number in range(97, 60, -1):
        video.image(number)
        video.prepare(number)
        decoded = video.decoded
        video.image(number - 1)
        assert video.decoded == decoded
    session.close()


def test_a_frame_that_was_not_inferred_is_between_its_neighbours(
    open_review: Callable[[Path], Review], folder: Path
) -> None:
    review = open_review(folder)

    result = _shown(review, 59)

    assert result.tracks.state.tolist() == [TrackState.LOST] * 2
    # The source's frame 61, between 60 and 62, at times that are not quite even.
    assert result.tracks.x_px[0] == pytest.approx(36.6, abs=0.1)
    assert result.tracks.blob.tolist() == [-1, -1]


def test_events_gaps_and_telemetry_are_on_the_frames_clock(
    open_review: Callable[[Path], Review], folder: Path
) -> None:
    with sqlite3.connect(folder / "session.db") as connection:
        connection.execute(
            "INSERT INTO telemetry SELECT captured_ns, '{\"capture_hz\": 119.0}'"
            " FROM frames WHERE number IN (10, 20)"
        )
    connection.close()
    contents = _analysis(open_review(folder)).contents

    assert [(gap.count, gap.cause) for gap in contents.gaps] == [(2, "source")]
    time_s = contents.frames.time_s
    assert (contents.gaps[0].start_s, contents.gaps[0].end_s) == (
        time_s[49],
        time_s[50],
    )
    assert {moment.kind for moment in contents.moments} >= {"start"}
    assert all(0 <= moment.time_s <= contents.length_s for moment in contents.moments)
    assert [curve.name for curve in contents.telemetry] == ["captured"]
    assert contents.telemetry[0].time_s.tolist() == time_s[[10, 20]].tolist()
    assert contents.telemetry[0].values.tolist() == [119.0, 119.0]


def test_trails_end_where_the_track_is(
    open_review: Callable[[Path], Review], folder: Path
) -> None:
    review = open_review(folder)
    review.trails.back_s = 0.1
    result = _shown(review, 80)

    trails = review.trails.snapshot(result.frame.time_s)

    assert [trail.track_id for trail in trails] == [1, 2]
    assert trails[0].points_px[-1].tolist() == [result.tracks.x_px[0], 10.0]
    assert 11 <= len(trails[0].points_px) <= 13


def test_a_correction_is_seen_everywhere_stored_and_undone(
    open_review: Callable[[Path], Review], folder: Path
) -> None:
    review = open_review(folder)
    recorded = (folder / "session.db").read_bytes()
    swap = Edit(EditKind.SWAP, 1, 2, from_number=30)

    swapped = _after(review, lambda: review.correct(swap))
    tracks = _shown(review, 30).tracks
    stored = Corrections(folder).edits
    undone = _after(review, review.undo)
    redone = _after(review, review.redo)

    assert tracks.x_px[tracks.id == 2] == pytest.approx(18.0)
    assert swapped.position_at(1, 30) == pytest.approx((42.0, 30.0))
    assert swapped.statistics[0].path > 60
    assert stored == (swap,)
    assert undone.position_at(1, 30) == pytest.approx((18.0, 10.0))
    assert undone.layers.undone == (swap,)
    assert redone.layers.edits == (swap,)
    assert (folder / "session.db").read_bytes() == recorded


def test_a_correction_leaves_the_figures_of_other_tracks_as_they_were(
    open_review: Callable[[Path], Review], folder: Path
) -> None:
    review = open_review(folder)
    before = _analysis(review)
    ids = before.seen.ids.tolist()

    after = _after(review, lambda: review.correct(Edit(EditKind.DELETE, ids[0])))

    assert after.seen.ids.tolist() == ids[1:]
    assert [each.statistics.id for each in after.figures] == ids[1:]
    assert all(
        now is then for now, then in zip(after.figures, before.figures[1:], strict=True)
    )


def test_a_new_id_is_one_that_nobody_has_had(
    open_review: Callable[[Path], Review], folder: Path
) -> None:
    review = open_review(folder)
    split = Edit(EditKind.SPLIT, 1, _analysis(review).free_id(), from_number=40)

    found = _after(review, lambda: review.correct(split))

    assert split.other == 4
    assert found.free_id() == 5
    assert found.seen.ids.tolist() == [1, 2, 3, 4]


def test_zones_and_ground_change_what_is_found(
    open_review: Callable[[Path], Review], folder: Path
) -> None:
    review = open_review(folder)
    corners = ((0.0, 0.0), (20.0, 0.0), (20.0, 20.0), (0.0, 20.0))
    plan = ZonePlan((Zone("left", corners),), (Line("mid", (30.0, 48.0), (30.0, 0.0)),))
    pixels = _analysis(review).statistics[0]

    zoned = _after(review, lambda: review.set_plan(plan))
    ground = Ground.scale((0.0, 0.0), (10.0, 0.0), length_m=1.0)
    measured = _after(review, lambda: review.set_ground(ground))
    again = _analysis(open_review(folder))

    assert [(visit.track_id, visit.zone) for visit in zoned.visits] == [
        (1, "left"),
        (3, "left"),
    ]
    assert [(each.track_id, each.is_forward) for each in zoned.crossings] == [
        (1, True),
        (2, False),
    ]
    assert measured.unit == "m"
    assert measured.statistics[0].mean_speed == pytest.approx(pixels.mean_speed / 10)
    assert measured.motion(1).unit == "m"
    assert np.nanmedian(measured.motion(1).motion.speed) == pytest.approx(7.2, rel=0.05)
    assert again.layers == measured.layers


def test_a_missing_video_leaves_the_tracks(
    open_review: Callable[[Path], Review], folder: Path
) -> None:
    (folder / "video_000.mp4").unlink()
    review = open_review(folder)

    result = _shown(review, 10)

    assert "video_000.mp4" in review.status().picture_problem
    assert result.tracks.id.tolist() == [1, 2]
    assert int(result.frame.image.max()) == 0


def test_a_damaged_video_is_told_and_later_frames_are_shown(
    open_review: Callable[[Path], Review], folder: Path
) -> None:
    path = folder / "video_000.mp4"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    review = open_review(folder)

    _shown(review, 99 - 2)

    assert review.status().picture_problem
    assert review.status().phase is ReviewPhase.READY


def test_damaged_layers_are_told_and_never_overwritten(
    open_review: Callable[[Path], Review], folder: Path
) -> None:
    (folder / "corrections.json").write_text("{")
    review = open_review(folder)
    problems = review.status().problems

    review.correct(Edit(EditKind.DELETE, 1))
    wait_until(lambda: len(review.status().problems) == 2)

    assert "corrections.json cannot be read" in problems[0].message
    assert "none can be added" in review.status().problems[1].message
    assert (folder / "corrections.json").read_text() == "{"
    assert _analysis(review).seen.ids.tolist() == [1, 2, 3]


def test_what_is_no_session_fails_with_the_reason(
    open_review: Callable[[Path], Review], tmp_path: Path
) -> None:
    review = open_review(tmp_path)

    status = review.status()

    assert status.phase is ReviewPhase.FAILED
    assert isinstance(status.fault, SessionError)
    assert "no session" in status.fault.message


def test_a_damaged_database_fails_with_the_reason(
    open_review: Callable[[Path], Review], folder: Path
) -> None:
    (folder / "session.db").write_bytes(b"no database at all" * 100)

    fault = open_review(folder).status().fault

    assert isinstance(fault, ConsoleError)
    assert "session.db" in fault.message


def test_a_session_without_frames_or_tracks_opens(
    open_review: Callable[[Path], Review], tmp_path: Path
) -> None:
    folder = record(tmp_path, {}, frames=5)
    empty = record(tmp_path, {}, frames=1, name="empty")
    with sqlite3.connect(empty / "session.db") as connection:
        connection.execute("DELETE FROM frames")
    connection.close()

    without_tracks = open_review(folder)
    without_frames = open_review(empty)
    without_frames.show(3)

    assert len(_analysis(without_tracks).seen) == 0
    assert _shown(without_tracks, 4).tracks.id.tolist() == []
    assert _analysis(without_frames).contents.length_s == 0
    assert load_session_manifest(empty).frames == 1


def test_closing_while_it_is_read_ends_at_once(folder: Path) -> None:
    review = Review(folder)
    review.start()

    review.stop()

    assert not review._worker.is_alive
