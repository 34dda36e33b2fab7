from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from app.errors import WorkerStuckError
from app.worker import Worker


def test_a_body_that_returns_ends_without_an_error() -> None:
    ends: list[Exception | None] = []
    worker = Worker("counting", lambda _stop: None, ends.append)

    worker.start()
    worker.join(5)

    assert ends == [None]
    assert not worker.is_alive


@pytest.mark.skipif(sys.platform != "linux", reason="threads have names on Linux")
def test_the_system_knows_a_thread_by_its_name() -> None:
    names: list[str] = []

    def body(_stop: threading.Event) -> None:
        names.append(Path("/proc/thread-self/comm").read_text().strip())

    worker = Worker("a name that is long", body, lambda _: None)
    worker.start()
    worker.join(5)

    assert names == ["a name that is"]


def test_an_error_of_the_body_is_handed_on() -> None:
    ends: list[Exception | None] = []
    error = RuntimeError("no light")

    def body(_stop: threading.Event) -> None:
        raise error

    worker = Worker("failing", body, ends.append)

    worker.start()
    worker.join(5)

    assert ends == [error]


def test_a_body_sees_the_request_to_stop() -> None:
    ends: list[Exception | None] = []
    worker = Worker("waiting", lambda stop: stop.wait(10) and None, ends.append)
    worker.start()

    worker.request_stop()
    worker.join(5)

    assert ends == [None]


def test_a_thread_that_does_not_stop_is_named() -> None:
    release = threading.Event()
    worker = Worker(
        "stuck", lambda _stop: release.wait(10) and None, lambda _error: None
    )
    worker.start()

    with pytest.raises(WorkerStuckError, match="stuck"):
        worker.join(0.01)

    release.set()
    worker.join(5)


def test_a_worker_that_was_never_started_joins_at_once() -> None:
    worker = Worker("idle", lambda _stop: None, lambda _error: None)

    worker.join(0)

    assert not worker.is_alive
