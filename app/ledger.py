"""The frame ledger: every frame a source numbered ends in exactly one place."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class LedgerCounts:
    """Where the frames are at one moment.

    Two sums always hold, and `is_balanced` checks them:
    numbered = lost + captured, and
    captured = pending + inferred + replaced + skipped + discarded.
    """

    numbered: int = 0
    """Frames the source has numbered so far."""
    lost: int = 0
    """Lost at the source: gaps in its numbers."""
    captured: int = 0
    """Arrived here."""
    pending: int = 0
    """Waiting for the engine, or in it."""
    inferred: int = 0
    """Went through engine and tracker."""
    replaced: int = 0
    """A newer frame took their place while they waited (live mode)."""
    skipped: int = 0
    """Arrived while the operator had paused a live source."""
    discarded: int = 0
    """Waited when the pipeline stopped, or were in the engine when it failed."""

    @property
    def is_balanced(self) -> bool:
        """Whether every frame is accounted for exactly once."""
        ended = self.inferred + self.replaced + self.skipped + self.discarded
        return (
            self.numbered == self.lost + self.captured
            and self.captured == self.pending + ended
        )


class FrameLedger:
    """Counts frames; written by the worker threads, read by anybody."""

    def __init__(self) -> None:
        self._counts_lock = threading.Lock()
        self._counts = LedgerCounts()
        self._last_index = -1

    def capture(self, index: int) -> None:
        """A frame with this number arrived; a gap before it is counted as lost."""
        with self._counts_lock:
            gap = index - self._last_index - 1
            self._last_index = index
            counts = self._counts
            self._counts = replace(
                counts,
                numbered=counts.numbered + gap + 1,
                lost=counts.lost + gap,
                captured=counts.captured + 1,
                pending=counts.pending + 1,
            )

    def infer(self) -> None:
        """A waiting frame went through engine and tracker."""
        self._end("inferred")

    def replace(self) -> None:
        """A waiting frame was replaced by a newer one."""
        self._end("replaced")

    def skip(self) -> None:
        """A captured frame was not wanted: the operator had paused."""
        self._end("skipped")

    def discard(self) -> None:
        """A waiting frame will not be inferred: the pipeline stops or has failed."""
        self._end("discarded")

    def counts(self) -> LedgerCounts:
        """One consistent snapshot."""
        with self._counts_lock:
            return self._counts

    def _end(self, place: str) -> None:
        with self._counts_lock:
            counts = self._counts
            moved = {place: getattr(counts, place) + 1, "pending": counts.pending - 1}
            self._counts = replace(counts, **moved)
