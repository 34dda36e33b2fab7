"""The networks on this processor in each precision: what they find, how fast.

    .venv/bin/python -m tests.benchmarks.networks_cpu [--data DATA]

All engines are loaded at once and take turns, a short burst each, so that what slows
the machine slows all of them. F1 is that of the same rendered scenes for all, drawn at
random and as the synthetic source shows them, and with DATA the mean of the real clips.
int8 takes its ranges from the bundled clip.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from app.conversion_job import ConversionJob, ConversionState, find_interpreter
from app.paths import SAMPLE_CLIP
from engines.base import EngineKind, Precision
from engines.catalogue import open_engine
from engines.convert.request import ConversionRequest, Target
from engines.errors import EngineError
from engines.manifest import load_manifest
from engines.training.evaluate import SEED, answers, engine_predict, score
from engines.training.questions import (
    SHRINK,
    plain_scenes,
    questions_of,
    random_scenes,
)
from tests.benchmarks.real_clips import NAMES, ROOT, Network, judged, read_truth

if TYPE_CHECKING:
    from engines.base import Engine
    from engines.manifest import ModelManifest

_CALLS = 30
_CONVERSION_DEADLINE_S = 1800.0


class Entry(NamedTuple):
    """One network in one precision."""

    name: str
    precision: Precision
    manifest: ModelManifest
    engine: Engine


def entries(scratch: Path) -> list[Entry]:
    """Open whatever this processor runs; says what it does not."""
    found = []
    for name in NAMES:
        folder = ROOT / "resources/models" / name
        for precision in (Precision.FP32, Precision.BF16, Precision.INT8):
            try:
                if precision is Precision.INT8:
                    folder = _quantised(folder, scratch / name)
                manifest = load_manifest(folder)
                engine = open_engine(EngineKind.OPENVINO, manifest, precision, 1)
            except EngineError as error:
                print(f"{name:8} {precision.value}: {error.message}")
                continue
            found.append(Entry(name, precision, manifest, engine))
    return found


def _quantised(model: Path, folder: Path) -> Path:
    request = ConversionRequest(
        model=model, target=Target.OPENVINO, folder=folder, precision=Precision.INT8
    )
    job = ConversionJob(request, find_interpreter(), str(SAMPLE_CLIP))
    job.start()
    status = job.wait(_CONVERSION_DEADLINE_S)
    if status.error is not None:
        raise status.error
    assert status.state is ConversionState.DONE
    return folder


def scene_scores(found: list[Entry], scenes: int) -> list[list[float]]:
    """F1 of each entry on random scenes and on plain ones."""
    spec = found[0].manifest.input
    size = (spec.width_px * SHRINK, spec.height_px * SHRINK)
    rows: list[list[float]] = [[] for _ in found]
    for drawn in (
        random_scenes(scenes, SEED + 1, size),
        plain_scenes(scenes, SEED, size),
    ):
        questions = questions_of(drawn, 2, processes=1)
        for row, entry in zip(rows, found, strict=True):
            low, high = entry.manifest.threshold_low, entry.manifest.threshold_high
            given = answers(engine_predict(entry.engine), questions)
            row.append(score(questions, given, low, high).f1)
    return rows


def real_score(entry: Entry, data: Path) -> float:
    """Mean F1 of the real clips."""
    network = Network(entry.manifest.folder, precision=entry.precision)
    truth = read_truth(data)
    scores = [judged(network, data, clip, truth[clip]).f1 for clip in truth]
    return statistics.mean(scores)


def times_ms(found: list[Entry], rounds: int) -> list[float]:
    """Median time of a frame of each entry; they take turns."""
    frames = np.random.default_rng(0).random(found[0].manifest.input.shape, np.float32)
    taken: list[list[float]] = [[] for _ in found]
    for _ in range(rounds):
        for row, entry in zip(taken, found, strict=True):
            started_s = time.perf_counter()
            for _ in range(_CALLS):
                entry.engine.infer(frames)
            row.append(1e3 * (time.perf_counter() - started_s) / _CALLS)
    return [statistics.median(row) for row in taken]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the real clips")
    parser.add_argument("--scenes", type=int, default=50, help="of each kind")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        found = entries(Path(scratch))
        taken = times_ms(found, arguments.rounds)
        scores = scene_scores(found, arguments.scenes)
        print(
            f"{'network':8} {'format':6} {'ms':>6} {'random scenes':>13}"
            f" {'plain scenes':>12} {'real clips':>10}"
        )
        for entry, ms, (drawn, plain) in zip(found, taken, scores, strict=True):
            real = "-"
            if arguments.data is not None:
                real = f"{real_score(entry, arguments.data):.3f}"
            print(
                f"{entry.name:8} {entry.precision.value:6} {ms:6.2f} {drawn:13.3f}"
                f" {plain:12.3f} {real:>10}",
                flush=True,
            )


if __name__ == "__main__":
    main()
