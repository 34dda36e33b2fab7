"""Writes how a job runs, and how the machine is meanwhile, beside its tracks."""

from __future__ import annotations

import csv
import time
from contextlib import ExitStack
from dataclasses import fields
from typing import TYPE_CHECKING

from app.errors import OutputError
from app.hardware.figures import HardwareFigures
from app.hardware.log import HardwareLog
from app.telemetry import TelemetrySample

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from app.frames import FrameResult
    from app.hardware.tree import Tree
    from app.pipeline import PipelineStatus

_PERIOD_NS = 500_000_000
_CLOCKS = ("frame", "time_us", "time_s", "wall_time")
# Nothing is displayed.
_OF_THE_FEED = tuple(
    field.name
    for field in fields(TelemetrySample)
    if field.name not in ("time_s", "display_hz")
)
_OF_THE_MACHINE = tuple(field.name for field in fields(HardwareFigures)[1:])


class TrackTelemetry:
    """A CSV file, a row twice a second; a context manager.

    Each row belongs to a result: `frame` and `time_us` are those of the table of
    tracks, `time_s` is the monotonic time at which that frame was captured.

    Parameters
    ----------
    path : Path
        Overwritten. The first row names the columns; a cell is empty where nothing
        was measured.
    read_status : callable
        Gives the pipeline's status.
    tree : Tree, optional
        The system's files.

    Raises
    ------
    OutputError
        If the file cannot be written; from every method.
    """

    def __init__(
        self,
        path: Path,
        read_status: Callable[[], PipelineStatus],
        tree: Tree | None = None,
    ) -> None:
        self._path = path
        self._read_status = read_status
        self._log = HardwareLog(self._take, tree)
        self._machine: dict[str, float] = {}
        self._written_ns: int | None = None
        self._unwritten: FrameResult | None = None
        self._wall_offset_s = time.time() - time.monotonic()
        self._files = ExitStack()
        try:
            file = self._files.enter_context(
                path.open("w", encoding="utf-8", newline="")
            )
        except OSError as error:
            raise self._error(error) from error
        columns = [*_CLOCKS, *_OF_THE_FEED, *_OF_THE_MACHINE]
        self._table = csv.DictWriter(file, columns)
        self._table.writeheader()

    def write(self, result: FrameResult) -> None:
        """Append a row where the last is old enough."""
        self._unwritten = result
        is_early = (
            self._written_ns is not None
            and result.done_ns - self._written_ns < _PERIOD_NS
        )
        if not is_early:
            self._write_row(result)

    def __enter__(self) -> TrackTelemetry:
        self._log.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._log.__exit__(kind, error, trace)
        try:
            with self._files:
                if self._unwritten is not None:
                    self._write_row(self._unwritten)
        except OSError as close_error:
            raise self._error(close_error) from close_error

    def _take(self, figures: HardwareFigures) -> None:
        self._machine = figures.to_row()

    def _write_row(self, result: FrameResult) -> None:
        frame = result.frame
        captured_s = frame.captured_ns * 1e-9
        wall_s = self._wall_offset_s + captured_s
        feed = TelemetrySample.of(self._read_status(), captured_s)
        row: dict[str, object] = {
            **{name: f"{getattr(feed, name):.6g}" for name in _OF_THE_FEED},
            **self._machine,
            "frame": frame.index,
            "time_us": frame.timestamp_ns // 1000,
            "time_s": f"{captured_s:.3f}",
            "wall_time": time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(wall_s)),
        }
        try:
            self._table.writerow(row)
        except OSError as error:
            raise self._error(error) from error
        self._written_ns, self._unwritten = result.done_ns, None

    def _error(self, error: OSError) -> OutputError:
        return OutputError(
            f"cannot write {self._path}: {error.strerror}",
            hint="Free space, or name another folder with --out.",
        )
