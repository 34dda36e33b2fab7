"""One set of parameters in the words of each version's converters."""

import pytest

from engines.base import Precision
from engines.convert.errors import UnsupportedTargetError
from engines.convert.tf_trt_parameters import (
    MEBIBYTE,
    ProfileStrategy,
    TfTrtParameters,
    arguments_v1,
    arguments_v2,
)
from tests.engines.tf_trt.signatures import (
    ConverterOf1_15,
    ConverterOf2_7,
    tensorflow_2_4,
    tensorflow_2_7,
    tensorflow_2_12,
)

CHOSEN = TfTrtParameters(
    precision=Precision.FP16,
    max_workspace_size_bytes=200 * MEBIBYTE,
    minimum_segment_size=7,
    max_batch_size=2,
    maximum_cached_engines=3,
)


@pytest.mark.parametrize("converter", [ConverterOf1_15, ConverterOf2_7])
def test_tensorflow_1s_converter_takes_every_argument_it_is_given(converter):
    arguments = arguments_v1(CHOSEN, converter)

    converter(**arguments)
    assert arguments["precision_mode"] == "FP16"
    assert arguments["max_workspace_size_bytes"] == 200 * MEBIBYTE
    assert arguments["minimum_segment_size"] == 7
    assert arguments["max_batch_size"] == 2
    assert arguments["is_dynamic_op"] is False


@pytest.mark.parametrize(
    ("converter", "name"),
    [(ConverterOf1_15, "nodes_blacklist"), (ConverterOf2_7, "nodes_denylist")],
)
def test_nodes_stay_in_tensorflow_under_each_versions_name(converter, name):
    denied = CHOSEN._replace(denied_nodes=("up/resize",))

    assert arguments_v1(denied, converter)[name] == ["up/resize"]


@pytest.mark.parametrize(
    "change", [{"is_dynamic_op": True}, {"precision": Precision.INT8}]
)
def test_engines_that_are_made_later_have_no_batch_size(change):
    arguments = arguments_v1(CHOSEN._replace(**change), ConverterOf1_15)

    assert arguments["is_dynamic_op"] is True
    assert arguments["max_batch_size"] is None


def test_tensorflow_1_has_no_dynamic_shapes():
    with pytest.raises(UnsupportedTargetError, match="use_dynamic_shape"):
        arguments_v1(CHOSEN._replace(use_dynamic_shape=True), ConverterOf1_15)


@pytest.mark.parametrize("version", [tensorflow_2_4, tensorflow_2_7, tensorflow_2_12])
def test_tensorflow_2s_converters_take_every_argument_they_are_given(version):
    trt_convert = version()

    arguments = arguments_v2(CHOSEN, trt_convert)

    trt_convert.TrtGraphConverterV2(**arguments)
    params = arguments.get("conversion_params")
    given = arguments if params is None else params._asdict()
    assert given["precision_mode"] == "FP16"
    assert given["max_workspace_size_bytes"] == 200 * MEBIBYTE
    assert given["minimum_segment_size"] == 7
    assert given["maximum_cached_engines"] == 3


def test_what_a_version_has_beyond_is_left_as_it_was():
    params = arguments_v2(CHOSEN, tensorflow_2_4())["conversion_params"]

    assert params.max_batch_size is None
    assert params.is_dynamic_op is None


@pytest.mark.parametrize("version", [tensorflow_2_7, tensorflow_2_12])
def test_dynamic_shapes_come_with_their_strategy(version):
    dynamic = CHOSEN._replace(
        use_dynamic_shape=True,
        dynamic_shape_profile_strategy=ProfileStrategy.RANGE_AND_OPTIMAL,
    )

    arguments = arguments_v2(dynamic, version())

    assert arguments["use_dynamic_shape"] is True
    assert arguments["dynamic_shape_profile_strategy"] == "Range+Optimal"


def test_a_version_without_dynamic_shapes_refuses_them():
    with pytest.raises(UnsupportedTargetError, match="use_dynamic_shape"):
        arguments_v2(CHOSEN._replace(use_dynamic_shape=True), tensorflow_2_4())


def test_tensorflow_2_leaves_no_nodes_out():
    with pytest.raises(UnsupportedTargetError, match="up/resize"):
        arguments_v2(CHOSEN._replace(denied_nodes=("up/resize",)), tensorflow_2_12())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"precision": Precision.BF16}, "bf16"),
        ({"max_workspace_size_bytes": -1}, "max_workspace_size_bytes is -1"),
        ({"max_workspace_size_bytes": 1 << 32}, "max_workspace_size_bytes"),
        ({"minimum_segment_size": 2}, "minimum_segment_size is 2"),
        ({"max_batch_size": 0}, "max_batch_size is 0"),
        ({"maximum_cached_engines": 0}, "maximum_cached_engines is 0"),
    ],
)
def test_values_that_tensorflow_fails_on_are_refused(change, message):
    with pytest.raises(UnsupportedTargetError, match=message):
        CHOSEN._replace(**change).require_valid()


def test_the_defaults_are_valid_and_modest():
    parameters = TfTrtParameters()

    parameters.require_valid()
    assert parameters.precision is Precision.FP16
    assert parameters.max_workspace_size_bytes == 256 * MEBIBYTE
    assert not parameters.needs_frames


def test_parameters_are_written_as_json_values():
    document = CHOSEN.to_document()

    assert document["precision"] == "fp16"
    assert document["dynamic_shape_profile_strategy"] == "Range"
    assert document["denied_nodes"] == []
