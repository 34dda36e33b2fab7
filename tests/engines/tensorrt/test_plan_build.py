"""Building over every family of TensorRT, and what becomes of its failures."""

import json

import pytest

from engines.base import Precision
from engines.convert import plan as plan_module
from engines.convert.errors import (
    BuildCancelledError,
    OutOfMemoryError,
    PlanBuildError,
    SizeError,
    SourceFormatError,
    UnsupportedOperationError,
    UnsupportedTargetError,
)
from engines.convert.plan import PlanParameters, plan_from_onnx
from engines.cuda_runtime import CudaDevice
from engines.errors import EngineUnavailableError
from engines.plan_manifest import load_plan_manifest
from engines.tensorrt_adapter import TensorRt, TensorRtLog
from tests.engines.tensorrt.fake_tensorrt import Family, fake_tensorrt

TX2 = CudaDevice("NVIDIA Tegra X2", (6, 2), True)
LAYERS = [["Conv", "first"], ["Relu", "second"], ["Pad", "third"]]
FAMILIES = list(Family)


def adapter(family, name="tensorrt"):
    module = fake_tensorrt(family, name=name)
    return TensorRt(module, TensorRtLog(module))


def network(layers=LAYERS, shape=(1, 2, 2, 1)):
    document = {
        "layers": layers,
        "inputs": [["x", shape, "FLOAT"]],
        "outputs": [["y", shape, "FLOAT"]],
    }
    return json.dumps(document).encode()


class FakeCuda:
    def __init__(self, device, free_bytes=0):
        self.device = device
        self.free_bytes = lambda: free_bytes


@pytest.fixture(autouse=True)
def on_a_tx2(monkeypatch):
    monkeypatch.setattr(plan_module, "_cuda", lambda: FakeCuda(TX2))


def build(trt, folder, content=None, precision=Precision.FP32, **options):
    choices = {
        one: options.pop(one) for one in list(options) if one in PlanParameters._fields
    }
    return plan_from_onnx(
        network() if content is None else content,
        folder / "model.plan",
        PlanParameters(precision=precision, **choices),
        trt=trt,
        **options,
    )


def what_was_built(result):
    return json.loads(result.path.read_bytes().decode())


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_builds_a_plan(tmp_path, family):
    result = build(adapter(family), tmp_path)

    assert what_was_built(result)["version"] == family.value
    assert result.layers_by_kind == {"CONVOLUTION": 1, "ACTIVATION": 1, "SLICE": 1}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_told_the_workspace(tmp_path, family):
    result = build(adapter(family), tmp_path, workspace_bytes=200 << 20)

    assert what_was_built(result)["workspace"] == 200 << 20


def test_the_workspace_is_a_quarter_of_a_boards_free_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(plan_module, "available_bytes", lambda: 1 << 30)

    result = build(adapter(Family.V8_2), tmp_path)

    assert result.manifest.workspace_bytes == 1 << 28


def test_the_workspace_is_a_quarter_of_a_cards_own_free_memory(tmp_path, monkeypatch):
    card = FakeCuda(CudaDevice("a card", (8, 6), False), free_bytes=800 << 20)
    monkeypatch.setattr(plan_module, "_cuda", lambda: card)

    result = build(adapter(Family.V10), tmp_path)

    assert result.manifest.workspace_bytes == 200 << 20


@pytest.mark.parametrize("family", FAMILIES)
def test_full_precision_turns_off_the_shortened_one_of_newer_gpus(tmp_path, family):
    result = build(adapter(family), tmp_path, precision=Precision.FP32)

    assert what_was_built(result)["flags"] == []


@pytest.mark.parametrize("family", FAMILIES[:-1])
def test_half_precision_is_a_flag_where_there_is_one(tmp_path, family):
    result = build(adapter(family), tmp_path, precision=Precision.FP16)

    assert what_was_built(result)["flags"] == ["FP16", "TF32"]


def test_half_precision_is_the_networks_type_where_there_is_no_flag(
    tmp_path, monkeypatch
):
    typed = network([["Conv", "typed"]])
    monkeypatch.setattr(plan_module, "half_typed", lambda _: typed)

    result = build(adapter(Family.V11), tmp_path, precision=Precision.FP16)

    assert result.network == typed
    assert [layer.name for layer in result.layers] == ["typed"]


