"""The only two ways between threads: `LatestSlot` and `Backlog`."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class LatestSlot(Generic[T]):
    """Holds the newest: what it replaced is counted.

    Neither side ever waits for the other; only `take` waits, for an item.

    Parameters
    ----------
    depth : int
        Items that are held in order for a reader that is late for once. When they do
        not fit any more, the reader has fallen behind: the new one then replaces all
        of them. Larger loses fewer items to a short delay, and shows them later.
    """

    def __init__(self, depth: int = 1) -> None:
        self._depth = depth
        self._condition = threading.Condition()
        self._items: deque[T] = deque()
        self._is_closed = False
        self._replaced = 0

    def put(self, item: T) -> list[T]:
        """Hand over an item.

        Returns
        -------
        list of items
            Those that nobody took and this one replaced; after `close`, the item
            itself.
        """
        with self._condition:
            if self._is_closed:
                return [item]
            replaced: list[T] = []
            if len(self._items) >= self._depth:
                replaced.extend(self._items)
                self._items.clear()
                self._replaced += len(replaced)
            self._items.append(item)
            self._condition.notify()
        return replaced

    def take(self, timeout_s: float) -> T | None:
        """Remove the oldest item that is held, waiting for one if there is none."""
        with self._condition:
            self._condition.wait_for(
                lambda: bool(self._items) or self._is_closed, timeout_s
            )
            return self._items.popleft() if self._items else None

    def close(self) -> None:
        """Wake who waits. What is in the slot can still be taken."""
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()

    @property
    def is_drained(self) -> bool:
        """Whether it is closed and empty: the reader is done."""
        with self._condition:
            return self._is_closed and not self._items

    @property
    def replaced(self) -> int:
        """How many items were replaced before anybody took them."""
        with self._condition:
            return self._replaced


class Backlog(Generic[T]):
    """Holds items in order up to a limit; a refused item is counted.

    `offer` never waits. A writer that must lose nothing waits for room first.

    Parameters
    ----------
    limit : int
        How many items fit. Larger rides out longer stalls of the reader and holds
        more memory.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._condition = threading.Condition()
        self._items: deque[T] = deque()
        self._is_closed = False
        self._refused = 0

    def offer(self, item: T) -> bool:
        """Append an item; False, and counted, if it is full or closed."""
        with self._condition:
            if self._is_closed or len(self._items) >= self._limit:
                self._refused += 1
                return False
            self._items.append(item)
            self._condition.notify_all()
            return True

    def wait_for_room(self, timeout_s: float) -> bool:
        """Wait until an item fits; False if none did in time or it is closed."""
        with self._condition:
            self._condition.wait_for(
                lambda: len(self._items) < self._limit or self._is_closed, timeout_s
            )
            return len(self._items) < self._limit and not self._is_closed

    def take(self, timeout_s: float) -> T | None:
        """Remove the oldest item, waiting for one if there is none."""
        with self._condition:
            self._condition.wait_for(
                lambda: bool(self._items) or self._is_closed, timeout_s
            )
            if not self._items:
                return None
            item = self._items.popleft()
            self._condition.notify_all()
            return item

    def close(self) -> None:
        """Refuse further items and wake who waits; the reader can drain the rest."""
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()

    def __len__(self) -> int:
        with self._condition:
            return len(self._items)

    @property
    def is_drained(self) -> bool:
        """Whether it is closed and empty: the reader is done."""
        with self._condition:
            return self._is_closed and not self._items

    @property
    def refused(self) -> int:
        """How many items did not fit."""
        with self._condition:
            return self._refused
