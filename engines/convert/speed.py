"""Times an engine beside the network as trained, on one thread."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Dict, FrozenSet, List, Mapping, Tuple

import numpy as np

from engines.base import Engine, EngineKind, Precision
from engines.bench.opening import tensors_for
from engines.bench.rounds import (
    MIN_ROUNDS,
    Contender,
    Timings,
    measure,
    ratio_to_reference,
    warm_up,
)
from engines.catalogue import open_engine
from engines.convert.graph import GraphDef, Terminals
from engines.convert.report import SpeedReport, TimedEngine
from engines.convert.request import ConversionRequest, Target
from engines.errors import EngineError
from engines.manifest import ModelManifest, load_manifest

if TYPE_CHECKING:
    from engines.convert.conversion import Prepared

_THREADS = 1
# Two or three seconds in all; a network over 0.25 s a picture gets fewer rounds.
_ROUNDS = 10
_BURST_S = 0.1
_SLOW_S = 0.25
_NO_PICTURES = "only a network that takes pictures is timed"


def _speed_beside(
    trained: ModelManifest,
    trained_kind: EngineKind,
    request: ConversionRequest,
    prepared: "Prepared",
    folder: Path,
    steps: Mapping[str, ModelManifest],
) -> SpeedReport:
    kind = EngineKind.ONNXRUNTIME
    if request.target is not Target.ONNX:
        kind = EngineKind(request.target.value)
    engines: List[Engine] = []

    def enter(
        name: str, kind: EngineKind, model: ModelManifest, precision: Precision
    ) -> Contender:
        engine = open_engine(kind, model, precision, _THREADS)
        engines.append(engine)
        spec, layout = engine.spec.model.input, trained.input.layout
        tensors = tensors_for(spec, prepared.samples.tensors, layout)
        return Contender(name, _THREADS, engine, tensors)

    try:
        made = load_manifest(folder)
        named = f"{trained_kind.value}, as trained"
        first = enter(named, trained_kind, trained, Precision.FP32)
        own = enter(_name(kind, request.precision), kind, made, request.precision)
        base, last = _race(first, own)
        engines.pop().close()
        between = []
        for step, model in steps.items():
            name = f"{trained_kind.value}, after {step}"
            after = enter(name, trained_kind, model, Precision.FP32)
            between.append(_of_step(step, base, _race(first, after)[1]))
            # Two networks are in memory at a time, however many steps there are.
            engines.pop().close()
        return SpeedReport(_THREADS, (base, *between, last))
    except EngineError as error:
        return SpeedReport(_THREADS, (), error.message)
    finally:
        for engine in engines:
            engine.close()


def _name(kind: EngineKind, precision: Precision) -> str:
    if precision is Precision.FP32:
        return kind.value
    return f"{kind.value}, {precision.value}"


def _race(first: Contender, other: Contender) -> Tuple[TimedEngine, TimedEngine]:
    """Time two side by side."""
    both = first, other
    rounds = MIN_ROUNDS if warm_up(both) > _SLOW_S else _ROUNDS
    timings = measure(both, rounds, lambda _: None, _BURST_S)
    base = timings[first.key]
    return _timed(first, base, base), _timed(other, timings[other.key], base)


def _timed(one: Contender, own: Timings, base: Timings) -> TimedEngine:
    p50, p95, p99 = np.percentile(own.all_ms, (50, 95, 99))
    return TimedEngine(
        engine=one.name,
        fps=round(1e3 / float(np.median(own.all_ms)), 2),
        ratio_to_reference=round(ratio_to_reference(own, base), 4),
        fps_by_round=tuple(
            round(1e3 / float(each), 2) for each in own.round_medians_ms
        ),
        ms_p50=round(float(p50), 3),
        ms_p95=round(float(p95), 3),
        ms_p99=round(float(p99), 3),
    )


def _of_step(step: str, base: TimedEngine, own: TimedEngine) -> TimedEngine:
    """The graph after a step, on the scale of the race that the engine was in.

    Each race may find the machine busier or less so than the one before.
    """
    fps = own.ratio_to_reference * base.fps
    scale = own.fps / fps
    return own._replace(
        fps=round(fps, 2),
        fps_by_round=tuple(round(each / scale, 2) for each in own.fps_by_round),
        ms_p50=round(own.ms_p50 * scale, 3),
        ms_p95=round(own.ms_p95 * scale, 3),
        ms_p99=round(own.ms_p99 * scale, 3),
        step=step,
    )


def speed_beside_graph(
    graphs: Mapping[str, GraphDef],
    terminals: Terminals,
    flags: Mapping[str, object],
    request: ConversionRequest,
    prepared: "Prepared",
    folder: Path,
) -> SpeedReport:
    """Time the graph of every step in a TensorFlow session, and the engine.

    Parameters
    ----------
    graphs : mapping of str to GraphDef
        By step, in their order; in the first, variables are constants and nothing else
        is changed. A step that changed nothing is not timed.
    terminals : Terminals
        Its ends.
    flags : mapping of str to value
        Placeholders that are no inputs: they become constants too.
    request : ConversionRequest
        Which engine was made.
    prepared : Prepared
        The pictures.
    folder : Path
        Where the engine lies, with its manifest.

    Returns
    -------
    SpeedReport
        Without results, and with the reason, where one of the two does not run here.
    """
    if prepared.model is None:
        return SpeedReport(_THREADS, (), _NO_PICTURES)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        models: Dict[str, ModelManifest] = {}
        before: FrozenSet[bytes] = frozenset()
        for number, (step, graph) in enumerate(graphs.items()):
            fixed = with_constants(graph, flags)
            nodes = frozenset(
                node.SerializeToString(deterministic=True) for node in fixed.node
            )
            if nodes == before:
                continue
            before = nodes
            file = f"{number}.pb"
            (scratch / file).write_bytes(fixed.SerializeToString())
            models[step] = prepared.model._replace(
                input=prepared.model.input._replace(name=terminals.inputs[0]),
                output=prepared.model.output._replace(name=terminals.outputs[0]),
                folder=scratch,
                files={"frozen-graph": file},
            )
        trained = models.pop(next(iter(graphs)))
        kind = EngineKind.TENSORFLOW
        return _speed_beside(trained, kind, request, prepared, folder, models)


def speed_beside_onnx(
    path: Path, request: ConversionRequest, prepared: "Prepared", folder: Path
) -> SpeedReport:
    """Time an ONNX network as it came in ONNX Runtime, and the engine.

    The parameters and the result are as of `speed_beside_graph`.
    """
    if prepared.model is None:
        return SpeedReport(_THREADS, (), _NO_PICTURES)
    trained = prepared.model._replace(
        folder=path.absolute().parent, files={"onnx": path.name}
    )
    kind = EngineKind.ONNXRUNTIME
    return _speed_beside(trained, kind, request, prepared, folder, {})


def with_constants(graph: GraphDef, values: Mapping[str, object]) -> GraphDef:
    """Copy a graph, placeholders of these names being constants."""
    import tensorflow as tf

    copy = type(graph)()
    copy.CopyFrom(graph)
    for node in copy.node:
        if node.name not in values:
            continue
        name, dtype = node.name, node.attr["dtype"].type
        tensor = tf.compat.v1.make_tensor_proto(values[name], dtype)
        node.Clear()
        node.name, node.op = name, "Const"
        node.attr["dtype"].type = dtype
        node.attr["value"].tensor.CopyFrom(tensor)
    return copy
