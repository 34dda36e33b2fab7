"""Training further, as its process does; they run in the engines' own environment."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engines.manifest import load_manifest
from engines.training.labelled_frames import LabelledFrames

pytestmark = pytest.mark.skipif(
    any(
        importlib.util.find_spec(name) is None
        for name in ("tensorflow", "tf2onnx", "onnxruntime", "openvino")
    ),
    reason="TensorFlow and tf2onnx are not installed in this interpreter",
)
ROOT = Path(__file__).parents[3]
MODEL = ROOT / "resources" / "models" / "default"


def _frames(path):
    """A bright square on noise, at the same place in the last two of three frames."""
    rng = np.random.default_rng(1)
    planes = rng.integers(90, 110, (3, 5, 240, 320)).astype(np.uint8)
    planes[:, 2, 100:110, 150:160] = 200
    ellipse = np.tile(np.float32([154.5, 104.5, 5, 5, 0]), (3, 1))
    LabelledFrames(planes, np.array([True] * 3), np.arange(3), ellipse).save(path)
    return path


def _rehearsal(folder):
    """Clips that need not be rendered."""
    folder.mkdir()
    shape = (4, 120, 160, 1)
    frames = np.full((4, 120, 160, 3), 100, np.float32)
    blank = np.zeros(shape, np.float32)
    np.savez(folder / "rehearsal.npz", frames=frames, weight=blank, doubt=blank)


def _command(tmp_path, steps):
    return [
        *(sys.executable, "-m", "engines.training.further"),
        *("--model", str(MODEL), "--frames", str(tmp_path / "frames.npz")),
        *("--folder", str(tmp_path / "made"), "--steps", str(steps)),
    ]


def _run(command):
    done = subprocess.run(
        command, stdout=subprocess.PIPE, cwd=str(ROOT), check=True, timeout=240
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_a_stopped_training_goes_on_and_writes_a_model(tmp_path):
    # given
    _frames(tmp_path / "frames.npz")
    _rehearsal(tmp_path / "made")
    with subprocess.Popen(
        _command(tmp_path, 60), stdout=subprocess.PIPE, cwd=str(ROOT)
    ) as child:
        events = []
        for line in child.stdout:
            events.append(json.loads(line))
            if events[-1]["event"] == "training" and events[-1]["done"] == 20:
                os.kill(child.pid, signal.SIGTERM)
    stopped = events[-1]

    # when
    events = _run(_command(tmp_path, 60))

    # then
    assert stopped["event"] == "stopped"
    assert 20 <= stopped["done"] < 60
    assert events[0] == {
        "event": "started",
        "network": "made",
        "steps": 60,
        "done": stopped["done"],
    }
    losses = [event["loss"] for event in events if event["event"] == "training"]
    assert np.isfinite(losses).all()
    assert events[-1]["event"] == "finished"
    assert events[-1]["parameters"] == 93340
    made = load_manifest(tmp_path / "made")
    assert set(made.files) == {"saved-model", "frozen-graph", "onnx"}
    assert made.name == "made"


def test_another_network_is_refused_in_words(tmp_path):
    # given
    _frames(tmp_path / "frames.npz")
    command = _command(tmp_path, 1)
    other = tmp_path / "other"
    other.mkdir()
    document = json.loads((MODEL / "manifest.json").read_text())
    document["files"], document["sha256"] = {"onnx": "model.onnx"}, {}
    (other / "model.onnx").write_bytes(b"")
    (other / "manifest.json").write_text(json.dumps(document))
    command[command.index("--model") + 1] = str(other)

    # when
    done = subprocess.run(
        command, stdout=subprocess.PIPE, cwd=str(ROOT), check=False, timeout=240
    )

    # then
    event = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 1
    assert event["event"] == "failed"
    assert event["error"]["type"] == "NotOursError"
