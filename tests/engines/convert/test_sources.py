"""Every form a network can come in, opened and converted to a frozen graph."""

import gc
import json
import zipfile

import numpy as np
import pytest

from engines.base import Precision
from engines.convert.conversion import Conversion
from engines.convert.errors import (
    InputNotFoundError,
    OutputNotFoundError,
    SizeError,
    SourceFormatError,
    UnsupportedOperationError,
)
from engines.convert.model_source import Location, SourceForm, open_source
from engines.convert.request import ConversionRequest, Target
from tests.engines.convert.networks import (
    graph_of,
    keras_of_version_2,
    random_array,
    tf,
    unet,
    use_random_statistics,
)

IS_TF1 = tf.__version__.startswith("1.")
HEIGHT_PX, WIDTH_PX = 13, 17
needs_tf2 = pytest.mark.skipif(IS_TF1, reason="TensorFlow 1.15 cannot write it")


def convert(path, folder, **options):
    """Convert to an optimised graph; give the report and the events by name."""
    events = {}

    def remember(event, **fields):
        events[event] = fields

    request = ConversionRequest(path, Target.TENSORFLOW, folder / "out", **options)
    return Conversion(request, remember).run(), events


def write_graph(folder, build, shape=(1, HEIGHT_PX, WIDTH_PX, 3)):
    path = folder / "network.pb"
    path.write_bytes(graph_of(build, shape).graph.SerializeToString())
    return path


def sigmoid_of_conv(x):
    weights = random_array(3, 3, 3, 1)
    return tf.sigmoid(tf.compat.v1.nn.conv2d(x, weights, [1, 1, 1, 1], "SAME"))


def layer(x, width, name, is_training, uses_resources):
    """A convolution with a batch norm that is switched, as in a training script."""
    v1 = tf.compat.v1
    with v1.variable_scope(name, use_resource=uses_resources):
        weights = v1.get_variable("w", (3, 3, int(x.shape[-1]), width))
        ones, zeros = v1.ones_initializer(), v1.zeros_initializer()
        gamma = v1.get_variable("gamma", width, initializer=ones)
        beta = v1.get_variable("beta", width, initializer=zeros)
        mean = v1.get_variable("mean", width, initializer=zeros, trainable=False)
        var = v1.get_variable("var", width, initializer=ones, trainable=False)
    x = v1.nn.conv2d(x, weights, strides=[1, 1, 1, 1], padding="SAME")

    def training():
        y, batch_mean, batch_var = v1.nn.fused_batch_norm(x, gamma, beta)
        updates = [
            v1.assign(mean, mean * 0.9 + batch_mean * 0.1),
            v1.assign(var, var * 0.9 + batch_var * 0.1),
        ]
        with tf.control_dependencies(updates):
            return tf.identity(y)

    def inference():
        return v1.nn.fused_batch_norm(
            x, gamma, beta, mean=mean, variance=var, is_training=False
        )[0]

    return tf.nn.relu(v1.cond(is_training, training, inference))


def train(save, uses_resources=False, height_px=HEIGHT_PX):
    """Run a training script of TensorFlow 1; `save(session, image, mask)` ends it."""
    v1 = tf.compat.v1
    if not IS_TF1:
        v1.disable_control_flow_v2()
    graph = tf.Graph()
    try:
        with graph.as_default(), v1.Session(graph=graph) as session:
            image = v1.placeholder(tf.float32, (None, height_px, WIDTH_PX, 3), "image")
            labels = v1.placeholder(
                tf.float32, (None, height_px, WIDTH_PX, 1), "labels"
            )
            is_training = v1.placeholder(tf.bool, (), "is_training")
            keep_prob = v1.placeholder(tf.float32, (), "keep_prob")
            x = layer(image, 4, "one", is_training, uses_resources)
            x = v1.nn.dropout(x, keep_prob)
            logits = layer(x, 1, "two", is_training, uses_resources)
            mask = tf.sigmoid(logits, name="mask")
            v1.summary.image("mask", mask)
            loss = tf.reduce_mean(
                tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)
            )
            v1.summary.scalar("loss", loss)
            step = v1.train.AdamOptimizer(0.01).minimize(loss)
            session.run(v1.global_variables_initializer())
            random = np.random.RandomState(0)
            feed = {
                image: random.rand(2, HEIGHT_PX, WIDTH_PX, 3),
                labels: random.rand(2, HEIGHT_PX, WIDTH_PX, 1) > 0.5,
                is_training: True,
                keep_prob: 0.5,
            }
            for _ in range(2):
                session.run(step, feed)
            save(session, image, mask)
    finally:
        if not IS_TF1:
            v1.enable_control_flow_v2()


