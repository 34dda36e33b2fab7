"""The report of a conversion, on a graph that stands in for a converted one."""

import json
from pathlib import Path

import numpy as np
import pytest

from engines.base import Precision
from engines.convert import nvidia_writers, tf_trt_measure, writers
from engines.convert.conversion import Prepared
from engines.convert.ends import End
from engines.convert.errors import VerificationError
from engines.convert.graph import KeptNode
from engines.convert.nvidia_parameters import NvidiaParameters
from engines.convert.request import ConversionRequest, Target
from engines.convert.samples import Samples
from engines.convert.tf_trt import FACTS_NAME, TfTrtModel, machine_facts
from engines.convert.tf_trt_parameters import TfTrtParameters
from engines.convert.tf_trt_report import TfTrtReport
from engines.convert.tf_trt_search import Measured, search
from engines.manifest import InputSpec, ModelManifest
from tests.engines.tf_trt.graphs import ENDS, SHAPE, network

STAYED = KeptNode("mask", "Sigmoid", "it is an output")


def frames():
    return [np.random.RandomState(0).random_sample(SHAPE).astype(np.float32)]


@pytest.fixture
def prepared():
    from engines.convert.verify import run_graph

    end = End("image", "image", "float32", SHAPE)
    model = ModelManifest("small", InputSpec(width_px=8, height_px=8, frame_count=3))
    samples = Samples(frames(), "noise", False)
    reference = run_graph(network(), ENDS, frames())
    return Prepared(end, end, SHAPE, samples, reference, model)


def convert_to(graph):
    """What `convert_with_tf_trt` does, without TensorRT."""

    def convert(before, terminals, folder, parameters, inputs):
        assert (before, terminals, len(inputs)) == (network(), ENDS, 1)
        (folder / "tf_trt.pb").write_bytes(graph.SerializeToString())
        report = TfTrtReport(("e0",), 1, 3, (STAYED,), 0.9, 1000, {"TRTEngineOp": 1})
        facts = {
            "machine": machine_facts(),
            "parameters": parameters.to_document(),
            "report": report.to_document(),
        }
        (folder / FACTS_NAME).write_text(json.dumps(facts))
        return TfTrtModel(folder / "tf_trt.pb", report, 0.1)

    return convert


def write(folder, prepared, precision=Precision.FP16):
    parameters = TfTrtParameters(precision=precision)
    return nvidia_writers.write_tf_trt(network(), ENDS, prepared, parameters, folder)


def test_the_report_tells_share_and_what_stayed(tmp_path, monkeypatch, prepared):
    monkeypatch.setattr(nvidia_writers, "convert_with_tf_trt", convert_to(network()))

    written = write(tmp_path, prepared)

    assert (written.form, written.files) == ("tf-trt", ("tf_trt.pb", "tf_trt.json"))
    assert written.report.kept == (STAYED,)
    assert written.report.notes == ("1 engines do 90.0% of the 1e-06 GFLOP",)
    assert written.report.max_abs_diff == pytest.approx(0.0, abs=1e-6)


def test_a_result_that_claims_to_be_equal_and_is_not_is_refused(
    tmp_path, monkeypatch, prepared
):
    wrong = network()
    for node in wrong.node:
        if node.name == "mask":
            node.op = "Tanh"
    monkeypatch.setattr(nvidia_writers, "convert_with_tf_trt", convert_to(wrong))

    with pytest.raises(VerificationError, match="tf-trt"):
        write(tmp_path, prepared, Precision.FP32)


def test_a_search_measures_what_it_converts(monkeypatch, prepared):
    monkeypatch.setattr(tf_trt_measure, "convert_with_tf_trt", convert_to(network()))
    measure = tf_trt_measure.measured_here(
        network(), ENDS, prepared.model, frames(), runs=5
    )

    result = search(measure, workspaces_bytes=(1 << 28,), segment_sizes=(3, 5))

    assert [trial.failure for trial in result.trials] == ["", ""]
    assert result.best.measured.fps > 10
    assert result.best.measured.engines == 1


def test_ranges_of_int8_come_from_frames_that_nothing_is_compared_on(
    tmp_path, monkeypatch, prepared
):
    # given
    given = []

    def convert(before, terminals, folder, parameters, inputs):
        given.extend(inputs)
        return convert_to(network())(before, terminals, folder, parameters, inputs[:1])

    monkeypatch.setattr(nvidia_writers, "convert_with_tf_trt", convert)
    other = np.full(SHAPE, 0.25, np.float32)
    samples = Samples(frames(), "a clip", True, (other,))

    # when
    write(tmp_path, prepared._replace(samples=samples), Precision.INT8)

    # then
    assert [one is other for one in given] == [True]


def test_the_fastest_of_a_search_is_written_and_every_try_reported(
    tmp_path, monkeypatch, prepared
):
    # given: segments of 10 are fastest, in the first workspace
    chosen = []

    def measured_here(*_given):
        def measure(parameters):
            size = parameters.minimum_segment_size
            fps = 80.0 if size == 10 else 50.0
            return Measured(fps, parameters.max_workspace_size_bytes, 1)

        return measure

    def convert(before, terminals, folder, parameters, inputs):
        chosen.append(parameters)
        return convert_to(network())(before, terminals, folder, parameters, inputs)

    monkeypatch.setattr(nvidia_writers, "measured_here", measured_here)
    monkeypatch.setattr(nvidia_writers, "convert_with_tf_trt", convert)
    request = ConversionRequest(
        Path("m"),
        Target.TF_TRT,
        tmp_path,
        precision=Precision.FP16,
        nvidia=NvidiaParameters(workspace_mib=96, is_searched=True),
    )
    told = []

    # when
    written = writers.write_graph(
        network(), ENDS, prepared, request, tmp_path, told.append
    )

    # then: within the same speed, the one with the least memory
    (parameters,) = chosen
    assert parameters.minimum_segment_size == 10
    assert parameters.max_workspace_size_bytes == 64 << 20
    tried = [trial.to_document() for trial in written.trials]
    assert tried[0]["max_workspace_size_bytes"] == 96 << 20
    assert [one["minimum_segment_size"] for one in tried[:4]] == [3, 5, 10, 20]
    ratios = [one.done_ratio for one in told]
    assert ratios == sorted(ratios)
    assert ratios[-1] == 1.0
    assert told[2].phase == "workspace 96 MiB, segments of 10: 80.0 fps"


def test_no_workspace_is_tried_that_takes_half_of_what_is_free():
    tried = nvidia_writers._workspaces_to_try(256 << 20, 300 << 20)

    assert tried == (256 << 20, 128 << 20, 64 << 20)
