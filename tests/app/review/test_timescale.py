"""Which part of a session is seen."""

from __future__ import annotations

import pytest

from app.review.timescale import TimeScale, time_text


def test_zooming_keeps_a_time_where_it_is() -> None:
    scale = TimeScale(300.0)
    for factor in (2.0, 3.0, 0.5, 10.0):
        ratio = scale.ratio(100.0)
        scale = scale.zoomed(factor, 100.0)
        assert scale.ratio(100.0) == pytest.approx(ratio)

    assert scale.span_s == pytest.approx(10.0)


def test_nothing_beyond_the_ends_is_seen() -> None:
    scale = TimeScale(300.0).zoomed(10.0, 5.0)

    assert scale.moved(-99).start_s == 0.0
    assert scale.moved(99).end_s == pytest.approx(300.0)
    assert scale.zoomed(1e-9, 5.0) == TimeScale(300.0)
    assert TimeScale(300.0).time_s(-1.0) == 0.0
    assert TimeScale(300.0).time_s(2.0) == 300.0


def test_the_page_turns_to_a_time_that_is_not_on_it() -> None:
    scale = TimeScale(100.0).zoomed(10.0, 0.0)

    assert scale.including(5.0) is scale
    turned = scale.including(50.0)
    assert (turned.start_s, turned.end_s) == (pytest.approx(49.0), pytest.approx(59.0))


@pytest.mark.parametrize(
    ("length_s", "texts"),
    [
        (10.0, ["0 s", "5 s", "10 s"]),
        (0.9, ["0.0 s", "0.5 s"]),
        (300.0, ["0 s", "2:00", "4:00"]),
        (0.0, ["0.00 s", "0.01 s", "0.02 s"]),
    ],
)
def test_ticks_are_round(length_s: float, texts: list[str]) -> None:
    assert [text for _, text in TimeScale(length_s).ticks(3)] == texts


def test_times_are_written_as_people_read_them() -> None:
    assert time_text(12.3456) == "12.346 s"
    assert time_text(125.0) == "2:05.000"
    assert time_text(59.9996, 0) == "60 s"
