"""Which part of a session's time is seen, and how it is divided."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

_LEAST_SPAN_S = 0.02
_STEPS = (1, 2, 5)
_LONG_STEPS_S = (10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)


@dataclass(frozen=True, slots=True)
class TimeScale:
    """A span of a session of some length, in seconds; at first the whole of it."""

    length_s: float
    start_s: float = 0.0
    end_s: float = field(default=-1.0)

    def __post_init__(self) -> None:
        if self.end_s < self.start_s:
            object.__setattr__(self, "end_s", max(self.length_s, _LEAST_SPAN_S))

    @property
    def span_s(self) -> float:
        """From the first time that is seen to the last."""
        return self.end_s - self.start_s

    def ratio(self, time_s: float) -> float:
        """Where a time is: 0 at the start of what is seen, 1 at its end."""
        return (time_s - self.start_s) / self.span_s

    def time_s(self, ratio: float) -> float:
        """The time there, within the session."""
        time_s = self.start_s + ratio * self.span_s
        return min(max(time_s, 0.0), self.length_s)

    def zoomed(self, factor: float, about_s: float) -> TimeScale:
        """See less by a factor over 1, or more; a time stays where it is."""
        whole_s = max(self.length_s, _LEAST_SPAN_S)
        span_s = min(max(self.span_s / factor, _LEAST_SPAN_S), whole_s)
        return self._from(about_s - self.ratio(about_s) * span_s, span_s)

    def moved(self, part: float) -> TimeScale:
        """See what is later by this part of the span."""
        return self._from(self.start_s + part * self.span_s, self.span_s)

    def including(self, time_s: float) -> TimeScale:
        """Turn the page where a time is not on it."""
        if self.start_s <= time_s <= self.end_s:
            return self
        return self._from(time_s - 0.1 * self.span_s, self.span_s)

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """Round times within what is seen, and what they are called.

        Parameters
        ----------
        most : int
            No more than about this many.
        """
        step_s = _step(self.span_s / max(1, most))
        first = math.ceil(self.start_s / step_s - 1e-9)
        last = math.floor(self.end_s / step_s + 1e-9)
        decimals = max(0, -math.floor(math.log10(step_s) + 1e-9))
        return [
            (at * step_s, time_text(at * step_s, decimals))
            for at in range(first, last + 1)
        ]

    def _from(self, start_s: float, span_s: float) -> TimeScale:
        whole_s = max(self.length_s, _LEAST_SPAN_S)
        start_s = min(max(start_s, 0.0), max(0.0, whole_s - span_s))
        return replace(self, start_s=start_s, end_s=start_s + span_s)


def time_text(time_s: float, decimals: int = 3) -> str:
    """Write a time of a session: 12.345 s, or 2:05.000 from a minute on."""
    if time_s < 60:
        return f"{time_s:.{decimals}f} s"
    minutes, seconds = divmod(round(time_s, decimals), 60)
    width = 3 + decimals if decimals else 2
    return f"{int(minutes)}:{seconds:0{width}.{decimals}f}"


def _step(least_s: float) -> float:
    """The next round step."""
    for step_s in _LONG_STEPS_S:
        if step_s >= least_s > 5:
            return step_s
    if least_s > _LONG_STEPS_S[-1]:
        return math.ceil(least_s / 3600) * 3600.0
    power = 10.0 ** math.floor(math.log10(max(least_s, 1e-6)))
    return next(
        (each * power for each in _STEPS if each * power >= least_s), 10 * power
    )
