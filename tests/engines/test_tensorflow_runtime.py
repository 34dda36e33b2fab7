import importlib.util
import os
import sys

import numpy as np
import pytest

from engines.base import EngineKind, Precision
from engines.errors import EngineLoadError, EngineUnavailableError, InferenceError
from engines.manifest import InputSpec, ModelManifest, OutputSpec
from engines.tensorflow_runtime import TensorFlowEngine, import_tensorflow

HAS_TENSORFLOW = importlib.util.find_spec("tensorflow") is not None
needs_tensorflow = pytest.mark.skipif(
    not HAS_TENSORFLOW, reason="TensorFlow has an environment of its own"
)
SHAPE = (1, 6, 8, 1)


def _double(v1, image):
    return v1.add(v1.multiply(image, 2.0), 0.25, name="mask")


def _with_two_inputs(v1, image):
    other = v1.placeholder(np.float32, SHAPE, name="other")
    return v1.add(image, other, name="mask")


def _with_two_outputs(v1, image):
    v1.square(image, name="square")
    return _double(v1, image)


def _pooled(v1, image):
    return v1.nn.max_pool2d(image, 2, 1, "SAME", name="mask")


def _checked(v1, image):
    return v1.debugging.check_numerics(image, "not a picture", name="mask")


def _graph(build, change=None):
    """The definition of a graph with one image as input."""
    tensorflow = import_tensorflow()
    v1 = tensorflow.compat.v1
    graph = tensorflow.Graph()
    with graph.as_default():
        build(v1, v1.placeholder(np.float32, SHAPE, name="image"))
    definition = graph.as_graph_def()
    if change is not None:
        change(definition)
    return definition


def _model(folder, form="frozen-graph", file="frozen.pb", names=("", "")):
    return ModelManifest(
        name="double",
        input=InputSpec(width_px=8, height_px=6, name=names[0]),
        output=OutputSpec(name=names[1]),
        files={form: file},
        folder=folder,
    )


def _frozen(folder, build=_double, names=("", ""), change=None):
    content = _graph(build, change).SerializeToString()
    (folder / "frozen.pb").write_bytes(content)
    return _model(folder, names=names)


def _saved(folder, names=("", ""), signature="serving_default"):
    tensorflow = import_tensorflow()
    v1 = tensorflow.compat.v1
    graph = tensorflow.Graph()
    with graph.as_default(), v1.Session(graph=graph) as session:
        image = v1.placeholder(np.float32, SHAPE, name="image")
        scale = v1.get_variable("scale", initializer=2.0, use_resource=True)
        mask = v1.add(image * scale, 0.25, name="mask")
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(str(folder / "saved"))
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            {
                signature: v1.saved_model.predict_signature_def(
                    {"frames": image}, {"probability": mask}
                )
            },
        )
        builder.save()
    return _model(folder, "saved-model", "saved", names)


def _image():
    return np.random.RandomState(0).rand(*SHAPE).astype(np.float32)


@needs_tensorflow
@pytest.mark.parametrize("names", [("", ""), ("image", "mask"), ("image:0", "mask:0")])
def test_a_frozen_graph_is_run(tmp_path, names):
    with TensorFlowEngine(_frozen(tmp_path, names=names)) as engine:
        output = engine.infer(_image())

    np.testing.assert_array_equal(output, _image() * np.float32(2.0) + 0.25)


@needs_tensorflow
@pytest.mark.parametrize(
    "names", [("", ""), ("frames", "probability"), ("image", "mask:0")]
)
def test_a_saved_model_is_run_with_its_variables(tmp_path, names):
    with TensorFlowEngine(_saved(tmp_path, names)) as engine:
        output = engine.infer(_image())

    np.testing.assert_array_equal(output, _image() * np.float32(2.0) + 0.25)


@needs_tensorflow
def test_the_frozen_graph_is_preferred_to_the_saved_model(tmp_path):
    model = _frozen(tmp_path)
    model = model._replace(files=dict(model.files, **{"saved-model": "not/there"}))

    with TensorFlowEngine(model) as engine:
        assert engine.infer(_image()).shape == SHAPE


@needs_tensorflow
def test_an_engine_says_what_runs_it_and_where(tmp_path):
    with TensorFlowEngine(_frozen(tmp_path), Precision.FP32, threads=2) as engine:
        spec = engine.spec

    assert spec.kind is EngineKind.TENSORFLOW
    assert spec.precision is Precision.FP32
    assert spec.library == "tensorflow " + import_tensorflow().__version__
    assert spec.threads == 2
    assert spec.device


@needs_tensorflow
@pytest.mark.parametrize(
    ("build", "fault"),
    [
        (_with_two_inputs, "has 2 inputs: image, other"),
        (_with_two_outputs, "has 2 outputs: mask, square"),
    ],
)
def test_ends_that_are_not_clear_are_refused_with_their_names(tmp_path, build, fault):
    with pytest.raises(EngineLoadError, match=fault) as caught:
        TensorFlowEngine(_frozen(tmp_path, build))
    assert "in the manifest" in caught.value.hint


