"""One suite over every engine that this interpreter can run."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from engines.base import EngineKind, Precision
from engines.catalogue import availability, open_engine
from engines.errors import (
    EngineError,
    EngineLoadError,
    EngineUnavailableError,
    InferenceError,
)
from engines.manifest import InputSpec, ModelManifest, load_manifest
from engines.postprocessing import probability_from_output

MODEL = Path(__file__).parents[2] / "resources" / "models" / "default"


def _needs(module, reason):
    is_missing = importlib.util.find_spec(module) is None
    return pytest.mark.skipif(is_missing, reason=reason)


needs_openvino = _needs("openvino", "OpenVINO has no wheel for this Python")
needs_onnxruntime = _needs("onnxruntime", "ONNX Runtime is in .venv-engines only")

needs_tensorflow = _needs("tensorflow", "TensorFlow is in .venv-engines only")

ENGINES = [
    pytest.param(EngineKind.REFERENCE, id="reference"),
    pytest.param(EngineKind.TENSORFLOW, id="tensorflow", marks=needs_tensorflow),
    pytest.param(EngineKind.OPENVINO, id="openvino", marks=needs_openvino),
    pytest.param(EngineKind.ONNXRUNTIME, id="onnxruntime", marks=needs_onnxruntime),
]


def _open(kind):
    return open_engine(kind, load_manifest(MODEL), Precision.FP32)


def _moving_square(spec):
    """Three grey frames of a bright square that moves to the right."""
    frames = np.full((3, spec.height_px, spec.width_px), 0.3, np.float32)
    for index, left in enumerate((60, 90, 120)):
        frames[index, 100:108, left : left + 8] = 0.9
    return np.moveaxis(frames, 0, 2)[np.newaxis].copy()


@pytest.mark.parametrize("kind", ENGINES)
def test_an_engine_finds_the_square_where_it_is_now(kind):
    with _open(kind) as engine:
        tensor = _moving_square(engine.spec.model.input)

        output = engine.infer(tensor)

        probability = probability_from_output(output, engine.spec.model.output)
        assert probability.shape == (240, 320)
        assert probability[102:106, 122:126].min() > 0.5
        assert probability[102:106, 62:66].max() < 0.5
        assert probability[180:, 200:].max() < 0.3


@pytest.mark.parametrize("kind", ENGINES)
def test_an_engine_leaves_its_input_as_it_was(kind):
    with _open(kind) as engine:
        tensor = _moving_square(engine.spec.model.input)
        before = tensor.copy()

        engine.infer(tensor)

        np.testing.assert_array_equal(tensor, before)


@pytest.mark.parametrize("kind", ENGINES)
def test_an_engine_refuses_an_input_of_another_shape(kind):
    with _open(kind) as engine, pytest.raises(InferenceError, match="shape"):
        engine.infer(np.zeros((1, 8, 8, 3), np.float32))


@pytest.mark.parametrize("kind", ENGINES)
def test_an_engine_says_what_it_is(kind):
    with _open(kind) as engine:
        spec = engine.spec

        assert spec.kind is kind
        assert spec.library.split()[1][0].isdigit()
        assert spec.device


@pytest.mark.parametrize("kind", ENGINES)
def test_closing_an_engine_twice_does_nothing(kind):
    engine = _open(kind)

    engine.close()
    engine.close()

    assert engine.spec.kind is kind


@needs_openvino
def test_a_file_that_is_no_network_is_refused(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"no network at all")
    manifest = ModelManifest(
        name="broken",
        input=InputSpec(width_px=8, height_px=8),
        files={"onnx": "model.onnx"},
        folder=tmp_path,
    )

    with pytest.raises(EngineLoadError, match=r"model\.onnx"):
        open_engine(EngineKind.OPENVINO, manifest)


@needs_openvino
def test_a_precision_the_processor_lacks_is_refused():
    with pytest.raises(EngineUnavailableError, match="fp16"):
        open_engine(EngineKind.OPENVINO, load_manifest(MODEL), Precision.FP16)


@needs_openvino
def test_a_model_without_a_file_openvino_reads_is_refused(tmp_path):
    manifest = load_manifest(MODEL)._replace(files={"plan": "x"}, folder=tmp_path)

    with pytest.raises(EngineLoadError, match="only plan"):
        open_engine(EngineKind.OPENVINO, manifest)


def test_an_engine_without_its_model_is_refused():
    with pytest.raises(EngineError, match="needs a model"):
        open_engine(EngineKind.OPENVINO)


@pytest.mark.parametrize(
    ("kind", "form"), [(EngineKind.TENSORRT, "tensorrt"), (EngineKind.TF_TRT, "tf-trt")]
)
def test_an_engine_of_nvidia_is_opened_by_its_own_runtime(kind, form):
    # The model that is there has no file of theirs, which the runtime looks for first.
    with pytest.raises(EngineError, match=form):
        open_engine(kind, load_manifest(MODEL))


def test_the_catalogue_gives_a_reason_for_what_is_not_available():
    entries = availability()

    assert {entry.kind for entry in entries} == set(EngineKind)
    assert all(entry.is_available != bool(entry.reason) for entry in entries)
