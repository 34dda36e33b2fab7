"""A conversion as a whole: what it writes, finds again and refuses."""

import json
from pathlib import Path

import numpy as np
import pytest

from engines.base import Precision
from engines.convert import conversion
from engines.convert.cache import copy_engine
from engines.convert.conversion import Conversion
from engines.convert.errors import (
    MissingLibraryError,
    SizeError,
    SourceFormatError,
    UnsupportedTargetError,
    VerificationError,
)
from engines.convert.graph import Rewrite, Terminals
from engines.convert.graph_file import GRAPH_NAME
from engines.convert.recipe import Ladder, Step
from engines.convert.request import ConversionRequest, Target
from engines.convert.samples import made_up_samples
from engines.convert.speed import with_constants
from engines.convert.verify import compare, run_graph
from engines.engine_manifest import load_engine_manifest, require_fitting
from engines.errors import ManifestError
from engines.manifest import (
    Activation,
    Colour,
    InputSpec,
    Layout,
    ModelManifest,
    load_manifest,
    save_manifest,
)
from tests.engines.convert.networks import graph_of, random_array, tf

IS_TF1 = tf.__version__.startswith("1.")
SHAPE = (1, 14, 18, 3)
BUNDLED = Path(__file__).resolve().parents[3] / "resources/models/default"


def network(x):
    """A convolution, a scale to fold, a half-size level, a mask."""
    v1 = tf.compat.v1
    y = v1.nn.conv2d(x, random_array(3, 3, 3, 4), [1, 1, 1, 1], "SAME")
    y = tf.nn.relu(y * random_array(4, seed=1) + random_array(4, seed=2))
    y = v1.nn.max_pool(y, [1, 2, 2, 1], [1, 2, 2, 1], "VALID")
    kernel = random_array(2, 2, 1, 4, seed=3)
    y = v1.nn.conv2d_transpose(y, kernel, (1, 14, 18, 1), [1, 2, 2, 1], "VALID")
    return tf.sigmoid(y)


@pytest.fixture(scope="module")
def network_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("network") / "network.pb"
    path.write_bytes(graph_of(network, SHAPE).graph.SerializeToString())
    return path


class Events(list):
    """Names of events, in order."""

    def emit(self, event, **_fields):
        self.append(event)


def convert(path, folder, target=Target.TENSORFLOW, **options):
    events = Events()
    request = ConversionRequest(path, target, folder / "out", **options)
    return Conversion(request, events.emit).run(), events


def needs(*libraries):
    def has(library):
        try:
            __import__(library)
        except ImportError:
            return False
        return True

    missing = [library for library in libraries if not has(library)]
    reason = "not installed for this Python: {}".format(", ".join(missing))
    return pytest.mark.skipif(bool(missing), reason=reason)


def test_the_folder_is_a_model_that_the_console_can_run(network_file, tmp_path):
    convert(network_file, tmp_path)

    model = load_manifest(tmp_path / "out")
    assert model.path_of("frozen-graph").is_file()
    assert model.input.shape == SHAPE
    assert model.input.colour is Colour.RGB
    assert model.output.activation is Activation.PROBABILITY


@pytest.mark.parametrize(
    ("scaling", "expected"),
    [
        (lambda x: x / 255.0, 1.0),
        (lambda x: (x - 127.5) * (1 / 127.5), 1.0),
        (lambda x: (x - 0.45) / 0.22, 1 / 255),
        (lambda x: x, 1 / 255),
    ],
)
def test_a_network_that_scales_pixels_itself_gets_them_unscaled(
    tmp_path, scaling, expected
):
    path = tmp_path / "network.pb"
    exported = graph_of(lambda x: network(scaling(x)), SHAPE)
    path.write_bytes(exported.graph.SerializeToString())

    convert(path, tmp_path)

    assert load_manifest(tmp_path / "out").input.scale == pytest.approx(expected)


def test_the_engine_manifest_fits_where_it_was_made(network_file, tmp_path):
    convert(network_file, tmp_path)

    manifest = load_engine_manifest(tmp_path / "out")
    require_fitting(manifest, tmp_path / "out")
    assert manifest.source["form"] == "frozen-graph"
    assert manifest.steps[0] == "freeze"


