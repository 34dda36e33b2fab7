from __future__ import annotations

import os
import threading

import pytest

from app.process import Urgency, hurry_thread
from app.recording import priority
from app.recording.priority import ThreadPreference


class _Clocks:
    """The two clocks that a preference reads."""

    def __init__(self) -> None:
        self.now_ns = self.used_ns = 0

    def monotonic_ns(self) -> int:
        return self.now_ns

    def thread_time_ns(self) -> int:
        return self.used_ns

    def pass_time(self, seconds: float, share: float) -> None:
        self.now_ns += round(seconds * 1e9)
        self.used_ns += round(seconds * share * 1e9)


@pytest.fixture
def urgencies(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    asked: list[int] = []
    monkeypatch.setattr(priority, "hurry_thread", asked.append)
    monkeypatch.setattr(priority, "_prefer", lambda: None)
    return asked


def test_a_thread_is_urgent_while_it_leaves_enough_to_the_window(
    urgencies: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    clocks = _Clocks()
    monkeypatch.setattr(priority, "time", clocks)
    preference = ThreadPreference(is_live=True)

    clocks.pass_time(1.1, share=0.4)
    preference.look()
    clocks.pass_time(1.1, share=0.9)
    preference.look()
    clocks.pass_time(0.5, share=0.0)
    preference.look()
    held_back = list(urgencies)
    clocks.pass_time(0.6, share=0.0)
    preference.look()

    assert held_back == [Urgency.RECORDER, 0]
    assert urgencies == [Urgency.RECORDER, 0, Urgency.RECORDER]


def test_nothing_is_urgent_where_the_source_waits(urgencies: list[int]) -> None:
    ThreadPreference(is_live=False).look()

    assert urgencies == []


def test_a_thread_can_be_made_ordinary_again() -> None:
    policies: list[int] = []

    def hurry_and_stop() -> None:
        hurry_thread(Urgency.RECORDER)
        hurry_thread(0)
        policies.append(os.sched_getscheduler(0))

    thread = threading.Thread(target=hurry_and_stop)
    thread.start()
    thread.join()

    assert policies[0] & ~os.SCHED_RESET_ON_FORK == os.SCHED_OTHER
