"""Reads every sensor of the machine, each in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from app.errors import WorkerStuckError
from app.hardware.readings import Gap, HardwareSample
from app.process import accompany_window
from app.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.hardware.catalogue import Reader

log = logging.getLogger(__name__)

_JOIN_S = 0.3


class HardwareMonitor:
    """Keeps the newest reading of every sensor.

    A driver can hang in the kernel, where nothing can interrupt it: each reader has its
    own thread, so that a slow one delays nobody. What has not answered for `stale_s`
    is a gap in the sample, and no old figure.

    Parameters
    ----------
    makers : sequence of callable
        Each makes one reader, in the thread that uses it.
    period_s : float
        From one read to the next.
    stale_s : float
        Older readings are not told any more.
    """

    def __init__(
        self,
        makers: Sequence[Callable[[], Reader]],
        period_s: float = 1.0,
        stale_s: float = 3.5,
    ) -> None:
        self._stale_s = stale_s
        self._period_s = period_s
        self._threads = [_SensorThread(maker, period_s) for maker in makers]
        self._workers = [
            Worker(f"sensor-{number}", each.run, _log_end)
            for number, each in enumerate(self._threads)
        ]

    def start(self) -> None:
        """Start reading."""
        for worker in self._workers:
            worker.start()

    def stop(self) -> None:
        """Stop reading; a reader that hangs is left to the end of the process."""
        for worker in self._workers:
            worker.request_stop()
        for worker, thread in zip(self._workers, self._threads, strict=True):
            try:
                worker.join(_JOIN_S)
            except WorkerStuckError:
                log.warning("the sensor %s does not answer", thread.name)

    def set_period(self, period_s: float) -> None:
        """Read so often from the next reading on."""
        self._stale_s += period_s - self._period_s
        self._period_s = period_s
        for thread in self._threads:
            thread.period_s = period_s

    def wait(self, deadline_s: float) -> None:
        """Wait until every reader has answered, at most so long."""
        end_s = time.monotonic() + deadline_s
        for thread in self._threads:
            thread.answered.wait(max(0.0, end_s - time.monotonic()))

    def sample(self) -> HardwareSample:
        """What is known now; any thread may ask."""
        now_s = time.monotonic()
        joined = HardwareSample(time_s=now_s)
        for thread in self._threads:
            joined = joined.merged(thread.newest(now_s, self._stale_s))
        return joined


class _SensorThread:
    """Reads one sensor again and again."""

    def __init__(self, maker: Callable[[], Reader], period_s: float) -> None:
        self.name = ""
        self.answered = threading.Event()
        self._maker = maker
        self.period_s = period_s
        self._newest_lock = threading.Lock()
        self._newest: HardwareSample | None = None
        self._started_s = time.monotonic()
        self._read_s = self._started_s

    def run(self, stop: threading.Event) -> None:
        """Read until asked to stop: the body of a worker."""
        # Nothing here is worth a frame.
        accompany_window()
        reader = self._maker()
        self.name = reader.name
        while True:
            part = reader.read()
            with self._newest_lock:
                self._newest = part
                self._read_s = time.monotonic()
            self.answered.set()
            if stop.wait(self.period_s):
                return

    def newest(self, now_s: float, stale_s: float) -> HardwareSample:
        """What was read last, or a gap where that is too long ago."""
        with self._newest_lock:
            part, read_s = self._newest, self._read_s
        age_s = now_s - read_s
        if part is not None and age_s <= stale_s:
            return part
        if part is None and age_s <= stale_s:
            return HardwareSample()
        gap = Gap(self.name or "a sensor", f"no answer for {age_s:.0f} s")
        return HardwareSample(gaps=(gap,))


def _log_end(error: Exception | None) -> None:
    if error is not None:
        log.error("a sensor is not read any more", exc_info=error)
