"""Tells what the machine says while something is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.hardware.catalogue import readers_of
from app.hardware.figures import figures_of
from app.hardware.monitor import HardwareMonitor
from app.hardware.tree import Tree
from app.worker import Worker

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from app.hardware.figures import HardwareFigures

_PERIOD_S = 1.0
# A sensor that hangs delays the first reading, and the end of a short measurement.
_FIRST_S = 2.0
_JOIN_S = 4.0


class HardwareLog:
    """Reads the machine once a second, from entering to leaving, then once more.

    Parameters
    ----------
    take : callable
        Called with each `HardwareFigures`, in a thread of the log; the last time in
        that which leaves it.
    tree : Tree, optional
        The system's files.
    """

    def __init__(
        self, take: Callable[[HardwareFigures], None], tree: Tree | None = None
    ) -> None:
        self._take = take
        self._monitor = HardwareMonitor(readers_of(tree or Tree()))
        self._worker = Worker("hardware-log", self._run, lambda _: None)

    def __enter__(self) -> HardwareLog:
        self._monitor.start()
        self._worker.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._worker.request_stop()
        self._worker.join(_JOIN_S)
        self._take(figures_of(self._monitor.sample()))
        self._monitor.stop()

    def _run(self, stop: threading.Event) -> None:
        self._monitor.wait(_FIRST_S)
        while True:
            self._take(figures_of(self._monitor.sample()))
            if stop.wait(_PERIOD_S):
                return


def before_and_after(rows: Sequence[dict[str, float]]) -> str:
    """Compare a machine at the end with that at the start; empty without rows.

    Parameters
    ----------
    rows : sequence of dict
        Of `HardwareFigures.to_row`, in order.
    """
    parts = []
    for name, words, unit in (
        ("temperature_hottest_c", "sensor nearest to its limit", "°C"),
        ("cpu_clock_mhz", "CPU clock", "MHz"),
        ("gpu_clock_mhz", "GPU clock", "MHz"),
    ):
        known = [row[name] for row in rows if name in row]
        if known:
            parts.append(f"{words} {known[0]:.0f}, then {known[-1]:.0f} {unit}")
    throttled = sum(row.get("throttled", 0.0) > 0 for row in rows)
    if rows:
        parts.append(f"throttled in {throttled} of {len(rows)} readings")
    return "; ".join(parts)
