"""What share of the processor the recorder gets."""

from __future__ import annotations

import logging
import os
import sys
import time

from app.process import Urgency, hurry_thread

log = logging.getLogger(__name__)

_NICENESS = -10
# With this much of a core it leaves enough to the window, also where cores are few.
_MOST_SHARE = 0.6
_LOOK_NS = 1_000_000_000


class ThreadPreference:
    """Lets the calling thread go before ordinary ones, for as long as that is harmless.

    The recorder may not leave out a frame, so that it goes before other programs; but
    never before capture and inference, which it would delay. A
    better niceness alone does not do that: where the kernel groups processes by
    session, as desktops do, it counts within one group only. Real-time scheduling
    does, and an encoder that is too slow would with it take what the window needs to
    say so. Hence it has that while it needs little.

    Made and used by one thread.

    Parameters
    ----------
    is_live : bool
        Whether frames come at their own time; where they wait, nothing is urgent.
    """

    def __init__(self, *, is_live: bool) -> None:
        self._is_live = is_live
        self._is_urgent = False
        self._looked = time.monotonic_ns(), time.thread_time_ns()
        _prefer()
        self._set_urgent(True)

    def look(self) -> None:
        """Go by how much of the processor the thread has used; call it often."""
        now_ns = time.monotonic_ns()
        then_ns, used_ns = self._looked
        if now_ns - then_ns < _LOOK_NS:
            return
        self._looked = now_ns, time.thread_time_ns()
        share = (self._looked[1] - used_ns) / (now_ns - then_ns)
        self._set_urgent(share < _MOST_SHARE)

    def _set_urgent(self, is_urgent: bool) -> None:
        if not self._is_live or is_urgent == self._is_urgent:
            return
        self._is_urgent = is_urgent
        hurry_thread(Urgency.RECORDER if is_urgent else 0)


def _prefer() -> None:
    if sys.platform != "linux":
        return
    try:
        # There, a process's number 0 means the calling thread.
        os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)
    except OSError as error:
        log.info("the recorder has no preference: %s", error.strerror)
