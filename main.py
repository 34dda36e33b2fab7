"""Peregrine: tracks fast-moving objects in 120 fps video.

Without a command, the console opens. The commands run without a window, and without
PySide6 installed.

What the window and the commands import would delay the start of the feed's process,
and so the first picture: here only what is needed to decide is imported at once.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from app import VERSION
from app.errors import ConsoleError, SessionError
from app.feed_spawn import spawn_feed
from app.paths import SAMPLE_CLIP, settings_folder, state_folder
from app.process import prepare_process
from engines.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.feed import Feed
    from app.feed_spawn import SpawnedFeed
    from app.remote_feed import FeedProcess
    from app.sources.base import FrameMode

COMMANDS = (
    "track",
    "cameras",
    "associate",
    "record",
    "replay",
    "export",
    "verify",
    "convert",
    "bench",
    "finetune",
    "doctor",
)
"""Each is a module of `app.commands`."""
_REVIEW = "review"
_ANSWERED_AT_ONCE = ("-h", "--help", "--version")
_HEADLESS_SECONDS = 20.0
# What a shell makes of a command that Ctrl-C has ended.
_INTERRUPTED = 130
# What a console shows that has never been used: no camera, no file is needed.
_FIRST_SOURCE = "synthetic://"


def main(argv: Sequence[str] | None = None) -> int:
    """Run Peregrine; gives the exit status."""
    prepare_process()
    words = sys.argv[1:] if argv is None else argv
    named = (*COMMANDS, _REVIEW, *_ANSWERED_AT_ONCE)
    has_commands = any(word in named for word in words)
    obstacle = "" if has_commands else _obstacle_to_a_window()
    # It loads the engine's library while this one loads the window's.
    spawned = None if has_commands or obstacle else spawn_feed()
    try:
        parser = make_parser(has_commands=has_commands)
        arguments, unknown = parser.parse_known_args(words)
        if unknown:
            parser.error(_unknown_text(unknown, has_commands=has_commands))
        if arguments.run is not None:
            return int(arguments.run(arguments))
        if spawned is None:
            return run_headless(arguments, obstacle)
        return run_window(arguments, spawned)
    except (ConsoleError, EngineError) as error:
        print(f"peregrine: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"           {error.hint}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("peregrine: given up", file=sys.stderr)
        return _INTERRUPTED
    finally:
        if spawned is not None:
            spawned.close()


def make_parser(*, has_commands: bool = True) -> argparse.ArgumentParser:
    """The command line; without commands it is the window's alone."""
    from app.commands.arguments import (
        add_engine_arguments,
        add_second_look_argument,
    )

    parser = argparse.ArgumentParser(
        prog="main.py", description="Tracks fast-moving objects in 120 fps video."
    )
    parser.add_argument("--version", action="version", version=f"Peregrine {VERSION}")
    parser.add_argument(
        "--source",
        metavar="SOURCE",
        help="file, folder or URI to open at start (default: the last one)",
    )
    parser.add_argument(
        "--every-frame",
        action="store_true",
        help="infer every frame of a file instead of keeping to real time",
    )
    add_engine_arguments(parser)
    add_second_look_argument(parser)
    parser.set_defaults(run=None)
    if has_commands:
        commands = parser.add_subparsers(
            title="commands, all but review without a window", metavar=""
        )
        for name in COMMANDS:
            importlib.import_module(f"app.commands.{name}").add_parser(commands)
        review = commands.add_parser(
            _REVIEW,
            help="look at a recorded session in a window, correct and measure",
            description="Opens the session DIR for review; recovers it where its"
            " recorder died.",
        )
        review.add_argument("session", type=Path, metavar="DIR")
        review.set_defaults(run=run_review)
    return parser


