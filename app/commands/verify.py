"""`main.py verify`: checks a recorded session, and recovers it where asked to."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "verify",
        help="check a recorded session",
        description="Decodes every frame of the session DIR and compares video,"
        " database and manifest. The exit status tells whether there are problems.",
    )
    parser.add_argument("session", type=Path, metavar="DIR")
    parser.add_argument(
        "--recover", action="store_true", help="put an unfinished session in order"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; gives the exit status."""
    from app.errors import SessionError
    from app.recording.recovery import recover_session
    from app.recording.session import Session
    from app.recording.verify import SessionReport, verify_session

    try:
        if arguments.recover:
            recover_session(arguments.session)
        with closing(Session(arguments.session)) as session:
            report = verify_session(session)
    except SessionError as error:
        if not arguments.json:
            raise
        # Whoever reads JSON is told in JSON, also of what cannot be opened.
        report = SessionReport(problems=(f"{error.message}. {error.hint}".strip(),))
    if arguments.json:
        print(json.dumps(report.figures()))
        return 1 if report.problems else 0
    print(
        f"{report.frames} frames, {report.seconds:.3f} s, {report.results} with"
        f" results, {report.tracks} tracks"
    )
    for gap in report.gaps:
        print(
            f"gap: {gap['count']} frames from {gap['first_index']} on, {gap['cause']}"
        )
    if report.recovered:
        print(f"recovered: {report.recovered}")
    for problem in report.problems:
        print(f"PROBLEM: {problem}")
    print("no problems" if not report.problems else f"{len(report.problems)} problems")
    return 1 if report.problems else 0
