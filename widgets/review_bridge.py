"""Stands between a review, which works in threads, and its window."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Qt, QTimer, Signal

from app.display import Display
from app.review.clock import PlaybackClock
from app.review.review import ReviewPhase

if TYPE_CHECKING:
    from app.overlay import OverlayOptions, View
    from app.review.analysis import Analysis
    from app.review.review import Review

_POLL_MS = 15
_PICTURE_PERIOD_S = 1 / 60


class ReviewBridge(QObject):
    """Plays a review: asks for the frame that is due, and tells what came of it.

    Lives in the GUI thread, polls, and waits for nobody but at its end.

    Parameters
    ----------
    review : Review
        Started and stopped here.
    """

    picture_taken = Signal(object)  # Picture; its frame_index is the frame's place
    number_changed = Signal(int)  # the frame that is due
    rate_changed = Signal(float)  # seconds of the session a second; 0 while it stands
    loaded = Signal(float)  # 0 to 1, while the session is read
    opened = Signal(object)  # Analysis: the session is read
    analysis_changed = Signal(object)  # Analysis: after each change of the layers
    picture_problem_changed = Signal(str)  # why there is no picture; empty if there is
    problem_found = Signal(object)  # ConsoleError: something could not be done
    failed = Signal(object)  # Exception: the session cannot be reviewed

    def __init__(self, review: Review) -> None:
        super().__init__()
        self.review = review
        self._display = Display()
        self._display.set_period(_PICTURE_PERIOD_S)
        self._display.set_feed(review.results, review.trails)
        self.clock = PlaybackClock(np.zeros(0))
        self._analysis: Analysis | None = None
        self._number, self._rate = 0, 0.0
        self._picture_problem = ""
        self._problems = 0
        self._has_failed = False
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self.poll)

    @property
    def analysis(self) -> Analysis | None:
        """What is found in the session; None while it is read."""
        return self._analysis

    @property
    def number(self) -> int:
        """The frame that is due."""
        return self.clock.number

    def start(self) -> None:
        """Begin to read, and to poll."""
        self._display.start()
        self.review.start()
        self._timer.start()

    def close(self) -> None:
        """Stop the threads, and wait for them. Calling it again does nothing.

        Raises
        ------
        WorkerStuckError
            If a disk does not answer.
        """
        self._timer.stop()
        self._display.request_stop()
        self.review.request_stop()
        self._display.stop()
        self.review.stop()

    # --- what the operator asks

    def seek(self, number: int) -> None:
        """Go to a frame."""
        self.clock.seek(number, time.monotonic())
        self._tell()

    def seek_time(self, time_s: float) -> None:
        """Go to the frame that is shown at a time of the session."""
        self.clock.seek_time(time_s, time.monotonic())
        self._tell()

    def step(self, frames: int) -> None:
        """Stand, and go on or back by this many frames."""
        self.clock.step(frames, time.monotonic())
        self._tell()

    def toggle_play(self) -> None:
        """Play on, or stand."""
        if self.clock.rate:
            self.pause()
        else:
            self.clock.play(time.monotonic())
            self._tell()

    def pause(self) -> None:
        """Stand."""
        self.clock.pause(time.monotonic())
        self._tell()

    def shuttle(self, direction: int) -> None:
        """Play on (1) or back (-1); once more, faster."""
        self.clock.shuttle(direction, time.monotonic())
        self._tell()

    def set_speed(self, speed: float) -> None:
        """Play at this many seconds of the session a second."""
        self.clock.set_speed(speed, time.monotonic())
        self._tell()

    def set_view(self, view: View) -> None:
        """Compose pictures for this view."""
        self._display.set_view(view)

    def set_options(self, options: OverlayOptions) -> None:
        """Draw this over the frames."""
        self._display.set_options(options)

    def set_trail(self, back_s: float) -> None:
        """Draw trails this far back."""
        self.review.trails.back_s = back_s
        self.review.show(self.number)

    # --- what becomes of it

    def poll(self) -> None:
        """Look once; the timer calls this, and so do tests."""
        self.clock.advance(time.monotonic())
        self._tell()
        picture = self._display.pictures.take(0)
        if picture is not None:
            self.picture_taken.emit(picture)
        status = self.review.status()
        for problem in status.problems[self._problems :]:
            self._problems += 1
            self.problem_found.emit(problem)
        if status.phase is ReviewPhase.LOADING:
            self.loaded.emit(status.loaded_ratio)
        elif status.analysis is not None and status.analysis is not self._analysis:
            self._take(status.analysis)
        if status.picture_problem != self._picture_problem:
            self._picture_problem = status.picture_problem
            self.picture_problem_changed.emit(status.picture_problem)
        fault = status.fault or self._display.status().fault
        if fault is not None and not self._has_failed:
            self._has_failed = True
            self._timer.stop()
            self.failed.emit(fault)

    def _take(self, analysis: Analysis) -> None:
        is_first = self._analysis is None
        self._analysis = analysis
        if is_first:
            self.clock = PlaybackClock(analysis.contents.frames.time_s)
            self.opened.emit(analysis)
            self.review.show(0)
            self.number_changed.emit(0)
        self.analysis_changed.emit(analysis)

    def _tell(self) -> None:
        """Ask for the frame that is due, and tell what has changed."""
        if self.clock.rate != self._rate:
            self._rate = self.clock.rate
            self.rate_changed.emit(self._rate)
        if self.clock.number != self._number:
            self._number = self.clock.number
            self.review.show(self._number)
            self.number_changed.emit(self._number)
