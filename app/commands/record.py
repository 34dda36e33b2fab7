"""`main.py record`: records a source, with its tracks, into a session folder."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from app.commands.arguments import (
    add_engine_arguments,
    add_second_look_argument,
    engine_factory,
    engine_words,
    second_look_words,
    takes_colour,
)
from app.commands.several import run_several
from app.errors import SourceFormatError
from app.sources.base import FrameMode

_INTERRUPTED = 130


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    from app.recording.settings import EncoderChoice, Quality

    parser = commands.add_parser(
        "record",
        help="record a source with its tracks, so that nothing is lost",
        description="Records every captured frame of SOURCE, its tracks, measurements"
        " and events into the session folder DIR, which must not hold anything. Several"
        " sources are recorded at the same time, each in a process of its own into a"
        " session of its own in DIR.",
    )
    parser.add_argument(
        "sources", metavar="SOURCE", nargs="+", help="file, folder, camera or URI"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--seconds", type=float, metavar="N", help="stop after N s")
    parser.add_argument(
        "--pretrigger",
        type=float,
        default=0.0,
        metavar="S",
        help="hold the last S seconds; Enter starts and stops, and sessions go into"
        " folders of their own in DIR",
    )
    parser.add_argument(
        "--zone",
        type=_zone,
        metavar="X,Y;X,Y;X,Y",
        help="record while a track is in this polygon of the frame, in pixels",
    )
    parser.add_argument(
        "--after",
        type=float,
        default=2.0,
        metavar="S",
        help="go on for S seconds after the last track has left the zone (default: 2)",
    )
    parser.add_argument(
        "--quality",
        type=Quality,
        choices=list(Quality),
        default=Quality.GOOD,
        metavar="Q",
        help="small, good or lossless (default: good)",
    )
    parser.add_argument(
        "--encoder",
        type=EncoderChoice,
        choices=list(EncoderChoice),
        default=EncoderChoice.AUTOMATIC,
        metavar="E",
        help="automatic, software, or hevc by a graphics unit (default: automatic)",
    )
    parser.add_argument("--grey", action="store_true", help="leave out colour")
    parser.add_argument(
        "--masks", action="store_true", help="keep the mask of every inferred frame"
    )
    parser.add_argument(
        "--reserve",
        type=float,
        default=0.5,
        metavar="GB",
        help="stop while this much of the disk is free (default: 0.5)",
    )
    parser.add_argument(
        "--every-frame",
        action="store_true",
        help="infer and record every frame of a file, as fast as that goes",
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
        return _run_several(arguments)
    from app.record_job import RecordJob
    from app.recording.settings import RecordingSettings, TriggerZone

    zone = None
    if arguments.zone is not None:
        zone = TriggerZone(arguments.zone, arguments.after)
    has_many = arguments.pretrigger > 0 or zone is not None
    job = RecordJob(
        source=arguments.sources[0],
        make_engine=engine_factory(arguments),
        settings=RecordingSettings(
            folder=arguments.out if has_many else arguments.out.absolute().parent,
            quality=arguments.quality,
            encoder=arguments.encoder,
            is_grey=arguments.grey,
            pretrigger_s=arguments.pretrigger,
            keeps_masks=arguments.masks,
            seconds_limit=arguments.seconds,
            reserve_bytes=round(arguments.reserve * 1e9),
            zone=zone,
        ),
        name="" if has_many else arguments.out.absolute().name,
        mode=FrameMode.EVERY_FRAME if arguments.every_frame else FrameMode.LIVE,
        waits_for_keys=arguments.pretrigger > 0 and zone is None,
        takes_colour=takes_colour(arguments),
        second_look=arguments.second_look or 0,
    )

    def say(text: str) -> None:
        if not arguments.json:
            print(text, file=sys.stderr, flush=True)

    outcome = job.run(say)
    if not arguments.json:
        print(outcome.text())
    print(json.dumps(outcome.figures()))
    return _INTERRUPTED if outcome.is_interrupted else 0


def _run_several(arguments: argparse.Namespace) -> int:
    if arguments.pretrigger or arguments.zone is not None:
        raise SourceFormatError(
            "--pretrigger and --zone are for one source",
            hint="Start one command for each source.",
        )
    seconds = arguments.seconds
    return run_several(
        arguments,
        lambda source, folder: [
            *("record", source, "--out", str(folder)),
            *("--quality", arguments.quality.value),
            *("--reserve", str(arguments.reserve)),
            *(["--seconds", str(seconds)] if seconds is not None else []),
            *(["--grey"] if arguments.grey else []),
            *(["--masks"] if arguments.masks else []),
            *(["--every-frame"] if arguments.every_frame else []),
            *engine_words(arguments),
            *second_look_words(arguments),
        ],
    )


def _zone(text: str) -> tuple[tuple[float, float], ...]:
    from app.recording.settings import corners_from_text

    try:
        return corners_from_text(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