def test_the_manifest_tells_where_it_was_built_and_from_what(tmp_path):
    result = build(adapter(Family.V8_2), tmp_path, precision=Precision.FP16)

    manifest = load_plan_manifest(result.path)
    assert manifest == result.manifest
    assert (manifest.gpu, manifest.compute_capability) == ("NVIDIA Tegra X2", "6.2")
    assert (manifest.library, manifest.version) == ("tensorrt", "8.2.1.8")
    assert (manifest.precision, manifest.layers) == ("fp16", 3)


def test_progress_rises_to_the_end(tmp_path):
    for family in FAMILIES:
        events = []

        build(adapter(family), tmp_path, on_progress=events.append)

        ratios = [event.done_ratio for event in events]
        assert ratios == sorted(ratios), family
        assert len(ratios) >= 3, family
        assert ratios[-1] == 1.0, family


def test_a_build_stops_when_it_is_asked_to(tmp_path):
    events = []

    with pytest.raises(BuildCancelledError):
        build(
            adapter(Family.V10),
            tmp_path,
            on_progress=events.append,
            should_stop=lambda: len(events) > 1,
        )

    assert not (tmp_path / "model.plan").exists()
    assert events[-1].done_ratio < 0.5


def test_a_listener_that_fails_stops_the_build_and_is_heard(tmp_path):
    def fail(progress):
        raise BrokenPipeError(f"nobody listens to {progress.phase}")

    with pytest.raises(BrokenPipeError, match="nobody listens"):
        build(adapter(Family.V10), tmp_path, on_progress=fail)


STRANGE = [["Conv", "first"], ["Foo", "strange"], ["Bar", "other"]]


def test_every_node_that_tensorrt_lacks_is_named(tmp_path):
    with pytest.raises(UnsupportedOperationError) as caught:
        build(adapter(Family.V10), tmp_path, network(STRANGE))

    assert "node strange (Foo): unsupported node" in caught.value.message
    assert "node other (Bar): unsupported node" in caught.value.message
    assert "tf-trt" in caught.value.hint


def test_a_parser_that_knows_numbers_only_gives_the_number(tmp_path, monkeypatch):
    monkeypatch.setattr("engines.convert.plan_network._node_names", lambda _: [])

    with pytest.raises(UnsupportedOperationError, match="node 1: unsupported node"):
        build(adapter(Family.V8_2), tmp_path, network(STRANGE))


def test_a_parser_that_knows_numbers_only_is_helped_out(tmp_path, monkeypatch):
    names = ["first (Conv)", "strange (Foo)"]
    monkeypatch.setattr("engines.convert.plan_network._node_names", lambda _: names)

    with pytest.raises(UnsupportedOperationError, match=r"node strange \(Foo\)"):
        build(adapter(Family.V8_2), tmp_path, network(STRANGE))


def test_bytes_that_are_no_network_are_refused(tmp_path):
    with pytest.raises(SourceFormatError, match="no network"):
        build(adapter(Family.V10), tmp_path, b"no onnx at all")


def test_an_open_size_is_refused_with_the_option_that_gives_it(tmp_path):
    with pytest.raises(SizeError, match=r"input x has the open shape \(1, -1, -1, 1\)"):
        build(adapter(Family.V10), tmp_path, network(shape=(1, -1, -1, 1)))


def test_an_open_size_is_filled_in(tmp_path):
    result = build(
        adapter(Family.V8_2),
        tmp_path,
        network(shape=(1, -1, -1, 1)),
        input_shape=(1, 5, 7, 1),
    )

    assert what_was_built(result)["inputs"][0][1] == [1, 5, 7, 1]


@pytest.mark.parametrize(
    ("said", "error", "hint"),
    [
        (["no tactics within workspace limit"], PlanBuildError, "workspace of 64 MiB"),
        (["Could not find any implementation for node first"], PlanBuildError, "MiB"),
        (["cudaMalloc: out of memory"], OutOfMemoryError, "smaller workspace"),
        (["Internal error: assertion"], PlanBuildError, "tf-trt"),
        ([], PlanBuildError, "tf-trt"),
    ],
)
def test_a_failed_build_gives_the_reason_and_what_to_do(tmp_path, said, error, hint):
    trt = adapter(Family.V8_2)
    trt.module.fails["build"] = said

    with pytest.raises(error, match=said[0] if said else "no reason") as caught:
        build(trt, tmp_path, workspace_bytes=64 << 20)

    assert hint in caught.value.hint


