"""`main.py export`: a recorded session in a format of other programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

_FORMATS = ("csv", "parquet", "mot", "dlc", "video", "png", "html")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "export",
        help="write a recorded session as CSV, Parquet, MOT, DeepLabCut, video...",
        description="Writes the session DIR, with the corrections made to it, in"
        " another format.",
    )
    parser.add_argument("session", type=Path, metavar="DIR")
    parser.add_argument(
        "--to",
        choices=_FORMATS,
        required=True,
        metavar="FORMAT",
        help=f"one of {', '.join(_FORMATS)}",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="default: exports in the session"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; gives the exit status."""
    from app.progress import progress_bar
    from app.recording.exports.formats import FOLDER, ExportFormat, export_session
    from app.recording.session import Session

    session = Session(arguments.session)
    try:
        with progress_bar(
            unit="frame", total=len(session.frames), disable=not sys.stderr.isatty()
        ) as bar:
            paths = export_session(
                session,
                ExportFormat(arguments.to),
                arguments.out or arguments.session / FOLDER,
                bar.update,
            )
    finally:
        session.close()
    for path in paths:
        print(path)
    return 0
