"""A line every few seconds: how far, and how long it will still take."""

from __future__ import annotations

import time


class Progress:
    """Prints the progress of something counted.

    Parameters
    ----------
    what : str
        What is counted, in the plural.
    total : int
        How many there will be.
    done : int
        How many there were before: they do not count for the time left.
    every_s : float
        Least time between two lines.
    """

    def __init__(
        self, what: str, total: int, done: int = 0, every_s: float = 5.0
    ) -> None:
        self._what = what
        self._total = total
        self._done_before = done
        self._every_s = every_s
        self._start_s = time.monotonic()
        self._shown_s = self._start_s

    def show(self, done: int, remark: str = "") -> None:
        """Print a line if it is time for one, or if all is done."""
        now_s = time.monotonic()
        if done < self._total and now_s - self._shown_s < self._every_s:
            return
        self._shown_s = now_s
        elapsed_s = now_s - self._start_s
        each_s = elapsed_s / max(1, done - self._done_before)
        left_s = each_s * (self._total - done)
        print(
            f"{self._what} {done}/{self._total}  {elapsed_s:.0f} s passed, "
            f"{left_s:.0f} s left  {remark}".rstrip(),
            flush=True,
        )
