import os
import subprocess
import sys
from pathlib import Path

import pytest

from engines.convert.tf_trt_log import (
    KeptSegment,
    captured_stderr,
    read_conversion_log,
    read_fallbacks,
)

DATA = Path(__file__).with_name("data")


def log_of(name):
    return read_conversion_log((DATA / name).read_text())


def test_tensorflow_1_names_operations_without_a_reason():
    assert log_of("tensorflow_1.15.log").unconverted == {
        "Placeholder": "",
        "NoOp": "",
        "ResizeNearestNeighbor": "",
    }


def test_tensorflow_2_17_reports_the_most_frequent_reason():
    assert log_of("tensorflow_2.17.log").unconverted == {
        "NoOp": "Op type NoOp is not supported.",
        "ResizeBilinear": "Failed to convert at least one input to a "
        "TRT_TensorOrWeights: the shape is dynamic",
        "Placeholder": "excluded by segmenter option. Most likely an input or output "
        "node.",
    }


def test_a_node_that_is_excluded_has_its_own_reason():
    assert log_of("tensorflow_1.15.log").excluded["up/resize"] == (
        "Unimplemented: Op type ResizeNearestNeighbor is not supported"
    )


@pytest.mark.parametrize(
    ("name", "engine"),
    [
        ("tensorflow_1.15.log", "down/TRTEngineOp_0"),
        ("tensorflow_2.7.log", "StatefulPartitionedCall/TRTEngineOp_0_0"),
        ("tensorflow_2.17.log", "TRTEngineOp_000_000"),
    ],
)
def test_engines_are_found_in_every_versions_words(name, engine):
    assert log_of(name).replaced == (engine,)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        (
            "tensorflow_1.15.log",
            KeptSegment(
                "last/TRTEngineOp_1",
                "Internal: Failed to build TensorRT engine",
                ("last/conv", "last/mask"),
            ),
        ),
        (
            "tensorflow_2.7.log",
            KeptSegment(
                "StatefulPartitionedCall/TRTEngineOp_0_1",
                "Segment has no inputs (possible constfold failure)",
                ("last/conv", "last/mask"),
            ),
        ),
    ],
)
def test_a_segment_that_stays_has_reason_and_nodes(name, kept):
    assert log_of(name).kept == (kept,)


@pytest.mark.parametrize(
    ("name", "candidates", "largest_dropped"),
    [
        ("tensorflow_1.15.log", 2, 2),
        ("tensorflow_2.7.log", 2, 0),
        ("tensorflow_2.17.log", 1, 2),
        ("tensorflow_1.15_without_tensorrt.log", 0, 0),
    ],
)
def test_segments_are_counted(name, candidates, largest_dropped):
    log = log_of(name)

    assert (log.candidates, log.largest_dropped) == (candidates, largest_dropped)


def test_engines_that_fell_back_are_found_once_each_with_their_first_reason():
    found = read_fallbacks((DATA / "fallbacks.log").read_text())

    assert {one.engine: one.reason for one in found} == {
        "down/TRTEngineOp_0": "Internal: Failed to build TensorRT engine",
        "up/TRTEngineOp_1": "it could not be run",
        "last/TRTEngineOp_2": "INTERNAL: Failed to enqueue batch for TRT engine",
    }


@pytest.mark.parametrize(
    "name",
    [
        "tensorflow_1.15.log",
        "tensorflow_2.17.log",
        "tensorflow_1.15_without_tensorrt.log",
    ],
)
def test_a_conversion_without_fallback_has_none(name):
    assert read_fallbacks((DATA / name).read_text()) == ()


_CHILD = """
import os, subprocess, sys
from engines.convert.tf_trt_log import captured_stderr
os.write(2, b"before|")
with captured_stderr() as captured:
    os.write(2, b"from C|")
    sys.stderr.write("from Python|")
    sys.stderr.flush()
    subprocess.call([sys.executable, "-c", "import os; os.write(2, b'from a child|')"])
os.write(2, b"after")
sys.stdout.write(captured.text)
"""


def test_everything_written_to_the_descriptor_is_captured_and_passed_on():
    process = subprocess.Popen(
        [sys.executable, "-c", _CHILD],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=str(Path(__file__).parents[3]),
    )
    out, err = process.communicate()

    assert out == b"from C|from Python|from a child|"
    assert err == b"before|from C|from Python|from a child|after"


def _fail_while_capturing():
    with captured_stderr():
        os.write(2, b"inside ")
        raise KeyError("work")


def test_the_descriptor_is_put_back_when_the_work_fails(capfd):
    with pytest.raises(KeyError):
        _fail_while_capturing()

    os.write(2, b"outside")
    assert capfd.readouterr().err == "inside outside"


def test_nothing_is_captured_of_what_is_not_written():
    with captured_stderr() as captured:
        pass

    assert captured.text == ""
