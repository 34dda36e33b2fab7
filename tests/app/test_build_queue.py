"""Builds are run with a converter that is a few lines of Python."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.build_advice import Next
from app.build_order import BuildOrder
from app.build_queue import BuildQueue
from app.build_times import BuildTimes
from app.conversion_job import ConversionState
from app.errors import ConsoleError
from engines.base import Precision
from engines.convert.errors import UnsupportedTargetError
from engines.convert.request import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from app.build_queue import Build

_PATIENCE_S = 20.0
_CONVERTER = """
import json, os, pathlib, sys, time
out = pathlib.Path(sys.argv[sys.argv.index("--out") + 1]).absolute()
def emit(event, **fields):
    print(json.dumps(dict(fields, event=event)), flush=True)
emit("started", model="net", form="keras")
emit("step_started", name="freeze", summary="freezing", index=0, count=1)
if out.name.startswith("slow"):
    time.sleep(60)
print("a library warns", file=sys.stderr, flush=True)
if out.name.startswith("bad"):
    emit("failed", error={"type": "SizeError", "message": "too odd", "hint": "Pad."})
    sys.exit(1)
out.mkdir(exist_ok=True)
emit("finished", result={"model": "net", "target": "onnx", "steps": [], "trials": [],
    "engine": {"path": "m", "kind": "onnx", "precision": "fp32", "bytes": 1},
    "samples": "4 pictures", "is_compared_on_real_frames": False, "speed": None,
    "versions": {}, "seconds": 0.1, "cached": False, "device": "CPU", "source": {},
    "terminals": {}, "form": "keras"})
