import pytest

from engines.convert.plan_progress import LogProgress, PhaseProgress
from engines.tensorrt_adapter import LogLine

# As TensorRT-RTX 1.7 reported a build; a step is (phase, number).
TOP, PART, COSTS = (
    "Building engine",
    "Building engine from subgraph",
    "Computing profile costs",
)


def recorded_build(phases):
    phases.start(TOP, None, 6)
    phases.start("Cloning network graph", TOP, 30)
    for _ in range(30):
        phases.step("Cloning network graph")
    phases.finish("Cloning network graph")
    phases.step(TOP)
    phases.step(TOP)
    phases.start(PART, TOP, 1)
    phases.start("Optimizing graph", PART, 30)
    for _ in range(30):
        phases.step("Optimizing graph")
    phases.finish("Optimizing graph")
    phases.start(COSTS, PART, 5)
    phases.start("Timing graph nodes", COSTS, 3)
    for _ in range(3):
        phases.step("Timing graph nodes")
    phases.finish("Timing graph nodes")
    for _ in range(5):
        phases.step(COSTS)
    phases.finish(COSTS)
    phases.step(PART)
    phases.finish(PART)
    phases.step(TOP)


def collected():
    events = []
    phases = PhaseProgress(events.append)
    return events, phases


def test_progress_only_rises():
    events, phases = collected()

    recorded_build(phases)

    ratios = [event.done_ratio for event in events]
    assert ratios == sorted(set(ratios))
    assert 0.0 < ratios[0] < ratios[-1] <= 1.0


def test_the_long_phases_get_most_of_the_bar():
    events, phases = collected()

    recorded_build(phases)

    before_timing = max(
        event.done_ratio for event in events if event.phase == "Optimizing graph"
    )
    assert before_timing < 0.2
    assert events[-1].done_ratio > 0.9


def test_an_outermost_phase_that_finishes_early_is_not_the_end():
    events, phases = collected()
    phases.start(TOP, None, 6)
    phases.step(TOP)

    phases.finish(TOP)

    assert events[-1].done_ratio < 0.5


def test_a_phase_that_was_not_announced_does_no_harm():
    events, phases = collected()
    phases.start(TOP, None, 2)

    phases.step("Never announced")
    phases.finish("Never announced")
    phases.step(TOP)

    assert [event.phase for event in events] == [TOP]


def test_a_phase_with_more_steps_than_announced_stays_below_its_end():
    events, phases = collected()
    phases.start("Something new", None, 2)

    for _ in range(5):
        phases.step("Something new")

    assert events[-1].done_ratio == pytest.approx(1.0)


def log_of(texts, layers=4):
    events = []
    progress = LogProgress(layers, events.append)
    for text in texts:
        progress.hear(LogLine("VERBOSE", text))
    return events


def test_layers_that_are_timed_are_counted_off():
    events = log_of(
        [
            "--------------- Timing Runner: conv1 + relu1 (FusedConvActConvolution)",
            "--------------- Timing Runner: conv1 + relu1 (CaskConvolution)",
            "Tactic: 524287 Time: 8.21",
            "--------------- Timing Runner: pool (TiledPooling)",
        ]
    )

    assert [event.phase for event in events] == ["Timing conv1 + relu1", "Timing pool"]
    assert events[-1].done_ratio == pytest.approx(0.95 * 2 / 4)


def test_fused_layers_are_counted_off_beforehand():
    events = log_of(
        [
            "Original: 4 layers",
            "After vertical fusions: 2 layers",
            "--------------- Timing Runner: conv1 + relu1 (CaskConvolution)",
        ]
    )

    assert events[-1].done_ratio == pytest.approx(0.95 / 2)


def test_conversions_of_formats_are_not_counted():
    events = log_of(["--------------- Timing Runner: Optimizer Reformat (Reformat)"])

    assert events == []


def test_more_layers_than_expected_stay_below_the_end():
    texts = [f"--------------- Timing Runner: conv{n} (X)" for n in range(9)]

    assert log_of(texts)[-1].done_ratio == pytest.approx(0.95)
