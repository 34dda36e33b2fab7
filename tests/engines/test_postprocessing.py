import numpy as np
import pytest

from engines.errors import InferenceError
from engines.manifest import Activation, Layout, OutputSpec
from engines.postprocessing import probability_from_output


def _maps(*values):
    """One channel per value, NHWC."""
    return np.stack([np.full((1, 2, 3), v, np.float32) for v in values], axis=-1)


@pytest.mark.parametrize("shape", [(1, 2, 3, 1), (1, 2, 3)])
def test_probabilities_are_taken_as_they_are(shape):
    output = np.full(shape, 0.25, np.float32)

    probability = probability_from_output(output, OutputSpec())

    np.testing.assert_array_equal(probability, np.full((2, 3), 0.25))


def test_logits_go_through_the_sigmoid_without_overflow():
    output = np.array([-1e4, 0.0, 1e4], np.float32).reshape(1, 1, 3, 1)

    probability = probability_from_output(
        output, OutputSpec(activation=Activation.LOGIT)
    )

    np.testing.assert_allclose(probability, [[0.0, 0.5, 1.0]], atol=1e-6)


def test_class_logits_go_through_the_softmax():
    spec = OutputSpec(activation=Activation.CLASS_LOGITS, foreground_class=2)

    probability = probability_from_output(_maps(0.0, 0.0, np.log(2.0)), spec)

    np.testing.assert_allclose(probability, np.full((2, 3), 0.5), atol=1e-6)


def test_class_probabilities_are_read_channels_first_too():
    spec = OutputSpec(
        activation=Activation.CLASS_PROBABILITIES,
        foreground_class=1,
        layout=Layout.NCHW,
    )
    output = np.moveaxis(_maps(0.9, 0.1), 3, 1)

    probability = probability_from_output(output, spec)

    np.testing.assert_allclose(probability, np.full((2, 3), 0.1))


@pytest.mark.parametrize(
    ("output", "spec", "words"),
    [
        (np.zeros((2, 4, 4, 1), np.float32), OutputSpec(), "(2, 4, 4, 1)"),
        (np.zeros((1, 5), np.float32), OutputSpec(), "(1, 5)"),
        (
            _maps(0.1, 0.9),
            OutputSpec(activation=Activation.CLASS_LOGITS, foreground_class=5),
            "class 5",
        ),
    ],
)
def test_an_output_that_is_no_picture_is_refused(output, spec, words):
    with pytest.raises(InferenceError) as refusal:
        probability_from_output(output, spec)

    assert words in refusal.value.message