def test_a_tensorrt_that_cannot_start_tells_why():
    trt = adapter(Family.V8_2)
    trt.module.fails["Builder"] = "CUDA initialization failure with error: 100"

    with pytest.raises(EngineUnavailableError, match="error: 100"):
        plan_module.ParsedNetwork(trt, network())


def test_without_a_gpu_a_plan_for_one_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(plan_module, "_cuda", lambda: None)

    with pytest.raises(EngineUnavailableError, match="builds for the GPU it runs on"):
        build(adapter(Family.V8_2), tmp_path)


def test_a_portable_plan_is_built_without_a_gpu_and_bound_to_none(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(plan_module, "_cuda", lambda: None)
    trt = adapter(Family.V11, name="tensorrt_rtx")
    trt.module.ComputeCapability = object()

    result = build(trt, tmp_path)

    assert result.manifest.gpu == ""
    assert "without a GPU" in result.notes[0]


def test_8_bits_on_a_tx2_are_refused_with_the_reason(tmp_path):
    trt = adapter(Family.V8_2)
    trt.module.Builder.platform_has_fast_int8 = False

    with pytest.raises(
        UnsupportedTargetError, match="Tegra X2 has no 8-bit arithmetic"
    ):
        build(trt, tmp_path, precision=Precision.INT8)


def test_8_bits_need_ranges(tmp_path):
    with pytest.raises(UnsupportedTargetError, match="no quantisation"):
        build(adapter(Family.V10), tmp_path, precision=Precision.INT8)


def test_a_quantised_network_is_built_in_8_bits_and_half_precision(tmp_path):
    layers = [["QuantizeLinear", "q"], ["DequantizeLinear", "d"], ["Conv", "c"]]

    result = build(
        adapter(Family.V8_2), tmp_path, network(layers), precision=Precision.INT8
    )

    assert what_was_built(result)["flags"] == ["FP16", "INT8", "TF32"]


def test_ranges_are_found_on_the_frames_that_are_given(tmp_path, monkeypatch):
    ranged = network([["QuantizeLinear", "q"], ["Conv", "c"]])
    monkeypatch.setattr(plan_module, "quantised", lambda *_: ranged)

    result = build(
        adapter(Family.V10), tmp_path, precision=Precision.INT8, frames=[0, 1, 2]
    )

    assert result.network == ranged
    assert result.notes == ("ranges of int8 found on 3 frames",)


def test_a_precision_that_plans_lack_is_refused(tmp_path):
    with pytest.raises(UnsupportedTargetError, match="bf16"):
        build(adapter(Family.V10), tmp_path, precision=Precision.BF16)


@pytest.mark.parametrize(
    "parameters",
    [PlanParameters(workspace_bytes=1000), PlanParameters(input_shape=(1, 0, 4, 1))],
)
def test_parameters_that_cannot_be_meant_are_refused(tmp_path, parameters):
    with pytest.raises(UnsupportedTargetError):
        plan_from_onnx(network(), tmp_path / "model.plan", parameters)


@pytest.mark.parametrize("family", FAMILIES[1:])
def test_measurements_are_kept_for_the_next_build(tmp_path, family):
    cache = tmp_path / "timing.cache"

    build(adapter(family), tmp_path, timing_cache=cache)
    build(adapter(family), tmp_path, timing_cache=cache)

    assert cache.read_bytes() == b"empty, measured, measured"


def test_measurements_of_another_gpu_are_begun_anew(tmp_path):
    cache = tmp_path / "timing.cache"
    cache.write_bytes(b"of another GPU")

    build(adapter(Family.V10), tmp_path, timing_cache=cache)

    assert cache.read_bytes() == b"empty, measured"


def test_a_version_without_measurements_builds_without(tmp_path):
    cache = tmp_path / "timing.cache"

    build(adapter(Family.V7), tmp_path, timing_cache=cache)

    assert not cache.exists()
