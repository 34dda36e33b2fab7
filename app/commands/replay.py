"""`main.py replay`: another engine over the same frames, compared."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from app.commands.arguments import add_engine_arguments, engine_factory

if TYPE_CHECKING:
    import argparse


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "replay",
        help="track a recorded session anew, and compare with what was recorded",
        description="Runs an engine over every frame of the session DIR, writes"
        " DIR/exports/replay.csv and compares it with the recorded tracks.",
    )
    parser.add_argument("session", type=Path, metavar="DIR")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_engine_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; gives the exit status."""
    from app.progress import progress_bar
    from app.replay_job import replay_session

    shows = not arguments.json and sys.stderr.isatty()
    with progress_bar(unit="frame", disable=not shows) as bar:
        comparison, path = replay_session(
            arguments.session, engine_factory(arguments), bar.update
        )
    if arguments.json:
        print(json.dumps(comparison.figures()))
        return 0
    agreed = f"{comparison.matched} agree ({100 * comparison.agreement:.1f} %)"
    print(
        f"{comparison.frames} frames compared: {comparison.recorded} positions"
        f" recorded, {comparison.replayed} now, {agreed},"
        f" {comparison.distance_px:.2f} px apart\n"
        f"{comparison.tracks_recorded} tracks recorded, {comparison.tracks_replayed}"
        f" now; {comparison.switches} changes of identity against the recording\n"
        f"written to {path}"
    )
    return 0
