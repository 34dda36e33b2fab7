"""Arguments that several commands share, and what they stand for."""

from __future__ import annotations

import enum
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.engine_choice import EngineChoice
from app.second_look import MOST_PICTURES
from engines.base import EngineKind, Precision

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from engines.base import Engine


_WORDS = {
    "kind": "--engine",
    "model": "--model",
    "precision": "--precision",
    "threads": "--threads",
    "host": "--engine-host",
}
"""By the fields of `EngineChoice`."""


def add_engine_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the choice of model and engine; what is not given is None."""
    parser.add_argument(
        "--engine",
        type=EngineKind,
        choices=list(EngineKind),
        metavar="KIND",
        help="what runs the network: "
        + ", ".join(kind.value for kind in EngineKind)
        + " (default: openvino)",
    )
    parser.add_argument(
        "--model",
        type=Path,
        metavar="FOLDER",
        help="folder with the model's manifest.json (default: the bundled network)",
    )
    parser.add_argument(
        "--precision",
        type=Precision,
        choices=list(Precision),
        metavar="P",
        help="fp32 or bf16 (default: bf16 where the CPU has it)",
    )
    parser.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="threads of one inference (default: 1, which leaves a core to the rest)",
    )
    parser.add_argument(
        "--engine-host",
        type=Path,
        metavar="PYTHON",
        help="run the engine in a process of this interpreter, the JetPack's say, or"
        " .venv-engines/bin/python for TensorFlow (default: in the console's own)",
    )


def add_second_look_argument(
    parser: argparse.ArgumentParser, condition: str = ""
) -> None:
    """Add the number of second looks; None where it is not given."""
    parser.add_argument(
        "--second-look",
        type=int,
        choices=range(MOST_PICTURES + 1),
        metavar="N",
        help=f"look again, up to {MOST_PICTURES} times a frame, at four crops in full"
        " resolution: finds objects of a few pixels in large frames, each time for the"
        f" price of one inference{condition} (default: 0)",
    )


def second_look_words(arguments: argparse.Namespace) -> list[str]:
    """The second look as it was typed, for another process."""
    given = arguments.second_look
    return [] if given is None else ["--second-look", str(given)]


def engine_words(arguments: argparse.Namespace) -> list[str]:
    """The choice of model and engine as it was typed, for another process."""
    words = []
    for name, value in given_engine(arguments).items():
        text = value.value if isinstance(value, enum.Enum) else str(value)
        words += [_WORDS[name], text]
    return words


def takes_colour(arguments: argparse.Namespace) -> bool:
    """Whether the network that the arguments name looks at colour.

    Raises
    ------
    ManifestError
        If the model's folder has no valid manifest.
    """
    return EngineChoice(**given_engine(arguments)).takes_colour


def engine_factory(arguments: argparse.Namespace) -> Callable[[], Engine]:
    """What opens the engine that the arguments name.

    Raises
    ------
    ManifestError
        If the model's folder has no valid manifest.
    """
    return EngineChoice(**given_engine(arguments)).factory()


def given_engine(arguments: argparse.Namespace) -> dict[str, Any]:
    """What the command line says of the engine, by the fields of `EngineChoice`."""
    given = {
        "kind": arguments.engine,
        "model": arguments.model,
        "precision": arguments.precision,
        "threads": arguments.threads,
        "host": arguments.engine_host,
    }
    assert given.keys() == {field.name for field in fields(EngineChoice)}
    return {name: value for name, value in given.items() if value is not None}
