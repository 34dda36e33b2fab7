"""Tests of engines/convert/quantisation.py."""

import numpy as np
import pytest

from engines.convert.quantisation import Candidate, Quality, search
from engines.convert.samples import load_samples, made_up_calibration, made_up_samples
from engines.errors import EngineError
from engines.manifest import InputSpec

LAYERS = ("a", "b", "c", "d", "e")


class Network:
    """A network whose layers add their errors, each its own."""

    def __init__(self, overflow=0.0, has_masks=True, **errors):
        self.errors = dict.fromkeys(LAYERS, 0.0)
        self.errors.update(errors)
        self.overflow = overflow
        self.has_masks = has_masks
        self.tried = []

    def trial(self, overflow, floats):
        self.tried.append(tuple(floats))
        error = sum(x for name, x in self.errors.items() if name not in floats)
        if overflow == "first_layer_only" and len(floats) < len(LAYERS):
            error += self.overflow
        iou = 1.0 - error if self.has_masks else None
        return Candidate(None, Quality(iou, error), overflow, tuple(floats))


def test_a_network_that_is_near_enough_is_quantised_throughout():
    network = Network(a=0.002, b=0.003)

    assert search(network.trial, LAYERS).floats == ()
    assert len(network.tried) == 2


def test_the_layers_that_cost_most_stay_in_full_precision_and_no_more():
    network = Network(a=0.001, b=0.03, c=0.002, d=0.05, e=0.003)

    assert search(network.trial, LAYERS).floats == ("d", "b")


def test_weights_keep_to_seven_bits_where_sums_overflow():
    assert search(Network(overflow=0.4).trial, LAYERS).overflow == "enable"


def test_a_network_that_is_never_near_enough_keeps_as_many_as_allowed():
    network = Network(**dict.fromkeys(LAYERS, 0.1))

    found = search(network.trial, LAYERS)

    assert len(found.floats) == 3
    assert found.quality.mask_iou == pytest.approx(0.8)


def test_a_network_without_masks_is_quantised_throughout():
    assert search(Network(has_masks=False, a=0.5).trial, LAYERS).floats == ()


def test_made_up_inputs_for_the_ranges_are_none_of_those_compared():
    spec = InputSpec(32, 24)
    compared = made_up_samples(spec.shape, spec.dtype, spec).tensors

    for one in made_up_calibration(spec.shape, spec.dtype, spec):
        assert one.shape == spec.shape
        assert not any((one == other).all() for other in compared)


def test_frames_for_the_ranges_are_read_beside_those_to_compare_on(tmp_path):

    spec = InputSpec(32, 24)
    stack = np.random.RandomState(0).rand(5, *spec.shape[1:]).astype(np.float32)
    path = tmp_path / "frames.npz"
    np.savez(str(path), tensors=stack[:2], calibration=stack[2:])

    samples = load_samples(path, spec.shape, spec.dtype)

    assert len(samples.tensors) == 2
    np.testing.assert_array_equal(np.concatenate(samples.calibration), stack[2:])


def test_frames_for_the_ranges_of_another_size_are_refused(tmp_path):

    spec = InputSpec(32, 24)
    stack = np.zeros((2, *spec.shape[1:]), np.float32)
    path = tmp_path / "frames.npz"
    np.savez(str(path), tensors=stack, calibration=stack[:, :12])

    with pytest.raises(EngineError, match="for the ranges"):
        load_samples(path, spec.shape, spec.dtype)
