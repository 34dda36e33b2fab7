"""Looks at a running feed and tells the window, in the GUI thread."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from app.process import DISPLAY_PERIOD_S
from app.telemetry import TelemetrySample

if TYPE_CHECKING:
    from app.display import Display, DisplayStatus
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
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self.set_picture_period(DISPLAY_PERIOD_S)
        self._timer.timeout.connect(self.poll)

    def set_picture_period(self, period_s: float) -> None:
        """Expect pictures no more often than this."""
        # Twice as often: a picture waits a quarter of their period on average.
        self._timer.setInterval(max(1, round(1e3 * min(period_s, _SAMPLE_S) / 2)))

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
            self.picture_taken.emit(picture)
        now_s = time.monotonic()
        if now_s < self._sample_due_s:
            return
        self._sample_due_s = now_s + _SAMPLE_S
        display = self._display.status()
        if display.fault is not None and self._display_fault is None:
            self._display_fault = display.fault
            self.display_faulted.emit(display.fault)
        if self._feed is not None:
            self._tell(self._feed.status(), display, now_s)

    def _tell(
        self, status: PipelineStatus, display: DisplayStatus, now_s: float
    ) -> None:
        is_news = status.state is not self._state
        self._state = status.state
        if not status.state.is_over:
            self.sample_taken.emit(_sample(status, display, now_s))
        if is_news or now_s >= self._status_due_s:
            self._status_due_s = now_s + _STATUS_S
            self.status_taken.emit(status)
        if is_news:
            self.state_changed.emit(status)


def _sample(
    status: PipelineStatus, display: DisplayStatus, now_s: float
) -> TelemetrySample:
    return TelemetrySample(
        time_s=now_s,
        capture_hz=status.capture_hz,
        infer_hz=status.infer_hz,
        display_hz=display.display_hz,
        latency_p50_ms=status.latency_p50_ms,
        latency_p99_ms=status.latency_p99_ms,
        prepare_ms=status.stages.prepare_ms,
        infer_ms=status.stages.infer_ms,
        segment_ms=status.stages.segment_ms,
        track_ms=status.stages.track_ms,
        tracks=status.confirmed_tracks,
    )
