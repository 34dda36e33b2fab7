"""Open the engines that were chosen, each on the inputs that it takes."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, List, Optional, Sequence

import numpy as np

from engines.base import Engine, EngineKind
from engines.bench.choices import CHOICES, REFERENCE, Choice
from engines.catalogue import open_engine
from engines.convert.ends import End, choose_input, choose_output
from engines.convert.graph import node_name
from engines.convert.model_source import (
    GraphSource,
    Location,
    SourceForm,
    open_source,
)
from engines.errors import EngineUnavailableError
from engines.manifest import InputSpec, Layout, ModelManifest

if TYPE_CHECKING:
    from numpy.typing import NDArray

_READ_BY_TENSORFLOW = (SourceForm.SAVED_MODEL, SourceForm.FROZEN_GRAPH)


def open_choice(
    name: str,
    model: Path,
    manifest: ModelManifest,
    threads: int,
    scratch: Path,
) -> Engine:
    """Load one engine.

    Parameters
    ----------
    name : str
        One of `CHOICES`.
    model : Path
        The network as trained.
    manifest : ModelManifest
        Of the engine that the ladder made for this choice.
    threads : int
        Threads of one inference.
    scratch : Path
        Folder for what only this run needs.

    Raises
    ------
    EngineError
        If it cannot be loaded here, with the reason.
    """
    choice: Choice = CHOICES[name]
    if name == REFERENCE:
        manifest = as_trained(model, manifest, scratch)
    if choice.kind is EngineKind.TENSORFLOW:
        from engines.tensorflow_runtime import TensorFlowEngine

        return TensorFlowEngine(manifest, choice.precision, threads)
    return open_engine(choice.kind, manifest, choice.precision, threads)


def as_trained(model: Path, manifest: ModelManifest, scratch: Path) -> ModelManifest:
    """Describe the network as trained, in a form that a TensorFlow session loads.

    SavedModels and frozen graphs are taken as they are. Of a checkpoint or a Keras
    file the graph is taken with its variables as constants, and nothing else changed.

    Parameters
    ----------
    model : Path
        What the operator named.
    manifest : ModelManifest
        Of the optimised graph: both ends are called there what they are called here.
    scratch : Path
        Folder for a graph that has to be written first.

    Raises
    ------
    EngineUnavailableError
        If it is no TensorFlow network.
    """
    location = Location(model)
    if location.form is SourceForm.ONNX:
        raise EngineUnavailableError("TensorFlow does not read ONNX")
    if location.form in _READ_BY_TENSORFLOW:
        path = location.path.absolute()
        form = location.form.value
        return manifest._replace(folder=path.parent, files={form: path.name})
    file = scratch / "as-trained.pb"
    if not file.is_file():
        size_px = manifest.input.width_px, manifest.input.height_px
        with open_source(location, size_px) as source:
            assert isinstance(source, GraphSource)  # ONNX has been sorted out
            inputs = source.inputs()
            source_input = _called(manifest.input.name, inputs) or choose_input(
                inputs, ""
            )
            outputs = source.outputs(source_input)
            name = manifest.output.name
            source_output = _called(name, outputs) or choose_output(outputs, "")
            graph = source.freeze(source_input, source_output)
        file.write_bytes(graph.SerializeToString())
    return manifest._replace(folder=scratch, files={"frozen-graph": file.name})


def _called(name: str, ends: Sequence[End]) -> Optional[End]:
    """The end of a node of the optimised graph, which kept its name."""
    same = (one for one in ends if node_name(one.tensor) == node_name(name))
    return next(same, None)


def tensors_for(
    engine: InputSpec, tensors: "List[NDArray[Any]]", layout: Layout
) -> "List[NDArray[Any]]":
    """Turn inputs of one layout into those that an engine takes.

    Parameters
    ----------
    engine : InputSpec
        What the engine takes.
    tensors : list of ndarray, shape (1, H, W, C) or (1, C, H, W)
        Not modified.
    layout : Layout
        Of the tensors.

    Returns
    -------
    list of ndarray
        Contiguous. The same arrays where nothing had to be turned.
    """
    if engine.layout is layout:
        return tensors
    axes = (0, 3, 1, 2) if engine.layout is Layout.NCHW else (0, 2, 3, 1)
    return [np.ascontiguousarray(one.transpose(axes)) for one in tensors]
