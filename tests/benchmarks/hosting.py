"""What hosting an engine costs, and what it survives.

    .venv/bin/python -m tests.benchmarks.hosting overhead [--engine-host PYTHON] ...
    .venv/bin/python -m tests.benchmarks.hosting kills [--kills N] ...
    .venv/bin/python -m tests.benchmarks.hosting conversion-kills [--kills N] ...
    .venv/bin/python -m tests.benchmarks.hosting fuzz [--messages N] ...

`overhead` runs the same engine here and hosted, by turns in one run, on the same
tensor. `kills` ends the host with SIGKILL at random moments, while it starts too,
during live tracking of the synthetic source, and checks the books afterwards.
`conversion-kills` does so to the process that converts, in the interpreter named with
`--converter`, and then lets one conversion finish. `fuzz` sends wrong messages to a
real host and counts the answers.
"""

from __future__ import annotations

import argparse
import collections
import logging
import os
import random
import signal
import struct
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.conversion_job import ConversionJob, ConversionState, find_interpreter
from app.paths import SAMPLE_CLIP
from app.pipeline import Pipeline, PipelineState
from app.sources.base import FrameMode
from app.sources.synthetic import SyntheticSource
from engines.base import EngineKind
from engines.catalogue import availability, open_engine
from engines.convert.errors import ConversionError
from engines.convert.request import ConversionRequest, Target
from engines.host.channel import Channel
from engines.host.client import HostedEngine
from engines.host.errors import HostLostError
from engines.host.messages import PROTOCOL_VERSION, Failure, Heartbeat, Hello
from engines.host.process import HostProcess
from engines.host.rendezvous import Rendezvous
from engines.manifest import ModelManifest, load_manifest
from tests.engines.host import fuzz
from tests.engines.host.hosts import left_behind, own_folders

if TYPE_CHECKING:
    from collections.abc import Callable

    from engines.base import Engine

_BATCH = 50
_PATIENCE_S = 180.0


