"""What share of the processor the recorder gets."""

from __future__ import annotations

import logging
import os
import sys

log = logging.getLogger(__name__)

_NICENESS = -10


def prefer_thread() -> None:
    """Let the calling thread go before ordinary ones, where that is allowed.

    The recorder may not leave out a frame, so that it goes before the display and
    other programs; but never before capture and inference, which it would delay:
    hence no real-time scheduling.
    """
    if sys.platform != "linux":
        return
    try:
        # There, a process's number 0 means the calling thread.
        os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)
    except OSError as error:
        log.info("the recorder has no preference: %s", error.strerror)
