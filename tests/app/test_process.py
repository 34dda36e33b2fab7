"""Who runs before whom in the window's process."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app import process
from app.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def urgencies(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int] | str]:
    """What was asked of the system, and for which thread; all stay as they are."""
    asked: list[tuple[int, int] | str] = []

    def note(urgency: int, thread_id: int = 0) -> None:
        asked.append((urgency, thread_id))

    monkeypatch.setattr(process, "hurry_thread", note)
    monkeypatch.setattr(process, "yield_thread", lambda: asked.append("yields"))
    return asked


@pytest.fixture
def running() -> Iterator[threading.Thread]:
    """A thread that was started before the window opens."""
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    yield thread
    stop.set()
    thread.join()


def test_every_thread_that_there_is_hurries_with_the_window(
    urgencies: list[tuple[int, int] | str], running: threading.Thread
) -> None:
    process.hurry_window(1)
    process.hurry_window(0)

    for thread in (threading.main_thread(), running):
        assert [each for each in urgencies if each[1] == thread.native_id] == [
            (1, thread.native_id),
            (0, thread.native_id),
        ]


def test_what_starts_later_and_shares_the_windows_interpreter_is_as_urgent(
    urgencies: list[tuple[int, int] | str],
) -> None:
    process.hurry_window(1)
    urgencies.clear()
    process.accompany_window()

    assert urgencies == ["yields", (1, 0)]
    process.hurry_window(0)


def test_without_a_window_it_yields(urgencies: list[tuple[int, int] | str]) -> None:
    process.accompany_window()

    assert urgencies == ["yields"]


_HEAPS = """
import ctypes, sys, threading
{prepare}
def allocate(start, end):
    start.wait()
    kept = [bytearray(2000) for _ in range(500)]
    end.wait()
start, end = threading.Barrier(9), threading.Barrier(9)
for _ in range(8):
    threading.Thread(target=allocate, args=(start, end)).start()
start.wait(); end.wait()
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
stream = libc.fdopen(1, b"w")
libc.malloc_info(0, ctypes.c_void_p(stream))
libc.fflush(ctypes.c_void_p(stream))
"""


def _heaps(prepare: str) -> int:
    command = [sys.executable, "-c", _HEAPS.format(prepare=prepare)]
    told = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return told.stdout.count("<heap nr=")


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="other C libraries have other heaps"
)
def test_eight_threads_share_two_heaps() -> None:
    prepare = "from app.process import prepare_process; prepare_process()"

    assert _heaps("") > 2
    assert _heaps(prepare) == 2


@pytest.fixture
def neighbour() -> Iterator[subprocess.Popen[bytes]]:
    """A program that never rests, bound to the processor this thread is bound to."""
    mine = os.sched_getaffinity(0)
    one = {min(mine)}
    command = f"import os; os.sched_setaffinity(0, {one})\nwhile True: pass"
    with subprocess.Popen(
        [sys.executable, "-c", command], start_new_session=True
    ) as child:
        os.sched_setaffinity(0, one)
        yield child
        os.sched_setaffinity(0, mine)
        child.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_waiting_for_a_core_is_told(neighbour: subprocess.Popen[bytes]) -> None:
    before_ms = process.waited_ms()

    # Both want the same processor all the time: one of them waits, in turn.
    while process.waited_ms() == before_ms:
        assert neighbour.poll() is None

    assert process.waited_ms() > before_ms


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux groups by session")
def test_a_child_yields_with_its_session(
    neighbour: subprocess.Popen[bytes],
) -> None:
    group = Path(f"/proc/{neighbour.pid}/autogroup")

    process.yield_process(neighbour.pid)

    assert os.getpriority(os.PRIO_PROCESS, neighbour.pid) == 10
    if group.exists():
        assert group.read_text(encoding="ascii").split()[-1] == "10"
