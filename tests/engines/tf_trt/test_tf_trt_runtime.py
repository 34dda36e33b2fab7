"""The runtime in a real session.

The graphs are ordinary ones: no machine that runs these tests has engines. What
TensorFlow writes when an engine fails is written by the graph itself, from TensorFlow's
own C++ side, to the same place.
"""

import json
import sys

import numpy as np
import pytest

from engines.base import EngineKind, Precision
from engines.convert.graph import Terminals
from engines.convert.tf_trt import FACTS_NAME, machine_facts, write_saved_model
from engines.errors import EngineLoadError, ManifestError, PlanMismatchError
from engines.manifest import InputSpec, ModelManifest, OutputSpec
from engines.tf_trt_runtime import TfTrtEngine
from tests.engines.tf_trt.graphs import tf, v1

SHAPE = (1, 6, 8, 1)
FAILED = (
    "2021-01-01 10:00:01.000001: W tensorflow/compiler/tf2tensorrt/kernels/"
    "trt_engine_op.cc:1002] Engine creation for {} failed. The native segment will be "
    "used instead. Reason: Internal: Failed to build TensorRT engine"
)


def _graph(said):
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, SHAPE, name="image")
        printed = [tf.print(text, output_stream=sys.stderr) for text in said]
        with tf.control_dependencies(printed):
            v1.add(v1.multiply(image, 2.0), 0.25, name="mask")
    return graph.as_graph_def()


def model(folder, said=(), engines=("TRTEngineOp_0",), precision="fp16", machine=None):
    (folder / "tf_trt.pb").write_bytes(_graph(said).SerializeToString())
    facts = {
        "parameters": {"precision": precision},
        "report": {"engines": list(engines)},
        "machine": dict(machine_facts(), **(machine or {})),
    }
    (folder / FACTS_NAME).write_text(json.dumps(facts))
    return ModelManifest(
        name="double",
        input=InputSpec(width_px=8, height_px=6, name="image"),
        output=OutputSpec(name="mask"),
        files={"tf-trt": "tf_trt.pb"},
        folder=folder,
    )


def test_a_converted_graph_runs_in_a_session(tmp_path):
    image = np.random.RandomState(0).random_sample(SHAPE).astype(np.float32)

    with TfTrtEngine(model(tmp_path)) as engine:
        result = engine.infer(image)

    np.testing.assert_allclose(result, 2 * image + 0.25, rtol=1e-6)


def test_a_converted_saved_model_runs_in_a_session(tmp_path):
    manifest = model(tmp_path)._replace(files={"tf-trt": "tf_trt/saved_model.pb"})
    ends = Terminals(("image",), ("mask",))
    write_saved_model(_graph(()), ends, str(tmp_path / "tf_trt"))
    image = np.random.RandomState(0).random_sample(SHAPE).astype(np.float32)

    with TfTrtEngine(manifest) as engine:
        result = engine.infer(image)

    np.testing.assert_allclose(result, 2 * image + 0.25, rtol=1e-6)


def test_the_spec_tells_what_it_was_converted_to(tmp_path):
    with TfTrtEngine(model(tmp_path)) as engine:
        spec = engine.spec

    assert spec.kind is EngineKind.TF_TRT
    assert spec.precision is Precision.FP16
    assert spec.library == f"tensorflow {tf.__version__}"
    assert spec.model.files == {"tf-trt": "tf_trt.pb"}


def test_a_model_whose_only_engine_falls_back_is_refused(tmp_path):
    failing = model(tmp_path, said=[FAILED.format("TRTEngineOp_0")])

    with pytest.raises(EngineLoadError, match="runs none of the 1 engines") as caught:
        TfTrtEngine(failing)

    assert "Failed to build TensorRT engine" in caught.value.message


def test_a_model_with_one_engine_left_runs_and_names_the_other(tmp_path):
    engines = ("TRTEngineOp_0", "TRTEngineOp_1")
    failing = model(tmp_path, [FAILED.format("TRTEngineOp_1")], engines)

    with TfTrtEngine(failing) as engine:
        assert [one.engine for one in engine.fallbacks] == ["TRTEngineOp_1"]


def test_a_model_of_another_precision_is_refused(tmp_path):
    with pytest.raises(PlanMismatchError, match="converted to fp16, wanted is fp32"):
        TfTrtEngine(model(tmp_path), Precision.FP32)


def test_a_model_of_another_machine_is_refused_with_what_differs(tmp_path):
    foreign = model(tmp_path, machine={"gpu": "NVIDIA Tegra X2", "tensorrt": "8.2.1"})

    with pytest.raises(PlanMismatchError, match="gpu was NVIDIA Tegra X2") as caught:
        TfTrtEngine(foreign)

    assert "tensorrt was 8.2.1" in caught.value.message


def test_a_model_without_its_facts_is_refused(tmp_path):
    manifest = model(tmp_path)
    (tmp_path / FACTS_NAME).unlink()

    with pytest.raises(ManifestError, match=r"tf_trt\.json"):
        TfTrtEngine(manifest)


@pytest.mark.parametrize("content", ["{", "{}", '{"parameters": 3}'])
def test_facts_that_are_something_else_are_refused(tmp_path, content):
    manifest = model(tmp_path)
    (tmp_path / FACTS_NAME).write_text(content)

    with pytest.raises(ManifestError, match="something else"):
        TfTrtEngine(manifest)