def save_checkpoint(prefix):
    def save(session, image, mask):
        del image, mask
        tf.compat.v1.train.Saver().save(session, str(prefix))

    return save


# Image; twice weights, convolution, bias, its addition and ReLU; the sigmoid.
NODES_OF_TRAINED = 12


@pytest.mark.parametrize("uses_resources", [False, True])
def test_a_checkpoint_of_a_training_script_becomes_the_network_alone(
    tmp_path, uses_resources
):
    # given
    train(save_checkpoint(tmp_path / "model.ckpt"), uses_resources)

    # when
    report, events = convert(tmp_path / "model.ckpt.meta", tmp_path)

    # then
    assert events["source"]["input"]["name"] == "image"
    assert events["source"]["output"]["name"] == "mask"
    assert report["steps"][-1]["nodes_after"] <= NODES_OF_TRAINED
    assert report["steps"][-1]["max_abs_diff"] <= 1e-6


def test_a_saved_model_of_tensorflow_1_is_read_by_its_signature(tmp_path):
    # given
    folder = tmp_path / "saved"

    def save(session, image, mask):
        tf.compat.v1.saved_model.simple_save(
            session, str(folder), {"picture": image}, {"probability": mask}
        )

    train(save)

    # when
    report, events = convert(folder, tmp_path)

    # then
    assert events["source"]["input"]["name"] == "picture"
    assert events["source"]["output"]["name"] == "probability"
    assert report["steps"][-1]["nodes_after"] <= NODES_OF_TRAINED


@pytest.fixture(scope="module")
def saved_keras(tmp_path_factory):
    """Folder with a U-Net saved by Keras 2 as .h5 and, by TensorFlow 2, all forms."""
    folder = tmp_path_factory.mktemp("keras")
    keras = keras_of_version_2()
    structure = {"widths": (4, 8), "convolutions": 1}
    with tf.Graph().as_default():
        model = None
        if IS_TF1:
            session = tf.compat.v1.Session()
            keras.backend.set_session(session)
            model = unet(keras, HEIGHT_PX, WIDTH_PX, **structure)
            session.run(tf.compat.v1.global_variables_initializer())
            use_random_statistics(keras, model)
            model.save(str(folder / "keras2.h5"))
            session.close()
    if not IS_TF1:
        model = unet(keras, HEIGHT_PX, WIDTH_PX, **structure)
        use_random_statistics(keras, model)
        model.save(str(folder / "keras2.h5"))
        model.save(str(folder / "keras2_saved"), save_format="tf")
        model = unet(tf.keras, HEIGHT_PX, WIDTH_PX, **structure)
        use_random_statistics(tf.keras, model)
        model.save(str(folder / "keras3.keras"))
    keras.backend.clear_session()
    return folder


@pytest.mark.parametrize(
    "name",
    [
        "keras2.h5",
        pytest.param("keras2_saved", marks=needs_tf2),
        pytest.param("keras3.keras", marks=needs_tf2),
    ],
)
def test_a_keras_model_becomes_the_same_small_graph_from_every_form(
    saved_keras, tmp_path, name
):
    report, _ = convert(saved_keras / name, tmp_path)

    assert report["steps"][-1]["nodes_after"] == 32
    assert report["steps"][-1]["max_abs_diff"] <= 1e-6


@pytest.mark.skipif(not IS_TF1, reason="TensorFlow 2 reads it")
def test_tensorflow_1_says_that_it_cannot_read_a_keras_archive(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"")

    with pytest.raises(SourceFormatError, match=r"1\.15"):
        convert(tmp_path / "model.keras", tmp_path)


