"""`main.py doctor`: what works on this machine, tried on the bundled network."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import OutputError, SourceNotFoundError
from app.paths import sessions_folder
from app.progress import percent_bar

if TYPE_CHECKING:
    import argparse

    from app.doctor_job import DoctorProgress, DoctorReport

_INTERRUPTED = 130


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "doctor",
        help="try every engine of this machine and say what works",
        description="Looks at this machine and its Pythons, converts and runs the"
        " bundled network on every engine, compares each with the network as trained"
        " and measures it. What does not work is told with its reason. A build by"
        " TensorRT takes minutes on a board.",
    )
    parser.add_argument(
        "--python",
        type=Path,
        metavar="PATH",
        help="interpreter to prefer, a JetPack's say (default: what 'make engines'"
        " made; this one and the system's are asked too)",
    )
    parser.add_argument(
        "--root",
        type=Path,
        metavar="TREE",
        help="read only what the hardware says, below this folder: / is this machine,"
        " another a recorded copy of /sys, /proc and /etc of a board",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="write one report file to send: the text, and below it the same as JSON",
    )
    parser.add_argument(
        "--json", action="store_true", help="print nothing but the last JSON line"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; 0 when an engine works and none that is here failed."""
    # Imported here: the window starts without what only commands need.
    from app.doctor_job import CheckState
    from app.doctor_report import text_of

    if arguments.out is not None:
        _require_writable(arguments.out)
    if arguments.root is not None:
        return _read_hardware(arguments)
    shows_progress = not arguments.json and sys.stderr.isatty()
    try:
        report = _follow(arguments.python, shows_progress=shows_progress)
    except KeyboardInterrupt:
        print("cancelled", file=sys.stderr)
        return _INTERRUPTED
    _tell(arguments, text_of(report), json.dumps(report.to_document()))
    states = [one.state for one in report.checks]
    is_well = CheckState.WORKS in states and CheckState.FAILED not in states
    return 0 if is_well else 1


def _read_hardware(arguments: argparse.Namespace) -> int:
    from app.hardware.report import document_of, hardware_text, read_machine

    root: Path = arguments.root
    if not root.is_dir():
        raise SourceNotFoundError(
            f"there is no folder {root}", hint="Name / or the folder of a tree."
        )
    sample = read_machine(root, sessions_folder())
    line = json.dumps({"hardware": document_of(sample)})
    _tell(arguments, hardware_text(sample), line)
    return 0


def _tell(arguments: argparse.Namespace, text: str, line: str) -> None:
    if arguments.out is not None:
        _write(arguments.out, f"{text}\n\n{line}\n")
    if not arguments.json:
        print(text)
        if arguments.out is not None:
            print(f"report: {arguments.out}")
    print(line)


def _follow(python: Path | None, *, shows_progress: bool) -> DoctorReport:
    from app.doctor_job import DoctorJob

    with percent_bar(is_shown=shows_progress) as bar:

        def show(progress: DoctorProgress) -> None:
            bar.set_description_str(progress.activity, refresh=False)
            bar.update(int(100 * progress.done_ratio) - bar.n)

        return DoctorJob(python, show).run()


def _require_writable(path: Path) -> None:
    """Refuse before the minutes that the report takes."""
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise OutputError(
            f"cannot write {path}: it is a folder, or its folder is not there",
            hint="Choose another --out.",
        )


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror}", hint="Choose another --out."
        ) from error
