"""`python -m engines.convert` as a process: its events, its end, its killing."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines.convert.networks import graph_of, random_array, tf

ROOT = Path(__file__).resolve().parents[3]
SHAPE = (1, 14, 18, 3)


def network(x):
    weights = random_array(3, 3, 3, 1)
    return tf.sigmoid(tf.compat.v1.nn.conv2d(x, weights, [1, 1, 1, 1], "SAME"))


@pytest.fixture
def network_file(tmp_path):
    path = tmp_path / "network.pb"
    path.write_bytes(graph_of(network, SHAPE).graph.SerializeToString())
    return path


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "engines.convert", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=dict(os.environ, PYTHONPATH=str(ROOT)),
    )


def events_of(child):
    output, _ = child.communicate()
    return [json.loads(line) for line in output.decode().splitlines()]


def test_every_line_is_an_event_and_the_last_is_the_result(network_file, tmp_path):
    child = start(network_file, "--to", "tensorflow", "--out", tmp_path / "out")

    events = events_of(child)

    assert child.returncode == 0
    assert [events[0]["event"], events[-1]["event"]] == ["started", "finished"]
    assert Path(events[-1]["result"]["engine"]["path"]).is_file()


def test_a_fault_is_an_event_with_message_and_hint(tmp_path):
    child = start(tmp_path / "none.pb", "--to", "tensorflow", "--out", tmp_path / "out")

    (event,) = events_of(child)

    assert child.returncode == 1
    assert event["error"]["type"] == "SourceFormatError"
    assert event["error"]["hint"]


def test_killed_in_the_middle_it_leaves_no_half_engine(network_file, tmp_path):
    # given
    child = start(network_file, "--to", "tensorflow", "--out", tmp_path / "out")
    for line in child.stdout:
        if json.loads(line.decode())["event"] == "step":
            break

    # when
    child.send_signal(signal.SIGKILL)
    child.communicate()

    # then
    assert not (tmp_path / "out").exists()
    events = events_of(
        start(network_file, "--to", "tensorflow", "--out", tmp_path / "out")
    )
    assert events[-1]["event"] == "finished"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["network.pb", "out"]


@pytest.mark.parametrize(
    ("target", "is_hidden"), [("tensorflow", True), ("tensorrt", False)]
)
def test_the_gpu_is_hidden_from_targets_that_do_not_need_it(
    target, is_hidden, tmp_path, monkeypatch
):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    code = (
        "import os, sys\n"
        "from engines.convert.__main__ import main\n"
        f"main(['none.pb', '--to', '{target}', '--out', 'out'])\n"
        "sys.stderr.write(repr(os.environ.get('CUDA_VISIBLE_DEVICES')))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=str(tmp_path),
        env=dict(os.environ, PYTHONPATH=str(ROOT)),
        check=True,
    )

    assert done.stderr.decode().endswith("'-1'" if is_hidden else "None")


def test_tf_trt_is_asked_for_its_reasons_before_tensorflow_is_there(tmp_path):
    code = (
        "import os, sys\n"
        "from engines.convert.__main__ import main\n"
        "main(['none.pb', '--to', 'tf-trt', '--out', 'out'])\n"
        "assert 'tensorflow' not in sys.modules\n"
        "sys.stderr.write(os.environ['TF_CPP_VMODULE'])"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=str(tmp_path),
        env=dict(os.environ, PYTHONPATH=str(ROOT)),
        check=True,
    )

    assert "segment=1" in done.stderr.decode()
