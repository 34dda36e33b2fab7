import pytest

from engines import tensorrt_adapter
from engines.base import Precision
from engines.errors import EngineUnavailableError
from engines.tensorrt_adapter import (
    TensorRt,
    TensorRtLog,
    load_tensorrt,
    precision_obstacle,
    reason_of,
    tensorrt_obstacle,
)
from tests.engines.tensorrt.fake_tensorrt import Family, fake_tensorrt


def adapter(family, name="tensorrt"):
    module = fake_tensorrt(family, name=name)
    return TensorRt(module, TensorRtLog(module))


@pytest.mark.parametrize("family", list(Family))
def test_precision_flags_are_asked_of_the_library(family):
    trt = adapter(family)

    assert trt.has_precision_flag(Precision.FP16) == (family is not Family.V11)


def test_the_library_is_named_with_its_version():
    assert adapter(Family.V8_2).library == "tensorrt 8.2.1.8"


@pytest.mark.parametrize("module", ["tensorrt_rtx", "tensorrt_rtx_bindings"])
def test_tensorrt_rtx_goes_by_its_own_name(module):
    assert adapter(Family.V11, name=module).name == "tensorrt-rtx"


def test_one_of_the_packages_is_enough():
    assert tensorrt_obstacle(lambda name: name == "tensorrt_rtx_bindings") == ""


def test_without_any_package_there_is_an_obstacle():
    assert tensorrt_obstacle(lambda _: False) == (
        "TensorRT is not installed for this Python"
    )


def test_a_missing_library_is_told_with_what_to_install():
    with pytest.raises(EngineUnavailableError, match="no_such_tensorrt") as caught:
        load_tensorrt("no_such_tensorrt")

    assert "pip install no_such_tensorrt" in caught.value.hint


def test_a_library_has_one_log_however_often_it_is_loaded(monkeypatch):
    module = fake_tensorrt(Family.V10)
    monkeypatch.setattr(tensorrt_adapter, "_logs", {})
    monkeypatch.setattr(tensorrt_adapter.importlib, "import_module", lambda _: module)

    first, second = load_tensorrt("tensorrt"), load_tensorrt("tensorrt")

    assert first.log is second.log


def test_a_package_without_its_library_is_not_taken(monkeypatch):
    empty = type(tensorrt_adapter)("tensorrt")
    monkeypatch.setattr(tensorrt_adapter, "_logs", {})
    monkeypatch.setattr(tensorrt_adapter.importlib, "import_module", lambda _: empty)

    with pytest.raises(EngineUnavailableError, match="without its library"):
        load_tensorrt("tensorrt")


def test_errors_are_heard_only_meanwhile():
    module = fake_tensorrt(Family.V10)
    log = TensorRtLog(module)
    severity = module.ILogger.Severity

    with log.errors() as errors:
        log.logger.log(severity.ERROR, "it broke")
        log.logger.log(severity.INFO, "it goes on")
    log.logger.log(severity.ERROR, "too late")

    assert errors == ["it broke"]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ([], "TensorRT gave no reason"),
        (["first", "second"], "first"),
        (
            [
                "IRuntime::deserializeCudaEngine: Error Code 1: Cuda Runtime (In "
                "ScopedCudaStream at /_src/common/cudaResources.cpp:25 (cudaError 35))"
            ],
            "IRuntime::deserializeCudaEngine: Error Code 1: Cuda Runtime "
            "((cudaError 35))",
        ),
        (["[checkMacros.cpp::catchCudaError::250] Error Code 1"], "Error Code 1"),
    ],
)
def test_the_reason_is_the_first_error_without_places_in_the_source(said, reason):
    assert reason_of(said) == reason


def test_a_tx2_has_half_precision_and_no_8_bits_and_says_why():
    trt = adapter(Family.V8_2)
    trt.module.Builder.platform_has_fast_int8 = False

    assert precision_obstacle(trt, Precision.FP16, "NVIDIA Tegra X2") == ""
    assert (
        precision_obstacle(trt, Precision.INT8, "NVIDIA Tegra X2")
        == "NVIDIA Tegra X2 has no 8-bit arithmetic"
    )


@pytest.mark.parametrize("precision", [Precision.FP32, Precision.FP16, Precision.INT8])
def test_a_library_that_does_not_tell_is_taken_to_have_every_precision(precision):
    assert precision_obstacle(adapter(Family.V11), precision, "any GPU") == ""
