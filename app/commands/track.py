"""`main.py track`: tracks a source without a window and writes what it found."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from app.commands.arguments import (
    add_engine_arguments,
    add_second_look_argument,
    engine_factory,
    engine_words,
    second_look_words,
    takes_colour,
)
from app.commands.several import run_several
from app.sources.base import FrameMode

if TYPE_CHECKING:
    import argparse

_INTERRUPTED = 130


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "track",
        help="track cameras, videos, folders or synthetic scenes without a window",
        description="Tracks SOURCE and writes DIR/tracks.csv, DIR/telemetry.csv and"
        " DIR/annotated.png. Several sources are tracked at the same time, each in a"
        " process of its own that writes into a folder of its own in DIR.",
    )
    parser.add_argument(
        "sources", metavar="SOURCE", nargs="+", help="file, folder, camera or URI"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--every-frame",
        action="store_true",
        help="infer every frame, as fast as the engine can (default: real time, the"
        " newest frame wins)",
    )
    parser.add_argument("--frames", type=int, metavar="N", help="stop after N frames")
    parser.add_argument(
        "--annotate", action="store_true", help="write DIR/annotated.mp4 too"
    )
    parser.add_argument(
        "--json", action="store_true", help="print nothing but the last JSON line"
    )
    add_engine_arguments(parser)
    add_second_look_argument(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; gives the exit status."""
    if len(arguments.sources) > 1:
        return run_several(
            arguments,
            lambda source, folder: [
                *("track", source, "--out", str(folder)),
                *(["--every-frame"] if arguments.every_frame else []),
                *(["--annotate"] if arguments.annotate else []),
                *(["--frames", str(arguments.frames)] if arguments.frames else []),
                *engine_words(arguments),
                *second_look_words(arguments),
            ],
        )
    # Imported here: the window starts without what only commands need.
    from app.track_job import TrackJob

    job = TrackJob(
        source=arguments.sources[0],
        folder=arguments.out,
        make_engine=engine_factory(arguments),
        mode=FrameMode.EVERY_FRAME if arguments.every_frame else FrameMode.LIVE,
        frame_limit=arguments.frames,
        writes_video=arguments.annotate,
        takes_colour=takes_colour(arguments),
        second_look=arguments.second_look or 0,
    )
    outcome = job.run(shows_progress=not arguments.json and sys.stderr.isatty())
    if not arguments.json:
        print(outcome.text())
    print(json.dumps(outcome.figures()))
    return _INTERRUPTED if outcome.is_interrupted else 0
