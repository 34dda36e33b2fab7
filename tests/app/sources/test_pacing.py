from __future__ import annotations

import time

from app.sources.pacing import Pacer

MS = 1_000_000


def test_without_pacing_every_frame_is_due() -> None:
    pacer = Pacer(is_paced=False)

    assert all(pacer.wait(index * 1000 * MS, 0.0) for index in range(5))


def test_the_first_frame_is_due_at_once_whatever_its_time() -> None:
    assert Pacer(is_paced=True).wait(5000 * MS, 0.0)


def test_a_frame_is_due_after_the_distance_of_the_timestamps() -> None:
    pacer = Pacer(is_paced=True)
    began_s = time.monotonic()
    pacer.wait(0, 0.0)

    is_due = pacer.wait(30 * MS, 1.0)

    assert is_due
    assert time.monotonic() - began_s >= 0.03


def test_waiting_ends_with_the_timeout() -> None:
    pacer = Pacer(is_paced=True)
    pacer.wait(0, 0.0)

    assert not pacer.wait(10_000 * MS, 0.01)


def test_after_a_long_pause_the_film_goes_on_at_its_own_pace() -> None:
    pacer = Pacer(is_paced=True)
    pacer.wait(0, 0.0)
    time.sleep(0.3)

    pacer.wait(10 * MS, 0.0)

    # Without a new start this frame would be long due.
    assert not pacer.wait(100 * MS, 0.0)
