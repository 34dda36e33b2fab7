"""The conversion with TensorFlow's real converters, and with stand-ins for them.

No machine that runs these tests has TensorRT, so engines come from converters that
stand in for TensorFlow's: they give a graph with an engine in it and write the log.
"""

import functools
import os
import types
from pathlib import Path

import numpy as np
import pytest

from engines.base import Precision
from engines.convert.errors import MissingLibraryError, UnsupportedTargetError
from engines.convert.tf_trt import (
    NativeSegmentError,
    convert_with_tf_trt,
    files_of,
    import_trt_convert,
)
from engines.convert.tf_trt_parameters import (
    TfTrtParameters,
    arguments_v1,
    arguments_v2,
)
from engines.convert.tf_trt_report import NoSpeedUpError
from tests.engines.tf_trt.graphs import (
    ENDS,
    HAS_TENSORFLOW_1,
    SHAPE,
    converted,
    network,
    v1,
)
from tests.engines.tf_trt.signatures import ConverterOf1_15, tensorflow_2_12

INSIDE = {"down", "rectified", "up"}
FALLBACK = (
    b"2021-01-01 10:00:01.000001: W tensorflow/compiler/tf2tensorrt/kernels/"
    b"trt_engine_op.cc:1002] Engine creation for TRTEngineOp_0 failed. The native "
    b"segment will be used instead. Reason: Internal: Failed to build TensorRT engine\n"
)
only_tensorflow_1 = pytest.mark.skipif(
    not HAS_TENSORFLOW_1, reason="TensorFlow 2 has another converter"
)
only_tensorflow_2 = pytest.mark.skipif(
    HAS_TENSORFLOW_1, reason="TensorFlow 1 has another converter"
)


def frame(seed=0):
    return np.random.RandomState(seed).random_sample(SHAPE).astype(np.float32)


class StandIn:
    """Both converters of one TensorFlow, and what was done with them."""

    def __init__(self, said=b""):
        self.calls = []
        self.said = said
        self.TrtGraphConverter = self._of_version_1()
        self.TrtGraphConverterV2 = self._of_version_2()

    def _of_version_1(self):
        stand_in = self

        class Converter:
            @functools.wraps(ConverterOf1_15.__init__)
            def __init__(self, **given):
                ConverterOf1_15(**given)  # refuses what that version does not take
                call = ("create", given["precision_mode"], given["nodes_blacklist"])
                stand_in.calls.append(call)

            def convert(self):
                stand_in.calls.append(("convert",))
                os.write(2, stand_in.said)
                return converted(INSIDE, serialized=b"an engine")

            def calibrate(self, fetch_names, num_runs, feed_dict_fn):
                fed = [sorted(feed_dict_fn()) for _ in range(num_runs)]
                stand_in.calls.append(("calibrate", fetch_names, fed))
                return converted(INSIDE, serialized=b"an engine")

        return Converter

    def _of_version_2(self):
        stand_in = self
        signature = tensorflow_2_12().TrtGraphConverterV2

        class Converter:
            @functools.wraps(signature.__init__)
            def __init__(self, **given):
                signature(**given)
                source = Path(given["input_saved_model_dir"])
                files = sorted(one.name for one in source.iterdir())
                stand_in.calls.append(("create", given["precision_mode"], files))

            def convert(self, calibration_input_fn=None):
                frames = list(calibration_input_fn()) if calibration_input_fn else []
                stand_in.calls.append(("convert", len(frames)))
                graph = types.SimpleNamespace(as_graph_def=lambda: converted(INSIDE))
                return types.SimpleNamespace(graph=graph)

            def build(self, input_fn):
                shapes = [one[0].shape for one in input_fn()]
                stand_in.calls.append(("build", shapes))
                os.write(2, stand_in.said)

            def save(self, output_saved_model_dir):
                stand_in.calls.append(("save",))
                assets = Path(output_saved_model_dir) / "assets"
                assets.mkdir(parents=True)
                (assets / "trt-serialized-engine.0").write_bytes(b"an engine")
                (assets.parent / "saved_model.pb").write_bytes(b"a graph")

        return Converter


def convert(folder, stand_in=None, frames=(), **parameters):
    return convert_with_tf_trt(
        network(),
        ENDS,
        folder,
        TfTrtParameters(**parameters),
        frames=frames,
        trt_convert=stand_in,
    )


@only_tensorflow_1
def test_the_real_tensorflow_1_without_tensorrt_makes_no_engine_and_says_why(tmp_path):
    with pytest.raises(NoSpeedUpError, match="built without TensorRT") as caught:
        convert(tmp_path)

    assert "target tensorrt" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