@needs_tensorflow
def test_of_two_outputs_the_named_one_is_run(tmp_path):
    model = _frozen(tmp_path, _with_two_outputs, names=("", "square"))

    with TensorFlowEngine(model) as engine:
        np.testing.assert_array_equal(engine.infer(_image()), _image() ** 2)


@needs_tensorflow
def test_a_name_that_is_not_in_the_graph_is_refused(tmp_path):
    with pytest.raises(EngineLoadError, match="nothing:0"):
        TensorFlowEngine(_frozen(tmp_path, names=("nothing", "")))


@needs_tensorflow
@pytest.mark.parametrize("content", [b"no graph at all", b""])
def test_a_file_that_is_no_graph_is_refused(tmp_path, content):
    (tmp_path / "frozen.pb").write_bytes(content)

    with pytest.raises(EngineLoadError, match=r"frozen\.pb"):
        TensorFlowEngine(_model(tmp_path))


@needs_tensorflow
def test_an_operation_this_version_lacks_is_refused_by_name(tmp_path):
    def rename(definition):
        definition.node[-1].op = "AddFromTheFuture"

    with pytest.raises(EngineLoadError, match="AddFromTheFuture"):
        TensorFlowEngine(_frozen(tmp_path, change=rename))


@needs_tensorflow
def test_attributes_that_came_later_do_not_stop_an_older_version(tmp_path):
    def add_what_came_later(definition):
        node = next(node for node in definition.node if node.op == "MaxPool")
        node.attr["explicit_paddings"].list.SetInParent()

    model = _frozen(tmp_path, _pooled, change=add_what_came_later)

    with TensorFlowEngine(model) as engine:
        assert engine.infer(np.zeros(SHAPE, np.float32)).shape == SHAPE


@needs_tensorflow
def test_an_attribute_that_means_something_is_not_dropped(tmp_path):
    def ask_for_padding(definition):
        node = next(node for node in definition.node if node.op == "MaxPool")
        node.attr["explicit_paddings"].list.i.extend([0, 0, 1, 1, 1, 1, 0, 0])

    model = _frozen(tmp_path, _pooled, change=ask_for_padding)

    with pytest.raises(EngineLoadError, match="explicit_paddings"):
        TensorFlowEngine(model).infer(np.zeros(SHAPE, np.float32))


@needs_tensorflow
def test_a_saved_model_without_a_serving_signature_is_refused(tmp_path):
    with pytest.raises(EngineLoadError, match="'serving_default', only training"):
        TensorFlowEngine(_saved(tmp_path, signature="training"))


@needs_tensorflow
def test_a_folder_that_is_no_saved_model_is_refused(tmp_path):
    (tmp_path / "saved").mkdir()

    with pytest.raises(EngineLoadError, match="saved"):
        TensorFlowEngine(_model(tmp_path, "saved-model", "saved"))


@needs_tensorflow
def test_a_graph_that_fails_on_an_input_is_an_error_of_that_inference(tmp_path):
    with TensorFlowEngine(_frozen(tmp_path, _checked)) as engine:
        with pytest.raises(InferenceError, match="not a picture"):
            engine.infer(np.full(SHAPE, np.nan, np.float32))

        assert engine.infer(_image()).shape == SHAPE


@needs_tensorflow
def test_an_input_of_another_shape_is_refused(tmp_path):
    with TensorFlowEngine(_frozen(tmp_path)) as engine, pytest.raises(
        InferenceError, match="the network takes"
    ):
        engine.infer(np.zeros((1, 2, 2, 1), np.float32))


@needs_tensorflow
def test_closing_twice_does_nothing(tmp_path):
    engine = TensorFlowEngine(_frozen(tmp_path))

    engine.close()
    engine.close()

    assert engine.spec.model.name == "double"


@needs_tensorflow
def test_a_model_without_a_graph_is_refused(tmp_path):
    with pytest.raises(EngineLoadError, match="only onnx"):
        TensorFlowEngine(_model(tmp_path, "onnx", "model.onnx"))


def test_another_precision_is_refused_before_tensorflow_is_imported(tmp_path):
    with pytest.raises(EngineUnavailableError, match="fp16"):
        TensorFlowEngine(_model(tmp_path), Precision.FP16)


def test_without_tensorflow_the_engine_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)

    with pytest.raises(EngineUnavailableError, match="cannot be imported") as caught:
        TensorFlowEngine(_model(tmp_path))
    assert "host this one" in caught.value.hint


@needs_tensorflow
def test_each_session_gets_its_own_threads(monkeypatch):
    monkeypatch.delenv("TF_OVERRIDE_GLOBAL_THREADPOOL", raising=False)

    import_tensorflow()

    assert os.environ["TF_OVERRIDE_GLOBAL_THREADPOOL"] == "1"
