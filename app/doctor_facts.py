"""What each Python on this machine has: the first half of the doctor's report."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.conversion_job import ConverterMissingError, find_interpreter
from engines.host.machine import Capabilities, capabilities_from
from engines.host.process import ROOT, host_environment

if TYPE_CHECKING:
    from collections.abc import Iterable

# A Jetson's own Python, which alone has its TensorFlow and TensorRT.
_SYSTEM_PYTHON = Path("/usr/bin/python3")
_TIMEOUT_S = 60.0
_TAIL = 300


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python that was asked what it has."""

    python: Path
    capabilities: Capabilities | None
    """None where it did not answer."""
    obstacle: str = ""
    """Why it did not."""

    def to_document(self) -> dict[str, Any]:
        """Write it as JSON values."""
        return {
            "python": str(self.python),
            "capabilities": self.capabilities and self.capabilities.to_document(),
            "obstacle": self.obstacle,
        }


def candidate_interpreters(named: Path | None = None) -> tuple[Path, ...]:
    """List the Pythons to ask: the one named, the converter's, this one, the system's.

    Raises
    ------
    ConverterMissingError
        If the one that was named is no program.
    """
    found = []
    try:
        found.append(find_interpreter(named))
    except ConverterMissingError:
        if named is not None:
            raise
    found.append(Path(sys.executable))
    if _SYSTEM_PYTHON.exists():
        found.append(_SYSTEM_PYTHON)
    return tuple(dict.fromkeys(found))


def ask(python: Path) -> Interpreter:
    """Ask a Python what it has; takes a moment, and never fails."""
    try:
        done = subprocess.run(
            [str(python), "-m", "engines.host", "--capabilities"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_TIMEOUT_S,
            env=host_environment(),
            cwd=ROOT,
        )
    except OSError as error:
        return Interpreter(python, None, f"it does not start: {error.strerror}")
    except subprocess.TimeoutExpired:
        return Interpreter(python, None, f"no answer within {_TIMEOUT_S:g} s")
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = said[-1][:_TAIL] if said else f"status {done.returncode}"
        return Interpreter(python, None, f"it cannot host an engine: {reason}")
    try:
        return Interpreter(python, capabilities_from(json.loads(done.stdout)))
    except ValueError as error:
        return Interpreter(python, None, f"its answer is not understood: {error}")


def machine_of(interpreters: Iterable[Interpreter]) -> dict[str, Any]:
    """What the machine is, by the first Python that answered."""
    for one in interpreters:
        has = one.capabilities
        if has is not None:
            return {
                "platform": has.platform,
                "processor": has.processor,
                "jetson_linux": has.jetson_linux,
                "jetpack": has.jetpack,
                "gpu": has.gpu,
                "compute_capability": has.compute_capability,
                "cuda": has.cuda,
                "tensorrt": has.tensorrt,
                "precisions": [dict(each._asdict()) for each in has.precisions],
            }
    return {}
