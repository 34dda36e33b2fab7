import pytest

from engines.convert.tf_trt_log import ConversionLog, KeptSegment
from engines.convert.tf_trt_parameters import TfTrtParameters
from engines.convert.tf_trt_report import NoSpeedUpError, report_on, require_engines
from tests.engines.tf_trt.graphs import converted, network

NOTHING_SAID = ConversionLog(
    unconverted={},
    excluded={},
    replaced=(),
    kept=(),
    candidates=0,
    largest_dropped=0,
)
PARAMETERS = TfTrtParameters()
DOWN = 2 * (4 * 4 * 4) * (3 * 3 * 3)
UP = 2 * (4 * 4 * 4) * (2 * 2 * 1)


def report(after, log=NOTHING_SAID, parameters=PARAMETERS):
    return report_on(network(), after, log, parameters)


def reasons(found):
    return {one.node: one.reason for one in found.stayed}


def test_the_share_of_the_work_is_weighed_not_counted():
    found = report(converted({"down", "rectified"}))

    assert found.work_in_engines_ratio == pytest.approx(DOWN / (DOWN + UP))
    assert found.flops == DOWN + UP


def test_a_graph_that_is_one_engine_has_all_the_work_in_it():
    found = report(converted({"down", "rectified", "up", "mask"}))

    assert found.work_in_engines_ratio == 1.0
    assert found.nodes_in_engines == 4
    assert found.stayed == ()


def test_names_that_tensorflow_2_puts_in_front_do_no_harm():
    inside = {"down", "rectified"}

    found = report(converted(inside, prefix="StatefulPartitionedCall/"))

    assert found.work_in_engines_ratio == pytest.approx(DOWN / (DOWN + UP))


def test_an_engine_in_the_file_is_told_from_one_that_is_still_to_make():
    assert report(converted({"down"}, serialized=b"an engine")).built_engines == 1
    assert report(converted({"down"})).built_engines == 0


def test_the_sentence_tells_engines_share_and_work():
    (sentence,) = report(converted({"down", "rectified", "up", "mask"})).sentences()

    assert sentence == (
        "1 engines do 100.0% of the 3.97e-06 GFLOP; 1 of them are made at first use"
    )


@pytest.mark.parametrize(
    ("log", "parameters", "reason"),
    [
        (
            NOTHING_SAID._replace(excluded={"up": "no transposed convolutions"}),
            PARAMETERS,
            "no transposed convolutions",
        ),
        (
            NOTHING_SAID._replace(kept=(KeptSegment("e", "out of memory", ("up",)),)),
            PARAMETERS,
            "out of memory",
        ),
        (
            NOTHING_SAID._replace(unconverted={"Conv2DBackpropInput": "not here"}),
            PARAMETERS,
            "not here",
        ),
        (
            NOTHING_SAID._replace(unconverted={"Conv2DBackpropInput": ""}),
            PARAMETERS,
            "TF-TRT does not convert this Conv2DBackpropInput",
        ),
        (
            NOTHING_SAID,
            PARAMETERS._replace(denied_nodes=("up",)),
            "left out as asked",
        ),
        (
            NOTHING_SAID,
            PARAMETERS._replace(minimum_segment_size=9),
            "its segment has fewer than 9 operations (minimum_segment_size)",
        ),
    ],
)
def test_a_node_that_stayed_has_the_nearest_reason(log, parameters, reason):
    found = report(converted({"down", "rectified"}), log, parameters)

    assert reasons(found)["up"] == reason


def test_a_report_is_written_as_json_values():
    document = report(converted({"down", "rectified"})).to_document()

    assert document["engines"] == ["TRTEngineOp_0"]
    assert document["stayed"][0]["node"] == "up"


def test_a_graph_with_engines_is_accepted():
    refused = []
    for graph in (converted({"down"}), network()):
        try:
            require_engines(report(graph), NOTHING_SAID, PARAMETERS, "")
        except NoSpeedUpError:
            refused.append(graph)

    assert refused == [network()]


@pytest.mark.parametrize(
    ("log", "obstacle", "cause"),
    [
        (
            NOTHING_SAID,
            "TensorFlow 1.15.5 was built without TensorRT",
            "1.15.5 was built",
        ),
        (
            NOTHING_SAID._replace(excluded={"up": "node can't be placed on GPU"}),
            "",
            "placed no node on the GPU",
        ),
        (
            NOTHING_SAID._replace(kept=(KeptSegment("e", "Failed to build", ()),)),
            "",
            "refused all 1 segments: Failed to build",
        ),
        (
            NOTHING_SAID._replace(largest_dropped=2),
            "",
            "largest segment has 2 operations, minimum_segment_size is 3",
        ),
        (NOTHING_SAID, "", "no operation could be converted: Conv2D, "),
    ],
)
def test_a_graph_without_engine_is_a_failure_with_its_cause(log, obstacle, cause):
    found = report(network(), log)

    with pytest.raises(NoSpeedUpError, match=cause) as caught:
        require_engines(found, log, PARAMETERS, obstacle)

    assert caught.value.hint
