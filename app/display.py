"""Composes the newest result for the window, in a thread of its own."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from app.handoff import LatestSlot
from app.ink import Ink
from app.overlay import OverlayOptions, View, compose
from app.process import DISPLAY_PERIOD_S, accompany_window
from app.telemetry import DurationWindow, RateMeter
from app.worker import Worker

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from app.feed import TrailSource
    from app.frames import Frame, FrameResult, Trail

_JOIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Picture:
    """What the window shows next."""

    image: NDArray[np.uint8]
    """Shape (H, W, 4) in the byte order of Qt's RGB32; read-only. Never written again,
    so it may be borrowed for as long as the picture is kept."""
    frame_index: int
    frame_width_px: int
    frame_height_px: int
    view: View
    """What it was composed for."""
    latency_ms: float
    """From arrival of the frame to this picture; grows while the feed is paused."""


@dataclass(frozen=True, slots=True)
class DisplayStatus:
    """One snapshot of the display."""

    display_hz: float
    """Pictures composed per second."""
    compose_ms: float
    """Median time to compose one."""
    fault: Exception | None
    """What ended the thread: a bug."""


@dataclass(frozen=True, slots=True)
class _Feed:
    """Where results and their trails come from."""

    results: LatestSlot[FrameResult]
    trails: TrailSource


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the window asked for last."""

    feed: _Feed | None = None
    view: View | None = None
    options: OverlayOptions = field(default_factory=OverlayOptions)
    period_s: float = DISPLAY_PERIOD_S


class Display:
    """Turns results into pictures at the rate of a screen.

    One thread, started once; what feeds it may change while it runs. A picture is
    composed when a result came, or when the view or the options changed: a paused
    feed is zoomed like a running one. Before a view is set, pictures have the size of
    the frame: who shows them learns that size from the first.

    Every picture has memory of its own. Asking for it anew costs no more than a ring
    would (0.07 ms at 1280x720 either way: the allocator gives the same pages back), and
    no picture is overwritten under the window.
    """

    def __init__(self) -> None:
        self.pictures: LatestSlot[Picture] = LatestSlot()
        """The newest picture; for one reader, the window."""
        self._wanted_lock = threading.Lock()
        self._wanted = _Wanted()
        self._rate = RateMeter()
        self._compose_times = DurationWindow(120)
        self._fault: Exception | None = None
        self._worker = Worker("display", self._run, self._on_end)

    # --- any thread

    def set_feed(self, results: LatestSlot[FrameResult], trails: TrailSource) -> None:
        """Show another pipeline's results from now on.

        Parameters
        ----------
        results : LatestSlot of FrameResult
            Read by the display alone.
        trails : TrailSource
            Of the same pipeline.
        """
        with self._wanted_lock:
            self._wanted = replace(self._wanted, feed=_Feed(results, trails))

    def clear_feed(self) -> None:
        """Show nothing more, and forget the last result."""
        with self._wanted_lock:
            self._wanted = replace(self._wanted, feed=None)

    def set_view(self, view: View) -> None:
        """Compose for this view from the next picture on."""
        with self._wanted_lock:
            self._wanted = replace(self._wanted, view=view)

    def set_options(self, options: OverlayOptions) -> None:
        """Draw this from the next picture on."""
        with self._wanted_lock:
            self._wanted = replace(self._wanted, options=options)

    def set_period(self, period_s: float) -> None:
        """Leave at least this time from one picture to the next."""
        with self._wanted_lock:
            self._wanted = replace(self._wanted, period_s=period_s)

    def status(self) -> DisplayStatus:
        """One snapshot."""
        return DisplayStatus(
            display_hz=self._rate.rate_hz(),
            compose_ms=self._compose_times.percentiles_ms(50)[0],
            fault=self._fault,
        )

    # --- the thread that owns the display

    def start(self) -> None:
        """Start the thread."""
        self._worker.start()

    def request_stop(self) -> None:
        """Ask the thread to stop; does not wait."""
        self._worker.request_stop()

    def stop(self) -> None:
        """Stop the thread and wait for it.

        Raises
        ------
        WorkerStuckError
            If it does not stop.
        """
        self.request_stop()
        self._worker.join(_JOIN_S)

    # --- display thread

    def _run(self, stop: threading.Event) -> None:
        accompany_window()
        composed = _Wanted()
        result: FrameResult | None = None
        ink = Ink()
        due_s = time.monotonic()
        while not stop.wait(max(0.0, due_s - time.monotonic())):
            wanted = self._wanted
            due_s = time.monotonic() + wanted.period_s
            is_stale = wanted is not composed
            if wanted.feed is not composed.feed:
                result = None
            composed = wanted
            if wanted.feed is None:
                continue
            newest = wanted.feed.results.take(0 if is_stale else wanted.period_s)
            result = newest or result
            if result is not None and (is_stale or newest is not None):
                trails = wanted.feed.trails.snapshot(result.frame.time_s)
                view = wanted.view or _own_size(result.frame)
                self._show(result, trails, view, wanted.options, ink)

    def _show(
        self,
        result: FrameResult,
        trails: tuple[Trail, ...],
        view: View,
        options: OverlayOptions,
        ink: Ink,
    ) -> None:
        started_ns = time.monotonic_ns()
        ahead_s = (started_ns - result.frame.captured_ns) * 1e-9
        image = compose(result, trails, view, options, ink, ahead_s)
        image.setflags(write=False)
        done_ns = time.monotonic_ns()
        self._compose_times.add((done_ns - started_ns) * 1e-6)
        self._rate.tick(done_ns)
        frame = result.frame
        self.pictures.put(
            Picture(
                image=image,
                frame_index=frame.index,
                frame_width_px=frame.width_px,
                frame_height_px=frame.height_px,
                view=view,
                latency_ms=(done_ns - frame.captured_ns) * 1e-6,
            )
        )

    def _on_end(self, error: Exception | None) -> None:
        self._fault = error
        self.pictures.close()


def _own_size(frame: Frame) -> View:
    width, height = frame.width_px, frame.height_px
    return View.fit(width, height, width, height)
