"""`main.py doctor`: what it plans for boards, what it reports, and one real run."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from app.commands import doctor
from app.conversion_job import ConverterMissingError
from app.doctor_facts import Interpreter, ask, candidate_interpreters, machine_of
from app.doctor_job import CheckState, DoctorJob, DoctorReport, EngineCheck
from app.doctor_plan import NO_GPU, REFERENCE, EngineCase, plan
from app.doctor_report import text_of
from app.errors import OutputError
from app.paths import ROOT
from engines.base import EngineKind, Precision
from engines.host.machine import Capabilities, Gpu, precisions_of

ENGINES_PYTHON = ROOT / ".venv-engines" / "bin" / "python"
BOARD = Path("/usr/bin/python3")
CONSOLE = Path("/opt/console/bin/python")

NOTHING = Capabilities(
    python="3.11.7",
    executable=str(CONSOLE),
    platform="Linux x86_64",
    numpy="2.2.0",
    tensorflow=None,
    openvino=None,
    onnxruntime=None,
    tensorrt=None,
    tensorrt_python=None,
    tf_trt_obstacle="TensorFlow is not installed",
    cuda=None,
    processor="A Processor",
    gpu=None,
    compute_capability=None,
    jetson_linux=None,
    jetpack=None,
    precisions=precisions_of(None, "avx2"),
)
TX2 = NOTHING._replace(
    python="3.6.9",
    platform="Linux aarch64",
    numpy="1.19.5",
    tensorflow="1.15.5",
    tensorrt="8.2.1",
    tensorrt_python="8.2.1.8",
    tf_trt_obstacle="",
    cuda="10.2.300",
    processor="ARMv8 Processor rev 3 (v8l)",
    gpu="GP10B of quill",
    compute_capability="6.2",
    jetson_linux="32.7.6",
    jetpack="4.6.6",
    precisions=precisions_of(Gpu("GP10B of quill", (6, 2)), "asimd"),
)
CONSOLE_OF_A_PC = NOTHING._replace(openvino="2026.4.1")


def _by_name(*interpreters: Interpreter) -> dict[tuple[str, str], EngineCase]:
    return {(x.name, x.precision.value): x for x in plan(interpreters)}


def test_on_a_tx2_everything_of_nvidia_is_tried_but_int8() -> None:
    cases = _by_name(Interpreter(BOARD, TX2), Interpreter(CONSOLE, NOTHING))

    assert next(iter(cases)) == (REFERENCE, "fp32")
    for name in ("tf-trt", "tensorrt"):
        assert cases[name, "fp16"].python == BOARD
        assert cases[name, "int8"].python is None
        assert "no integer dot product" in cases[name, "int8"].obstacle


def test_a_missing_library_is_a_row_with_what_to_install() -> None:
    cases = _by_name(Interpreter(BOARD, TX2))

    case = cases["openvino", "fp32"]
    assert case.python is None
    assert case.obstacle == "OpenVINO is not installed"
    assert "pip install openvino" in case.hint


def test_without_a_gpu_nothing_is_told_to_be_installed_for_it() -> None:
    case = _by_name(Interpreter(CONSOLE, NOTHING))["tensorrt", "fp16"]

    assert (case.obstacle, case.hint) == (NO_GPU, "")


def test_without_tensorflow_the_bundled_files_run_as_they_are() -> None:
    cases = _by_name(Interpreter(CONSOLE, CONSOLE_OF_A_PC))

    assert cases["openvino", "fp32"].python == CONSOLE
    assert cases["openvino", "fp32"].target is None
    assert "has no TensorFlow" in cases["openvino", "int8"].obstacle


def test_an_engine_is_made_where_its_library_and_tensorflow_are_together() -> None:
    both = CONSOLE_OF_A_PC._replace(tensorflow="2.17.1")

    cases = _by_name(
        Interpreter(CONSOLE, CONSOLE_OF_A_PC), Interpreter(ENGINES_PYTHON, both)
    )

    assert cases["openvino", "int8"].python == ENGINES_PYTHON


def test_a_python_that_does_not_answer_is_told_and_passed_over(tmp_path: Path) -> None:
    silent = tmp_path / "python"
    silent.write_text("#!/bin/sh\necho no numpy here >&2\nexit 3\n")
    silent.chmod(0o755)

    found = ask(silent)

    assert found.capabilities is None
    assert "no numpy here" in found.obstacle
    assert machine_of([found, Interpreter(BOARD, TX2)])["jetpack"] == "4.6.6"


def test_an_answer_of_another_version_is_no_answer(tmp_path: Path) -> None:
    other = tmp_path / "python"
    other.write_text('#!/bin/sh\necho \'{"python": "3.6.9"}\'\n')
    other.chmod(0o755)

    assert "not understood" in ask(other).obstacle


def test_this_python_answers() -> None:
    found = ask(Path(sys.executable)).capabilities

    assert found is not None
    assert found.python.startswith(f"3.{sys.version_info.minor}.")


def test_a_named_python_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConverterMissingError):
        candidate_interpreters(tmp_path / "python")


WORKS = EngineCheck(
    name=REFERENCE,
    precision="fp32",
    state=CheckState.WORKS,
    max_abs_diff=0.0,
    mask_iou=1.0,
    ms_p50=4.0,
    hosting_ms_p50=0.3,
)


def _report(*checks: EngineCheck) -> DoctorReport:
    board = Interpreter(BOARD, TX2)
    return DoctorReport(machine_of([board]), (board,), checks, REFERENCE)


@pytest.mark.parametrize(
    ("difference", "iou", "verdict"),
    [(9e-5, 1.0, "equal"), (0.1, 0.991, "near"), (0.1, 0.98, "differs")],
)
def test_an_engine_is_called_equal_by_its_output_alone(
    difference: float, iou: float, verdict: str
) -> None:
    assert replace(WORKS, max_abs_diff=difference, mask_iou=iou).verdict == verdict


def test_the_text_names_board_libraries_engines_and_reasons() -> None:
    failed = EngineCheck(
        "tensorrt", "fp16", CheckState.FAILED, reason="no tactics", hint="Give more."
    )
    text = text_of(_report(WORKS, replace(failed, error="PlanBuildError")))

    for words in (
        "4.6.6 (Jetson Linux 32.7.6)",
        "GP10B of quill, compute capability 6.2",
        "8.2.1.8",
        "250.0",
        "tensorrt fp16: PlanBuildError: no tactics",
        "Give more.",
    ):
        assert words in text


def test_a_reason_that_many_share_is_told_once() -> None:
    absent = EngineCheck("tf-trt", "fp32", CheckState.ABSENT, reason=NO_GPU)
    text = text_of(_report(WORKS, absent, replace(absent, precision="fp16")))

    assert text.count(NO_GPU) == 1
    assert f"tf-trt fp32, tf-trt fp16: {NO_GPU}" in text


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    doctor.add_parser(parser.add_subparsers())
    return parser.parse_args(["doctor", *words])


def test_a_report_that_cannot_be_written_is_refused_first(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        doctor.run(parse("--out", str(tmp_path / "none" / "report.txt")))


@pytest.mark.parametrize(
    ("checks", "status"),
    [
        ((WORKS,), 0),
        ((WORKS, EngineCheck("tensorrt", "fp16", CheckState.ABSENT)), 0),
        ((WORKS, EngineCheck("tensorrt", "fp16", CheckState.FAILED)), 1),
        ((EngineCheck(REFERENCE, "fp32", CheckState.ABSENT),), 1),
    ],
)
def test_the_file_holds_the_text_and_the_same_as_json(
    checks: tuple[EngineCheck, ...],
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = _report(*checks)
    monkeypatch.setattr(DoctorJob, "run", lambda _: report)
    path = tmp_path / "report.txt"

    assert doctor.run(parse("--out", str(path), "--json")) == status

    written = path.read_text()
    assert written.startswith(text_of(report))
    last = json.loads(written.splitlines()[-1])
    assert last == json.loads(capsys.readouterr().out)
    assert last["engines"][0]["engine"] == REFERENCE


def _run_job(
    monkeypatch: pytest.MonkeyPatch, *cases: EngineCase
) -> tuple[DoctorReport, list[str]]:
    monkeypatch.setattr("app.doctor_job.plan", lambda _: cases)
    monkeypatch.setattr("app.doctor_job.candidate_interpreters", lambda _: ())
    told: list[str] = []
    report = DoctorJob(None, lambda progress: told.append(progress.activity)).run()
    return report, told


OPENVINO = EngineCase(
    "openvino", EngineKind.OPENVINO, Precision.FP32, None, Path(sys.executable)
)


def test_engines_are_tried_after_one_that_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    no_engine = EngineCase(
        "tensorflow", EngineKind.TENSORFLOW, Precision.FP32, None, Path("/bin/false")
    )

    report, told = _run_job(monkeypatch, no_engine, OPENVINO)

    assert [one.state for one in report.checks] == [CheckState.FAILED, CheckState.WORKS]
    assert report.checks[0].error == "HostStartError"
    assert report.checks[1].verdict == "equal"
    assert report.checks[1].fps
    # The first one that runs is what others are compared with.
    assert report.reference == "openvino fp32"
    assert "openvino fp32: loading and running" in told


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(not ENGINES_PYTHON.exists(), reason="'make engines' makes it")
def test_an_engine_is_converted_and_equals_the_network_as_trained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trained, *others = plan([ask(ENGINES_PYTHON)])
    converted = next(one for one in others if one.kind is EngineKind.ONNXRUNTIME)

    report, _ = _run_job(monkeypatch, trained, converted)

    for one in report.checks:
        assert (one.state, one.verdict) == (CheckState.WORKS, "equal"), one
    nodes = report.checks[1].nodes
    assert nodes is not None
    assert nodes[0] > nodes[1]


@pytest.mark.slow
@pytest.mark.parametrize("activity", ["loading and running", "frames of the bundled"])
def test_an_interrupt_leaves_nothing_behind(activity: str) -> None:
    program = (
        "import pathlib, signal, sys, app.doctor_job as job\n"
        # A shell's background job ignores it, and hands that on.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from engines.base import EngineKind, Precision\n"
        "from app.doctor_plan import EngineCase\n"
        "case = EngineCase('openvino', EngineKind.OPENVINO, Precision.FP32, None,"
        " pathlib.Path(sys.executable))\n"
        "job.plan = lambda _: [case] * 500\n"
        "job.candidate_interpreters = lambda _: ()\n"
        "job.DoctorJob(None, lambda x: print(x.activity, flush=True)).run()\n"
    )
    # Of its own, and short: a socket's path has a limit.
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        names = ("TMPDIR", "XDG_RUNTIME_DIR")
        environment = {**os.environ, **dict.fromkeys(names, folder)}
        environment["PYTHONPATH"] = str(ROOT)
        with subprocess.Popen(
            [sys.executable, "-c", program],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as child:
            assert child.stdout is not None
            assert any(activity in line for line in child.stdout)
            child.send_signal(signal.SIGINT)
            _, said = child.communicate(timeout=50.0)

        assert "KeyboardInterrupt" in said
        assert [one for one in Path(folder).rglob("*") if not one.is_dir()] == []
        assert not list(Path(folder).glob("peregrine-*"))
