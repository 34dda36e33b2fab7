"""The network as trained, whatever form it was saved in, on an engine's inputs."""

import numpy as np
import pytest

from engines.bench.opening import open_choice, tensors_for
from engines.convert.conversion import Conversion
from engines.convert.request import ConversionRequest, Target
from engines.convert.samples import made_up_samples
from engines.errors import EngineUnavailableError
from engines.manifest import InputSpec, Layout, ModelManifest, load_manifest
from tests.engines.convert.networks import keras_of_version_2, tf

HEIGHT_PX, WIDTH_PX = 14, 18


@pytest.fixture
def keras_file(tmp_path):
    keras = keras_of_version_2()
    layers = keras.layers
    with tf.Graph().as_default(), tf.compat.v1.Session().as_default():
        image = layers.Input((HEIGHT_PX, WIDTH_PX, 3), name="image")
        x = layers.Conv2D(4, 3, padding="same", name="conv")(image)
        x = layers.BatchNormalization(name="norm")(x)
        x = layers.Conv2D(1, 1, activation="sigmoid", name="mask")(x)
        model = keras.Model(image, x)
        path = tmp_path / "network.h5"
        model.save(str(path))
    keras.backend.clear_session()
    return path


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5")
def test_a_keras_file_runs_as_it_was_trained(keras_file, tmp_path):
    folder = tmp_path / "folded"
    Conversion(
        ConversionRequest(keras_file, Target.TENSORFLOW, folder),
        lambda _event, **_fields: None,
    ).run()
    manifest = load_manifest(folder)
    spec = manifest.input
    (tensor,) = made_up_samples(spec.shape, spec.dtype, spec).first(1).tensors

    outputs = []
    for name in ("tensorflow", "tensorflow-folded"):
        with open_choice(name, keras_file, manifest, 1, tmp_path) as engine:
            outputs.append(engine.infer(tensor).copy())

    assert np.abs(outputs[0] - outputs[1]).max() < 1e-6
    assert outputs[0].std() > 0


def test_onnx_has_no_reference_in_tensorflow(tmp_path):
    path = tmp_path / "network.onnx"
    path.write_bytes(b"")
    manifest = ModelManifest("network", InputSpec(WIDTH_PX, HEIGHT_PX))

    with pytest.raises(EngineUnavailableError, match="ONNX"):
        open_choice("tensorflow", path, manifest, 1, tmp_path)


def test_pictures_are_turned_to_the_layout_that_an_engine_takes():
    picture = np.arange(2 * 3 * 4, dtype=np.float32).reshape(1, 2, 3, 4)
    spec = InputSpec(3, 2, frame_count=4, layout=Layout.NCHW)

    (turned,) = tensors_for(spec, [picture], Layout.NHWC)

    assert turned.shape == spec.shape
    assert turned[0, 3, 1, 2] == picture[0, 1, 2, 3]
