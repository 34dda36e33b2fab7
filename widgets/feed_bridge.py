"""Looks at a running feed and tells the window, in the GUI thread."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from app.process import DISPLAY_PERIOD_S
from app.telemetry import RateMeter, TelemetrySample

if TYPE_CHECKING:
    from app.display import Display
    from app.feed import Feed
    from app.pipeline import PipelineState, PipelineStatus

_SAMPLE_S = 0.1
# Digits that change ten times a second cannot be read.
_STATUS_S = 0.25


class FeedBridge(QObject):
    """Polls a feed and the display, and emits what is new.

    A signal per frame would pile up behind a slow slot without limit; here one poll
    takes one picture, the newest.

    Parameters
    ----------
    display : Display
        Its pictures are taken here, by nobody else.
    """

    picture_taken = Signal(object)  # Picture: the newest
    status_taken = Signal(object)  # PipelineStatus: four times a second
    sample_taken = Signal(object)  # TelemetrySample: ten times a second
    state_changed = Signal(object)  # PipelineStatus: its state is another than before
    display_faulted = Signal(object)  # Exception: the display has ended by a bug

    def __init__(self, display: Display) -> None:
        super().__init__()
        self._display = display
        self._feed: Feed | None = None
        self._state: PipelineState | None = None
        self._display_fault: Exception | None = None
        self._sample_due_s = 0.0
        self._status_due_s = 0.0
        # Pictures that are composed while the window is busy are never seen.
        self._shown = RateMeter()
        self._period_s = DISPLAY_PERIOD_S
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self.set_picture_period(DISPLAY_PERIOD_S)
        self._timer.timeout.connect(self.poll)

    def set_picture_period(self, period_s: float) -> None:
        """Expect pictures no more often than this."""
        self._period_s = period_s
        # Twice as often: a picture waits a quarter of their period on average.
        self._timer.setInterval(max(1, round(1e3 * min(period_s, _SAMPLE_S) / 2)))

    @property
    def picture_period_s(self) -> float:
        """Shortest time between two pictures."""
        return self._period_s

    @property
    def feed(self) -> Feed | None:
        """What is watched."""
        return self._feed

    def watch(self, feed: Feed) -> None:
        """Tell of this feed from now on."""
        self._feed = feed
        self._state = None
        self.hurry()
        self._timer.start()

    def leave(self) -> None:
        """Tell of no feed; pictures still come, for a picture can be zoomed."""
        self._feed = None

    def hurry(self) -> None:
        """Look at the state at the next poll: the operator just changed it."""
        self._sample_due_s = self._status_due_s = 0.0

    def stop(self) -> None:
        """Poll no more."""
        self._timer.stop()

    def poll(self) -> None:
        """Look once; the timer calls this, and so do tests."""
        picture = self._display.pictures.take(timeout_s=0)
        if picture is not None:
            self._shown.tick(time.monotonic_ns())
            self.picture_taken.emit(picture)
        now_s = time.monotonic()
        if now_s < self._sample_due_s:
            return
        self._sample_due_s = now_s + _SAMPLE_S
        fault = self._display.status().fault
        if fault is not None and self._display_fault is None:
            self._display_fault = fault
            self.display_faulted.emit(fault)
        if self._feed is not None:
            self._tell(self._feed.status(), now_s)

    def _tell(self, status: PipelineStatus, now_s: float) -> None:
        is_news = status.state is not self._state
        self._state = status.state
        if not status.state.is_over:
            sample = TelemetrySample.of(status, now_s, self._shown.rate_hz())
            self.sample_taken.emit(sample)
        if is_news or now_s >= self._status_due_s:
            self._status_due_s = now_s + _STATUS_S
            self.status_taken.emit(status)
        if is_news:
            self.state_changed.emit(status)
