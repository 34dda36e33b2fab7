from __future__ import annotations

import threading
import time

from app.handoff import Backlog, LatestSlot


def test_a_slot_gives_the_newest_item_and_counts_the_replaced() -> None:
    slot: LatestSlot[int] = LatestSlot()

    left_over = [slot.put(item) for item in (1, 2, 3)]

    assert left_over == [[], [1], [2]]
    assert slot.take(timeout_s=0) == 3
    assert slot.replaced == 2


def test_a_deeper_slot_keeps_the_order_for_a_reader_that_is_late_for_once() -> None:
    slot: LatestSlot[int] = LatestSlot(depth=2)

    left_over = [slot.put(item) for item in (1, 2)]

    assert left_over == [[], []]
    assert [slot.take(timeout_s=0) for _ in range(2)] == [1, 2]


def test_a_reader_that_fell_behind_gets_the_newest() -> None:
    slot: LatestSlot[int] = LatestSlot(depth=2)

    left_over = [slot.put(item) for item in (1, 2, 3)]

    assert left_over[-1] == [1, 2]
    assert slot.take(timeout_s=0) == 3
    assert slot.replaced == 2


def test_an_empty_slot_gives_nothing_after_its_timeout() -> None:
    slot: LatestSlot[int] = LatestSlot()
    started = time.monotonic()

    item = slot.take(timeout_s=0.02)

    assert item is None
    assert time.monotonic() - started >= 0.02


def test_a_slot_wakes_who_waits_for_an_item() -> None:
    slot: LatestSlot[str] = LatestSlot()
    taken: list[str | None] = []
    reader = threading.Thread(target=lambda: taken.append(slot.take(timeout_s=10)))
    reader.start()

    slot.put("frame")
    reader.join(5)

    assert taken == ["frame"]


def test_a_closed_slot_gives_what_it_holds_and_returns_what_comes_later() -> None:
    slot: LatestSlot[int] = LatestSlot()
    slot.put(1)

    slot.close()

    assert not slot.is_drained
    assert slot.put(2) == [2]
    assert slot.take(timeout_s=10) == 1
    assert slot.take(timeout_s=10) is None
    assert slot.is_drained


def test_a_backlog_keeps_order_and_counts_what_it_refuses() -> None:
    backlog: Backlog[int] = Backlog(limit=2)

    accepted = [backlog.offer(item) for item in (1, 2, 3)]

    assert accepted == [True, True, False]
    assert (len(backlog), backlog.refused) == (2, 1)
    assert [backlog.take(timeout_s=0) for _ in range(3)] == [1, 2, None]


def test_a_closed_backlog_can_be_drained() -> None:
    backlog: Backlog[int] = Backlog(limit=2)
    backlog.offer(1)

    backlog.close()

    assert not backlog.offer(2)
    assert not backlog.is_drained
    assert backlog.take(timeout_s=10) == 1
    assert backlog.is_drained
    assert backlog.take(timeout_s=10) is None


def test_a_writer_waits_for_room_until_the_reader_takes() -> None:
    backlog: Backlog[int] = Backlog(limit=1)
    backlog.offer(1)
    assert not backlog.wait_for_room(timeout_s=0.01)
    had_room: list[bool] = []
    writer = threading.Thread(target=lambda: had_room.append(backlog.wait_for_room(10)))
    writer.start()

    backlog.take(timeout_s=0)
    writer.join(5)

    assert had_room == [True]


def test_a_closed_backlog_has_no_room() -> None:
    backlog: Backlog[int] = Backlog(limit=1)

    backlog.close()

    assert not backlog.wait_for_room(timeout_s=10)