@needs_tf2
def test_an_open_keras_size_is_asked_for(tmp_path):
    layers = tf.keras.layers
    image = layers.Input((None, None, 3))
    model = tf.keras.Model(image, layers.Conv2D(1, 3, activation="sigmoid")(image))
    model.save(str(tmp_path / "open.keras"))

    with pytest.raises(SizeError) as caught:
        convert(tmp_path / "open.keras", tmp_path)

    assert "--size" in caught.value.hint


@needs_tf2
def test_weights_without_a_network_are_named_so(tmp_path):
    import h5py

    with h5py.File(str(tmp_path / "weights.h5"), "w") as file:
        file["w"] = [1.0]

    with pytest.raises(SourceFormatError, match="weights without a network"):
        convert(tmp_path / "weights.h5", tmp_path)


@needs_tf2
def test_an_archive_that_is_no_model_is_named_so(tmp_path):
    with zipfile.ZipFile(str(tmp_path / "other.keras"), "w") as archive:
        archive.writestr("readme", "")

    with pytest.raises(SourceFormatError, match="without a model"):
        convert(tmp_path / "other.keras", tmp_path)


def test_a_frozen_graph_is_converted(tmp_path):
    report, _ = convert(write_graph(tmp_path, sigmoid_of_conv), tmp_path)

    assert report["engine"]["kind"] == "tensorflow"
    assert report["steps"][-1]["max_abs_diff"] <= 1e-6


def test_a_text_graph_is_converted(tmp_path):
    graph = graph_of(sigmoid_of_conv, (1, 5, 6, 3)).graph
    (tmp_path / "network.pbtxt").write_text(str(graph))

    report, _ = convert(tmp_path / "network.pbtxt", tmp_path)

    assert report["steps"][-1]["nodes_after"] == 4


def test_an_open_size_is_asked_for(tmp_path):
    path = write_graph(tmp_path, sigmoid_of_conv, (None, None, None, 3))

    with pytest.raises(SizeError, match=r"\(\?, \?, \?, 3\)"):
        convert(path, tmp_path)


def test_an_open_size_is_set(tmp_path):
    path = write_graph(tmp_path, sigmoid_of_conv, (None, None, None, 3))

    convert(path, tmp_path, size_px=(20, 10))

    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (manifest["input"]["width_px"], manifest["input"]["height_px"]) == (20, 10)


def test_another_size_than_the_network_was_made_for_is_refused(tmp_path):
    path = write_graph(tmp_path, sigmoid_of_conv)

    with pytest.raises(SizeError, match="made for"):
        convert(path, tmp_path, size_px=(20, 10))


def test_several_inputs_are_listed(tmp_path):
    def build(x):
        other = tf.compat.v1.placeholder(tf.float32, x.shape, name="other")
        return sigmoid_of_conv(x) + sigmoid_of_conv(other)

    with pytest.raises(InputNotFoundError, match=r"image.*other"):
        convert(write_graph(tmp_path, build), tmp_path)


def test_several_outputs_are_listed(tmp_path):
    def build(x):
        tf.nn.relu(x, name="second")
        return sigmoid_of_conv(x)

    with pytest.raises(OutputNotFoundError, match=r"second.*result"):
        convert(write_graph(tmp_path, build), tmp_path)


def test_an_output_is_chosen_by_name(tmp_path):
    def build(x):
        tf.nn.relu(x, name="second")
        return sigmoid_of_conv(x)

    report, _ = convert(write_graph(tmp_path, build), tmp_path, output_name="second")

    assert report["steps"][-1]["nodes_after"] == 2


def test_an_input_in_the_middle_cuts_off_what_comes_before(tmp_path):
    def build(x):
        return sigmoid_of_conv(tf.multiply(x, 2.0, name="scaled"))

    report, _ = convert(write_graph(tmp_path, build), tmp_path, input_name="scaled")

    assert "Mul" not in report["steps"][0]["ops_after"]


def test_a_graph_without_a_placeholder_is_refused(tmp_path):
    graph = tf.Graph()
    with graph.as_default():
        tf.nn.relu(tf.ones([1, 4, 4, 1]))
    (tmp_path / "constant.pb").write_bytes(graph.as_graph_def().SerializeToString())

    with pytest.raises(InputNotFoundError, match="no placeholder"):
        convert(tmp_path / "constant.pb", tmp_path)


