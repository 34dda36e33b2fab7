"""One conversion from beginning to end."""

import json
import platform
import time
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

from engines.convert import onnx_ladder, tensorboard_log, writers
from engines.convert.batch_norm import flags_of
from engines.convert.cache import REPORT_NAME, copy_engine, find_engine, read_report
from engines.convert.describe import (
    GraphFacts,
    describe_input,
    facts_of_graph,
    facts_of_onnx,
    fitted,
)
from engines.convert.ends import End, choose_input, choose_output
from engines.convert.errors import MissingLibraryError
from engines.convert.freeze import definite_shape, first_channels, with_ends
from engines.convert.graph_file import (
    Stage,
    nodes_of_graph,
    nodes_of_onnx,
    save_graphs,
)
from engines.convert.look import look_into
from engines.convert.model_source import (
    GraphSource,
    Location,
    ModelSource,
    open_source,
)
from engines.convert.onnx_source import OnnxSource
from engines.convert.output_folder import OutputFolder
from engines.convert.plan_progress import BuildProgress
from engines.convert.recipe import FREEZE_SUMMARY, Ladder, Step, graph_steps
from engines.convert.report import (
    ConversionReport,
    EngineResult,
    SpeedReport,
    StepReport,
)
from engines.convert.request import ConversionRequest, Target
from engines.convert.samples import Samples, load_samples, made_up_samples
from engines.convert.tensorflow_errors import translated
from engines.engine_manifest import EngineManifest, device_name, save_engine_manifest
from engines.manifest import (
    InputSpec,
    ModelManifest,
    load_manifest,
    save_manifest,
    sha256_of_file,
)
from engines.tensorrt_adapter import tensorrt_obstacle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engines.convert.graph import GraphDef, Terminals
    from engines.convert.writers import Written

Emit = Callable[..., None]


class Prepared(NamedTuple):
    """A loaded network with everything chosen that a ladder needs."""

    input_end: End
    output_end: End
    shape: Tuple[int, ...]
    samples: Samples
    reference: "List[NDArray[Any]]"
    """What the network as trained gives for the samples."""
    model: Optional[ModelManifest]
    """None for a network that takes or gives no picture."""