def main() -> int:
    """Run one of the four."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    run = {
        "overhead": measure_overhead,
        "kills": run_kills,
        "conversion-kills": run_conversion_kills,
        "fuzz": run_fuzz,
    }
    parser.add_argument("what", choices=tuple(run))
    parser.add_argument("--converter", type=Path, metavar="PYTHON")
    parser.add_argument(
        "--engine-host", type=Path, default=Path(sys.executable), metavar="PYTHON"
    )
    parser.add_argument(
        "--engine", type=EngineKind, default=EngineKind.REFERENCE, metavar="KIND"
    )
    parser.add_argument(
        "--model", type=Path, default=Path("resources/models/default"), metavar="FOLDER"
    )
    parser.add_argument("--rounds", type=int, default=20, metavar="N")
    parser.add_argument("--calls", type=int, default=100, metavar="N")
    parser.add_argument("--kills", type=int, default=50, metavar="N")
    parser.add_argument("--messages", type=int, default=100_000, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    arguments = parser.parse_args()
    # Fifty deaths are fifty warnings.
    logging.basicConfig(level=logging.ERROR)
    return run[arguments.what](arguments)


def _model_of(arguments: argparse.Namespace) -> ModelManifest | None:
    if arguments.engine is EngineKind.REFERENCE:
        return None
    return load_manifest(arguments.model)


# --- overhead


def measure_overhead(arguments: argparse.Namespace) -> int:
    """Print the time of an inference here, hosted, and what lies between."""
    manifest = _model_of(arguments)
    has_here = any(
        entry.kind is arguments.engine and entry.is_available
        for entry in availability()
    )
    hosted = HostedEngine(arguments.engine_host, arguments.engine, manifest)
    here = open_engine(arguments.engine, manifest) if has_here else None
    shape = hosted.spec.model.input.shape
    tensor = np.random.default_rng(0).random(shape, np.float32)
    times: dict[str, list[float]] = collections.defaultdict(list)
    with hosted:
        for _ in range(arguments.rounds):
            if here is not None:
                times["here"] += _durations_ms(
                    lambda: here.infer(tensor), arguments.calls
                )
            for _ in range(arguments.calls):
                started = time.perf_counter()
                hosted.infer(tensor)
                wall_ms = (time.perf_counter() - started) * 1e3
                times["hosted"].append(wall_ms)
                times["  of it within the host"].append(hosted.host_infer_ms)
                times["  of it transport"].append(wall_ms - hosted.host_infer_ms)
            times["a message and back"] += [hosted.ping() for _ in range(100)]
    buffer = np.empty_like(tensor)
    times["copying the tensor"] = _durations_ms(lambda: np.copyto(buffer, tensor), 1000)
    if here is not None:
        here.close()
    print(f"{hosted.spec.library}; input {shape} float32, {tensor.nbytes} bytes")
    print(f"{'ms':26} {'calls':>6} {'p25':>8} {'p50':>8} {'p95':>8} {'p99':>8}")
    for name, values in times.items():
        shown = " ".join(f"{p:8.3f}" for p in np.percentile(values, (25, 50, 95, 99)))
        print(f"{name:26} {len(values):6d} {shown}")
    return 0


def _durations_ms(call: Callable[[], object], count: int) -> list[float]:
    durations = []
    for _ in range(count):
        started = time.perf_counter()
        call()
        durations.append((time.perf_counter() - started) * 1e3)
    return durations


# --- kills


def run_kills(arguments: argparse.Namespace) -> int:
    """Kill the host again and again during live tracking; 1 if anything is off."""
    with own_folders() as folder:
        return _kill_again_and_again(arguments, folder)


def _kill_again_and_again(arguments: argparse.Namespace, folder: Path) -> int:
    chance = random.Random(arguments.seed)
    before = _inventory(folder)
    engines: list[HostedEngine] = []

    def make_engine() -> Engine:
        engines.append(
            HostedEngine(arguments.engine_host, arguments.engine, _model_of(arguments))
        )
        return engines[0]

    source = SyntheticSource("synthetic://?size=640x480&objects=6", is_paced=True)
    pipeline = Pipeline(source, make_engine, FrameMode.LIVE)
    pipeline.start()
    _wait_for(pipeline, lambda: pipeline.status().ledger.inferred)
    engine = engines[0]
    kills_in_start = 0
    for _ in range(arguments.kills):
        time.sleep(chance.uniform(0.0, 1.5))
        # A third death without a result would end it, as it should.
        _wait_for(pipeline, lambda: _hosts() and engine.deaths_in_a_row < 2)
        victim = _hosts()[0]
        kills_in_start += engine.host_process_id != victim
        os.kill(victim, signal.SIGKILL)
        _wait_for(pipeline, lambda gone=victim: gone not in _hosts())
    _wait_for(pipeline, lambda: _hosts() and not engine.deaths_in_a_row)
    pipeline.stop()
    after = _inventory(folder)
    print(
        f"{arguments.kills} kills, {kills_in_start} of them while a host came up;"
        f" {engine.restarts} restarts"
    )
    return _check_books(pipeline, before, after, engine.restarts)


def _wait_for(pipeline: Pipeline, condition: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + _PATIENCE_S
    while not condition():
        fault = pipeline.status().fault
        if fault is not None:
            raise fault
        if time.monotonic() > deadline_s:
            raise HostLostError("it did not go on after a kill")
        time.sleep(0.005)


def _check_books(
    pipeline: Pipeline,
    before: dict[str, object],
    after: dict[str, object],
    restarts: int,
) -> int:
    status = pipeline.status()
    counts = status.ledger
    checks = {
        "it was still tracking": status.state is PipelineState.STOPPED,
        "the ledger adds up": counts.is_balanced and counts.pending == 0,
        # Two more: in the host, and waiting, when the pipeline was stopped.
        "at most a frame a host is lost": counts.discarded <= restarts + 2,
        **{f"no {what} is left": after[what] == before[what] for what in before},
    }
    print(
        f"{counts.captured} frames captured: {counts.inferred} inferred,"
        f" {counts.replaced} replaced, {counts.discarded} lost with a host;"
        f" {counts.lost} lost at the source"
    )
    for name, is_met in checks.items():
        print(f"{'ok' if is_met else 'FAILED':7} {name}")
    return 0 if all(checks.values()) else 1


def _inventory(folder: Path) -> dict[str, object]:
    """What may not have grown afterwards."""
    return {
        "child process": sorted(_children()),
        "socket or ring": left_behind(folder),
        "open file": len(list(Path("/proc/self/fd").iterdir())),
    }


def _hosts() -> list[int]:
    """Those children that are an engine's host; the source has one too."""
    found = []
    for child in _children():
        if b"engines.host" in _command_of(child):
            found.append(child)
    return found


