"""`python -m engines.bench`: engines of one network, side by side in one process.

Speaks JSON on stdout, one object a line, each with its `event`:

    opened        engine, threads
    skipped       engine, reason
    measuring     done, count: rounds
    finished      result: the report of the whole
    failed        error: type, message, hint

The engines were made before: each is given as NAME=FOLDER, the folder being what
`engines.convert` wrote for it. Exit status 0 after `finished`, 1 after `failed`, 2 for
a wrong command line. It writes nothing and may be killed at any moment.
"""

import argparse
import os
import sys
import tempfile
import traceback
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Tuple

from engines.bench.choices import CHOICES, REFERENCE, threads_from_text
from engines.convert.event_stream import EventStream
from engines.errors import EngineError

if TYPE_CHECKING:
    from engines.bench.rounds import Contender
    from engines.manifest import ModelManifest

Emit = Callable[..., None]


def parser() -> argparse.ArgumentParser:
    """Make the command line's parser."""
    made = argparse.ArgumentParser(
        prog="python -m engines.bench",
        description="Measure engines side by side; events as JSON lines on stdout.",
    )
    made.add_argument("model", type=Path)
    made.add_argument(
        "--engine", type=named_folder, action="append", required=True, dest="engines"
    )
    made.add_argument("--threads", type=threads_from_text, default=(1,))
    made.add_argument("--seconds", type=float, default=5.0)
    made.add_argument("--frames", type=Path, metavar="NPZ")
    return made


def named_folder(text: str) -> Tuple[str, Path]:
    """Read `openvino=FOLDER`."""
    name, _, folder = text.partition("=")
    if name not in CHOICES or not folder:
        raise argparse.ArgumentTypeError(f"{text} is not NAME=FOLDER")
    return name, Path(folder)


def main(arguments: Optional[List[str]] = None) -> int:
    """Measure; returns the exit status."""
    options = parser().parse_args(arguments)
    events = EventStream()
    # Before TensorFlow is imported: it reads them once.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    # As `engines.tensorflow_runtime` has it, before anything else imports TensorFlow.
    os.environ["TF_OVERRIDE_GLOBAL_THREADPOOL"] = "1"
    try:
        with tempfile.TemporaryDirectory(prefix="peregrine-") as scratch:
            result = run(options, events.emit, Path(scratch))
    except EngineError as error:
        events.emit("failed", error=_document(error))
        return 1
    except Exception as error:  # noqa: BLE001  the last frame of this process
        traceback.print_exc()
        message = f"{type(error).__name__}: {error}"
        hint = "This is a fault of the bench: please report it with its output."
        events.emit("failed", error=_document(EngineError(message, hint)))
        return 1
    events.emit("finished", result=result)
    return 0


def run(options: argparse.Namespace, emit: Emit, scratch: Path) -> Dict[str, Any]:
    """Open every engine, measure them, write the report.

    Raises
    ------
    EngineError
        If none could be opened, or the frames do not fit.
    """
    from engines.bench.results import collect
    from engines.bench.rounds import measure, round_count, warm_up
    from engines.convert.samples import load_samples, made_up_samples
    from engines.engine_manifest import device_name, installed_version
    from engines.manifest import load_manifest

    engines: List[Tuple[str, Path]] = options.engines
    manifests = {name: load_manifest(folder) for name, folder in engines}
    base = manifests[engines[0][0]]
    spec = base.input
    if options.frames is not None:
        samples = load_samples(options.frames, spec.shape, spec.dtype)
    else:
        samples = made_up_samples(spec.shape, spec.dtype, spec)
    with ExitStack() as opened:
        contenders, skipped = _open(options, manifests, samples.tensors, emit, scratch)
        for one in contenders:
            opened.enter_context(one.engine)
        if not contenders:
            raise EngineError(
                "no engine could be opened: "
                + "; ".join("{engine}: {reason}".format(**one) for one in skipped)
            )
        count = round_count(options.seconds, warm_up(contenders))
        emit("measuring", done=0, count=count)
        timings = measure(
            contenders, count, lambda done: emit("measuring", done=done, count=count)
        )
        names = {one.name for one in contenders}
        reference = REFERENCE if REFERENCE in names else contenders[0].name
        results = collect(contenders, timings, reference)
        has_tensorflow = any(name.startswith("tensorflow") for name in names)
        libraries = sorted({one.engine.spec.library for one in contenders})
    return {
        "model": base.name,
        "reference": reference,
        "results": [one.to_document() for one in results],
        "skipped": skipped,
        "machine": _machine(device_name(), options.threads, has_tensorflow),
        "gflop": _gflop(manifests) if has_tensorflow else None,
        "samples": samples.description,
        "rounds": count,
        "versions": [*libraries, "numpy " + installed_version("numpy")],
    }


def _open(
    options: argparse.Namespace,
    manifests: "Dict[str, ModelManifest]",
    tensors: "List[Any]",
    emit: Emit,
    scratch: Path,
) -> "Tuple[List[Contender], List[Dict[str, str]]]":
    """Open what can be opened, and try each once: some fail only then."""
    from engines.bench.opening import open_choice, tensors_for
    from engines.bench.rounds import Contender

    layout = next(iter(manifests.values())).input.layout
    contenders: List[Contender] = []
    skipped: List[Dict[str, str]] = []
    for name, manifest in manifests.items():
        for threads in options.threads:
            try:
                engine = open_choice(name, options.model, manifest, threads, scratch)
                fitting = tensors_for(engine.spec.model.input, tensors, layout)
                engine.infer(fitting[0])
            except EngineError as error:
                skipped.append({"engine": name, "reason": error.message})
                emit("skipped", engine=name, reason=error.message)
                break
            contenders.append(Contender(name, threads, engine, fitting))
            emit("opened", engine=name, threads=threads)
    return contenders, skipped


def _machine(
    cpu: str, threads: Tuple[int, ...], has_tensorflow: bool
) -> Dict[str, Any]:
    """Name the processor and measure its peak on each number of threads."""
    from engines.bench.peak import peak

    peaks = [peak(count, has_tensorflow) for count in threads]
    best = max(peaks, key=lambda one: one.gflops)
    return {
        "cpu": cpu,
        "peak_gflops": round(best.gflops, 1),
        "peak_gflops_by_threads": {
            str(one.threads): round(one.gflops, 1) for one in peaks
        },
        "peak_how": f"{best.how}, 1024 x 1024, best of 30",
    }


def _gflop(manifests: "Dict[str, ModelManifest]") -> Optional[float]:
    """Operations of one inference in 1e9, counted on the optimised graph."""
    from engines.convert.flops import flops_by_node
    from engines.convert.tensorflow_source import read_graph

    for manifest in manifests.values():
        if "frozen-graph" in manifest.files:
            graph = read_graph(manifest.path_of("frozen-graph"))
            return sum(flops_by_node(graph).values()) / 1e9
    return None


def _document(error: EngineError) -> Dict[str, str]:
    return {"type": type(error).__name__, "message": error.message, "hint": error.hint}


if __name__ == "__main__":
    sys.exit(main())
