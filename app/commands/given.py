"""What the command line says of the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.commands.arguments import given_engine
from app.settings.draft import Key
from app.sources.base import FrameMode

if TYPE_CHECKING:
    import argparse


def given_settings(arguments: argparse.Namespace) -> dict[Key, object]:
    """The settings that the command line of the console names.

    Parameters
    ----------
    arguments : argparse.Namespace
        With those of `add_engine_arguments`, `every_frame` and `second_look`.
    """
    given: dict[Key, object] = {
        Key("engine", name): value for name, value in given_engine(arguments).items()
    }
    if arguments.every_frame:
        given[Key("source", "mode")] = FrameMode.EVERY_FRAME
    if arguments.second_look is not None:
        given[Key("tracking", "second_look")] = arguments.second_look
    return given
