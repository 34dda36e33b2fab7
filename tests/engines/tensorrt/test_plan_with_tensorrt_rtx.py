"""The real parser and builder of TensorRT-RTX, which need no GPU."""

import numpy as np
import pytest

from engines.base import Precision
from engines.convert.conversion import Prepared
from engines.convert.ends import End
from engines.convert.errors import (
    BuildCancelledError,
    PlanBuildError,
    SizeError,
    SourceFormatError,
    UnsupportedOperationError,
)
from engines.convert.nvidia_writers import write_plan
from engines.convert.onnx_export import OnnxNetwork, run_onnx
from engines.convert.plan import PlanParameters, plan_from_onnx
from engines.convert.samples import Samples
from engines.errors import EngineLoadError
from engines.manifest import InputSpec, Layout, ModelManifest, OutputSpec
from engines.plan_manifest import load_plan_manifest
from engines.tensorrt_adapter import load_tensorrt
from engines.tensorrt_runtime import TensorRtEngine

pytest.importorskip(
    "tensorrt_rtx_bindings", reason="TensorRT-RTX is not installed for this Python"
)
from tests.engines.tensorrt.onnx_networks import (
    ODD_SHAPE,
    onnx,
    open_size,
    padded_unet,
    with_unknown_nodes,
)

WORKSPACE_BYTES = 64 << 20


@pytest.fixture(scope="module")
def trt():
    return load_tensorrt("tensorrt-rtx")


def build(trt, folder, content, precision=Precision.FP32, **options):
    parameters = PlanParameters(
        precision=precision,
        workspace_bytes=options.pop("workspace_bytes", WORKSPACE_BYTES),
        input_shape=options.pop("input_shape", None),
        timing_cache=options.pop("timing_cache", None),
    )
    return plan_from_onnx(
        content, folder / "model.plan", parameters, trt=trt, **options
    )


def test_the_network_with_padded_skips_builds(trt, tmp_path):
    result = build(trt, tmp_path, padded_unet())

    assert result.path.stat().st_size > 10000
    assert load_plan_manifest(result.path) == result.manifest
    pad = next(layer for layer in result.layers if layer.name == "padded")
    assert (pad.kind, pad.output_shape) == ("SLICE", (1, 4, 9, 11))


def test_the_progress_of_a_real_build_rises_to_the_end(trt, tmp_path):
    events = []

    build(trt, tmp_path, padded_unet(), on_progress=events.append)

    ratios = [event.done_ratio for event in events]
    assert len(ratios) > 20
    assert ratios == sorted(ratios)
    assert ratios[-1] == 1.0


def test_a_real_build_is_cancelled(trt, tmp_path):
    events = []

    with pytest.raises(BuildCancelledError):
        build(
            trt,
            tmp_path,
            padded_unet(),
            on_progress=events.append,
            should_stop=lambda: len(events) > 5,
        )

    assert events[-1].done_ratio < 0.5
    assert list(tmp_path.iterdir()) == []


def test_the_library_builds_again_after_a_cancelled_build(trt, tmp_path):
    with pytest.raises(BuildCancelledError):
        build(trt, tmp_path, padded_unet(), should_stop=lambda: True)

    assert build(trt, tmp_path, padded_unet()).path.is_file()


def test_half_precision_is_the_type_of_the_layers(trt, tmp_path):
    pytest.importorskip("onnxruntime", reason="half-typed networks need onnxruntime")

    result = build(trt, tmp_path, padded_unet(), Precision.FP16)

    types = {layer.name: layer.output_type for layer in result.layers}
    assert types["down"] == types["padded"] == "HALF"
    assert result.layers[-1].output_type == "FLOAT"


def test_eight_bits_come_from_frames(trt, tmp_path):
    pytest.importorskip("onnxruntime", reason="quantising needs onnxruntime")
    frames = [np.random.RandomState(0).random_sample(ODD_SHAPE).astype(np.float32)]

    result = build(trt, tmp_path, padded_unet(), Precision.INT8, frames=frames)

    assert result.layers_by_kind["QUANTIZE"] >= 2


