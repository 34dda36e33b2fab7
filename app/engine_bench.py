"""Measures one engine: alone, and in the whole solution.

`python -m app.engine_bench` does it in a process of its own, which tells its peak of
memory apart from the console's. It reads one JSON object from stdin (a `BenchOrder`)
and speaks JSON on stdout, one object a line: `progress`, then `finished` or `failed`.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import resource
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from app.conversion_frames import save_prepared_frames
from app.end_to_end import run_whole
from app.engine_choice import EngineChoice
from app.errors import ConsoleError
from app.hardware.board import find_board
from app.hardware.log import HardwareLog
from app.hardware.tree import Tree
from engines.base import EngineKind, Precision
from engines.errors import EngineError
from engines.host.machine import find_processor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from engines.base import Engine

SCHEMA_VERSION = 1
_WARM_UP_CALLS = 20
_SETTLE_S = 1.5
_TEMPERATURES = ("temperature_hottest_c", "temperature_cpu_c", "temperature_gpu_c")


@dataclass(frozen=True, slots=True)
class BenchOrder:
    """What is measured, and on what."""

    name: str
    """Of the engine in the list."""
    choice: EngineChoice
    clip: str
    """What is tracked."""
    seconds: float = 5.0
    """Of each of the two parts. Larger steadies the figures."""
    is_beside_feed: bool = False
    """Whether a feed runs meanwhile, which takes its share of the machine."""

    def to_json(self) -> str:
        """Write it for the process that measures."""
        document = asdict(self)
        choice = document["choice"]
        for name, value in choice.items():
            if isinstance(value, (EngineKind, Precision)):
                choice[name] = value.value
            elif isinstance(value, Path):
                choice[name] = str(value)
        return json.dumps(document)

    @staticmethod
    def of_json(text: str) -> BenchOrder:
        """Read what `to_json` wrote."""
        document = json.loads(text)
        choice = document.pop("choice")
        precision, model, host = (choice.pop(x) for x in ("precision", "model", "host"))
        made = EngineChoice(
            kind=EngineKind(choice.pop("kind")),
            precision=Precision(precision) if precision else None,
            model=Path(model) if model else None,
            host=Path(host) if host else None,
            **choice,
        )
        return BenchOrder(choice=made, **document)


def measure_engine(
    order: BenchOrder, tell: Callable[[str, float], None]
) -> dict[str, Any]:
    """Measure: warm up, the network alone, then the whole solution.

    Parameters
    ----------
    order : BenchOrder
    tell : callable
        Called with what is going on and the share that is done, 0 to 1.

    Returns
    -------
    dict
        A result as `app.bench_store` keeps it.

    Raises
    ------
    EngineError, ConsoleError
        Whatever ends it.
    """
    make_engine = order.choice.factory()
    rows: list[dict[str, float]] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        HardwareLog(lambda figures: rows.append(figures.to_row())),
    ):
        scratch = Path(folder)
        tell("reading the temperature", 0.0)
        time.sleep(_SETTLE_S)
        tell("opening and warming up", 0.05)
        engine = make_engine()
        try:
            spec = engine.spec
            path = scratch / "frames.npz"
            save_prepared_frames(order.clip, spec.model.input, path, lambda: False)
            with np.load(path) as archive:
                stack = archive["tensors"]
            tensors = [stack[at : at + 1] for at in range(len(stack))]
            for at in range(_WARM_UP_CALLS):
                engine.infer(tensors[at % len(tensors)])
            tell("the network alone", 0.15)
            alone = _summary(_durations_ms(engine, tensors, order.seconds))
        finally:
            engine.close()
        tell("the whole solution", 0.5)
        whole = run_whole(order.clip, make_engine, order.seconds, scratch)
    before, after = rows[0], rows[-1]
    names = [name for name in _TEMPERATURES if name in before and name in after]
    return {
        "schema_version": SCHEMA_VERSION,
        "when": datetime.datetime.now(datetime.timezone.utc).isoformat(
            timespec="seconds"
        ),
        "engine": {
            "name": order.name,
            "kind": spec.kind.value,
            "precision": spec.precision.value,
            "library": spec.library,
            "device": spec.device,
            "threads": spec.threads,
            "model": spec.model.name,
            "input": f"{spec.model.input.width_px}x{spec.model.input.height_px}",
        },
        "machine": _machine(),
        "clip": Path(order.clip).name,
        "is_beside_feed": order.is_beside_feed,
        "seconds": order.seconds,
        "alone": alone,
        "whole": {name: round(value, 3) for name, value in whole.items()},
        "memory_mb": round(_peak_mb(), 1),
        "temperature_before_c": before[names[0]] if names else None,
        "temperature_after_c": after[names[0]] if names else None,
        "telemetry": rows,
        "source": "",
    }


def _durations_ms(
    engine: Engine, tensors: Sequence[NDArray[Any]], seconds: float
) -> list[float]:
    found: list[float] = []
    end_s = time.perf_counter() + seconds
    now_s = time.perf_counter()
    while now_s < end_s:
        engine.infer(tensors[len(found) % len(tensors)])
        done_s = time.perf_counter()
        found.append(1e3 * (done_s - now_s))
        now_s = done_s
    return found


def _summary(durations_ms: Sequence[float]) -> dict[str, float]:
    p50_ms, p95_ms, p99_ms = np.percentile(durations_ms, (50, 95, 99))
    return {
        "fps": round(1e3 / float(np.mean(durations_ms)), 2),
        "p50_ms": round(float(p50_ms), 3),
        "p95_ms": round(float(p95_ms), 3),
        "p99_ms": round(float(p99_ms), 3),
    }


def machine_name() -> str:
    """Name of this machine, as its results carry it."""
    board = find_board(Tree())
    processor, _ = find_processor()
    return board.name if board.is_jetson else processor


def _machine() -> dict[str, Any]:
    return {
        "name": machine_name(),
        "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _peak_mb() -> float:
    """Largest resident memory of this process and of those it started."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024


def main() -> int:
    """Measure what stdin asks; gives the exit status."""

    def emit(event: str, **fields: object) -> None:
        sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
        sys.stdout.flush()

    try:
        result = measure_engine(
            BenchOrder.of_json(sys.stdin.readline()),
            lambda text, ratio: emit("progress", activity=text, done_ratio=ratio),
        )
    except (EngineError, ConsoleError) as error:
        emit("failed", message=error.message, hint=error.hint)
        return 1
    emit("finished", result=result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
