"""What a process of the console sets before its threads start."""

from __future__ import annotations

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

_YIELDING_NICENESS = 10


def prepare_process() -> None:
    """Set up the interpreter and OpenCV for several busy threads."""
    # Beside a busy GUI, Python's default of 5 ms lets a worker wait 4.5-11 ms for its
    # turn (99.9th percentile); with 0.2 ms it is 2 ms, at no measurable cost.
    sys.setswitchinterval(0.0002)
    # The pictures are small and every core has its work: OpenCV's own threads spin
    # for 1 ms a frame, a tenth of a core, to save a tenth of that.
    os.environ.setdefault("OPENCV_FOR_THREADS_NUM", "1")
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(1)


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
    """Let the calling thread, which has the window, run before ordinary ones.

    Parameters
    ----------
    urgency : int
        As in `hurry_thread`; 0 when the window is closed.
    """
    _Window.urgency = urgency
    hurry_thread(urgency)


def accompany_window() -> None:
    """Let the calling thread run with the window, or yield where there is none.

    A thread that has the interpreter and gets no core holds the window up for as long:
    it has to be as urgent as the window. Not for threads that work without a pause.
    """
    yield_thread()
    if _Window.urgency:
        hurry_thread(_Window.urgency)


def yield_thread() -> None:
    """Let other threads run before the calling one where cores are few."""
    if hasattr(os, "setpriority") and sys.platform == "linux":
        # There, a process's number 0 means the calling thread.
        os.setpriority(os.PRIO_PROCESS, 0, _YIELDING_NICENESS)
