"""Measures the whole solution: capture, inference, tracking, display and recording.

The same pipeline runs with one engine after the other, a few seconds of each in turn,
as fast as it can: what a faster engine is worth to the operator, and not to a table.
"""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from app.display import Display
from app.engine_choice import EngineChoice
from app.errors import ConsoleError
from app.feed_options import FeedOptions
from app.hardware.log import HardwareLog, before_and_after
from app.overlay import View
from app.pipeline import Pipeline
from app.recording.settings import RecordingSettings
from app.sources.base import FrameMode
from app.sources.catalogue import open_source
from engines.base import EngineKind
from engines.errors import EngineLoadError
from engines.manifest import MANIFEST_NAME, load_manifest

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.bench_job import BenchProgress
    from app.frames import FrameResult
    from app.handoff import Backlog
    from app.pipeline import PipelineStatus
    from engines.base import Engine

_WINDOW_PX = (1280, 800)
_WARM_UP_FRAMES = 60
_FEWEST_FRAMES = 50
# As often as the window asks.
_POLL_S = 0.1
_PATIENCE_S = 120.0
_TRAINED = "saved-model"
# Of more frames than any engine infers from one look to the next.
_RESULTS = 1024


@dataclass(frozen=True, slots=True)
class EndToEndRequest:
    """What is measured."""

    model: Path
    """Model folder with the network as trained beside what OpenVINO reads."""
    python: Path
    """Interpreter that has TensorFlow, which runs the network as trained."""
    clip: str
    """What is tracked, again and again."""
    best: EngineChoice
    """What is compared with it."""
    seconds: float = 5.0
    """Of each engine in each round."""
    rounds: int = 3
    threads: int = 1
    second_look: int = 0
    """Further inferences of each frame, at full resolution."""


@dataclass(frozen=True, slots=True)
class _Contender:
    name: str
    make_engine: Callable[[], Engine]


def measure_end_to_end(
    request: EndToEndRequest, show: Callable[[BenchProgress], None]
) -> dict[str, Any]:
    """Run both, and compare them within each round.

    Raises
    ------
    EngineError, ConsoleError
        Whatever ends a pipeline.
    """
    from app.bench_job import BenchProgress

    rows: list[dict[str, float]] = []
    with ExitStack() as stack:
        stack.enter_context(HardwareLog(lambda figures: rows.append(figures.to_row())))
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        contenders = (
            _Contender("tensorflow, as trained", _trained(request, scratch)),
            _Contender(f"best: {request.best.kind.value}", request.best.factory()),
        )
        runs: dict[str, list[dict[str, float]]] = {each.name: [] for each in contenders}
        total = request.rounds * len(contenders)
        for number in range(total):
            contender = contenders[number % len(contenders)]
            show(BenchProgress(contender.name, number / total))
            run = run_whole(
                request.clip,
                contender.make_engine,
                request.seconds,
                scratch,
                request.second_look,
            )
            runs[contender.name].append(run)
    first, second = (runs[each.name] for each in contenders)
    return {
        "model": load_manifest(request.model).name,
        "clip": Path(request.clip).name,
        "parts": ["capture", "inference", "tracking", "display", "recording"],
        "threads": request.threads,
        "second_look": request.second_look,
        "rounds": request.rounds,
        "results": [_summary(name, values) for name, values in runs.items()],
        "ratio": round(
            statistics.median(
                b["fps"] / a["fps"] for a, b in zip(first, second, strict=True)
            ),
            2,
        ),
        "telemetry": rows,
    }


def _trained(request: EndToEndRequest, scratch: Path) -> Callable[[], Engine]:
    """TensorFlow on the network as trained, in a process that has TensorFlow."""
    manifest = load_manifest(request.model)
    if _TRAINED not in manifest.files:
        raise EngineLoadError(
            f"model {manifest.name!r} has no {_TRAINED}, the network as trained",
            hint="Put it beside the other files, and name it in the manifest.",
        )
    folder = scratch / "trained"
    folder.mkdir()
    document = json.loads((request.model / MANIFEST_NAME).read_text(encoding="utf-8"))
    document["files"] = {_TRAINED: "network"}
    document["sha256"] = {}
    (folder / MANIFEST_NAME).write_text(json.dumps(document), encoding="utf-8")
    (folder / "network").symlink_to(manifest.path_of(_TRAINED).resolve())
    choice = EngineChoice(
        kind=EngineKind.TENSORFLOW,
        model=folder,
        threads=request.threads,
        host=request.python,
    )
    return choice.factory()


