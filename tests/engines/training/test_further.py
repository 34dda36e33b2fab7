"""Training further, as its process does; they run in the engines' own environment."""

import argparse
import importlib.util
import json
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


class Tries:
    """The same training, asked for until it is done."""

    def __init__(self, folder, steps):
        self.events = []
        self._options = argparse.Namespace(
            model=MODEL,
            frames=_frames(folder / "frames.npz"),
            folder=folder / "made",
            steps=steps,
            seed=1,
        )
        _rehearsal(self._options.folder)

    def run(self, stops_at=None):
        """One try, told to end once it has done so many steps."""
        from engines.training.further import Training

        self.events = []

        def tell(event, **fields):
            self.events.append({"event": event, **fields})

        def is_stopping():
            return self.events[-1].get("done") == stops_at

        return Training(self._options, tell, is_stopping).run()


@pytest.mark.slow
def test_a_stopped_training_goes_on_and_writes_a_model(tmp_path):
    # given
    tries = Tries(tmp_path, steps=40)
    first = tries.run(stops_at=20)
    stopped = tries.events[-1]

    # when
    made = tries.run()

    # then
    assert first is None
    assert stopped == {"event": "stopped", "done": 20}
    assert tries.events[0] == {
        "event": "started",
        "network": "made",
        "steps": 40,
        "done": 20,
    }
    assert [one["event"] for one in tries.events[1:]] == ["training", "exporting"]
    assert np.isfinite(tries.events[1]["loss"])
    assert made["parameters"] == 93340
    model = load_manifest(tmp_path / "made")
    assert set(model.files) == {"saved-model", "frozen-graph", "onnx"}
    assert model.name == "made"


def test_another_network_is_refused_in_words(tmp_path):
    # given
    other = tmp_path / "other"
    other.mkdir()
    document = json.loads((MODEL / "manifest.json").read_text())
    document["files"], document["sha256"] = {"onnx": "model.onnx"}, {}
    (other / "model.onnx").write_bytes(b"")
    (other / "manifest.json").write_text(json.dumps(document))
    command = [sys.executable, "-m", "engines.training.further"]
    command += ["--model", str(other), "--folder", str(tmp_path)]
    command += ["--frames", str(_frames(tmp_path / "frames.npz"))]

    # when
    done = subprocess.run(
        command, stdout=subprocess.PIPE, cwd=str(ROOT), check=False, timeout=240
    )

    # then
    event = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 1
    assert event["event"] == "failed"
    assert event["error"]["type"] == "NotOursError"
