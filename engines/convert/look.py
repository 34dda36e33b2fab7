"""What a network takes and gives, looked up without converting it."""

from typing import Any, Dict, Optional, Tuple

from engines.convert.describe import (
    GraphFacts,
    describe,
    facts_of_graph,
    facts_of_onnx,
)
from engines.convert.ends import End
from engines.convert.freeze import definite_shape, first_channels, with_ends
from engines.convert.meaning import Pixels
from engines.convert.model_source import GraphSource, Location, ModelSource
from engines.convert.onnx_source import OnnxSource
from engines.convert.request import ConversionRequest
from engines.convert.tensorflow_errors import translated
from engines.errors import EngineError
from engines.manifest import ModelManifest


def look_into(
    source: ModelSource, location: Location, request: ConversionRequest
) -> Dict[str, Any]:
    """List what the network could take and give, and what that seems to mean.

    Returns
    -------
    dict
        `form`; `inputs` and `outputs`, as `End.to_document` writes them; `meaning` with
        `colour`, `frames`, `pixels`, `activation`, and whether it `is_told` by a
        manifest or assumed from the graph: None where neither says anything.
    """
    inputs = source.inputs()
    named = [one for one in inputs if one.name == request.input_name]
    chosen = next(iter(named or inputs), None)
    outputs = source.outputs(chosen) if chosen else ()
    named = [one for one in outputs if one.name == request.output_name]
    given = next(iter(named or outputs), None)
    model = location.manifest
    if model is None and chosen is not None and given is not None:
        model = _assumed(source, location.name, chosen, given, request)
    return {
        "form": location.form.value,
        "inputs": [one.to_document() for one in inputs],
        "outputs": [one.to_document() for one in outputs],
        "meaning": _meaning_of(model, is_told=location.manifest is not None),
    }


def _assumed(
    source: ModelSource,
    name: str,
    chosen: End,
    given: End,
    request: ConversionRequest,
) -> Optional[ModelManifest]:
    """What a build would assume; None where it would ask."""
    try:
        shape, facts = _facts(source, chosen, given, request)
    except EngineError:
        # What is wrong with the network is said when it is built.
        return None
    output_shape = tuple(size or 1 for size in given.shape or ())
    return describe(name, facts, shape, chosen.dtype, output_shape)


def _facts(
    source: ModelSource, chosen: End, given: End, request: ConversionRequest
) -> Tuple[Tuple[int, ...], GraphFacts]:
    if isinstance(source, OnnxSource):
        shape = definite_shape(chosen, request.size_px, request.shape, None)
        return shape, facts_of_onnx(source.model, given.tensor, shape)
    assert isinstance(source, GraphSource)
    with translated("looking for what it takes"):
        frozen = source.freeze(chosen, given)
        channels = first_channels(frozen)
        shape = definite_shape(chosen, request.size_px, request.shape, channels)
        graph, ends = with_ends(frozen, chosen, given, shape)
    return shape, facts_of_graph(graph, ends.inputs[0], ends.outputs[0])


def _meaning_of(
    model: Optional[ModelManifest], is_told: bool
) -> Optional[Dict[str, Any]]:
    if model is None:
        return None
    spec = model.input
    scaling = spec.scale, spec.offset
    pixels = [one.value for one in Pixels if one.scaling == scaling]
    return {
        "colour": spec.colour.value,
        "frames": spec.frame_count,
        "pixels": pixels[0] if pixels else "",
        "activation": model.output.activation.value,
        "is_told": is_told,
    }
