"""A live source over anything that captures: numbers, clocks, and coming back.

Every camera and every stream goes through here, so that they lose frames, stall, vanish
and return in the same way.
"""

from __future__ import annotations

import enum
import logging
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from app.errors import SourceError, SourceFormatError, SourceLostError
from app.frames import Frame
from app.sources.base import EndOfSource, SourceSpec
from app.sources.options import YES_OR_NO, number, positive, whole
from app.telemetry import DurationWindow, RateMeter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

LIVE_OPTIONS = {
    "colour": YES_OR_NO,
    "reconnect": number(0, 1e9, "s"),
    "stall": number(0, 3600, "s"),
    "frames": whole(1, 10**12),
    "seconds": positive(1e9),
}
"""What every live source takes."""

_SEQUENCE_BITS = 32
# A driver's number that is further ahead than the clock allows was reset, or is noise.
_MOST_GAP_FACTOR, _MOST_GAP_EXTRA = 2.0, 16
_STALL_S = 2.0
_BACK_OFF_S = (0.05, 0.1, 0.2, 0.4)
"""Waits between attempts; the last one repeats. A stream that is back is found in time
to be tracked within a second."""
# What waited in the driver while the engine was loaded is no loss, and no news.
_FRESH_S, _FRESH_PERIODS, _STALE_S = 0.05, 3, 1.0
_FAR_NS = 5_000_000_000
_RATE_AFTER_S = 2.0
# Rates within this of what was asked for are as asked for: 119.88 is 120.
_RATE_TOLERANCE = 0.05


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """How a live source behaves."""

    reconnect_s: float | None = None
    """How long it is looked for after it was lost; None looks for ever."""
    stall_s: float = _STALL_S
    """Without a frame for this long it counts as lost; 0 waits for ever, as a camera
    with an external trigger needs."""
    frame_limit: int | None = None
    """Ends after as many frames; those that were lost do not count."""
    seconds_limit: float | None = None
    """Ends after this time, counted from the first frame."""
    keeps_old: bool = False
    """Whether what waited in a buffer before the first frame was read counts: of a
    pipeline that has an end, every frame does."""

    @staticmethod
    def of(options: dict[str, object], *, keeps_old: bool = False) -> LiveOptions:
        """Those of a URI, as `take_options` gives them."""
        names = {
            "reconnect": "reconnect_s",
            "stall": "stall_s",
            "frames": "frame_limit",
            "seconds": "seconds_limit",
        }
        given = {names[key]: value for key, value in options.items() if key in names}
        given["keeps_old"] = keeps_old
        return LiveOptions(**given)  # type: ignore[arg-type]  # as its options parse


@dataclass(frozen=True, slots=True)
class CaptureSpec:
    """What a capture gives, once it is open."""

    title: str
    width_px: int
    height_px: int
    frame_rate_hz: float
    """The rate the device or the stream claims."""
    is_colour: bool
    asked_rate_hz: float | None = None
    """The rate that was asked for."""
    pixels: str = ""
    """How its pixels come: MJPG, YUYV, H.264."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture as a capture gives it."""

    sequence: int
    """Number that the driver or the stream gave it; 32 bits that may wrap around."""
    timestamp_ns: int
    """When it was taken, on the clock of `time.monotonic_ns`."""
    image: NDArray[np.uint8]
    """Grey (H, W) or BGR (H, W, 3); read-only and the reader's own."""


class Capture(Protocol):
    """A device or a stream that is read; used by one thread."""

    def open(self) -> CaptureSpec:
        """Open it and let it run.

        Raises
        ------
        SourceError
            If that cannot be done: not found, busy, denied, its format refused.
        """
        ...

    def read(self, timeout_s: float) -> Sample | None:
        """Give the next picture; None if none came in time, or it was damaged.

        Raises
        ------
        EndOfSource
            If the stream has ended as it should.
        SourceError
            If it gives no more: it has to be opened again.
        """
        ...

    def close(self) -> None:
        """Let go of it. Calling it again does nothing."""
        ...

    def warnings(self) -> tuple[str, ...]:
        """What limits it, in words: an exposure too long for its rate."""
        ...


class LinkState(enum.Enum):
    """Whether frames come."""

    UP = "up"
    LOST = "lost"
    """It is looked for."""


