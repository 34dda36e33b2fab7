"""Keeps a stored source to real time."""

from __future__ import annotations

import time

_RESTART_NS = 250_000_000


class Pacer:
    """Waits until a frame is due.

    Frames are due at the distance of their timestamps, counted from the first. A
    reader that comes much too late (it was paused, or is too slow) starts the
    count anew instead of being flooded with what it missed.

    Parameters
    ----------
    is_paced : bool
        Without pacing every frame is due at once.
    """

    def __init__(self, *, is_paced: bool) -> None:
        self._is_paced = is_paced
        self._epoch_ns: int | None = None

    def wait(self, timestamp_ns: int, timeout_s: float) -> bool:
        """Wait for a frame's time; False if it is not there after `timeout_s`."""
        if not self._is_paced:
            return True
        now_ns = time.monotonic_ns()
        if (
            self._epoch_ns is None
            or now_ns - self._epoch_ns - timestamp_ns > _RESTART_NS
        ):
            self._epoch_ns = now_ns - timestamp_ns
        return sleep_until(self._epoch_ns + timestamp_ns, timeout_s)


def sleep_until(due_ns: int, timeout_s: float) -> bool:
    """Sleep until a time of `time.monotonic_ns`; False if that takes too long."""
    remaining_s = (due_ns - time.monotonic_ns()) * 1e-9
    if remaining_s > timeout_s:
        time.sleep(max(0.0, timeout_s))
        return False
    if remaining_s > 0.0:
        time.sleep(remaining_s)
    return True
