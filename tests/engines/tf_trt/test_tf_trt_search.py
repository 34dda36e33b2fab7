import pytest

from engines.convert.errors import ConversionError
from engines.convert.tf_trt_parameters import MEBIBYTE, TfTrtParameters
from engines.convert.tf_trt_search import Measured, search

SMALL, MIDDLE, LARGE = 64 * MEBIBYTE, 256 * MEBIBYTE, 512 * MEBIBYTE


def board(fps_of):
    """A board on which a workspace takes its size of memory."""

    def measure(parameters):
        workspace = parameters.max_workspace_size_bytes
        fps = fps_of(parameters.minimum_segment_size, workspace)
        if fps is None:
            raise ConversionError(f"workspace of {workspace >> 20} MiB is too small")
        return Measured(fps, workspace, engines=1)

    return measure


def run(fps_of, **options):
    return search(
        board(fps_of),
        workspaces_bytes=(MIDDLE, LARGE, SMALL),
        segment_sizes=(3, 5, 10),
        **options,
    )


def chosen(result):
    best = result.best.parameters
    return best.minimum_segment_size, best.max_workspace_size_bytes


def test_the_fastest_pair_is_found():
    speeds = {3: 80.0, 5: 95.0, 10: 60.0}

    result = run(
        lambda size, workspace: speeds[size] * (1.1 if workspace == LARGE else 1)
    )

    assert chosen(result) == (5, LARGE)
    assert result.best.measured.fps == pytest.approx(104.5)


def test_the_workspace_is_searched_with_the_best_segment_size_only():
    result = run(lambda size, _: 100.0 - size)

    tried = [
        (
            trial.parameters.minimum_segment_size,
            trial.parameters.max_workspace_size_bytes,
        )
        for trial in result.trials
    ]
    assert tried == [(3, MIDDLE), (5, MIDDLE), (10, MIDDLE), (3, LARGE), (3, SMALL)]


def test_of_equally_fast_ones_the_one_with_least_memory_is_best():
    speeds = {SMALL: 99.5, MIDDLE: 100.0, LARGE: 100.2}

    result = run(lambda _, workspace: speeds[workspace])

    assert chosen(result)[1] == SMALL


def test_a_try_that_fails_is_in_the_table_and_the_search_goes_on():
    result = run(lambda _, workspace: None if workspace == SMALL else 50.0)

    failed = [trial for trial in result.trials if trial.failure]
    assert [trial.failure for trial in failed] == ["workspace of 64 MiB is too small"]
    assert failed[0].to_document()["fps"] is None
    assert result.best.measured.fps == 50.0


def test_a_larger_workspace_is_tried_where_every_segment_size_failed():
    result = run(lambda _, workspace: 40.0 if workspace == LARGE else None)

    assert chosen(result)[1] == LARGE


def test_a_search_in_which_everything_fails_gives_the_first_reason():
    with pytest.raises(ConversionError, match="256 MiB is too small"):
        run(lambda *_: None)


def test_every_try_is_told_as_it_happens():
    told = []

    result = run(lambda *_: 50.0, on_trial=told.append)

    assert tuple(told) == result.trials


def test_everything_else_stays_as_it_was_given():
    start = TfTrtParameters(maximum_cached_engines=4)

    result = run(lambda *_: 50.0, start=start)

    assert {trial.parameters.maximum_cached_engines for trial in result.trials} == {4}
