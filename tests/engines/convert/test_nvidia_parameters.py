"""What can be chosen of TensorRT and TF-TRT: read, passed on, refused."""

import argparse
from pathlib import Path

import pytest

from engines.base import Precision
from engines.convert.errors import UnsupportedTargetError
from engines.convert.nvidia_parameters import (
    NvidiaParameters,
    add_options,
    parameters_of,
)
from engines.convert.request import ConversionRequest, Target
from engines.convert.tf_trt_parameters import ProfileStrategy

ALL = NvidiaParameters(
    workspace_mib=128,
    calibration_frames=7,
    timing_cache=Path("a cache"),
    minimum_segment_size=5,
    max_batch_size=2,
    maximum_cached_engines=3,
    denied_nodes=("first", "-second"),
    dynamic_shapes=ProfileStrategy.RANGE_AND_OPTIMAL,
    is_dynamic_op=True,
    uses_calibration=False,
    builds_at_runtime=False,
    is_searched=True,
)


def read(*words):
    parser = argparse.ArgumentParser()
    add_options(parser)
    return parameters_of(parser.parse_args(words))


def test_what_was_written_is_read_again_without_the_timing_cache():
    document = ALL.to_document()

    assert NvidiaParameters.of_document(document) == ALL._replace(timing_cache=None)
    assert NvidiaParameters.of_document({}) == NvidiaParameters()


def test_without_options_all_is_at_its_default():
    assert read() == NvidiaParameters()
    assert NvidiaParameters().to_words() == []


def test_every_parameter_differs_from_its_default_in_this_test():
    for name, default in NvidiaParameters()._asdict().items():
        assert getattr(ALL, name) != default, name


def test_options_that_are_written_are_read_as_they_were():
    assert read(*ALL.to_words()) == ALL


def test_tf_trt_gets_every_parameter():
    chosen = ALL.for_tf_trt(Precision.INT8)

    assert chosen.precision is Precision.INT8
    assert chosen.max_workspace_size_bytes == 128 << 20
    assert chosen.minimum_segment_size == 5
    assert chosen.max_batch_size == 2
    assert chosen.is_dynamic_op
    assert chosen.use_dynamic_shape
    strategy = chosen.dynamic_shape_profile_strategy
    assert strategy is ProfileStrategy.RANGE_AND_OPTIMAL
    assert chosen.maximum_cached_engines == 3
    assert chosen.denied_nodes == ("first", "-second")
    assert not chosen.use_calibration
    assert chosen.calibration_frames == 7
    assert not chosen.allow_build_at_runtime


def test_a_plan_gets_workspace_cache_and_frames():
    chosen = ALL.for_plan(Precision.FP16)

    assert chosen.precision is Precision.FP16
    assert chosen.workspace_bytes == 128 << 20
    assert chosen.timing_cache == Path("a cache")
    assert chosen.calibration_frames == 7


@pytest.mark.parametrize(
    ("target", "chosen", "option"),
    [
        (Target.OPENVINO, {"workspace_mib": 128}, "--workspace"),
        (Target.TENSORRT, {"minimum_segment_size": 5}, "--min-segment"),
        (Target.TENSORRT, {"is_searched": True}, "--search"),
        (Target.TF_TRT, {"timing_cache": Path("c")}, "--timing-cache"),
    ],
)
def test_what_a_target_does_not_have_is_refused(target, chosen, option):
    request = ConversionRequest(
        Path("m"), target, Path("o"), nvidia=NvidiaParameters(**chosen)
    )

    with pytest.raises(UnsupportedTargetError, match=option):
        request.require_supported()


@pytest.mark.parametrize(
    ("target", "chosen"),
    [
        (Target.TENSORRT, {"workspace_mib": 0}),
        (Target.TF_TRT, {"workspace_mib": 4096}),
        (Target.TF_TRT, {"minimum_segment_size": 2}),
        (Target.TENSORRT, {"calibration_frames": 0}),
    ],
)
def test_values_that_cannot_be_meant_are_refused(target, chosen):
    request = ConversionRequest(
        Path("m"), target, Path("o"), nvidia=NvidiaParameters(**chosen)
    )

    with pytest.raises(UnsupportedTargetError):
        request.require_supported()


def test_a_plan_may_have_a_workspace_that_tf_trt_cannot():
    refused = []
    for target in (Target.TENSORRT, Target.TF_TRT):
        request = ConversionRequest(
            Path("m"), target, Path("o"), nvidia=NvidiaParameters(workspace_mib=4096)
        )
        try:
            request.require_supported()
        except UnsupportedTargetError:
            refused.append(target)

    assert refused == [Target.TF_TRT]


def test_parameters_make_another_engine_but_the_timing_cache():
    def key(**chosen):
        nvidia = NvidiaParameters(**chosen)
        request = ConversionRequest(
            Path("m"), Target.TENSORRT, Path("o"), nvidia=nvidia
        )
        return request.key("0")

    assert key(workspace_mib=128) != key()
    assert key(timing_cache=Path("c")) == key()
