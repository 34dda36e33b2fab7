from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.ledger import LedgerCounts
from app.second_look import LookStatus
from tests.fakes.statuses import RUNNING, status
from widgets.readout import Readout
from widgets.status_strip import StatusStrip, count_text, latency_texts, rate_text

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


@pytest.fixture
def strip(qtbot: QtBot) -> StatusStrip:
    strip = StatusStrip()
    qtbot.addWidget(strip)
    return strip


def shown(strip: StatusStrip) -> dict[str, str]:
    """What the operator reads, by caption."""
    return {each.accessibleName(): each.text for each in strip.findChildren(Readout)}


def test_an_empty_strip_shows_no_figures(strip: StatusStrip) -> None:
    assert set(shown(strip).values()) == {"\N{EN DASH}"}


def test_rate_latency_and_tracks_are_shown(strip: StatusStrip) -> None:
    strip.show_status(RUNNING)

    figures = shown(strip)
    assert figures["Rate"] == "118.7"
    assert figures["Latency p50"] == "3.1"
    assert figures["Latency p99"] == "9.9"
    assert figures["Tracks"] == "12"


def test_every_place_of_the_ledger_is_shown(strip: StatusStrip) -> None:
    counts = LedgerCounts(
        numbered=28,
        lost=1,
        captured=27,
        inferred=2,
        replaced=3,
        skipped=4,
        discarded=18,
    )

    strip.show_status(status(ledger=counts))

    figures = shown(strip)
    assert figures["Lost"] == "1"
    assert figures["Captured"] == "27"
    assert figures["Inferred"] == "2"
    assert figures["Replaced"] == "3"
    assert figures["Skipped"] == "4"
    assert figures["Discarded"] == "18"


def test_lost_frames_are_marked(strip: StatusStrip) -> None:
    strip.show_status(RUNNING)

    alarming = [
        each.accessibleName()
        for each in strip.findChildren(Readout)
        if each.is_alarming
    ]
    assert alarming == ["Lost"]


def test_source_and_engine_are_named(strip: StatusStrip) -> None:
    strip.show_status(RUNNING)

    assert strip.source_text == "serve.mp4  ·  640 x 480  ·  120 fps"
    assert strip.engine_text == "reference  ·  fp32  ·  1 thread"


def test_the_cost_of_a_second_look_stands_beside_the_engine(
    strip: StatusStrip,
) -> None:
    look = LookStatus(pictures=2, crops=5.96, look_ms=4.44)

    strip.show_status(status(second_look=look))

    assert strip.engine_text.endswith("1 thread  ·  6.0 crops, 4.4 ms")


def test_the_point_under_the_mouse_is_shown(strip: StatusStrip) -> None:
    strip.show_cursor(12.34, 56.0)

    assert strip.cursor_text == "x 12.3 y 56.0"


def test_nothing_is_shown_once_the_mouse_has_left(strip: StatusStrip) -> None:
    strip.show_cursor(12.34, 56.0)

    strip.hide_cursor()

    assert strip.cursor_text.strip() == ""


def test_the_strip_fits_a_small_screen_after_an_hour_at_120_fps(
    strip: StatusStrip,
) -> None:
    hour = LedgerCounts(numbered=432_000, captured=432_000, inferred=432_000)

    strip.show_status(status(ledger=hour))

    assert strip.minimumSizeHint().width() <= 1024


@pytest.mark.parametrize(
    ("latency_ms", "texts"),
    [
        (0.0, ("\N{EN DASH}", "ms")),
        (3.14, ("3.1", "ms")),
        (99.96, ("100", "ms")),
        (432.1, ("432", "ms")),
        (2437.0, ("2.4", "s")),
    ],
)
def test_a_latency_is_written_in_three_digits(
    latency_ms: float, texts: tuple[str, str]
) -> None:
    assert latency_texts(latency_ms) == texts


def test_thousands_are_set_apart() -> None:
    assert count_text(432_000) == "432\N{NO-BREAK SPACE}000"


def test_a_feed_that_stands_has_no_rate() -> None:
    assert rate_text(0.0) == "\N{EN DASH}"