def test_the_report_tells_every_step(network_file, tmp_path):
    report, _ = convert(network_file, tmp_path)

    assert [step["name"] for step in report["steps"]] == [
        *("freeze", "batch-norm", "prune", "fold", "merge", "clean", "tensorflow")
    ]
    fold = report["steps"][3]
    assert fold["removed"]["Mul"] == 1
    assert fold["max_abs_diff"] <= 1e-6
    assert fold["mask_iou"] == 1.0


def test_the_report_on_disk_is_the_one_that_is_given(network_file, tmp_path):
    report, _ = convert(network_file, tmp_path)

    on_disk = json.loads((tmp_path / "out" / "report.json").read_text())

    engine = tmp_path / "out" / on_disk["engine"]["path"]
    on_disk["engine"]["path"] = str(engine)
    assert dict(on_disk, cached=False) == report


def test_made_up_pictures_are_said_to_be_made_up(network_file, tmp_path):
    report, _ = convert(network_file, tmp_path)

    assert "made-up" in report["samples"]
    assert not report["is_compared_on_real_frames"]


def test_given_frames_are_compared_on(network_file, tmp_path):
    frames = tmp_path / "frames.npz"
    np.savez(str(frames), tensors=random_array(3, *SHAPE[1:]))

    report, _ = convert(network_file, tmp_path, frames=frames)

    assert report["samples"] == "3 frames of frames.npz"
    assert report["is_compared_on_real_frames"]


def test_frames_of_another_size_are_refused(network_file, tmp_path):
    frames = tmp_path / "frames.npz"
    np.savez(str(frames), tensors=random_array(3, 5, 5, 3))

    with pytest.raises(SizeError, match="the network takes"):
        convert(network_file, tmp_path, frames=frames)


def test_a_file_without_frames_is_refused(network_file, tmp_path):
    (tmp_path / "frames.npz").write_bytes(b"none")

    with pytest.raises(SourceFormatError, match="no prepared frames"):
        convert(network_file, tmp_path, frames=tmp_path / "frames.npz")


def test_frames_are_asked_for_once_the_input_is_known(network_file, tmp_path):
    # given
    asked = []

    def prepare(spec):
        asked.append(spec.shape)
        np.savez(str(tmp_path / "frames.npz"), tensors=random_array(2, *spec.shape[1:]))
        return tmp_path / "frames.npz"

    request = ConversionRequest(
        network_file, Target.TENSORFLOW, tmp_path / "out", frames_key="clip"
    )

    # when
    report = Conversion(request, Events().emit, prepare).run()

    # then
    assert asked == [SHAPE]
    assert report["is_compared_on_real_frames"]


def test_the_same_again_is_found_and_not_made(network_file, tmp_path):
    convert(network_file, tmp_path)

    report, events = convert(network_file, tmp_path)

    assert report["cached"]
    assert list(events) == ["started"]


def test_an_equal_engine_beside_is_copied(network_file, tmp_path):
    convert(network_file, tmp_path)

    request = ConversionRequest(network_file, Target.TENSORFLOW, tmp_path / "second")
    report = Conversion(request, Events().emit).run()

    assert report["cached"]
    assert (tmp_path / "second" / "optimised.pb").is_file()


def test_a_damaged_engine_is_made_anew(network_file, tmp_path):
    convert(network_file, tmp_path)
    (tmp_path / "out" / "optimised.pb").write_bytes(b"")

    report, _ = convert(network_file, tmp_path)

    assert not report["cached"]
    assert (tmp_path / "out" / "optimised.pb").stat().st_size > 0


@pytest.mark.parametrize(
    "change", [{"is_forced": True}, {"rewrites_pads": True}, {"values": (("a", 1.0),)}]
)
def test_another_request_is_not_found_in_the_cache(network_file, tmp_path, change):
    convert(network_file, tmp_path)

    report, _ = convert(network_file, tmp_path, **change)

    assert not report["cached"]


def test_a_precision_that_a_target_lacks_is_refused(network_file, tmp_path):
    with pytest.raises(UnsupportedTargetError, match="int8") as caught:
        convert(network_file, tmp_path, precision=Precision.INT8)

    assert "fp32" in caught.value.hint