@dataclass(frozen=True, slots=True)
class SourceReport:
    """How a live source fares; one snapshot."""

    link: LinkState = LinkState.UP
    problem: str = ""
    """Why no frames come, and what is done about it."""
    warnings: tuple[str, ...] = ()
    """What is not as it was asked for, in words."""
    pixels: str = ""
    """How its pixels come."""
    asked_rate_hz: float | None = None
    measured_rate_hz: float = 0.0
    delay_p50_ms: float = 0.0
    """From the time that the driver or the stream tells to the arrival here."""
    delay_p99_ms: float = 0.0
    driver_lost: int = 0
    """Frames missing in the driver's or the stream's own numbers."""
    outages: int = 0
    """How often it was lost and came back."""
    outage_lost: int = 0
    """Frames it would have given meanwhile, at the rate it had."""

    @property
    def text(self) -> str:
        """All of it that the operator should know; empty if all is well."""
        return self.problem or "; ".join(self.warnings)


@runtime_checkable
class Reporting(Protocol):
    """A source that tells how it fares."""

    def report(self) -> SourceReport:
        """One snapshot; any thread may ask."""
        ...


class LiveSource:
    """Obeys `FrameSource`; numbers the frames of a `Capture` and brings it back.

        UP ──failed, ended, or no frame for `stall_s`──▶ LOST
         ▲                                                │ tried again after
         └──────── opened, same size, a frame ────────────┘ 0.05 to 0.4 s

    While it is lost `read` gives None, and `report` says why: the feed stays up. A
    frame's index grows by the driver's own numbers, so that their gaps are losses in
    the ledger. Over an outage it grows by what the time had room for.

    Parameters
    ----------
    uri : str
        What opens it again.
    capture : Capture
        Opened, read and closed in the thread that calls this.
    options : LiveOptions
    """

    def __init__(
        self, uri: str, capture: Capture, options: LiveOptions | None = None
    ) -> None:
        self._uri = uri
        self._capture = capture
        self._options = options or LiveOptions()
        self._spec: CaptureSpec | None = None
        self._is_up = False
        self._index, self._expected = -1, 0
        self._given = 0
        self._last: Sample | None = None
        self._epoch_ns = self._last_ns = 0
        self._is_back = False
        self._quiet_since_s = self._lost_since_s = self._due_s = 0.0
        self._attempts = 0
        self._first_read_s: float | None = None
        self._report_lock = threading.Lock()
        self._report = SourceReport()
        self._rate = RateMeter(_RATE_AFTER_S, 2048)
        self._delay = DurationWindow(240)
        self._up_since_s = self._judge_due_s = 0.0

    def open(self) -> SourceSpec:
        """Open the capture.

        Raises
        ------
        SourceError
            If that cannot be done; what is not there at first is not waited for.
        """
        self.close()
        spec = self._spec = self._capture.open()
        self._index, self._last = -1, None
        self._given = 0
        self._epoch_ns = self._last_ns = 0
        self._is_back = False
        self._first_read_s = None
        self._rate = RateMeter(_RATE_AFTER_S, 2048)
        with self._report_lock:
            self._report = SourceReport(
                pixels=spec.pixels, asked_rate_hz=spec.asked_rate_hz
            )
        self._mark_up()
        return SourceSpec(
            uri=self._uri,
            title=spec.title,
            width_px=spec.width_px,
            height_px=spec.height_px,
            frame_rate_hz=spec.frame_rate_hz,
            frame_count=self._options.frame_limit,
            is_live=True,
            is_colour=spec.is_colour,
        )

    def read(self, timeout_s: float) -> Frame | None:
        """Give the next frame, as `FrameSource` says.

        Raises
        ------
        SourceLostError
            If it was lost and did not come back within `reconnect_s`.
        """
        if self._spec is None:
            raise SourceError(f"{self._uri} is not open")
        self._refuse_beyond_limits()
        if not self._is_up:
            self._try_again(timeout_s)
            return None
        try:
            sample = self._read_fresh(timeout_s, self._spec)
        except SourceError as error:
            self._lose(error)
            return None
        if sample is not None:
            self._quiet_since_s = time.monotonic()
            return self._frame_of(sample, self._spec)
        quiet_s = time.monotonic() - self._quiet_since_s
        if self._options.stall_s and quiet_s > self._options.stall_s:
            self._lose(
                SourceLostError(
                    f"{self._spec.title} gave no frame for {quiet_s:.1f} s",
                    hint="Check its cable, its trigger and its power.",
                )
            )
        return None

    def close(self) -> None:
        """Let go of the capture."""
        self._spec = None
        self._is_up = False
        self._capture.close()

    def report(self) -> SourceReport:
        """How it fares; any thread may ask."""
        with self._report_lock:
            return self._report

    # --- numbers and clocks

    def _read_fresh(self, timeout_s: float, spec: CaptureSpec) -> Sample | None:
        """Read past what waited in a buffer before the first frame."""
        ends_s = time.monotonic() + timeout_s
        sample = self._capture.read(timeout_s)
        while sample is not None and self._index < 0 and self._is_stale(sample, spec):
            sample = self._capture.read(max(0.0, ends_s - time.monotonic()))
        return sample

    def _is_stale(self, sample: Sample, spec: CaptureSpec) -> bool:
        """Whether it waited in a buffer since before anybody read."""
        if self._options.keeps_old:
            return False
        now_s = time.monotonic()
        if self._first_read_s is None:
            self._first_read_s = now_s
        age_s = now_s - sample.timestamp_ns * 1e-9
        fresh_s = max(_FRESH_S, _FRESH_PERIODS / spec.frame_rate_hz)
        return age_s > fresh_s and now_s - self._first_read_s < _STALE_S

    def _frame_of(self, sample: Sample, spec: CaptureSpec) -> Frame:
        now_ns = time.monotonic_ns()
        taken_ns = sample.timestamp_ns
        if abs(now_ns - taken_ns) > _FAR_NS:
            # A clock that is wrong by this much is worse than the time of arrival.
            taken_ns = now_ns
        if self._index < 0:
            self._epoch_ns = self._last_ns = taken_ns
            self._index, self._expected = 0, sample.sequence
        else:
            taken_ns = max(taken_ns, self._last_ns + 1)
            self._index += self._step(sample, taken_ns, spec)
        if self._is_back:
            self._tell_back(spec)
        self._given += 1
        self._last, self._last_ns = sample, taken_ns
        self._rate.tick(taken_ns)
        self._delay.add((now_ns - taken_ns) * 1e-6)
        self._judge_rate(spec)
        return Frame(self._index, taken_ns - self._epoch_ns, now_ns, sample.image)

    def _step(self, sample: Sample, taken_ns: int, spec: CaptureSpec) -> int:
        """By how much the number of frames grows with this one."""
        elapsed = (taken_ns - self._last_ns) * 1e-9 * spec.frame_rate_hz
        by_time = max(1, round(elapsed))
        if self._is_back or self._last is None:
            self._expected = sample.sequence
            self._count(outage_lost=by_time - 1)
            return by_time
        # A number that makes no sense is passed over; where the count was begun anew,
        # it goes on from there.
        room = elapsed * _MOST_GAP_FACTOR + _MOST_GAP_EXTRA
        steps = (
            (sample.sequence - before) % (1 << _SEQUENCE_BITS)
            for before in (self._last.sequence, self._expected)
        )
        possible = [step for step in steps if 0 < step <= room]
        self._expected = sample.sequence if possible else self._expected + by_time
        step = min(possible, default=by_time)
        if step > 1:
            self._count(driver_lost=step - 1)
        return step

    def _refuse_beyond_limits(self) -> None:
        frames, seconds = self._options.frame_limit, self._options.seconds_limit
        passed_s = (self._last_ns - self._epoch_ns) * 1e-9
        if (frames is not None and self._given >= frames) or (
            seconds is not None and self._given and passed_s >= seconds
        ):
            raise EndOfSource

    # --- what is said of it

    def _count(self, *, driver_lost: int = 0, outage_lost: int = 0) -> None:
        self._tell(
            driver_lost=self._report.driver_lost + driver_lost,
            outage_lost=self._report.outage_lost + outage_lost,
        )

    def _tell(self, **changes: object) -> None:
        with self._report_lock:
            self._report = replace(self._report, **changes)  # type: ignore[arg-type]

    def _judge_rate(self, spec: CaptureSpec) -> None:
        """Twice a second: whether the rate is what was asked for."""
        now_s = time.monotonic()
        if now_s < self._judge_due_s:
            return
        self._judge_due_s = now_s + 0.5
        measured_hz = self._rate.rate_hz()
        warnings = list(self._capture.warnings())
        asked_hz = spec.asked_rate_hz
        if asked_hz is not None and _is_less(spec.frame_rate_hz, asked_hz):
            warnings.insert(
                0,
                f"{asked_hz:g} fps were asked for, {spec.frame_rate_hz:g} are the most"
                f" at {spec.width_px}x{spec.height_px} {spec.pixels}".rstrip(),
            )
        elif now_s - self._up_since_s > _RATE_AFTER_S and _is_less(
            measured_hz, spec.frame_rate_hz
        ):
            warnings.insert(
                0,
                f"it delivers {measured_hz:.4g} fps, {spec.frame_rate_hz:g} were"
                f" {'promised' if asked_hz is None else 'asked for'}",
            )
        p50_ms, p99_ms = self._delay.percentiles_ms(50, 99)
        self._tell(
            warnings=tuple(warnings),
            measured_rate_hz=measured_hz,
            delay_p50_ms=p50_ms,
            delay_p99_ms=p99_ms,
        )

    # --- lost and found

    def _mark_up(self) -> None:
        self._is_up = True
        self._attempts = 0
        self._up_since_s = self._quiet_since_s = time.monotonic()
        self._judge_due_s = self._up_since_s + 0.5
        self._tell(link=LinkState.UP, problem="")

    def _lose(self, error: SourceError) -> None:
        self._capture.close()
        self._is_up = False
        if self._is_back:
            # It was opened again and gave nothing: it is lost as long as before.
            self._wait_again(error)
            return
        self._lost_since_s = time.monotonic()
        self._due_s = self._lost_since_s + _BACK_OFF_S[0]
        log.warning("lost: %s", error)
        self._tell_lost(error)
        self._refuse_to_wait(error)

    def _wait_again(self, error: SourceError) -> None:
        self._is_back = False
        last = len(_BACK_OFF_S) - 1
        self._due_s = time.monotonic() + _BACK_OFF_S[min(self._attempts, last)]
        self._tell_lost(error)
        self._refuse_to_wait(error)

    def _try_again(self, timeout_s: float) -> None:
        wait_s = self._due_s - time.monotonic()
        if wait_s > 0:
            time.sleep(min(wait_s, timeout_s))
            return
        assert self._spec is not None
        self._attempts += 1
        try:
            spec = self._capture.open()
            self._refuse_other_size(spec, self._spec)
        except SourceError as error:
            self._capture.close()
            self._wait_again(error)
            return
        # It is back when it gives a frame: one that stalls can be opened.
        self._is_up = self._is_back = True
        self._quiet_since_s = time.monotonic()

    def _tell_back(self, spec: CaptureSpec) -> None:
        log.warning(
            "%s is back after %.1f s, %d attempts",
            spec.title,
            time.monotonic() - self._lost_since_s,
            self._attempts,
        )
        self._is_back = False
        self._tell(outages=self._report.outages + 1)
        self._mark_up()

    def _refuse_other_size(self, now: CaptureSpec, before: CaptureSpec) -> None:
        if (now.width_px, now.height_px) != (before.width_px, before.height_px):
            raise SourceFormatError(
                f"{now.title} gives {now.width_px}x{now.height_px} now, and gave"
                f" {before.width_px}x{before.height_px} before",
                hint="Start the source again to go on at the new size.",
            )
        if now.is_colour != before.is_colour:
            raise SourceFormatError(
                f"{now.title} has other colours than before",
                hint="Start the source again.",
            )

    def _tell_lost(self, error: SourceError) -> None:
        self._tell(
            link=LinkState.LOST,
            problem=f"{error.message}. It is looked for again and again. {error.hint}",
            measured_rate_hz=0.0,
        )

    def _refuse_to_wait(self, error: SourceError) -> None:
        patience_s = self._options.reconnect_s
        waited_s = time.monotonic() - self._lost_since_s
        if patience_s is not None and waited_s >= patience_s:
            raise SourceLostError(error.message, hint=error.hint) from error


def said_of_exposure(exposure_s: float, rate_hz: float) -> str:
    """That an exposure is too long for a rate, in words; empty if it is not."""
    if not exposure_s or 1 / exposure_s >= rate_hz * 0.995:
        return ""
    return f"exposure {1e3 * exposure_s:g} ms allows {1 / exposure_s:.3g} fps"


def _is_less(rate_hz: float, asked_hz: float) -> bool:
    return rate_hz < asked_hz * (1 - _RATE_TOLERANCE)
