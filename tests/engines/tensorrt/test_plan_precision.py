import numpy as np
import pytest

from engines.convert.errors import SourceFormatError
from engines.convert.plan_precision import half_typed, quantised
from tests.engines.tensorrt.onnx_networks import ODD_SHAPE, chain, onnx, padded_unet

onnxruntime = pytest.importorskip(
    "onnxruntime", reason="onnxruntime has an environment of its own"
)


def image(seed=0):
    return np.random.RandomState(seed).random_sample(ODD_SHAPE).astype(np.float32)


def run(content, tensor):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        content, options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": tensor})[0]


def test_half_weights_give_nearly_the_same_mask_from_the_same_input():
    typed = half_typed(padded_unet())

    expected, found = run(padded_unet(), image()), run(typed, image())

    assert found.dtype == np.float32
    assert 0.0 < np.abs(found - expected).max() < 2e-3


def test_half_weights_are_in_the_file():
    typed = onnx.load_model_from_string(half_typed(padded_unet()))

    kinds = {one.name: one.data_type for one in typed.graph.initializer}
    assert kinds["w1"] == onnx.TensorProto.FLOAT16


def test_eight_bits_give_nearly_the_same_mask():
    ranged = quantised(padded_unet(), [image(seed) for seed in range(4)])

    expected, found = run(padded_unet(), image(9)), run(ranged, image(9))

    assert 0.0 < np.abs(found - expected).max() < 0.05


def test_a_quantised_network_says_where_it_computes_in_8_bits():
    ranged = onnx.load_model_from_string(quantised(padded_unet(), [image()]))

    operations = [node.op_type for node in ranged.graph.node]
    assert operations.count("QuantizeLinear") >= 2


def _kept_in_full(content):
    """Convolutions whose weights were not quantised."""
    graph = onnx.load_model_from_string(content).graph
    floats = {one.name for one in graph.initializer}
    nodes = [node for node in graph.node if node.op_type == "Conv"]
    return [node.name for node in nodes if node.input[1] in floats]


def test_the_first_and_the_last_convolution_are_not_quantised():
    assert _kept_in_full(quantised(chain(5), [image()])) == ["c0", "c4"]


def test_of_a_small_network_every_convolution_is_quantised():
    assert _kept_in_full(quantised(chain(3), [image()])) == []


@pytest.mark.parametrize(
    "change", [half_typed, lambda content: quantised(content, [image()])]
)
def test_bytes_that_are_no_network_are_refused(change):
    with pytest.raises(SourceFormatError, match="no ONNX"):
        change(b"no network at all")
