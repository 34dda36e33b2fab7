"""The job is run with a converter that is a few lines of Python: the real protocol,
without the seconds that TensorFlow takes to start. The real one is run where it is
installed."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.conversion_job import (
    ConversionJob,
    ConversionState,
    ConverterMissingError,
    find_interpreter,
)
from app.paths import ROOT
from engines.convert.__main__ import parser, request_of
from engines.convert.errors import ConversionError, OutOfMemoryError, SizeError
from engines.convert.nvidia_parameters import NvidiaParameters
from engines.convert.request import ConversionRequest, Target

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_S = 20.0
CONVERTER = ROOT / ".venv-engines" / "bin" / "python"

# Stands where `python -m engines.convert` would: writes beside its target, as that
# does, then does what the test asks.
BEGINNING = """
import json, os, pathlib, signal, sys, time
out = pathlib.Path(sys.argv[sys.argv.index("--out") + 1]).absolute()
unfinished = out.parent / ".{}.unfinished-{}".format(out.name, os.getpid())
unfinished.mkdir()
def emit(event, **fields):
    print(json.dumps(dict(fields, event=event)), flush=True)
emit("started", model="net", form="keras")
emit("step_started", name="freeze", summary="freezing", index=0, count=2)
"""


@pytest.fixture
def converter(tmp_path: Path) -> Callable[[str], Path]:
    """Makes an interpreter that runs a script instead of the converter."""

    def make(script: str) -> Path:
        code = tmp_path / "converter.py"
        code.write_text(BEGINNING + script)
        python = tmp_path / "python"
        python.write_text(f'#!/bin/sh\nexec {sys.executable} {code} "$@"\n')
        python.chmod(0o755)
        return python

    return make


@pytest.fixture
def request_in(tmp_path: Path) -> ConversionRequest:
    folder = tmp_path / "results"
    folder.mkdir()
    return ConversionRequest(Path("net.keras"), Target.TENSORFLOW, folder / "out")


def wait_until(is_reached: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not is_reached():
        assert time.monotonic() < deadline_s, "it was not reached"
        time.sleep(0.01)


def files_beside(request: ConversionRequest) -> list[str]:
    return [path.name for path in request.folder.parent.iterdir()]


def test_steps_and_result_are_in_the_status(converter, request_in) -> None:
    # given
    python = converter(
        'emit("step", report={"name": "freeze"})\n'
        "unfinished.rename(out)\n"
        'emit("finished", result={"model": "net"})\n'
    )
    job = ConversionJob(request_in, python)

    # when
    job.start()
    status = job.wait(PATIENCE_S)

    # then
    assert status.state is ConversionState.DONE
    assert status.steps == ({"name": "freeze"},)
    assert status.result == {"model": "net"}
    assert status.done_ratio == 1.0


def test_while_it_runs_the_step_is_told(converter, request_in) -> None:
    # given
    job = ConversionJob(request_in, converter("time.sleep(60)"))

    # when
    job.start()
    wait_until(lambda: job.status().step_name == "freeze")

    # then
    status = job.status()
    assert (status.steps_done, status.step_count) == (0, 2)
    assert status.activity == "freezing"
    job.request_cancel()
    job.wait(PATIENCE_S)


def test_how_far_a_step_is_counts_and_its_phase_is_told(converter, request_in) -> None:
    # given: the first of two steps is at 40 %
    script = 'emit("progress", done_ratio=0.4, phase="Timing")\ntime.sleep(60)'
    job = ConversionJob(request_in, converter(script))

    # when
    job.start()
    wait_until(lambda: job.status().step_ratio > 0)

    # then
    status = job.status()
    assert status.done_ratio == pytest.approx(0.2)
    assert status.activity == "freeze: Timing"
    job.request_cancel()
    job.wait(PATIENCE_S)


def test_the_next_step_begins_at_nothing(converter, request_in) -> None:
    script = (
        'emit("progress", done_ratio=1.0, phase="Timing")\n'
        'emit("step_started", name="fold", summary="folding", index=1, count=2)\n'
        "time.sleep(60)"
    )
    job = ConversionJob(request_in, converter(script))

    job.start()
    wait_until(lambda: job.status().step_name == "fold")

    assert job.status().done_ratio == pytest.approx(0.5)
    job.request_cancel()
    job.wait(PATIENCE_S)


def test_cancelled_it_leaves_nothing_of_its_libraries_either(
    converter, request_in, tmp_path
) -> None:
    # given: a library's temporary folder and half a timing cache
    nvidia = NvidiaParameters(timing_cache=tmp_path / "results" / "cache")
    script = (
        "import tempfile\n"
        "folder = tempfile.mkdtemp()\n"
        'pathlib.Path(out.parent, "cache.new").write_text("half")\n'
        'emit("progress", done_ratio=0.1, phase=folder)\n'
        "time.sleep(60)"
    )
    request = request_in._replace(target=Target.TENSORRT, nvidia=nvidia)
    job = ConversionJob(request, converter(script))
    job.start()
    wait_until(lambda: job.status().step_ratio > 0)
    folder = Path(job.status().activity.partition(": ")[2])
    assert folder.is_dir()

    # when
    job.request_cancel()
    job.wait(PATIENCE_S)

    # then
    assert not folder.exists()
    assert files_beside(request) == []


def test_everything_that_was_asked_reaches_the_converter(converter, request_in) -> None:
    # given: a converter that tells what it was called with
    python = converter('emit("finished", result={"words": sys.argv})')
    request = request_in._replace(
        target=Target.TF_TRT,
        writes_tensorboard=True,
        measures_speed=True,
        nvidia=NvidiaParameters(workspace_mib=64, denied_nodes=("a", "b")),
    )
    job = ConversionJob(request, python)

    # when
    job.start()
    words = job.wait(PATIENCE_S).result["words"]

    # then
    asked = request_of(parser().parse_args(words[words.index("engines.convert") + 1 :]))
    assert asked == request


def test_cancelled_it_leaves_no_file(converter, request_in) -> None:
    # given
    job = ConversionJob(request_in, converter("time.sleep(60)"))
    job.start()
    wait_until(lambda: job.status().step_name == "freeze")

    # when
    job.request_cancel()
    status = job.wait(PATIENCE_S)

    # then
    assert status.state is ConversionState.CANCELLED
    assert files_beside(request_in) == []


def test_a_converter_that_does_not_listen_is_killed(
    converter, request_in, monkeypatch
) -> None:
    # given
    monkeypatch.setattr("app.conversion_job.KILL_AFTER_S", 0.2)
    script = (
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        'emit("step", report={})\n'
        "time.sleep(60)"
    )
    job = ConversionJob(request_in, converter(script))
    job.start()
    wait_until(lambda: len(job.status().steps) == 1)

    # when
    job.request_cancel()
    status = job.wait(PATIENCE_S)

    # then
    assert status.state is ConversionState.CANCELLED
    assert files_beside(request_in) == []


def test_cancelling_does_not_wait(converter, request_in) -> None:
    job = ConversionJob(request_in, converter("time.sleep(60)"))
    job.start()

    job.request_cancel()

    assert job.status().state in (
        ConversionState.CANCELLING,
        ConversionState.CANCELLED,
    )
    job.wait(PATIENCE_S)


def test_the_converters_error_comes_back_as_what_it_was(converter, request_in) -> None:
    python = converter(
        'emit("failed", error={"type": "SizeError", "message": "open", "hint": "so"})'
    )
    job = ConversionJob(request_in, python)

    job.start()
    error = job.wait(PATIENCE_S).error

    assert isinstance(error, SizeError)
    assert (error.message, error.hint) == ("open", "so")


def test_a_crash_of_a_library_is_told_with_its_signal(converter, request_in) -> None:
    job = ConversionJob(request_in, converter("os.abort()"))

    job.start()
    status = job.wait(PATIENCE_S)

    assert isinstance(status.error, ConversionError)
    assert "SIGABRT" in status.error.message
    assert files_beside(request_in) == []


def test_a_kill_by_the_system_is_told_as_lack_of_memory(converter, request_in) -> None:
    python = converter("os.kill(os.getpid(), signal.SIGKILL)")
    job = ConversionJob(request_in, python)

    job.start()
    error = job.wait(PATIENCE_S).error

    assert isinstance(error, OutOfMemoryError)


def test_the_last_words_of_a_converter_that_ends_are_told(
    converter, request_in
) -> None:
    job = ConversionJob(request_in, converter("sys.exit('no module named numpy')"))

    job.start()
    error = job.wait(PATIENCE_S).error

    assert isinstance(error, ConversionError)
    assert "no module named numpy" in error.message


def test_frames_are_prepared_when_the_input_is_known(
    converter, request_in, tmp_path
) -> None:
    # given: a converter that says what it was given
    folder = tmp_path / "clip"
    folder.mkdir()
    for index in range(6):
        _write_picture(folder / f"{index}.png", level=40 * index)
    script = (
        'emit("frames_wanted", input={"width_px": 8, "height_px": 6, "frame_count": 3,'
        ' "colour": "grey", "layout": "nhwc", "dtype": "float32", "scale": 1.0,'
        ' "offset": 0.0, "fit": "stretch", "name": ""})\n'
        "import numpy as np\n"
        "tensors = np.load(sys.stdin.readline().strip())['tensors']\n"
        'emit("finished", result={"last": tensors[-1, 0, 0].tolist(),'
        ' "shape": tensors.shape})'
    )
    job = ConversionJob(request_in, converter(script), clip=str(folder))

    # when
    job.start()
    status = job.wait(PATIENCE_S)

    # then
    assert status.result == {"shape": [2, 6, 8, 3], "last": [80.0, 120.0, 160.0]}


def test_a_kill_while_frames_are_prepared_is_told_as_a_kill(
    converter, request_in, tmp_path
) -> None:
    folder = tmp_path / "clip"
    folder.mkdir()
    for index in range(6):
        _write_picture(folder / f"{index}.png", level=40 * index)
    script = (
        'emit("frames_wanted", input={"width_px": 8, "height_px": 6,'
        ' "colour": "grey", "layout": "nhwc", "fit": "stretch"})\n'
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    job = ConversionJob(request_in, converter(script), clip=str(folder))

    job.start()
    error = job.wait(PATIENCE_S).error

    assert isinstance(error, OutOfMemoryError)


def test_a_clip_that_is_not_there_is_the_error_that_is_shown(
    converter, request_in
) -> None:
    script = (
        'emit("frames_wanted", input={"width_px": 8, "height_px": 6,'
        ' "colour": "grey", "layout": "nhwc", "fit": "stretch"})\n'
        "time.sleep(60)"
    )
    job = ConversionJob(request_in, converter(script), clip="nowhere.mp4")

    job.start()
    status = job.wait(PATIENCE_S)

    assert status.state is ConversionState.FAILED
    assert "nowhere.mp4" in status.error.message
    assert files_beside(request_in) == []


def test_an_interpreter_that_is_not_there_is_refused(tmp_path) -> None:
    with pytest.raises(ConverterMissingError, match="there is no Python"):
        find_interpreter(tmp_path / "python")


def test_without_an_interpreter_the_way_to_one_is_told(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr("app.conversion_job.ROOT", tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    with pytest.raises(ConverterMissingError) as caught:
        find_interpreter()

    assert "make engines" in caught.value.hint


@pytest.mark.slow
@pytest.mark.skipif(not os.access(CONVERTER, os.X_OK), reason="no .venv-engines here")
@pytest.mark.timeout(180)
def test_the_real_converter_converts_a_real_graph(tmp_path) -> None:
    graph = ROOT / "tests" / "data" / "graphs" / "regression_graphdef_frozen.pb"
    request = ConversionRequest(graph, Target.TENSORFLOW, tmp_path / "out", shape=(5,))
    job = ConversionJob(request, find_interpreter())

    job.start()
    status = job.wait(170.0)

    assert status.error is None
    assert status.result is not None
    assert status.result["steps"][-1]["max_abs_diff"] <= 1e-6
    on_disk = json.loads((tmp_path / "out" / "report.json").read_text())
    assert on_disk["steps"][0]["nodes_before"] == 8


def _write_picture(path: Path, level: int) -> None:
    import cv2

    cv2.imwrite(str(path), np.full((6, 8), level, np.uint8))