def test_a_failed_conversion_leaves_nothing(network_file, tmp_path):
    with pytest.raises(SizeError):
        convert(network_file, tmp_path, size_px=(5, 5))

    assert list(tmp_path.iterdir()) == []


def model_folder(tmp_path, network_file, **input_fields):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "network.pb").write_bytes(network_file.read_bytes())
    spec = InputSpec(width_px=18, height_px=14, colour=Colour.BGR)
    model = ModelManifest(
        name="mine",
        input=spec._replace(**input_fields),
        threshold_high=0.8,
        files={"frozen-graph": "network.pb"},
    )
    save_manifest(model, folder)
    return folder


def test_a_model_folder_keeps_what_its_manifest_says(network_file, tmp_path):
    folder = model_folder(tmp_path, network_file)

    report, _ = convert(folder, tmp_path)

    model = load_manifest(tmp_path / "out")
    assert report["model"] == "mine"
    assert (model.input.colour, model.threshold_high) == (Colour.BGR, 0.8)


def test_a_manifest_of_another_network_is_refused(network_file, tmp_path):
    folder = model_folder(tmp_path, network_file, frame_count=3)

    with pytest.raises(ManifestError, match="the network takes"):
        convert(folder, tmp_path)


def test_a_step_that_changes_the_output_is_refused():
    # given
    exported = graph_of(network, SHAPE)
    ends = Terminals(("image",), ("result",))
    samples = made_up_samples(SHAPE, "float32")
    wrong = graph_of(lambda x: network(x) * 0.9, SHAPE).graph
    reference = [np.zeros((*SHAPE[:3], 1), np.float32)] * len(samples.tensors)
    reports = []
    ladder = Ladder(ends, samples, reference, None, {}, reports.append)

    def replace(graph, terminals):
        assert terminals == ends
        return Rewrite(wrong if graph is exported.graph else graph)

    # when, then
    step = Step("wrong", "", replace)
    with pytest.raises(VerificationError, match="step 'wrong'"):
        ladder.take(step, exported.graph)
    assert reports == []


def test_a_result_of_another_shape_is_refused():
    with pytest.raises(VerificationError, match="shape"):
        compare([np.zeros((1, 2))], [np.zeros((1, 3))])


def test_a_result_that_is_no_number_is_infinitely_far():
    difference = compare([np.zeros(2)], [np.array([0.0, np.nan])])

    assert difference.max_abs_diff == float("inf")


def test_masks_are_compared_over_all_pictures():
    model = ModelManifest("m", InputSpec(2, 1), threshold_high=0.5)
    one = np.float32([0.9, 0.9]).reshape(1, 1, 2, 1)
    other = np.float32([0.9, 0.1]).reshape(1, 1, 2, 1)

    assert compare([one, one], [one, other], model).mask_iou == 0.75


def test_pictures_without_a_mask_give_no_overlap():
    model = ModelManifest("m", InputSpec(2, 1), threshold_high=0.5)
    empty = np.zeros((1, 1, 2, 1), np.float32)

    assert compare([empty], [empty], model).mask_iou is None


@needs("tf2onnx", "onnx", "onnxruntime")
@pytest.mark.parametrize("target", [Target.ONNX, Target.ONNXRUNTIME])
def test_onnx_is_written_without_transposes(network_file, tmp_path, target):
    report, _ = convert(network_file, tmp_path, target)

    last = report["steps"][-1]
    assert "Transpose" not in last["ops_after"]
    assert last["max_abs_diff"] <= 1e-6
    assert load_manifest(tmp_path / "out").input.layout is Layout.NCHW


@needs("openvino")
def test_openvino_in_full_precision_is_equal(network_file, tmp_path):
    report, _ = convert(network_file, tmp_path, Target.OPENVINO)

    assert report["steps"][-1]["max_abs_diff"] <= 1e-5
    assert load_manifest(tmp_path / "out").path_of("openvino").name == "model.xml"


