"""What a process of the console sets before its threads start."""

from __future__ import annotations

import ctypes
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

# Each picture takes several turns of the processor from the inference: on two cores
# 60 a second instead of 30 cost it a seventh of its rate.
DISPLAY_PERIOD_S = 1 / 60 if (os.cpu_count() or 1) > 2 else 1 / 30
"""Shortest time from one picture of the feed to the next."""


class Urgency:
    """Who goes before whom where cores are few: larger goes first, equals take turns.

    What has its time comes first. The window takes turns with what may be late by a
    frame: behind it, it would wait for long while two engines run at once.
    """

    CAPTURE = 6
    CAMERA = 5
    """Of a process that stands for a camera, which owes nothing to the processor."""
    INFERENCE = 4
    TRACKING = 3
    RECORDER = 3
    WINDOW = 3
    BESIDE = 2
    """Of what shares an interpreter with one of them: without a core it holds it up."""


_YIELDING_NICENESS = 10
_M_ARENA_MAX = -8  # of mallopt(3)
_ARENAS = 2


def prepare_process() -> None:
    """Set up the interpreter, OpenCV and the allocator for several busy threads."""
    # Beside a busy GUI, Python's default of 5 ms lets a worker wait 4.5-11 ms for its
    # turn (99.9th percentile); with 0.2 ms it is 2 ms, at no measurable cost.
    sys.setswitchinterval(0.0002)
    # The pictures are small and every core has its work: OpenCV's own threads spin
    # for 1 ms a frame, a tenth of a core, to save a tenth of that.
    os.environ.setdefault("OPENCV_FOR_THREADS_NUM", "1")
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(1)
    _limit_arenas()


def _limit_arenas() -> None:
    """Have the threads share two heaps.

    Otherwise glibc gives a heap to each new thread, and an engine that is opened brings
    several: each heap keeps what it once held, and the process grows with every swap.
    """
    if sys.platform == "linux":
        with suppress(AttributeError):  # another C library
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)


def name_thread(name: str) -> None:
    """Let `top -H` and `perf` show the calling thread by its name.

    Python does that by itself from 3.14 on. Linux keeps 15 characters of it.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            Path("/proc/thread-self/comm").write_text(name, encoding="utf-8")


def hurry_thread(urgency: int, thread_id: int = 0) -> None:
    """Let a thread run before others as soon as it can run.

    Real-time scheduling needs a permission: of root, or `rtprio` in the limits of the
    user. Without it the thread stays as it is. What the thread starts, a library's
    own threads say, does not inherit it.

    Parameters
    ----------
    urgency : int
        1 to 99. Larger goes before smaller; 1 goes before every ordinary thread, and
        0 makes it one again.
    thread_id : int
        Of the system; a process's is that of its main thread. 0 is the calling one.
    """
    if not hasattr(os, "sched_setscheduler"):
        return
    policy = os.SCHED_RR if urgency else os.SCHED_OTHER
    try:
        policy |= os.SCHED_RESET_ON_FORK
        os.sched_setscheduler(thread_id, policy, os.sched_param(urgency))
    except OSError as error:
        log.info("no real-time priority %d: %s", urgency, error.strerror)


class _Window:
    """Whether this process has the window, and so who shares its interpreter."""

    urgency = 0


def hurry_window(urgency: int) -> None:
    """Let every thread of this process run before ordinary ones.

    The calling one has the window; what was started before it are the thread that hears
    the feed and the one in which the window system's words arrive: the window waits
    for both.

    Parameters
    ----------
    urgency : int
        As in `hurry_thread`; 0 when the window is closed.
    """
    _Window.urgency = urgency
    for thread_id in _threads():
        hurry_thread(urgency, thread_id)


def _threads() -> list[int]:
    """Of this process, as the system numbers them; 0, the calling one, elsewhere."""
    if sys.platform != "linux":
        return [0]
    return [int(task.name) for task in Path("/proc/self/task").iterdir()]


def accompany_window(*, is_busy: bool = False) -> None:
    """Let the calling thread run with the window, or yield where there is none.

    A thread that has the interpreter and gets no core holds the window up for as long:
    it has to be nearly as urgent as the window.

    Parameters
    ----------
    is_busy : bool
        Whether it works without a pause: then the window goes before it.
    """
    yield_thread()
    if _Window.urgency:
        hurry_thread(Urgency.BESIDE if is_busy else _Window.urgency)


def waited_ms() -> float:
    """How long the calling thread has waited for a core since it was started.

    0 where the system does not tell.
    """
    try:
        facts = Path("/proc/thread-self/schedstat").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return int(facts.split()[1]) * 1e-6


def yield_thread() -> None:
    """Let other threads run before the calling one where cores are few."""
    if hasattr(os, "setpriority") and sys.platform == "linux":
        # There, a process's number 0 means the calling thread.
        os.setpriority(os.PRIO_PROCESS, 0, _YIELDING_NICENESS)


def yield_process(pid: int) -> None:
    """Let the other programs run before a process that leads a session of its own.

    Where the kernel groups processes by session, as it does on desktops, a niceness
    counts within the session only: the session gets one too.

    Parameters
    ----------
    pid : int
        Of a child, started with `start_new_session`.
    """
    if not hasattr(os, "setpriority"):
        return
    os.setpriority(os.PRIO_PROCESS, pid, _YIELDING_NICENESS)
    with suppress(OSError):  # a kernel that does not group
        Path(f"/proc/{pid}/autogroup").write_text(
            str(_YIELDING_NICENESS), encoding="ascii"
        )
