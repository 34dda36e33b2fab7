from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.display import Display, Picture
from app.frames import Blobs, Frame, FrameResult, Tracks
from app.handoff import LatestSlot
from app.overlay import OverlayOptions, View
from app.trails import Trails

if TYPE_CHECKING:
    from collections.abc import Iterator

VIEW = View.fit(40, 30, 80, 60)


class Feed:
    """The end of a pipeline that a display reads."""

    def __init__(self) -> None:
        self.results: LatestSlot[FrameResult] = LatestSlot()
        self.trails = Trails()

    def put(self, index: int, grey: int = 100) -> None:
        image = np.full((30, 40), grey, np.uint8)
        now_ns = time.monotonic_ns()
        self.results.put(
            FrameResult(
                frame=Frame(index, index * 8_333_333, now_ns, image),
                blobs=Blobs.empty(),
                tracks=Tracks.empty(),
                mask=np.ones((3, 4), np.bool_),
                mask_area_px=(0.0, 0.0, 40.0, 30.0),
                done_ns=now_ns,
            )
        )


@pytest.fixture
def display() -> Iterator[Display]:
    running = Display()
    running.start()
    yield running
    running.stop()


@pytest.fixture
def feed(display: Display) -> Feed:
    feed = Feed()
    display.set_feed(feed.results, feed.trails)
    return feed


def next_picture(display: Display) -> Picture:
    picture = display.pictures.take(5.0)
    assert picture is not None
    return picture


def test_a_result_becomes_a_picture_for_the_view(display: Display, feed: Feed) -> None:
    display.set_view(VIEW)

    feed.put(17)

    picture = next_picture(display)
    assert picture.frame_index == 17
    assert picture.view == VIEW
    assert picture.image.shape == (60, 80, 4)


def test_before_a_view_is_set_a_picture_has_the_size_of_the_frame(
    display: Display, feed: Feed
) -> None:
    feed.put(0)

    picture = next_picture(display)
    assert picture.image.shape == (30, 40, 4)
    assert (picture.frame_width_px, picture.frame_height_px) == (40, 30)


def test_nobody_can_write_on_a_picture(display: Display, feed: Feed) -> None:
    feed.put(0)

    assert not next_picture(display).image.flags.writeable


def test_a_picture_that_is_kept_is_not_overwritten(
    display: Display, feed: Feed
) -> None:
    feed.put(0, grey=10)
    kept = next_picture(display)
    before = kept.image.copy()

    for index in range(1, 6):
        feed.put(index, grey=200)
        next_picture(display)

    np.testing.assert_array_equal(kept.image, before)


def test_another_view_composes_the_last_result_again(
    display: Display, feed: Feed
) -> None:
    display.set_view(VIEW)
    feed.put(3)
    next_picture(display)

    display.set_view(VIEW.zoomed(2.0, 0.0, 0.0))

    again = next_picture(display)
    assert again.frame_index == 3
    assert again.view == VIEW.zoomed(2.0, 0.0, 0.0)


def test_other_options_compose_the_last_result_again(
    display: Display, feed: Feed
) -> None:
    feed.put(3)
    tinted = next_picture(display)

    display.set_options(OverlayOptions(shows_mask=False, shows_outlines=False))

    assert (tinted.image[15, 20, :3] != 100).any()
    assert (next_picture(display).image[..., :3] == 100).all()


def test_without_anything_new_nothing_is_composed(display: Display, feed: Feed) -> None:
    feed.put(0)
    next_picture(display)

    assert display.pictures.take(0.1) is None


def test_pictures_come_no_faster_than_a_screen_shows_them(
    display: Display, feed: Feed
) -> None:
    feed.put(0)
    next_picture(display)
    started_s, pictures = time.monotonic(), 0

    while time.monotonic() - started_s < 0.4:
        feed.put(1)
        pictures += display.pictures.take(0.001) is not None

    assert pictures <= 0.4 * 60 + 2


def test_pictures_can_be_asked_for_less_often(display: Display, feed: Feed) -> None:
    display.set_period(0.1)
    feed.put(0)
    next_picture(display)
    started_s, pictures = time.monotonic(), 0

    while time.monotonic() - started_s < 0.5:
        feed.put(1)
        pictures += display.pictures.take(0.001) is not None

    assert pictures <= 6


def test_another_feed_is_shown_by_the_same_thread(display: Display, feed: Feed) -> None:
    feed.put(5)
    next_picture(display)
    other = Feed()

    display.set_feed(other.results, other.trails)
    other.put(0)

    assert next_picture(display).frame_index == 0


def test_the_last_result_of_another_feed_is_forgotten(
    display: Display, feed: Feed
) -> None:
    feed.put(5)
    next_picture(display)

    display.clear_feed()
    display.set_view(VIEW)

    assert display.pictures.take(0.1) is None


def test_a_feed_that_is_over_can_still_be_looked_at(
    display: Display, feed: Feed
) -> None:
    feed.put(9)
    next_picture(display)
    feed.results.close()

    display.set_view(VIEW)

    assert next_picture(display).frame_index == 9


def test_the_latency_of_a_picture_begins_when_its_frame_arrived(
    display: Display, feed: Feed
) -> None:
    before_ns = time.monotonic_ns()
    feed.put(0)

    latency_ms = next_picture(display).latency_ms

    assert 0 < latency_ms < (time.monotonic_ns() - before_ns) * 1e-6


def test_the_status_tells_the_rate_and_the_time_of_composing(
    display: Display, feed: Feed
) -> None:
    for index in range(3):
        feed.put(index)
        next_picture(display)

    status = display.status()
    assert 0 < status.display_hz <= 61
    assert status.compose_ms > 0
    assert status.fault is None


def test_a_bug_that_ends_the_display_is_told(display: Display, feed: Feed) -> None:
    display.set_view(View(0, 0, 0.0, 0.0, 0.0))

    feed.put(0)

    assert display.pictures.take(5.0) is None
    assert isinstance(display.status().fault, ArithmeticError)


def test_a_display_can_be_stopped_before_it_was_started() -> None:
    display = Display()

    display.stop()

    assert display.status().display_hz == 0
