"""Measuring side by side: order, shape of the figures, sanity of the ratios."""

import pytest

from engines.base import Engine, EngineKind, EngineSpec, Precision
from engines.bench.choices import CHOICES, choices_from_text, threads_from_text
from engines.bench.results import collect, mask_iou
from engines.bench.rounds import (
    MIN_ROUNDS,
    Contender,
    Timings,
    measure,
    ratio_to_reference,
    round_count,
)
from engines.manifest import InputSpec, ModelManifest

np = pytest.importorskip("numpy")

MODEL = ModelManifest("tiny", InputSpec(4, 3), threshold_low=0.5, threshold_high=0.5)


class Writing(Engine):
    """Gives its input back plus a number, and writes down that it was called."""

    def __init__(self, name, calls, more=0.0):
        self._name, self._calls, self._more = name, calls, more

    @property
    def spec(self):
        return EngineSpec(EngineKind.REFERENCE, Precision.FP32, "cpu", "none", 1, MODEL)

    def infer(self, tensor):
        if not self._calls or self._calls[-1] != self._name:
            self._calls.append(self._name)
        return tensor + np.float32(self._more)

    def close(self):
        pass


@pytest.fixture
def calls():
    return []


def contender(name, calls, more=0.0, threads=1):
    tensor = np.linspace(0.0, 1.0, 12, dtype=np.float32).reshape(1, 3, 4, 1)
    return Contender(name, threads, Writing(name, calls, more), [tensor])


def test_the_order_moves_on_by_one_from_round_to_round(calls):
    three = [contender(name, calls) for name in "abc"]

    measure(three, 3, lambda _done: calls.append("round"), burst_s=0.0)

    rounds = "".join(calls).replace("round", "|")
    assert rounds == "abc|bca|cab|"


def test_every_round_of_every_engine_is_timed(calls):
    two = [contender(name, calls) for name in "ab"]

    timings = measure(two, 4, lambda _done: None, burst_s=0.0)

    assert {key: len(one.rounds_ms) for key, one in timings.items()} == {
        ("a", 1): 4,
        ("b", 1): 4,
    }
    assert all(ms > 0 for one in timings.values() for ms in one.all_ms)


def test_the_ratio_is_taken_within_a_round():
    # The machine was ten times slower in the second round, for both alike.
    reference = Timings(((4.0,), (40.0,), (4.0,)))
    own = Timings(((2.0,), (20.0,), (2.0,)))

    assert ratio_to_reference(own, reference) == pytest.approx(2.0)


def test_the_reference_is_as_fast_as_itself_and_has_its_own_masks(calls):
    timings = {("a", 1): Timings(((2.0,), (3.0,)))}

    (result,) = collect([contender("a", calls)], timings, "a")

    assert (result.ratio_to_reference, result.mask_iou) == (1.0, 1.0)


def test_the_mask_iou_counts_what_both_have(calls):
    # 6 of 12 pixels reach 0.5; a quarter more lifts 3 others over it.
    timings = {(name, 1): Timings(((2.0,),)) for name in "ab"}
    two = [contender("a", calls), contender("b", calls, more=0.25)]

    results = collect(two, timings, "a")

    assert results[1].mask_iou == pytest.approx(6 / 9)


def test_without_a_mask_there_is_no_iou():
    empty = [np.zeros((3, 4), bool)]

    assert mask_iou(empty, empty) is None


def test_without_a_reference_on_as_many_threads_there_is_no_ratio(calls):
    timings = {("a", 1): Timings(((2.0,),)), ("b", 2): Timings(((2.0,),))}
    two = [contender("a", calls), contender("b", calls, threads=2)]

    results = collect(two, timings, "a")

    assert results[1].ratio_to_reference is None


def test_a_short_time_still_has_some_rounds():
    assert round_count(0.01, call_s=0.001) == MIN_ROUNDS


def test_a_slow_network_takes_fewer_rounds_and_not_more_time():
    # Each burst is at least three inferences of a second, and one that is not timed.
    assert round_count(40.0, call_s=1.0) == 10


def test_the_reference_comes_first_whether_named_or_not():
    assert choices_from_text("openvino:int8,onnxruntime") == (
        "tensorflow",
        "onnxruntime",
        "openvino:int8",
    )


def test_an_engine_that_is_not_known_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match="openvino:bf16"):
        choices_from_text("opnvino")


@pytest.mark.parametrize("text", ["0", "", "one"])
def test_what_is_no_number_of_threads_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        threads_from_text(text)


def test_every_choice_is_made_in_a_precision_that_its_target_has():
    from engines.convert.request import PRECISIONS

    assert all(one.file_precision in PRECISIONS[one.target] for one in CHOICES.values())