@needs("openvino", "nncf")
def test_int8_tells_what_it_costs_and_does_not_claim_to_be_equal(
    network_file, tmp_path
):
    report, _ = convert(
        network_file, tmp_path, Target.OPENVINO, precision=Precision.INT8
    )

    last = report["steps"][-1]
    assert "FakeQuantize" in last["ops_after"]
    assert last["max_abs_diff"] > 1e-4
    assert any("not equal" in note for note in last["notes"])
    assert any("--frames" in note for note in last["notes"])


@pytest.fixture(scope="module")
def onnx_file(network_file, tmp_path_factory):
    pytest.importorskip("tf2onnx", reason="tf2onnx is not installed for this Python")
    folder = tmp_path_factory.mktemp("onnx")
    convert(network_file, folder, Target.ONNX)
    return folder / "out" / "model.onnx"


@needs("onnx", "onnxruntime", "openvino")
@pytest.mark.parametrize("target", [Target.ONNXRUNTIME, Target.OPENVINO])
def test_a_network_that_comes_as_onnx_is_converted(onnx_file, tmp_path, target):
    copy = tmp_path / "mine.onnx"
    copy.write_bytes(onnx_file.read_bytes())

    report, _ = convert(copy, tmp_path, target)

    assert [step["name"] for step in report["steps"]] == ["simplify", target.value]
    assert report["steps"][-1]["max_abs_diff"] <= 1e-5
    assert load_manifest(tmp_path / "out").input.layout is Layout.NCHW


@needs("onnx", "onnxruntime")
def test_onnx_cannot_become_a_tensorflow_graph(onnx_file, tmp_path):
    with pytest.raises(UnsupportedTargetError, match="does not read ONNX"):
        convert(onnx_file, tmp_path)


@needs("onnx")
def test_bytes_that_are_no_onnx_are_refused(tmp_path):
    (tmp_path / "noise.onnx").write_bytes(b"\xff" * 100)

    with pytest.raises(SourceFormatError, match="not an ONNX network"):
        convert(tmp_path / "noise.onnx", tmp_path, Target.ONNX)


def test_a_network_that_takes_a_picture_and_gives_none_is_compared_on_pictures(
    tmp_path,
):
    path = tmp_path / "classifier.pb"
    exported = graph_of(lambda x: tf.reduce_mean(network(x), axis=[1, 2]), SHAPE)
    path.write_bytes(exported.graph.SerializeToString())

    report, _ = convert(path, tmp_path)

    assert "made-up pictures" in report["samples"]


def test_a_network_that_amplifies_rounding_is_told_from_a_wrong_step(tmp_path):
    # given: its last digits decide over its output
    def build(x):
        y = tf.compat.v1.nn.conv2d(x, random_array(3, 3, 3, 4), [1, 1, 1, 1], "SAME")
        return tf.sin(y * random_array(4, seed=1) * 1e6)

    path = tmp_path / "network.pb"
    path.write_bytes(graph_of(build, SHAPE).graph.SerializeToString())

    # when, then
    with pytest.raises(VerificationError, match="changes in the last digit"):
        convert(path, tmp_path)


def test_the_graph_of_every_step_is_written_for_tensorboard(network_file, tmp_path):
    convert(network_file, tmp_path)

    report, _ = convert(network_file, tmp_path, writes_tensorboard=True)

    runs = sorted(path.name for path in (tmp_path / "out" / "tensorboard").iterdir())
    assert not report["cached"]
    assert runs == [
        *("0 as trained", "1 freeze", "2 batch-norm", "3 prune"),
        *("4 fold", "5 merge", "6 clean", "steps"),
    ]


def test_the_engine_is_timed_beside_the_network_as_trained(network_file, tmp_path):
    report, _ = convert(network_file, tmp_path, measures_speed=True)

    first, *between, last = report["speed"]["results"]
    assert (first["engine"], last["engine"]) == ("tensorflow, as trained", "tensorflow")
    for one in (first, *between, last):
        assert one["fps"] > 1
        assert 0 < one["ms_p50"] <= one["ms_p95"] <= one["ms_p99"]
    assert len(first["fps_by_round"]) == len(last["fps_by_round"]) == 10
    assert first["ratio_to_reference"] == 1.0