@only_tensorflow_2
def test_the_real_tensorflow_2_without_tensorrt_is_refused_and_says_why(tmp_path):
    with pytest.raises(MissingLibraryError, match="TF-TRT cannot work here") as caught:
        convert(tmp_path, frames=(frame(),))

    assert "target tensorrt" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


@only_tensorflow_1
def test_the_real_converter_of_tensorflow_1_takes_the_arguments():
    converter = import_trt_convert().TrtGraphConverter
    arguments = arguments_v1(TfTrtParameters(denied_nodes=("mask",)), converter)

    converter(input_graph_def=network(), **arguments)

    assert arguments["nodes_blacklist"] == ["mask"]


@only_tensorflow_2
def test_the_real_converter_of_tensorflow_2_has_the_arguments():
    arguments = arguments_v2(TfTrtParameters(), import_trt_convert())

    assert arguments["precision_mode"] == "FP16"
    assert "conversion_params" not in arguments


@only_tensorflow_1
def test_tensorflow_1_writes_one_graph_with_its_engines(tmp_path):
    stand_in = StandIn()

    model = convert(tmp_path, stand_in)

    graph = v1.GraphDef()
    graph.ParseFromString(model.path.read_bytes())
    assert "TRTEngineOp" in [node.op for node in graph.node]
    assert model.report.built_engines == 1
    assert [one.name for one in files_of(model)] == ["tf_trt.pb", "tf_trt.json"]


@only_tensorflow_1
def test_the_ends_and_what_was_denied_stay_in_tensorflow(tmp_path):
    stand_in = StandIn()

    convert(tmp_path, stand_in, denied_nodes=("up",))

    assert stand_in.calls[0] == ("create", "FP16", ["image", "mask", "up"])


@only_tensorflow_1
def test_tensorflow_1_finds_the_ranges_of_int8_on_the_frames(tmp_path):
    stand_in = StandIn()

    convert(tmp_path, stand_in, (frame(1), frame(2)), precision=Precision.INT8)

    assert stand_in.calls[-1] == ("calibrate", ["mask:0"], [["image:0"], ["image:0"]])


@only_tensorflow_2
def test_tensorflow_2_converts_builds_and_saves_in_this_order(tmp_path):
    stand_in = StandIn()

    model = convert(tmp_path, stand_in, (frame(1), frame(2)))

    assert [call[0] for call in stand_in.calls] == [
        "create",
        "convert",
        "build",
        "save",
    ]
    assert stand_in.calls[0][2] == ["saved_model.pb", "variables"]
    assert stand_in.calls[2] == ("build", [SHAPE])
    assert model.report.built_engines == 1
    assert [one.name for one in files_of(model)] == [
        "saved_model.pb",
        "trt-serialized-engine.0",
        "tf_trt.json",
    ]


@only_tensorflow_2
def test_tensorflow_2_finds_the_ranges_of_int8_on_the_frames(tmp_path):
    stand_in = StandIn()

    convert(tmp_path, stand_in, (frame(1), frame(2)), precision=Precision.INT8)

    assert stand_in.calls[1] == ("convert", 2)


@only_tensorflow_2
def test_without_a_gpu_tensorflow_2_says_so(tmp_path):
    stand_in = StandIn()

    def refuse(converter):
        raise ValueError(f"Specified device is not a GPU: CPU:0 for {converter}")

    stand_in.TrtGraphConverterV2.convert = refuse

    with pytest.raises(MissingLibraryError, match="TF-TRT cannot work here"):
        convert(tmp_path, stand_in)


def test_the_work_in_engines_is_reported(tmp_path):
    model = convert(tmp_path, StandIn(), (frame(),))

    assert model.report.work_in_engines_ratio == 1.0
    assert [one.node for one in model.report.stayed] == ["mask"]


def test_an_engine_that_falls_back_is_a_failure(tmp_path):
    with pytest.raises(NativeSegmentError, match="Failed to build TensorRT engine"):
        convert(tmp_path, StandIn(said=FALLBACK), (frame(),))

    assert list(tmp_path.iterdir()) == []


def test_int8_without_frames_is_refused(tmp_path):
    with pytest.raises(UnsupportedTargetError, match="frames"):
        convert(tmp_path, StandIn(), precision=Precision.INT8)


def test_parameters_are_looked_at_before_tensorflow_is(tmp_path):
    with pytest.raises(UnsupportedTargetError, match="minimum_segment_size is 2"):
        convert(tmp_path, StandIn(), minimum_segment_size=2)
