"""The last seconds before a start, compressed."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.recording.encoder import EncodedFrame
    from app.recording.rows import GapRow, ResultRow

# Packets are held from the beginning of a group on: a second at 30 frames a second.
_GROUP_S = 1.0


class PreTriggerRing:
    """Holds packets of the last seconds, cut where a file may begin.

    It holds up to one group of pictures more than it is asked for. Used by one thread;
    the two properties may be read by any.

    Parameters
    ----------
    length_s : float
        How much to hold.
    """

    def __init__(self, length_s: float) -> None:
        self.length_s = length_s
        self._length_ns = round(length_s * 1e9)
        self._groups: deque[list[EncodedFrame]] = deque()
        self._gaps: deque[GapRow] = deque()
        self._size_bytes = 0

    def add(self, frame: EncodedFrame) -> None:
        """Add the newest packet, and let go of groups that are too old."""
        if frame.is_key:
            self._groups.append([])
        elif not self._groups:
            return
        self._groups[-1].append(frame)
        self._size_bytes += frame.size_bytes
        oldest_ns = frame.captured_ns - self._length_ns
        while len(self._groups) > 1 and self._groups[1][0].captured_ns <= oldest_ns:
            gone = self._groups.popleft()
            self._size_bytes -= sum(each.size_bytes for each in gone)
        while self._gaps and self._gaps[0].time_ns < self._groups[0][0].captured_ns:
            self._gaps.popleft()

    def add_gap(self, gap: GapRow) -> None:
        """Note frames that are missing in it."""
        self._gaps.append(gap)

    def take(self) -> tuple[list[EncodedFrame], list[GapRow]]:
        """Give everything, and hold nothing."""
        frames = [frame for group in self._groups for frame in group]
        gaps = list(self._gaps)
        self.clear()
        return frames, gaps

    def clear(self) -> None:
        """Hold nothing."""
        self._groups.clear()
        self._gaps.clear()
        self._size_bytes = 0

    @property
    def size_bytes(self) -> int:
        """How much memory the packets take."""
        return self._size_bytes

    @property
    def seconds(self) -> float:
        """How much time is held."""
        try:
            first, last = self._groups[0][0], self._groups[-1][-1]
        except IndexError:
            return 0.0
        return (last.captured_ns - first.captured_ns) * 1e-9


class ResultRing:
    """Holds results of the last seconds, and of a group before; used by one thread."""

    def __init__(self, length_s: float) -> None:
        self._length_ns = round((length_s + _GROUP_S) * 1e9)
        self._rows: deque[ResultRow] = deque()

    def add(self, row: ResultRow) -> None:
        """Add the newest, and let go of what is too old."""
        self._rows.append(row)
        while self._rows[0].captured_ns < row.captured_ns - self._length_ns:
            self._rows.popleft()

    def take(self) -> list[ResultRow]:
        """Give everything, and hold nothing."""
        rows = list(self._rows)
        self._rows.clear()
        return rows
