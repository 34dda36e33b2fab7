"""The runtime over every family of TensorRT and both kinds of memory."""

import hashlib
import json

import numpy as np
import pytest

from engines.base import EngineKind, Precision
from engines.errors import (
    EngineLoadError,
    InferenceError,
    ManifestError,
    PlanMismatchError,
)
from engines.manifest import InputSpec, ModelManifest, OutputSpec
from engines.plan_manifest import PlanManifest, save_plan_manifest
from engines.tensorrt_adapter import TensorRt, TensorRtLog
from engines.tensorrt_runtime import TensorRtEngine
from tests.engines.tensorrt.fake_tensorrt import Family, fake_tensorrt

SHAPE = (1, 3, 4, 1)
FAMILIES = [Family.V7, Family.V8_2, Family.V8_5, Family.V10, Family.V11]
ENDS = {"inputs": [["x", SHAPE, "FLOAT"]], "outputs": [["y", SHAPE, "FLOAT"]]}


class Bench:
    """A model with a plan, and the libraries to run it."""

    def __init__(self, folder, cudart, family=Family.V10, **ends):
        self.cudart = cudart
        module = fake_tensorrt(family, cudart)
        self.trt = TensorRt(module, TensorRtLog(module))
        self.path = folder / "model.plan"
        document = dict(ENDS, version=family.value, **ends)
        self.path.write_bytes(json.dumps(document).encode())
        self.plan = PlanManifest(
            library="tensorrt",
            version=family.value,
            gpu="Fake GPU",
            compute_capability="8.7",
            precision="fp16",
            source_sha256="00",
            plan_sha256=hashlib.sha256(self.path.read_bytes()).hexdigest(),
            workspace_bytes=1 << 20,
            layers=3,
        )
        self.model = ModelManifest(
            name="twice",
            input=InputSpec(width_px=4, height_px=3),
            output=OutputSpec(),
            files={"tensorrt": self.path.name},
            folder=folder,
        )
        self.write(self.plan)

    def write(self, plan):
        save_plan_manifest(plan, self.path)

    def open(self, precision=None):
        cuda = self.cudart.runtime()
        return TensorRtEngine(self.model, precision, trt=self.trt, cuda=cuda)


@pytest.fixture
def bench(tmp_path, cudart):
    return Bench(tmp_path, cudart)


def image(seed=0):
    return np.random.RandomState(seed).random_sample(SHAPE).astype(np.float32)


@pytest.mark.parametrize("is_integrated", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_gives_the_result_of_every_frame(
    tmp_path, cudart, family, is_integrated
):
    cudart.set_device(is_integrated=is_integrated)
    with Bench(tmp_path, cudart, family).open() as engine:
        for seed in range(3):
            result = engine.infer(image(seed))

            np.testing.assert_array_equal(result, 2 * image(seed) + 1)


def test_the_spec_tells_what_runs_where(bench):
    with bench.open() as engine:
        spec = engine.spec

    assert spec.kind is EngineKind.TENSORRT
    assert spec.precision is Precision.FP16
    assert (spec.device, spec.library) == ("Fake GPU", "tensorrt 10.3.0")


def test_a_result_outlives_the_engine(bench):
    with bench.open() as engine:
        result = engine.infer(image())

    np.testing.assert_array_equal(result, 2 * image() + 1)


def test_an_inference_is_one_graph_where_that_is_faster(bench, monkeypatch):
    monkeypatch.setattr(TensorRtEngine, "_time", lambda _, queue: _rank(queue))
    with bench.open() as engine:
        before = bench.cudart.graph_launches

        result = engine.infer(image())

        assert engine.has_cuda_graph
        assert bench.cudart.graph_launches == before + 1
        np.testing.assert_array_equal(result, 2 * image() + 1)


def test_a_graph_that_is_not_faster_is_not_used(bench, monkeypatch):
    monkeypatch.setattr(TensorRtEngine, "_time", lambda _, queue: 1 - _rank(queue))
    with bench.open() as engine:
        before = bench.cudart.graph_launches

        engine.infer(image())

        assert not engine.has_cuda_graph
        assert bench.cudart.graph_launches == before


def _rank(queue):
    is_graph = queue.__name__ == "<lambda>"
    return 0.25 if is_graph else 0.5


def test_a_plan_that_cannot_be_captured_runs_without_a_graph(bench):
    bench.cudart.fail("cudaStreamEndCapture", 901)

    with bench.open() as engine:
        result = engine.infer(image())

        assert not engine.has_cuda_graph
        np.testing.assert_array_equal(result, 2 * image() + 1)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"gpu": "NVIDIA Tegra X2"}, "built for NVIDIA Tegra X2, here is Fake GPU"),
        ({"version": "8.2.1.8"}, "built with tensorrt 8.2.1.8"),
        ({"compute_capability": "6.2"}, "compute capability 6.2"),
        ({"plan_sha256": "00"}, "not the file that was built"),
    ],
)
def test_a_foreign_plan_is_refused_before_tensorrt_sees_it(bench, change, reason):
    bench.write(bench.plan._replace(**change))
    bench.trt.module.Runtime = None  # calling it would be a TypeError

    with pytest.raises(PlanMismatchError, match=reason):
        bench.open()


