"""Cycles of widgets die in the GUI thread, whoever allocates."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING

import pytest

from widgets.garbage import GuiCollector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot


class Cycle:
    """Notes in which thread it dies."""

    died_in: list[str]

    def __init__(self, died_in: list[str]) -> None:
        self.died_in = died_in
        self.itself = self

    def __del__(self) -> None:
        self.died_in.append(threading.current_thread().name)


@pytest.fixture
def collector(qtbot: QtBot) -> Iterator[GuiCollector]:  # noqa: ARG001  Qt must run
    collector = GuiCollector()
    collector.start()
    yield collector
    collector.stop()
    gc.disable()


def _allocate() -> None:
    kept = [[number] for number in range(50_000)]
    assert len(kept) == 50_000


def _in_a_thread() -> None:
    thread = threading.Thread(target=_allocate, name="display")
    thread.start()
    thread.join()


def test_python_alone_destroys_them_in_the_thread_that_allocates() -> None:
    """Else the collector would be of no use."""
    died_in: list[str] = []
    gc.enable()

    Cycle(died_in)
    _in_a_thread()

    assert died_in == ["display"]


@pytest.mark.usefixtures("collector")
def test_with_the_collector_they_wait_for_the_gui_thread(qtbot: QtBot) -> None:
    died_in: list[str] = []

    Cycle(died_in)
    _in_a_thread()
    kept = [[number] for number in range(1_000)]

    assert died_in == []
    qtbot.waitUntil(lambda: died_in != [])
    assert died_in == [threading.main_thread().name]
    assert len(kept) == 1_000


@pytest.mark.parametrize(
    ("made", "collections"), [(10, [0, 0, 0]), (10_000, [180, 18, 2])]
)
def test_older_generations_are_collected_less_often_and_none_for_little(
    collector: GuiCollector,
    monkeypatch: pytest.MonkeyPatch,
    made: int,
    collections: list[int],
) -> None:
    collected: list[int] = []

    with monkeypatch.context() as patch:
        patch.setattr(gc, "get_count", lambda: (made, 0, 0))
        patch.setattr(gc, "collect", collected.append)
        for _ in range(200):
            collector.look()

    assert [collected.count(each) for each in (0, 1, 2)] == collections


def test_python_collects_again_once_the_window_is_closed(
    collector: GuiCollector,
) -> None:
    assert not gc.isenabled()

    collector.stop()

    assert gc.isenabled()