def test_every_step_that_changed_the_graph_is_timed(network_file, tmp_path):
    report, _ = convert(network_file, tmp_path, measures_speed=True)

    first, *between, _ = report["speed"]["results"]
    steps = [one["step"] for one in between]
    changed = [one["name"] for one in report["steps"] if one["removed"] or one["added"]]
    assert "fold" in steps
    assert set(changed) - {"freeze", "tensorflow"} <= set(steps)
    for one in between:
        # On the scale of the one race: what the machine did meanwhile is left out.
        fps = first["fps"] * one["ratio_to_reference"]
        assert one["fps"] == pytest.approx(fps, abs=0.02)


def test_the_network_before_and_after_can_be_browsed_with_times(network_file, tmp_path):
    convert(network_file, tmp_path, measures_speed=True)

    text = (tmp_path / "out" / GRAPH_NAME).read_text(encoding="utf-8")
    trained, optimised = json.loads(text)["stages"]

    names = [name for name, _, _ in trained["nodes"]]
    assert (trained["title"], trained["is_timed"]) == ("as trained", True)
    assert (optimised["title"], optimised["is_timed"]) == ("optimised", False)
    assert "Sigmoid" in [op for _, op, _ in trained["nodes"]]
    assert len(set(names)) == len(names) > len(optimised["nodes"])
    convolutions = [us for _, op, us in trained["nodes"] if op == "Conv2D"]
    assert all(us is None or us > 0 for us in convolutions)


@needs("openvino", "tf2onnx")
def test_openvino_s_own_operations_are_timed(network_file, tmp_path):
    convert(network_file, tmp_path, Target.OPENVINO, measures_speed=True)

    text = (tmp_path / "out" / GRAPH_NAME).read_text(encoding="utf-8")
    stages = {one["title"]: one for one in json.loads(text)["stages"]}

    ran = stages["as OpenVINO runs it"]
    assert ran["is_timed"]
    assert any(us > 0 for _, op, us in ran["nodes"] if "Conv" in op)


def test_a_network_is_only_looked_into(network_file, tmp_path):
    found, events = convert(network_file, tmp_path, only_looks=True)

    assert found["form"] == "frozen-graph"
    assert [tuple(one["shape"]) for one in found["inputs"]] == [SHAPE]
    assert len(found["outputs"]) == 1
    assert found["meaning"] == {
        "colour": "rgb",
        "frames": 1,
        "pixels": "unit",
        "activation": "probability",
        "is_told": False,
    }
    assert events == []
    assert list(tmp_path.iterdir()) == []


def test_a_network_with_a_manifest_is_looked_up_there(tmp_path):
    found, _ = convert(BUNDLED / "frozen.pb", tmp_path, only_looks=True)

    assert found["meaning"] == {
        "colour": "grey",
        "frames": 3,
        "pixels": "unit",
        "activation": "probability",
        "is_told": True,
    }


def test_a_network_without_pictures_means_none(tmp_path):
    path = tmp_path / "network.pb"
    exported = graph_of(lambda x: tf.matmul(x, random_array(5, 2)), (1, 5))
    path.write_bytes(exported.graph.SerializeToString())

    found, _ = convert(path, tmp_path, only_looks=True)

    assert found["meaning"] is None


def test_an_engine_that_was_never_timed_is_made_anew_to_time_it(network_file, tmp_path):
    convert(network_file, tmp_path)

    first, _ = convert(network_file, tmp_path, measures_speed=True)
    second, _ = convert(network_file, tmp_path, measures_speed=True)

    assert (first["cached"], second["cached"]) == (False, True)
    assert second["speed"] == first["speed"]


def test_a_network_without_pictures_is_not_timed_and_says_so(tmp_path):
    path = tmp_path / "network.pb"
    exported = graph_of(lambda x: tf.matmul(x, random_array(5, 2)), (1, 5))
    path.write_bytes(exported.graph.SerializeToString())

    report, _ = convert(path, tmp_path, measures_speed=True)

    assert report["speed"]["results"] == []
    assert "pictures" in report["speed"]["reason"]