class Conversion:
    """Converts one network.

    Parameters
    ----------
    request : ConversionRequest
        What is asked.
    emit : callable
        Called as `emit(event, **fields)` whenever something happened.
    ask_frames : callable, optional
        Prepares the frames that `request.frames_key` names for an input, and gives
        the path of their `.npz`.
    """

    def __init__(
        self,
        request: ConversionRequest,
        emit: Emit,
        ask_frames: Optional[Callable[[InputSpec], Path]] = None,
    ) -> None:
        self._request = request
        self._ask_frames = ask_frames
        self._emit = emit
        self._reports: List[StepReport] = []
        self._steps: Tuple[str, ...] = ()
        self._terminals: Optional[Terminals] = None
        self._onnx_stages: Tuple[Stage, ...] = ()
        self.graphs: Dict[str, GraphDef] = {}
        """The graph `as trained`, and after each step by its name."""

    def run(self) -> Dict[str, Any]:
        """Convert, or find the engine that is already there.

        Returns
        -------
        dict
            The report as JSON values, the engine's path absolute, and whether it was
            `cached`; where it only looks, what `look_into` gives.

        Raises
        ------
        EngineError
            If it cannot be done. Nothing is left behind then.
        """
        request = self._request
        if request.only_looks:
            return self._look(Location(request.model))
        request.require_supported()
        _require_library(request.target)
        location = Location(request.model)
        if request.manifest is not None:
            location.manifest = load_manifest(request.manifest.parent)
        source_sha256 = location.sha256()
        key = request.key(source_sha256)
        self._emit("started", model=location.name, form=location.form.value)
        found = self._find(key)
        if found is not None:
            if found != request.folder:
                copy_engine(found, request.folder)
            return self._finished(read_report(request.folder), is_cached=True)
        output = OutputFolder(request.folder)
        try:
            report = self._convert(location, source_sha256, key, output.path)
            output.publish()
        finally:
            output.discard()
        return self._finished(report.to_document(), is_cached=False)

    def _look(self, location: Location) -> Dict[str, Any]:
        with open_source(location, self._request.size_px) as source:
            return look_into(source, location, self._request)

    def _find(self, key: str) -> Optional[Path]:
        """Look for an engine that is there, with everything that is asked of it."""
        request = self._request
        if request.is_forced or request.writes_tensorboard:
            return None
        found = find_engine(request.folder, key)
        if found is None or not request.measures_speed:
            return found
        return found if read_report(found).get("speed") else None

    def _finished(self, document: Dict[str, Any], is_cached: bool) -> Dict[str, Any]:
        folder = self._request.folder.absolute()
        document["engine"]["path"] = str(folder / document["engine"]["path"])
        document["cached"] = is_cached
        return document

    def _convert(
        self, location: Location, source_sha256: str, key: str, folder: Path
    ) -> ConversionReport:
        start = time.perf_counter()
        request = self._request
        with open_source(location, request.size_px) as source:
            if isinstance(source, OnnxSource):
                prepared, written = self._from_onnx(source, location, folder)
            else:
                prepared, written = self._from_graph(source, location, folder)
        files = {name: sha256_of_file(folder / name) for name in written.files}
        size = sum((folder / name).stat().st_size for name in written.files)
        manifest = EngineManifest(
            kind=request.target.value,
            precision=request.precision.value,
            key=key,
            source={
                "name": location.path.name,
                "form": location.form.value,
                "sha256": source_sha256,
            },
            steps=tuple(report.name for report in self._reports),
            parameters=request.parameters(),
            versions=self._versions(),
            device=device_name(),
            input_shape=written.input_shape,
            input_dtype=prepared.input_end.dtype,
            files=files,
            bytes=size,
        )
        save_engine_manifest(manifest, folder)
        if prepared.model is not None:
            save_manifest(writers.described(prepared.model, written, files), folder)
        speed = None
        if request.measures_speed:
            self._begin("speed", "the engine is timed beside the network as trained")
            speed = self._measure(location, prepared, folder)
        save_graphs(self._stages(prepared, folder), folder)
        report = ConversionReport(
            model=location.name,
            target=request.target.value,
            steps=tuple(self._reports),
            engine=EngineResult(
                written.files[0], manifest.kind, manifest.precision, size
            ),
            samples=prepared.samples.description,
            is_compared_on_real_frames=prepared.samples.is_real,
            versions=manifest.versions,
            seconds=time.perf_counter() - start,
            speed=speed,
            trials=tuple(trial.to_document() for trial in written.trials),
        )
        text = json.dumps(report.to_document(), indent=2)
        (folder / REPORT_NAME).write_text(text + "\n", encoding="utf-8")
        return report

    def _measure(
        self, location: Location, prepared: Prepared, folder: Path
    ) -> SpeedReport:
        from engines.convert import speed

        request, frozen = self._request, self.graphs.get("freeze")
        if frozen is None:
            return speed.speed_beside_onnx(location.path, request, prepared, folder)
        assert self._terminals is not None  # set with the graphs
        flags = flags_of(frozen, self._terminals, dict(request.values))
        graphs = {
            name: one for name, one in self.graphs.items() if name != "as trained"
        }
        return speed.speed_beside_graph(
            graphs, self._terminals, flags, request, prepared, folder
        )

    def _stages(self, prepared: Prepared, folder: Path) -> List[Stage]:
        """The network before and after, with times where it was measured."""
        request, stages = self._request, list(self._onnx_stages)
        tensors = prepared.samples.tensors
        if self._terminals is not None:
            frozen, last = self.graphs["freeze"], list(self.graphs.values())[-1]
            times_us = {}
            if request.measures_speed:
                from engines.convert.profile import times_of_graph
                from engines.convert.speed import with_constants

                flags = flags_of(frozen, self._terminals, dict(request.values))
                frozen = with_constants(frozen, flags)
                times_us = times_of_graph(frozen, self._terminals, tensors)
            trained = self.graphs["as trained"]
            stages = [
                Stage("as trained", nodes_of_graph(trained, times_us)),
                Stage("optimised", nodes_of_graph(last)),
            ]
        if request.measures_speed and request.target is Target.OPENVINO:
            from engines.convert.profile import nodes_of_openvino

            path = folder / writers.OPENVINO_FILE
            nodes = nodes_of_openvino(path, prepared.shape, tensors, request.precision)
            stages += [Stage("as OpenVINO runs it", nodes)] if nodes else []
        return stages

    def _versions(self) -> Dict[str, str]:
        versions = self._request.versions()
        versions["python"] = platform.python_version()
        return versions

    def _from_graph(
        self, source: GraphSource, location: Location, folder: Path
    ) -> "Tuple[Prepared, Written]":
        request = self._request
        steps = graph_steps(request.values, request.rewrites_pads)
        self._plan(("freeze", *(step.name for step in steps)))
        self._begin("freeze", FREEZE_SUMMARY)
        start = time.perf_counter()
        source.set_values(dict(request.values))
        input_end, output_end = self._choose_ends(source)
        frozen = source.freeze(input_end, output_end)
        channels = first_channels(frozen)
        shape = definite_shape(input_end, request.size_px, request.shape, channels)
        with translated(f"giving the input the shape {shape}"):
            graph, terminals = with_ends(frozen, input_end, output_end, shape)
        seconds = time.perf_counter() - start
        facts = facts_of_graph(graph, terminals.inputs[0], terminals.outputs[0])
        prepared = self._prepare(source, location, input_end, output_end, shape, facts)
        ladder = Ladder(
            terminals,
            prepared.samples,
            prepared.reference,
            prepared.model,
            dict(request.values),
            self._add,
        )
        self._terminals = terminals
        self.graphs["as trained"] = source.graph()
        self.graphs["freeze"] = graph
        ladder.frozen(source.graph(), graph, seconds)
        graph = self._climb_down(ladder, steps, graph)
        prepared = prepared._replace(reference=ladder.reference)
        self._begin(request.target.value, "the engine is written and compared")
        written = writers.write_graph(
            graph, terminals, prepared, request, folder, self._tell_progress
        )
        self._add(written.report)
        if request.writes_tensorboard:
            log = folder / tensorboard_log.FOLDER_NAME
            tensorboard_log.write_log(self.graphs, self._reports, log)
        return prepared, written

    def _climb_down(
        self, ladder: Ladder, steps: Tuple[Step, ...], graph: "GraphDef"
    ) -> "GraphDef":
        for step in steps:
            self._begin(step.name, step.summary)
            graph = ladder.take(step, graph)
            self.graphs[step.name] = graph
        return graph

    def _from_onnx(
        self, source: OnnxSource, location: Location, folder: Path
    ) -> "Tuple[Prepared, Written]":

        request = self._request
        self._plan(("simplify",))
        input_end = choose_input(source.inputs(), request.input_name)
        output_end = choose_output(source.outputs(input_end), request.output_name)
        shape = definite_shape(input_end, request.size_px, request.shape, None)
        facts = facts_of_onnx(source.model, output_end.tensor, shape)
        prepared = self._prepare(source, location, input_end, output_end, shape, facts)
        self._begin("simplify", onnx_ladder.SUMMARY)
        model, report = onnx_ladder.simplify(source, prepared)
        self._onnx_stages = (
            Stage("as trained", nodes_of_onnx(source.model)),
            Stage("optimised", nodes_of_onnx(model)),
        )
        self._add(report)
        self._begin(request.target.value, "the engine is written and compared")
        written = writers.write_onnx(
            model, prepared, request, folder, self._tell_progress
        )
        self._add(written.report)
        return prepared, written

    def _choose_ends(self, source: GraphSource) -> Tuple[End, End]:
        wanted = self._request.input_name, self._request.output_name
        inputs = source.inputs()
        input_end = _inner(source, wanted[0], inputs) or choose_input(inputs, wanted[0])
        outputs = source.outputs(input_end)
        output_end = _inner(source, wanted[1], outputs)
        if output_end is None:
            others = source.suggestions(input_end) if len(outputs) != 1 else ()
            output_end = choose_output(outputs, wanted[1], others)
        self._emit(
            "source",
            inputs=[one.to_document() for one in inputs],
            outputs=[one.to_document() for one in outputs],
            input=input_end.to_document(),
            output=output_end.to_document(),
        )
        return input_end, output_end

    def _prepare(
        self,
        source: ModelSource,
        location: Location,
        input_end: End,
        output_end: End,
        shape: Tuple[int, ...],
        facts: GraphFacts,
    ) -> Prepared:
        dtype = input_end.dtype
        probe = made_up_samples(shape, dtype, None).first(1)
        output = source.run(input_end, output_end, probe.tensors)[0]
        model = fitted(location, facts, shape, dtype, output.shape)
        if model is not None:
            model = self._request.meaning.of(model)
        frames = self._request.frames
        if self._request.frames_key and self._ask_frames is not None and model:
            frames = self._ask_frames(model.input)
        if frames is not None:
            samples = load_samples(frames, shape, dtype)
        else:
            spec = model.input if model else describe_input(facts, shape, dtype)
            samples = made_up_samples(shape, dtype, spec)
        reference = source.run(input_end, output_end, samples.tensors)
        return Prepared(input_end, output_end, shape, samples, reference, model)

    def _plan(self, names: Tuple[str, ...]) -> None:
        self._steps = (*names, self._request.target.value)
        if self._request.measures_speed:
            self._steps += ("speed",)

    def _begin(self, name: str, summary: str) -> None:
        self._emit(
            "step_started",
            name=name,
            summary=summary,
            index=len(self._reports),
            count=len(self._steps),
            steps=list(self._steps),
        )

    def _tell_progress(self, progress: BuildProgress) -> None:
        ratio = round(progress.done_ratio, 4)
        self._emit("progress", done_ratio=ratio, phase=progress.phase)

    def _add(self, report: StepReport) -> None:
        self._reports.append(report)
        self._emit("step", report=report.to_document())


def _require_library(target: Target) -> None:
    """Refuse a plan without TensorRT before the network is loaded, which takes long."""
    obstacle = tensorrt_obstacle() if target is Target.TENSORRT else ""
    if obstacle:
        raise MissingLibraryError(
            obstacle,
            hint="On a board it belongs to JetPack's own Python: name that one with "
            "--python. Elsewhere: pip install tensorrt, or tensorrt-rtx-cu13.",
        )


def _inner(source: GraphSource, name: str, candidates: Sequence[End]) -> Optional[End]:
    """Find the tensor inside a graph that the operator named, if it is one."""
    if not name or any(name == one.name for one in candidates):
        return None
    return source.find_end(name)