def test_a_plan_of_another_precision_than_wanted_is_refused(bench):
    with pytest.raises(PlanMismatchError, match="built in fp16, wanted is int8"):
        bench.open(Precision.INT8)


def test_a_plan_without_its_manifest_is_refused(bench):
    bench.path.with_name("model.plan.json").unlink()

    with pytest.raises(ManifestError, match=r"model\.plan\.json"):
        bench.open()


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("deserialize", "refuses model.plan: no such device"),
        ("context", "cannot run model.plan: no such device"),
        ("execute", "does not run: TensorRT failed: no such device"),
    ],
)
def test_a_failure_at_the_start_gives_tensorrts_reason(bench, where, message):
    bench.trt.module.fails[where] = "no such device"

    with pytest.raises(EngineLoadError, match=message):
        bench.open()


def test_a_failing_inference_gives_tensorrts_reason(bench):
    bench.cudart.fail("cudaStreamEndCapture", 901)  # no graph: TensorRT runs each time
    with bench.open() as engine:
        bench.trt.module.fails["execute"] = "illegal memory access"

        with pytest.raises(InferenceError, match="illegal memory access"):
            engine.infer(image())


def test_a_gpu_that_fails_while_running_is_an_inference_error(bench):
    with bench.open() as engine:
        bench.cudart.fail("cudaStreamSynchronize", 719)

        with pytest.raises(InferenceError, match="cudaStreamSynchronize failed"):
            engine.infer(image())


def test_too_little_memory_at_the_start_is_a_load_error(bench):
    bench.cudart.fail("cudaMalloc", 2)

    with pytest.raises(EngineLoadError, match="out of memory"):
        bench.open()


def test_an_input_of_another_shape_is_refused(bench):
    with bench.open() as engine, pytest.raises(InferenceError, match="takes"):
        engine.infer(np.zeros((1, 3, 5, 1), np.float32))


def test_a_closed_engine_refuses_and_closes_again(bench):
    engine = bench.open()
    engine.close()
    engine.close()

    with pytest.raises(InferenceError, match="closed"):
        engine.infer(image())


def test_a_plan_for_another_size_than_the_model_is_refused(tmp_path, cudart):
    bench = Bench(tmp_path, cudart, inputs=[["x", (1, 9, 9, 1), "FLOAT"]])

    with pytest.raises(EngineLoadError, match=r"\(1, 9, 9, 1\) of float32"):
        bench.open()


def test_a_plan_with_two_inputs_is_refused(tmp_path, cudart):
    two = [["x", SHAPE, "FLOAT"], ["flag", (1,), "FLOAT"]]
    bench = Bench(tmp_path, cudart, inputs=two)

    with pytest.raises(EngineLoadError, match="takes 2 inputs"):
        bench.open()


def test_a_plan_with_an_open_size_is_refused(tmp_path, cudart):
    bench = Bench(tmp_path, cudart, inputs=[["x", (-1, 3, 4, 1), "FLOAT"]])

    with pytest.raises(EngineLoadError, match="open shape"):
        bench.open()


def test_a_plan_with_a_type_that_numpy_lacks_is_refused(tmp_path, cudart):
    bench = Bench(tmp_path, cudart, inputs=[["x", SHAPE, "FP4"]])

    with pytest.raises(EngineLoadError, match="type FP4"):
        bench.open()


@pytest.mark.parametrize("family", [Family.V8_2, Family.V10])
def test_the_output_that_the_model_names_is_given(tmp_path, cudart, family):
    outputs = [["aside", (1, 2), "FLOAT"], ["mask", SHAPE, "FLOAT"]]
    bench = Bench(tmp_path, cudart, family, outputs=outputs)
    bench.model = bench.model._replace(output=OutputSpec(name="mask"))

    with bench.open() as engine:
        assert engine.infer(image()).shape == SHAPE


def test_a_plan_may_give_half_precision(tmp_path, cudart):
    bench = Bench(tmp_path, cudart, outputs=[["y", SHAPE, "HALF"]])

    with bench.open() as engine:
        result = engine.infer(np.full(SHAPE, 0.25, np.float32))

    np.testing.assert_array_equal(result, np.full(SHAPE, 1.5, np.float16))