def _command_of(process_id: int) -> list[bytes]:
    try:
        return Path(f"/proc/{process_id}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def _children() -> list[int]:
    """Processes that this one started, those that nobody waited for included."""
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        try:
            found += map(int, (task / "children").read_text().split())
        except FileNotFoundError:
            continue
    return found


def _need(is_met: bool, complaint: str) -> None:
    if not is_met:
        raise HostLostError(complaint)


# --- kills of a conversion

_CONVERSION_S = 8.0


def run_conversion_kills(arguments: argparse.Namespace) -> int:
    """Kill the converter again and again; 1 if anything is off."""
    with tempfile.TemporaryDirectory(prefix="peregrine-kills-") as name:
        folder = Path(name)
        # What the job and its child put aside comes to lie where it is looked for.
        tempfile.tempdir = os.environ["TMPDIR"] = name
        return _kill_converters(arguments, folder)


def _kill_converters(arguments: argparse.Namespace, folder: Path) -> int:
    chance = random.Random(arguments.seed)
    python = find_interpreter(arguments.converter)
    request = ConversionRequest(
        arguments.model, Target.TENSORFLOW, folder / "out", is_forced=True
    )
    ends: collections.Counter[str] = collections.Counter()
    children = len(_children())
    left: list[str] = []
    for _ in range(arguments.kills):
        job = ConversionJob(request, python, str(SAMPLE_CLIP))
        job.start()
        _kill_later(job, chance.uniform(0.0, _CONVERSION_S), children)
        status = job.wait(_PATIENCE_S)
        ends[f"{status.state.value} {type(status.error).__name__}"] += 1
        if isinstance(status.error, ConversionError) and ends.total() < 6:
            print(status.error.message)
        left += [str(one) for one in folder.iterdir() if one != request.folder]
    job = ConversionJob(request, python, str(SAMPLE_CLIP))
    job.start()
    last = job.wait(_PATIENCE_S)
    for words, count in ends.most_common():
        print(f"{count:4d} {words}")
    checks = {
        "every kill was told as what it was, or came too late": all(
            words in ("failed OutOfMemoryError", "done NoneType") for words in ends
        ),
        "no child process is left": len(_children()) == children,
        f"nothing unfinished is left {left[:3]}": not left,
        "the next conversion works": last.state is ConversionState.DONE,
    }
    for words, is_met in checks.items():
        print(f"{'ok' if is_met else 'FAILED':7} {words}")
    return 0 if all(checks.values()) else 1


def _kill_later(job: ConversionJob, delay_s: float, before: int) -> None:
    """Kill the job's process after a while, unless it has ended."""
    deadline_s = time.monotonic() + delay_s
    while time.monotonic() < deadline_s or len(_children()) == before:
        if job.status().state.is_over:
            return
        time.sleep(0.002)
    for child in _converters():
        os.kill(child, signal.SIGKILL)


def _converters() -> list[int]:
    """Children that convert, also those that have not started Python yet."""
    return [x for x in _children() if b"engines.convert" in _command_of(x)]


# --- fuzzing


def run_fuzz(arguments: argparse.Namespace) -> int:
    """Send wrong messages to a host; 1 if one is not refused."""
    place = Rendezvous()
    process = HostProcess(
        arguments.engine_host,
        [f"--socket={place.socket_path}", f"--ring={place.ring_path}"],
    )
    connection = place.accept(_PATIENCE_S)
    _need(connection is not None, process.last_lines())
    channel = Channel(connection)
    channel.receive()
    channel.send(Hello(PROTOCOL_VERSION, os.getpid(), {}))
    answers: collections.Counter[str] = collections.Counter()
    before = _resident_mb(process.process_id)
    started = time.monotonic()
    batch: list[bytes] = []
    for body in fuzz.bodies(arguments.seed, arguments.messages):
        batch.append(struct.pack("!I", len(body)) + body)
        if len(batch) == _BATCH:
            connection.sendall(b"".join(batch))
            answers.update(_answer(channel) for _ in batch)
            batch = []
    seconds = time.monotonic() - started
    after = _resident_mb(process.process_id)
    is_running = process.is_running
    connection.close()
    has_ended = process.wait(_PATIENCE_S)
    place.close()
    for name, count in answers.most_common():
        print(f"{name:24} {count:7d}")
    print(f"{sum(answers.values())} messages in {seconds:.1f} s")
    print(f"resident memory of the host: {before:.1f} MB before, {after:.1f} MB after")
    print(
        f"alive at the end: {is_running}; after the socket closed: {process.obituary()}"
    )
    is_refused = all(name.endswith("Error") for name in answers)
    return 0 if is_refused and is_running and has_ended else 1


def _answer(channel: Channel) -> str:
    message = channel.receive()
    while isinstance(message, Heartbeat):
        message = channel.receive()
    return message.error if isinstance(message, Failure) else type(message).__name__


def _resident_mb(process_id: int) -> float:
    pages = Path(f"/proc/{process_id}/statm").read_text().split()[1]
    return int(pages) * 4096 / 1e6


if __name__ == "__main__":
    sys.exit(main())