"""


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[BuildQueue]:
    code = tmp_path / "converter.py"
    code.write_text(_CONVERTER)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} {code} "$@"\n')
    python.chmod(0o755)
    queue = BuildQueue(python, BuildTimes(tmp_path / "times.json"))
    yield queue
    queue.close()


ORDER = BuildOrder(Path("net.keras"), Target.ONNX)


def _until(queue: BuildQueue, is_so: Callable[[], object]) -> list[Build]:
    ended: list[Build] = []
    deadline_s = time.monotonic() + _PATIENCE_S
    while not is_so():
        ended += queue.poll()
        assert time.monotonic() < deadline_s, queue.builds()
        time.sleep(0.01)
    return [*ended, *queue.poll()]


def _states(queue: BuildQueue) -> list[ConversionState | None]:
    return [each.status.state if each.status else None for each in queue.builds()]


def test_builds_run_one_after_another(queue: BuildQueue, tmp_path: Path) -> None:
    first = queue.add(ORDER, tmp_path / "a" / "one")
    second = queue.add(ORDER, tmp_path / "a" / "two")

    assert first.status is not None
    assert second.status is None
    ended = _until(queue, lambda: all(each.is_over for each in queue.builds()))

    assert [each.name for each in ended] == ["one", "two"]
    assert _states(queue) == [ConversionState.DONE] * 2
    assert BuildOrder.load(tmp_path / "a" / "two").target is Target.ONNX
    assert "<html" in (tmp_path / "a" / "two" / "report.html").read_text()


def test_a_failed_build_says_why_and_the_next_goes_on(
    queue: BuildQueue, tmp_path: Path
) -> None:
    queue.add(ORDER, tmp_path / "bad")
    queue.add(ORDER, tmp_path / "good")

    _until(queue, lambda: all(each.is_over for each in queue.builds()))

    failed, done = queue.builds()
    assert failed.status is not None
    assert failed.status.error is not None
    assert failed.status.error.hint == "Pad."
    assert done.status is not None
    assert done.status.state is ConversionState.DONE


def test_a_build_is_cancelled_while_it_runs_and_while_it_waits(
    queue: BuildQueue, tmp_path: Path
) -> None:
    running = queue.add(ORDER, tmp_path / "slow")
    waiting = queue.add(ORDER, tmp_path / "later")

    queue.cancel(waiting.number)
    queue.cancel(running.number)
    _until(queue, lambda: all(each.is_over for each in queue.builds()))

    assert _states(queue) == [ConversionState.CANCELLED] * 2
    assert not (tmp_path / "slow").exists()
    assert not (tmp_path / "later").exists()


def test_how_long_it_will_take_is_known_from_the_last(
    queue: BuildQueue, tmp_path: Path
) -> None:
    queue.add(ORDER, tmp_path / "one")
    _until(queue, lambda: queue.builds()[0].is_over)

    build = queue.add(ORDER, tmp_path / "two")

    assert build.expected_s is not None
    assert 0 < build.expected_s < _PATIENCE_S
    assert list(build.expected) == ["loading", "freeze"]
    kept = BuildTimes(tmp_path / "times.json")
    assert kept.expected(ORDER) == build.expected


def test_the_times_of_the_same_model_go_before_those_of_its_kind(
    tmp_path: Path,
) -> None:
    times = BuildTimes(tmp_path / "times.json")
    large = replace(ORDER, model=Path("large.keras"))
    times.learn(large, {"loading": 30.0})

    assert times.expected(ORDER) == {"loading": 30.0}
    times.learn(ORDER, {"loading": 3.0})
    assert times.expected(large) == {"loading": 30.0}
    assert times.expected(ORDER) == {"loading": 3.0}
    assert times.expected(replace(ORDER, target=Target.OPENVINO)) == {}


def test_the_newest_time_of_each_step_is_told_of_any_build(tmp_path: Path) -> None:
    times = BuildTimes(tmp_path / "times.json")
    times.learn(ORDER, {"loading": 3.0, "freeze": 1.0})
    times.learn(replace(ORDER, target=Target.OPENVINO), {"loading": 4.0, "x": 5.0})

    assert times.of_others() == {"loading": 4.0, "freeze": 1.0, "x": 5.0}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 3}', '{"a": {"b": "c"}}'])
def test_damaged_times_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "times.json").write_text(text)

    assert BuildTimes(tmp_path / "times.json").expected(ORDER) == {}


def test_the_log_tells_when_what_happened_and_what_libraries_said(
    queue: BuildQueue, tmp_path: Path
) -> None:
    build = queue.add(ORDER, tmp_path / "bad")
    _until(queue, lambda: queue.builds()[0].is_over)

    log = queue.log(build.number)

    assert "loading net (keras)" in log
    assert "s  too odd" in log
    assert "a library warns" in log


def test_a_failed_build_knows_what_to_try_next(
    queue: BuildQueue, tmp_path: Path
) -> None:
    queue.add(ORDER, tmp_path / "bad")
    _until(queue, lambda: queue.builds()[0].is_over)

    advice = queue.builds()[0].advice

    assert advice is not None
    assert (advice.action, advice.field) == (Next.FILL_IN, "input_size")


def test_a_build_that_is_over_can_be_taken_off(
    queue: BuildQueue, tmp_path: Path
) -> None:
    build = queue.add(ORDER, tmp_path / "slow")
    queue.forget(build.number)
    assert len(queue.builds()) == 1

    queue.cancel(build.number)
    _until(queue, lambda: queue.builds()[0].is_over)
    queue.forget(build.number)

    assert queue.builds() == ()


def test_two_builds_do_not_make_one_folder(queue: BuildQueue, tmp_path: Path) -> None:
    queue.add(ORDER, tmp_path / "slow")

    with pytest.raises(ConsoleError, match="being built"):
        queue.add(ORDER, tmp_path / "slow")


def test_a_precision_that_the_target_lacks_is_refused(
    queue: BuildQueue, tmp_path: Path
) -> None:
    order = BuildOrder(Path("net.keras"), Target.ONNX, Precision.INT8)

    with pytest.raises(UnsupportedTargetError):
        queue.add(order, tmp_path / "x")


def test_without_a_converter_the_build_fails_with_a_hint(tmp_path: Path) -> None:
    queue = BuildQueue(tmp_path / "no python")

    build = queue.add(ORDER, tmp_path / "x")

    assert build.status is not None
    assert build.status.error is not None
    assert build.status.error.hint
