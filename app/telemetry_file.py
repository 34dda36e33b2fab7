"""Writes what was measured as a table that any program opens."""

from __future__ import annotations

import csv
import math
import time
from typing import TYPE_CHECKING

from app.errors import OutputError

if TYPE_CHECKING:
    from pathlib import Path

    from app.telemetry import TelemetryEvents, TelemetryHistory


def write_telemetry(
    path: Path, histories: tuple[TelemetryHistory, ...], events: TelemetryEvents
) -> None:
    """Write every sample and event held, in the order of their times.

    `time_s` is monotonic, the clock of the frames; `wall_time` is the time of day of
    this machine. A cell is empty where nothing was measured then.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    offset_s = time.time() - time.monotonic()
    names = [name for history in histories for name in history.names[1:]]
    rows: list[tuple[float, dict[str, object]]] = []
    for history in histories:
        columns = {name: history.column(name) for name in history.names}
        for at, time_s in enumerate(columns["time_s"]):
            values = {
                name: f"{columns[name][at]:.6g}"
                for name in history.names[1:]
                if not math.isnan(columns[name][at])
            }
            if values:
                rows.append((float(time_s), dict(values)))
    for event in events.within(-math.inf, math.inf):
        rows.append((event.time_s, {"event": event.text}))
    rows.sort(key=lambda row: row[0])
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, ["time_s", "wall_time", *names, "event"])
            table.writeheader()
            for time_s, values_of_row in rows:
                wall = time.strftime(
                    "%Y-%m-%dT%H:%M:%S", time.localtime(offset_s + time_s)
                )
                table.writerow(
                    {"time_s": f"{time_s:.3f}", "wall_time": wall, **values_of_row}
                )
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror}", hint="Choose another folder."
        ) from error