def run_whole(
    clip: str,
    make_engine: Callable[[], Engine],
    seconds: float,
    scratch: Path,
    second_look: int = 0,
) -> dict[str, float]:
    """Run one pipeline with all its parts as fast as it goes.

    Parameters
    ----------
    clip : str
        What is tracked.
    make_engine : callable
    seconds : float
        After it has warmed up.
    scratch : Path
        Folder for what is recorded meanwhile.
    second_look : int
        Further inferences of each frame, at full resolution.

    Returns
    -------
    dict of str to float
        `fps`, `p50_ms`, `p95_ms` and `p99_ms` from a frame's arrival to its result,
        medians of the stages, `display_hz`, and frames `recorded`.

    Raises
    ------
    EngineError, ConsoleError
        Whatever ends the pipeline, or the clip ends it too soon.
    """
    sessions = scratch / "sessions"
    pipeline = Pipeline(
        open_source(clip, is_paced=False), make_engine, FrameMode.EVERY_FRAME
    )
    pipeline.adjust(FeedOptions(second_look=second_look))
    results = pipeline.subscribe(_RESULTS)
    latencies_ms: list[float] = []
    display = Display()
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, sessions, ignore_errors=True)
        display.start()
        stack.callback(display.stop)
        stack.callback(pipeline.stop)
        pipeline.configure_recording(RecordingSettings(folder=sessions))
        display.set_feed(pipeline.results, pipeline.trails)
        pipeline.start()
        _wait_until(
            pipeline, results, lambda now: now.ledger.inferred >= _WARM_UP_FRAMES
        )
        spec = pipeline.status().source
        if spec is not None:
            display.set_view(View.fit(spec.width_px, spec.height_px, *_WINDOW_PX))
        pipeline.start_recording("bench")
        # It chooses an encoder first, and holds the frames up meanwhile.
        _wait_until(
            pipeline, results, lambda now: now.recording.written >= _WARM_UP_FRAMES
        )
        before, started_s = pipeline.status().ledger.inferred, time.monotonic()
        status, spent_s, count = pipeline.status(), 0.0, 0
        # A slow engine is given the time it needs.
        while not status.state.is_over and (
            spent_s < seconds or (count < _FEWEST_FRAMES and spent_s < _PATIENCE_S)
        ):
            time.sleep(_POLL_S)
            latencies_ms += _latencies_ms(results)
            status = pipeline.status()
            spent_s = time.monotonic() - started_s
            count = status.ledger.inferred - before
        pictures_hz = display.status().display_hz
    if status.fault is not None:
        raise status.fault
    if count < _FEWEST_FRAMES:
        raise ConsoleError(
            f"{count} frames of {clip} were inferred in {spent_s:.0f} s, too few to"
            " measure",
            hint="Name a longer clip."
            if status.state.is_over
            else "Choose a faster engine or a smaller input.",
        )
    p50_ms, p95_ms, p99_ms = np.percentile(latencies_ms, (50, 95, 99))
    return {
        "fps": count / spent_s,
        "p50_ms": float(p50_ms),
        "p95_ms": float(p95_ms),
        "p99_ms": float(p99_ms),
        "infer_ms": status.stages.infer_ms,
        "look_ms": status.second_look.look_ms,
        "crops": status.second_look.crops,
        "segment_ms": status.stages.segment_ms,
        "track_ms": status.stages.track_ms,
        "display_hz": pictures_hz,
        "recorded": float(status.recording.written),
    }


def _latencies_ms(results: Backlog[FrameResult]) -> list[float]:
    """Of the results that wait; taking them lets the pipeline go on."""
    found: list[float] = []
    while (result := results.take(0)) is not None:
        found.append(result.latency_ms)
    return found


def _wait_until(
    pipeline: Pipeline,
    results: Backlog[FrameResult],
    is_so: Callable[[PipelineStatus], bool],
) -> None:
    """Wait until something is so, or it is over."""
    deadline_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline_s:
        _latencies_ms(results)
        status = pipeline.status()
        if is_so(status) or status.state.is_over:
            return
        time.sleep(_POLL_S)


def _summary(name: str, runs: list[dict[str, float]]) -> dict[str, Any]:
    medians = {
        key: round(statistics.median(each[key] for each in runs), 2) for key in runs[0]
    }
    return {
        "engine": name,
        **medians,
        "fps_by_round": [round(each["fps"], 2) for each in runs],
    }


def text_of_end_to_end(report: dict[str, Any]) -> str:
    """The report for a person."""
    lines = [
        f"{'whole solution':<26}{'fps':>8}{'infer ms':>10}{'again':>8}{'segment':>9}"
        f"{'track':>8}"
        f"{'pictures/s':>12}"
    ]
    lines += [
        f"{one['engine']:<26}{one['fps']:>8.1f}{one['infer_ms']:>10.2f}"
        f"{one['look_ms']:>8.2f}{one['segment_ms']:>9.2f}{one['track_ms']:>8.2f}{one['display_hz']:>12.1f}"
        for one in report["results"]
    ]
    lines.append(
        f"{report['ratio']:.2f} times as fast, median of {report['rounds']} rounds of"
        f" {', '.join(report['parts'])} on {report['clip']}"
    )
    if report["second_look"]:
        lines.append(
            f"again: the second look, {report['second_look']} inference(s) a frame"
        )
    lines.append(before_and_after(report["telemetry"]))
    return "\n".join(lines)