def test_bytes_that_are_no_graph_are_refused(tmp_path):
    (tmp_path / "noise.pb").write_bytes(b"\xff" * 100)

    with pytest.raises(SourceFormatError, match="not a TensorFlow graph"):
        convert(tmp_path / "noise.pb", tmp_path)


def test_a_graph_cut_short_is_refused(tmp_path):
    path = write_graph(tmp_path, sigmoid_of_conv)
    path.write_bytes(path.read_bytes()[:200])

    with pytest.raises(SourceFormatError):
        convert(path, tmp_path)


def test_an_operation_that_tensorflow_lacks_is_named(tmp_path):
    graph = graph_of(sigmoid_of_conv, (1, 5, 6, 3)).graph
    for node in graph.node:
        if node.op == "Sigmoid":
            node.op = "FancyActivation"
    (tmp_path / "fancy.pb").write_bytes(graph.SerializeToString())

    with pytest.raises(UnsupportedOperationError, match="FancyActivation"):
        convert(tmp_path / "fancy.pb", tmp_path)


def graph_with_attribute(tmp_path, fill):
    """A graph as a newer TensorFlow would write it."""
    graph = graph_of(sigmoid_of_conv, (1, 5, 6, 3)).graph
    for node in graph.node:
        if node.op == "Sigmoid":
            fill(node.attr["attribute_of_tomorrow"])
    path = tmp_path / "newer.pb"
    path.write_bytes(graph.SerializeToString())
    return path


def test_an_attribute_of_a_newer_tensorflow_that_says_nothing_is_ignored(tmp_path):
    path = graph_with_attribute(tmp_path, lambda value: value.list.SetInParent())

    report, _ = convert(path, tmp_path)

    assert report["steps"][-1]["nodes_after"] == 4


def test_an_attribute_of_a_newer_tensorflow_that_says_something_is_refused(tmp_path):
    path = graph_with_attribute(tmp_path, lambda value: value.list.i.append(1))

    with pytest.raises(UnsupportedOperationError, match="attribute_of_tomorrow"):
        convert(path, tmp_path)


def test_a_graph_with_variables_and_no_values_is_refused(tmp_path):
    graph = tf.Graph()
    with graph.as_default():
        tf.compat.v1.get_variable("w", (2,))
    (tmp_path / "open.pb").write_bytes(graph.as_graph_def().SerializeToString())

    with pytest.raises(SourceFormatError, match="not frozen"):
        convert(tmp_path / "open.pb", tmp_path)


def test_a_path_where_nothing_is_is_named(tmp_path):
    with pytest.raises(SourceFormatError, match="there is no"):
        Location(tmp_path / "nothing.pb")


def test_an_empty_folder_is_no_network(tmp_path):
    with pytest.raises(SourceFormatError, match="neither a SavedModel"):
        Location(tmp_path)


def test_the_saved_model_file_means_its_folder(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"")

    location = Location(tmp_path / "saved_model.pb")

    assert (location.form, location.path) == (SourceForm.SAVED_MODEL, tmp_path)


def test_a_network_that_takes_no_picture_gets_no_description_for_the_console(tmp_path):
    path = write_graph(tmp_path, lambda x: tf.matmul(x, random_array(4, 2)), (None, 4))

    convert(path, tmp_path, precision=Precision.FP32)

    assert not (tmp_path / "out" / "manifest.json").exists()
    assert (tmp_path / "out" / "engine.json").exists()


@needs_tf2
def test_a_keras_model_lives_as_long_as_its_source(saved_keras):
    # given: nothing else refers to the model
    source = open_source(Location(saved_keras / "keras3.keras"), None)
    gc.collect()

    # when
    image = source.inputs()[0]
    mask = source.outputs(image)[0]
    (result,) = source.run(image, mask, [random_array(1, HEIGHT_PX, WIDTH_PX, 3)])

    # then
    assert result.shape == (1, HEIGHT_PX, WIDTH_PX, 1)