def test_every_node_that_is_missing_is_named(trt, tmp_path):
    with pytest.raises(UnsupportedOperationError, match=r"node mystery \(Foo\)") as at:
        build(trt, tmp_path, with_unknown_nodes())

    assert "node counted (Unique): unsupported node" in at.value.message


def test_bytes_that_are_no_network_are_refused(trt, tmp_path):
    with pytest.raises(SourceFormatError, match="cannot take the file"):
        build(trt, tmp_path, b"no network at all")


def test_an_open_size_is_refused_and_can_be_given(trt, tmp_path):
    with pytest.raises(SizeError, match=r"\(-1, 3, -1, 11\)"):
        build(trt, tmp_path, open_size())

    result = build(trt, tmp_path, open_size(), input_shape=(1, 3, 5, 11))
    assert result.layers[-1].output_shape == (1, 3, 5, 11)


def test_too_small_a_workspace_is_told_with_its_size(trt, tmp_path):
    with pytest.raises(PlanBuildError, match="workspace") as caught:
        build(trt, tmp_path, padded_unet(), workspace_bytes=1 << 20)

    assert "1 MiB" in caught.value.hint


def test_measurements_are_written_without_a_warning(trt, tmp_path):
    cache = tmp_path / "timing.cache"

    build(trt, tmp_path, padded_unet(), timing_cache=cache)

    assert cache.is_file()


def test_without_a_driver_the_plan_is_refused_with_the_librarys_reason(
    trt, tmp_path, cudart
):
    plan = build(trt, tmp_path, padded_unet())
    model = ModelManifest(
        name="unet",
        input=InputSpec(width_px=11, height_px=9, frame_count=3, layout=Layout.NCHW),
        files={"tensorrt": plan.path.name},
        folder=tmp_path,
    )

    # The fake runtime says that there is a GPU; the library knows that there is none.
    with pytest.raises(EngineLoadError, match="CUDA") as caught:
        TensorRtEngine(model, trt=trt, cuda=cudart.runtime())

    assert "Convert the network again" in caught.value.hint


def _prepared(tensors, reference):
    end = End("x", "x", "float32", ODD_SHAPE)
    model = ModelManifest(
        name="unet",
        input=InputSpec(width_px=11, height_px=9, frame_count=3, layout=Layout.NCHW),
        output=OutputSpec(layout=Layout.NCHW),
    )
    samples = Samples(tensors, "noise", False)
    return Prepared(end, end._replace(name="y"), ODD_SHAPE, samples, reference, model)


@pytest.mark.parametrize(
    ("precision", "largest"),
    [(Precision.FP32, None), (Precision.FP16, 2e-3), (Precision.INT8, 0.1)],
)
def test_a_plan_is_reported_with_what_its_precision_costs(tmp_path, precision, largest):
    pytest.importorskip("onnxruntime", reason="comparing needs onnxruntime")
    tensors = [np.random.RandomState(0).random_sample(ODD_SHAPE).astype(np.float32)]
    reference = run_onnx(padded_unet(), "y", tensors)
    parsed = onnx.load_model_from_string(padded_unet())
    network = OnnxNetwork(parsed, Layout.NCHW, is_turned=False)
    events = []

    written = write_plan(
        network,
        ({"Conv": 2}, 1000),
        _prepared(tensors, reference),
        PlanParameters(precision=precision, workspace_bytes=WORKSPACE_BYTES),
        tmp_path,
        events.append,
    )

    assert written.files == ("model.plan", "model.plan.json")
    assert all((tmp_path / name).is_file() for name in written.files)
    assert (written.input_name, written.output_name) == ("x", "y")
    assert events[-1].done_ratio == 1.0
    report = written.report
    assert report.ops_after["CONVOLUTION"] == 2
    assert "could not be run here" in " ".join(report.notes)
    if largest is None:
        assert report.max_abs_diff is None
    else:
        assert 0.0 < report.max_abs_diff < largest
