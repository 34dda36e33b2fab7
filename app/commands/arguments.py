"""Arguments that several commands share, and what they stand for."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from app.paths import DEFAULT_MODEL
from engines.base import EngineKind, Precision
from engines.catalogue import open_engine
from engines.host.client import HostedEngine
from engines.manifest import load_manifest

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from engines.base import Engine


def add_engine_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the choice of model and engine."""
    parser.add_argument(
        "--engine",
        type=EngineKind,
        choices=list(EngineKind),
        default=EngineKind.OPENVINO,
        metavar="KIND",
        help="what runs the network: "
        + ", ".join(kind.value for kind in EngineKind)
        + " (default: openvino)",
    )
    parser.add_argument(
        "--model",
        type=Path,
        default=DEFAULT_MODEL,
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
        default=1,
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


def engine_factory(arguments: argparse.Namespace) -> Callable[[], Engine]:
    """What opens the engine that the arguments name.

    Raises
    ------
    ManifestError
        If the model's folder has no valid manifest.
    """
    kind: EngineKind = arguments.engine
    manifest = None if kind is EngineKind.REFERENCE else load_manifest(arguments.model)
    order = (kind, manifest, arguments.precision, arguments.threads)
    if arguments.engine_host is None:
        return partial(open_engine, *order)
    return partial(HostedEngine, arguments.engine_host, *order)
