"""Times an engine beside the network as trained, on one thread."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, List, Mapping

import numpy as np

from engines.base import Engine, EngineKind, Precision
from engines.bench.opening import tensors_for
from engines.bench.rounds import (
    MIN_ROUNDS,
    Contender,
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
) -> SpeedReport:
    kind = EngineKind.ONNXRUNTIME
    if request.target is not Target.ONNX:
        kind = EngineKind(request.target.value)
    engines: List[Engine] = []
    names = (f"{trained_kind.value}, as trained", _name(kind, request.precision))
    try:
        made = load_manifest(folder)
        engines.append(open_engine(trained_kind, trained, Precision.FP32, _THREADS))
        engines.append(open_engine(kind, made, request.precision, _THREADS))
        layout = trained.input.layout
        contenders = [
            Contender(
                name,
                _THREADS,
                engine,
                tensors_for(engine.spec.model.input, prepared.samples.tensors, layout),
            )
            for name, engine in zip(names, engines)
        ]
        return _race(contenders)
    except EngineError as error:
        return SpeedReport(_THREADS, (), error.message)
    finally:
        for engine in engines:
            engine.close()


def _name(kind: EngineKind, precision: Precision) -> str:
    if precision is Precision.FP32:
        return kind.value
    return f"{kind.value}, {precision.value}"


def _race(contenders: "List[Contender]") -> SpeedReport:
    rounds = MIN_ROUNDS if warm_up(contenders) > _SLOW_S else _ROUNDS
    timings = measure(contenders, rounds, lambda _: None, _BURST_S)
    base = timings[contenders[0].key]
    results = []
    for one in contenders:
        own = timings[one.key]
        medians = own.round_medians_ms
        p50, p95, p99 = np.percentile(own.all_ms, (50, 95, 99))
        results.append(
            TimedEngine(
                engine=one.name,
                fps=round(1e3 / float(np.median(own.all_ms)), 2),
                ratio_to_reference=round(ratio_to_reference(own, base), 4),
                fps_by_round=tuple(round(1e3 / float(each), 2) for each in medians),
                ms_p50=round(float(p50), 3),
                ms_p95=round(float(p95), 3),
                ms_p99=round(float(p99), 3),
            )
        )
    return SpeedReport(_THREADS, tuple(results))


def speed_beside_graph(
    graph: GraphDef,
    terminals: Terminals,
    flags: Mapping[str, object],
    request: ConversionRequest,
    prepared: "Prepared",
    folder: Path,
) -> SpeedReport:
    """Time the graph as trained in a TensorFlow session, and the engine.

    Parameters
    ----------
    graph : GraphDef
        Its variables constants, nothing else changed.
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
        content = with_constants(graph, flags).SerializeToString()
        (scratch / "as-trained.pb").write_bytes(content)
        trained = prepared.model._replace(
            input=prepared.model.input._replace(name=terminals.inputs[0]),
            output=prepared.model.output._replace(name=terminals.outputs[0]),
            folder=scratch,
            files={"frozen-graph": "as-trained.pb"},
        )
        return _speed_beside(trained, EngineKind.TENSORFLOW, request, prepared, folder)


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
    return _speed_beside(trained, EngineKind.ONNXRUNTIME, request, prepared, folder)


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
