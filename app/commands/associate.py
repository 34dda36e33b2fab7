"""`main.py associate`: tracks from the detections of any detector."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import ConsoleError
from engines.convert.__main__ import size_px

if TYPE_CHECKING:
    import argparse


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "associate",
        help="give detections in a MOT Challenge file their identities",
        description="Reads lines of frame, id, left, top, width, height, confidence"
        " and writes them with ids, in the format of the MOT Challenge.",
    )
    parser.add_argument("detections", type=Path, metavar="FILE")
    parser.add_argument(
        "--fps", type=float, required=True, metavar="N", help="frames a second"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument(
        "--predict",
        type=float,
        metavar="CHANCE",
        help="write lost tracks, too, while their object is within a body length with"
        " at least this chance, as 0.7; smaller bridges longer gaps, and guesses more",
    )
    parser.add_argument(
        "--fill-gaps",
        type=int,
        default=0,
        metavar="N",
        help="draw a track straight through gaps of up to N frames, once it is seen"
        " again; larger closes longer gaps, and is less true (default: 0)",
    )
    parser.add_argument(
        "--size",
        type=size_px,
        metavar="WxH",
        help="width and height of a frame in pixels; with it, the tracker knows how"
        " thinly false detections are strewn, and where objects come in",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; gives the exit status."""
    # Imported here: the window starts without what only commands need.
    from app.mot_files import associate, read_detections

    if not arguments.fps > 0:
        raise ConsoleError(
            f"{arguments.fps:g} frames a second", hint="Give --fps a value above 0."
        )
    if arguments.predict is not None and not 0 <= arguments.predict <= 1:
        raise ConsoleError(
            f"a chance of {arguments.predict:g}",
            hint="Give --predict a value from 0 to 1; 0.7 is a good one.",
        )
    detections = read_detections(arguments.detections)
    tracks = associate(
        detections,
        arguments.fps,
        arguments.predict,
        arguments.fill_gaps,
        arguments.size,
    )
    try:
        arguments.out.write_text("".join(tracks.lines), encoding="ascii")
    except OSError as error:
        raise ConsoleError(
            f"cannot write {arguments.out}: {error.strerror}",
            hint="Choose another file for --out.",
        ) from error
    print(
        f"{tracks.track_count} tracks in {tracks.frames} frames,"
        f" {tracks.frames_per_s:.0f} frames/s"
    )
    return 0
