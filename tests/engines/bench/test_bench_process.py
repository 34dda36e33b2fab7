"""`python -m engines.bench` as a process, on a tiny network."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engines.convert.conversion import Conversion
from engines.convert.request import ConversionRequest, Target
from tests.engines.convert.networks import graph_of, random_array, tf

ROOT = Path(__file__).resolve().parents[3]
SHAPE = (1, 14, 18, 3)


def network(x):
    weights = random_array(3, 3, 3, 1)
    return tf.sigmoid(tf.compat.v1.nn.conv2d(x, weights, [1, 1, 1, 1], "SAME"))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "network.pb"
    path.write_bytes(graph_of(network, SHAPE).graph.SerializeToString())
    return path


@pytest.fixture(scope="module")
def folded(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("engines") / "folded"
    Conversion(
        ConversionRequest(model, Target.TENSORFLOW, folder),
        lambda _event, **_fields: None,
    ).run()
    return folder


def run(*arguments):
    child = subprocess.Popen(
        [sys.executable, "-m", "engines.bench", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=dict(os.environ, PYTHONPATH=str(ROOT)),
    )
    output, _ = child.communicate()
    return child.returncode, [json.loads(line) for line in output.splitlines()]


def test_every_engine_is_measured_or_left_out_with_a_reason(model, folded):
    status, events = run(
        model,
        *("--engine", f"tensorflow={folded}"),
        *("--engine", f"tensorflow-folded={folded}"),
        # The folder holds a TensorFlow graph, which ONNX Runtime does not read.
        *("--engine", f"onnxruntime={folded}"),
        *("--seconds", "0.01"),
    )

    assert status == 0
    result = events[-1]["result"]
    assert [one["engine"] for one in result["results"]] == [
        "tensorflow",
        "tensorflow-folded",
    ]
    (skipped,) = result["skipped"]
    assert skipped["engine"] == "onnxruntime"
    assert skipped["reason"]
    assert result["results"][0]["ratio_to_reference"] == 1.0
    assert result["results"][1]["mask_iou"] in (None, 1.0)
    assert result["machine"]["peak_gflops"] > 0
    # 14 x 18 results of 27 products and sums each.
    assert result["gflop"] == pytest.approx(14 * 18 * 27 * 2 / 1e9)


def test_a_model_that_is_gone_is_an_event_with_a_message(folded, tmp_path):
    status, events = run(tmp_path / "none.pb", "--engine", f"tensorflow={folded}")

    assert status == 1
    assert events[-1]["event"] == "failed"
    assert "none.pb" in events[-1]["error"]["message"]
