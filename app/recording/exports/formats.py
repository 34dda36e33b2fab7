"""What a session can be exported to."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from app.durable import filled_beside
from app.errors import OutputError
from app.recording.corrections import Corrections
from app.recording.exports import pictures, report, tables

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app.recording.session import Session

FOLDER = "exports"
"""In the session's folder, where nothing else is said."""


class ExportFormat(enum.Enum):
    """Formats by the names that the command line takes."""

    CSV = "csv"
    PARQUET = "parquet"
    MOT = "mot"
    DLC = "dlc"
    VIDEO = "video"
    PNG = "png"
    HTML = "html"


def export_session(
    session: Session,
    to: ExportFormat,
    folder: Path,
    on_frame: Callable[[], object] = lambda: None,
    before_end: Callable[[], object] = lambda: None,
) -> list[Path]:
    """Write a session, with the operator's corrections, in another format.

    What is written takes its place when all of it is whole: where it is given up or
    fails, nothing is left of it, and what was exported before stays.

    Parameters
    ----------
    folder : Path
        Made where it is missing; files of the same name in it are written anew.
    on_frame : callable
        Called with every frame that is done, by formats that take long; what it raises
        gives the export up.
    before_end : callable
        Called before what was written takes its place; the same.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    OutputError
        If a file cannot be written, or a library is missing.
    """
    try:
        with filled_beside(folder) as beside:
            written = _write(session, to, beside, on_frame)
            before_end()
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be written: {error.strerror}",
            hint="Choose a folder that you may write to, with room in it.",
        ) from error
    return [folder / path.relative_to(beside) for path in written]


def _write(
    session: Session, to: ExportFormat, folder: Path, on_frame: Callable[[], object]
) -> list[Path]:
    tracks = Corrections(session.folder).applied(session.tracks())
    if to is ExportFormat.VIDEO:
        return pictures.write_video(session, tracks, folder, on_frame)
    if to is ExportFormat.PNG:
        return pictures.write_frames(session, folder, on_frame)
    write = {
        ExportFormat.CSV: tables.write_csv,
        ExportFormat.PARQUET: tables.write_parquet,
        ExportFormat.MOT: tables.write_mot,
        ExportFormat.DLC: tables.write_dlc,
        ExportFormat.HTML: report.write_report,
    }[to]
    return write(session, tracks, folder)
