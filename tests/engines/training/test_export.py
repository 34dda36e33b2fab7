"""Tests that write and read models; they run in the engines' own environment."""

import importlib.util

import numpy as np
import pytest

from engines.manifest import load_manifest, sha256_of_file
from engines.training.networks import NetworkSettings, build_network, weights_of

pytestmark = pytest.mark.skipif(
    any(
        importlib.util.find_spec(name) is None
        for name in ("tensorflow", "tf2onnx", "onnxruntime", "openvino")
    ),
    reason="TensorFlow and tf2onnx are not installed in this interpreter",
)

ODD = NetworkSettings(
    "odd",
    2,
    3,
    8,
    (8, 12, 16),
    (0, 1, 1),
    (8, 12),
    (0, 1),
    width_px=44,
    height_px=36,
)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from engines.training.export import export

    folder = tmp_path_factory.mktemp("models") / "odd"
    differences = export(ODD, weights_of(build_network(ODD)), folder, (0.3, 0.8))
    return folder, differences


def test_all_files_compute_the_same(model):
    # given, when
    _, differences = model

    # then
    assert len(differences) == 5
    assert max(differences.values()) <= 1e-5


def test_the_manifest_describes_the_files_that_are_there(model):
    # given
    folder, _ = model

    # when
    manifest = load_manifest(folder)

    # then
    assert manifest.input.shape == (1, 36, 44, 3)
    assert (manifest.threshold_low, manifest.threshold_high) == (0.3, 0.8)
    for form in ("saved-model", "frozen-graph", "onnx"):
        assert manifest.path_of(form).exists()
    assert manifest.sha256["onnx"] == sha256_of_file(folder / "model.onnx")


def test_the_trained_model_still_has_its_variables(model):
    # given
    import tensorflow as tf

    folder, _ = model

    # when
    saved = tf.saved_model.load(str(folder / "saved_model"))

    # then
    served = saved.signatures["serving_default"]
    assert len(served.variables) > 0
    frames = np.zeros((2, 36, 44, 3), np.float32)
    assert served(tf.constant(frames))["probability"].shape == (2, 36, 44, 1)


def test_the_skips_of_odd_levels_are_padded_in_the_graph(model):
    # given
    import tensorflow as tf

    folder, _ = model
    graph = tf.compat.v1.GraphDef()

    # when
    graph.ParseFromString((folder / "frozen.pb").read_bytes())

    # then
    assert any(node.op in ("Pad", "PadV2") for node in graph.node)


def test_the_frozen_graph_has_been_down_the_ladder(model):
    # given
    import tensorflow as tf

    folder, _ = model
    graph = tf.compat.v1.GraphDef()

    # when
    graph.ParseFromString((folder / "frozen.pb").read_bytes())

    # then
    ops = {node.op for node in graph.node}
    assert ops.isdisjoint({"Identity", "Mul", "Rsqrt", "ReadVariableOp", "NoOp"})


def test_a_model_that_differs_is_refused_and_the_old_one_stays(tmp_path, monkeypatch):
    # given
    from engines.training import export as exporting

    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / "manifest.json").write_text("the old one")
    monkeypatch.setattr(exporting, "LARGEST_DIFFERENCE", -1.0)

    # when
    with pytest.raises(exporting.ExportError, match="differ from the network"):
        exporting.export(ODD, weights_of(build_network(ODD)), folder, (0.3, 0.8))

    # then
    assert (folder / "manifest.json").read_text() == "the old one"