@needs("tf2onnx", "onnxruntime")
def test_an_onnx_network_is_timed_as_it_came(network_file, tmp_path):
    convert(network_file, tmp_path / "first", Target.ONNX)
    made = tmp_path / "first" / "out" / "model.onnx"

    report, _ = convert(made, tmp_path, Target.ONNXRUNTIME, measures_speed=True)

    names = [one["engine"] for one in report["speed"]["results"]]
    assert names == ["onnxruntime, as trained", "onnxruntime"]


def test_flags_become_constants_where_the_network_as_trained_is_timed():
    # given: a graph that asks whether it is in training
    v1 = tf.compat.v1
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, (1, 4), "image")
        flag = v1.placeholder(tf.bool, (), "is_training")
        tf.identity(tf.where(flag, image * 0.0, image * 2.0), name="result")

    # when
    fixed = with_constants(graph.as_graph_def(), {"is_training": False})

    # then
    ends = Terminals(("image",), ("result",))
    (result,) = run_graph(fixed, ends, [np.ones((1, 4), np.float32)])
    np.testing.assert_array_equal(result, np.full((1, 4), 2.0))
    assert [node.op for node in fixed.node if node.name == "is_training"] == ["Const"]


def test_without_tensorrt_no_plan_is_begun(network_file, tmp_path, monkeypatch):
    monkeypatch.setattr(conversion, "tensorrt_obstacle", lambda: "there is none")

    with pytest.raises(MissingLibraryError, match="there is none"):
        convert(network_file, tmp_path, Target.TENSORRT)

    assert list(tmp_path.iterdir()) == []


def test_a_folder_within_an_engine_is_copied_with_it(network_file, tmp_path):
    # given: an engine of several files, as a SavedModel is
    convert(network_file, tmp_path)
    (tmp_path / "out" / "inside").mkdir()
    (tmp_path / "out" / "inside" / "weights").write_text("1")

    # when
    copy_engine(tmp_path / "out", tmp_path / "copy")

    # then
    assert (tmp_path / "copy" / "inside" / "weights").read_text() == "1"


def test_attributes_that_were_removed_stay_removed(network_file, tmp_path):
    report, _ = convert(network_file, tmp_path)

    clean = report["steps"][-2]
    assert clean["bytes_after"] < clean["bytes_before"]
    graph = tf.compat.v1.GraphDef()
    graph.ParseFromString((tmp_path / "out" / "optimised.pb").read_bytes())
    assert not any("data_format" in node.attr for node in graph.node)


@needs("tf2onnx", "onnxruntime")
def test_onnx_is_written_without_attributes_at_their_default(network_file, tmp_path):
    import onnx

    convert(network_file, tmp_path, Target.ONNX)

    model = onnx.load(str(tmp_path / "out" / "model.onnx"))
    names = {
        (node.op_type, attribute.name)
        for node in model.graph.node
        for attribute in node.attribute
    }
    assert ("ConvTranspose", "strides") in names  # a step of two, which must be said
    for default in (("Conv", "dilations"), ("Conv", "strides"), ("Conv", "group")):
        assert default not in names


@needs("onnx", "onnxruntime")
def test_weights_that_an_old_onnx_lists_as_inputs_are_folded(tmp_path):
    # given: a weight computed from another, both replaceable by a caller
    import onnx

    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    weights = helper.make_tensor("weights", kind, (1, 3, 1, 1), [1.0, 2.0, 3.0])
    graph = helper.make_graph(
        [
            helper.make_node("Neg", ["weights"], ["negative"]),
            helper.make_node("Conv", ["image", "negative"], ["mask"]),
        ],
        "old",
        [
            helper.make_tensor_value_info("image", kind, (1, 3, 8, 8)),
            helper.make_tensor_value_info("weights", kind, (1, 3, 1, 1)),
        ],
        [helper.make_tensor_value_info("mask", kind, (1, 1, 8, 8))],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 9)])
    model.ir_version = 3
    onnx.save(model, str(tmp_path / "old.onnx"))

    # when
    report, _ = convert(tmp_path / "old.onnx", tmp_path, Target.ONNX)

    # then
    made = onnx.load(str(tmp_path / "out" / "model.onnx"))
    assert [one.name for one in made.graph.input] == ["image"]
    assert [node.op_type for node in made.graph.node] == ["Conv"]
    assert report["steps"][-1]["max_abs_diff"] == 0.0