def _unknown_text(words: Sequence[str], *, has_commands: bool) -> str:
    first = words[0]
    if has_commands or first.startswith("-"):
        return f"unrecognized arguments: {' '.join(words)}"
    return (
        f"there is no command {first!r}. Commands: {', '.join((*COMMANDS, _REVIEW))}."
        f" To open a source, type --source {first}"
    )


def run_window(arguments: argparse.Namespace, spawned: SpawnedFeed) -> int:
    """Open the console."""
    from app.remote_feed import FeedProcess

    feeds = FeedProcess(spawned)
    feeds.start()
    try:
        return _run_console(arguments, feeds)
    finally:
        feeds.close()


def run_review(arguments: argparse.Namespace) -> int:
    """Open a session for review, without the console."""
    obstacle = _obstacle_to_a_window()
    if obstacle:
        raise SessionError(
            f"a review needs a window, and {obstacle}",
            hint="'main.py verify' and 'main.py export' run without one.",
        )
    from app.logs import log_to_file
    from app.recording.recovery import recover_session
    from widgets import application

    recover_session(arguments.session)
    return application.run_review(arguments.session, log_to_file(state_folder()))


def _run_console(arguments: argparse.Namespace, feeds: FeedProcess) -> int:
    from PySide6.QtCore import QSettings

    from app.commands.arguments import given_engine
    from app.commands.given import given_settings
    from app.logs import log_to_file
    from app.settings.in_use import SettingsInUse
    from app.settings.store import SettingsStore
    from app.sources.base import FrameMode
    from app.sources.catalogue import open_source
    from widgets.application import run_console
    from widgets.memory import Memory

    in_use = SettingsInUse(
        SettingsStore(settings_folder() / "settings.json"), given_settings(arguments)
    )
    if given_engine(arguments):
        # What is typed wrongly is told in the terminal.
        in_use.now.engine.choice().factory()

    def make_feed(uri: str, mode: FrameMode) -> Feed:
        is_paced = mode is FrameMode.LIVE
        now = in_use.now
        choice = now.engine.choice()
        make_source = partial(
            open_source, uri, is_paced=is_paced, is_colour=choice.takes_colour
        )
        make_engine = choice.factory(now.hardware.memory_reserve_mb)
        return feeds.make_feed(make_source, make_engine, mode)

    state = QSettings(str(settings_folder() / "window.ini"), QSettings.Format.IniFormat)
    last_uri = next(iter(Memory(state).recent), _FIRST_SOURCE)
    return run_console(
        make_feed,
        initial_uri=arguments.source or in_use.now.source.start_uri or last_uri,
        in_use=in_use,
        state=state,
        log_path=log_to_file(state_folder()),
        ask=feeds.ask,
    )


def _obstacle_to_a_window() -> str:
    """Why no window can be opened; empty where one can."""
    if importlib.util.find_spec("PySide6") is None:
        return "PySide6 is not installed"
    has_screen = any(
        os.environ.get(name)
        for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    )
    if sys.platform.startswith("linux") and not has_screen:
        return "there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)"
    return ""


def run_headless(arguments: argparse.Namespace, obstacle: str) -> int:
    """Say why there is no window, and track without one instead."""
    from app.commands.arguments import engine_factory
    from app.logs import log_to_terminal
    from app.sources.base import FrameMode
    from app.track_job import TrackJob

    log_to_terminal()
    source = arguments.source or str(SAMPLE_CLIP)
    print(
        f"No window: {obstacle}.\n"
        f"Tracking {source} for {_HEADLESS_SECONDS:g} s without one instead."
        " 'main.py track --help' lists what else runs without a window."
    )
    job = TrackJob(
        source=source,
        folder=Path("out") / "headless",
        make_engine=engine_factory(arguments),
        mode=FrameMode.EVERY_FRAME if arguments.every_frame else FrameMode.LIVE,
        seconds_limit=_HEADLESS_SECONDS,
        second_look=arguments.second_look or 0,
    )
    outcome = job.run(shows_progress=sys.stderr.isatty())
    print(outcome.text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
