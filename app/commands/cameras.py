"""`main.py cameras`: the cameras of this machine, and what each of them offers."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from app.sources.v4l2.query import list_cameras

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from app.sources.v4l2.query import CameraDescription


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "cameras",
        help="list the cameras of this machine with formats, sizes and rates",
        description="Asks every camera of Video4Linux. CSI cameras of a Jetson open as"
        " csi://0, streams as rtsp://HOST/STREAM.",
    )
    parser.add_argument(
        "--json", action="store_true", help="print everything as one JSON line"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; gives the exit status."""
    cameras = list_cameras()
    if arguments.json:
        print(json.dumps([asdict(camera) for camera in cameras]))
        return 0
    if not cameras:
        print("No camera of Video4Linux is plugged in.")
    for camera in cameras:
        print("\n".join(_lines(camera)))
    return 0


def _lines(camera: CameraDescription) -> Iterator[str]:
    where = f", {camera.bus}" if camera.bus else ""
    yield f"{camera.path}  {camera.title}{where}"
    if camera.problem:
        yield f"    {camera.problem}"
    for mode in camera.modes:
        rates = ", ".join(f"{rate:g}" for rate in mode.rates_hz) or "not told"
        upto = "up to " if mode.has_any_rate else ""
        yield f"    {mode.pixels:<5}{mode.size:>10}  {upto}{rates} fps"
