"""Which frame is due while a session is played."""

from __future__ import annotations

import numpy as np
import pytest

from app.review.clock import SPEEDS, Loop, PlaybackClock

# A hundred frames a second, and half a second is missing after the fiftieth.
TIME_S = np.r_[np.arange(50) / 100, 1 + np.arange(50) / 100]


def _clock() -> PlaybackClock:
    return PlaybackClock(TIME_S)


def test_frames_are_due_at_their_times_also_across_a_gap() -> None:
    clock = _clock()
    clock.play(10.0)

    assert clock.advance(10.005) == 0
    assert clock.advance(10.1001) == 10
    assert clock.advance(10.8) == 49
    assert clock.advance(11.0001) == 50


@pytest.mark.parametrize("speed", SPEEDS)
def test_speed_stretches_time(speed: float) -> None:
    clock = _clock()
    clock.set_speed(speed, 0.0)
    clock.play(0.0)

    assert clock.advance(0.2001 / speed) == 20


def test_at_the_end_it_stands_and_plays_from_the_beginning_again() -> None:
    clock = _clock()
    clock.play(0.0)

    assert clock.advance(5.0) == 99
    assert clock.rate == 0
    clock.play(6.0)
    assert clock.number == 0


def test_back_it_ends_at_the_first_frame() -> None:
    clock = _clock()
    clock.seek(20, 0.0)
    clock.play(0.0, direction=-1)

    assert clock.advance(0.0999) == 10
    assert clock.advance(9.0) == 0
    assert clock.rate == 0


def test_a_loop_is_played_again_and_again() -> None:
    clock = _clock()
    clock.set_loop(Loop(30, 10))
    clock.seek(10, 0.0)
    clock.play(0.0)

    numbers = [clock.advance(at / 100 + 0.001) for at in range(90)]

    assert min(numbers) == 10
    assert max(numbers) in (29, 30)
    assert numbers[:3] == [10, 11, 12]
    assert numbers.count(15) >= 4
    assert clock.rate == 1


def test_from_before_its_loop_it_goes_into_it_both_ways() -> None:
    for direction, start, entered in ((1, 2, 10), (-1, 80, 30)):
        clock = _clock()
        clock.set_loop(Loop(10, 30))
        clock.seek(start, 0.0)
        clock.play(0.0, direction)
        assert clock.advance(0.001) == entered


def test_stepping_stops_and_keeps_to_the_frames_there_are() -> None:
    clock = _clock()
    clock.play(0.0)
    clock.step(10, 0.0)

    assert (clock.number, clock.rate) == (10, 0)
    clock.step(-999, 0.0)
    assert clock.number == 0
    clock.step(999, 0.0)
    assert clock.number == 99


def test_seeking_while_it_plays_goes_on_from_there() -> None:
    clock = _clock()
    clock.play(0.0)
    clock.seek_time(1.2049, 0.3)

    assert clock.number == 70
    assert clock.advance(0.4001) == 80


def test_the_shuttle_turns_and_gets_faster() -> None:
    clock = _clock()

    clock.shuttle(1, 0.0)
    first = clock.rate
    clock.shuttle(1, 0.0)
    clock.shuttle(1, 0.0)
    clock.shuttle(1, 0.0)
    fastest = clock.rate
    clock.shuttle(-1, 0.1)

    assert (first, fastest, clock.rate) == (1.0, 4.0, -4.0)


def test_a_session_without_frames_stands_at_0() -> None:
    clock = PlaybackClock(np.zeros(0))
    clock.play(0.0)
    clock.step(1, 0.0)

    assert clock.advance(1.0) == 0


def test_an_end_of_the_loop_that_is_passed_gives_way() -> None:
    clock = _clock()
    clock.loop_to(30)
    clock.loop_from(10)
    inner = clock.loop
    clock.loop_from(40)
    late = clock.loop
    clock.set_loop(Loop(50, 60))
    clock.loop_to(20)

    assert inner == (10, 30)
    assert late == (40, 99)
    assert clock.loop == (0, 20)
