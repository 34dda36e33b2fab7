"""The job, with a child that is quick in place of the one that trains."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from app.errors import OutputError
from app.finetune import job
from app.finetune.job import FinetuneError, FinetuneJob, FinetuneRequest
from app.finetune.report import text_of
from app.labels import LabelsError
from app.paths import DEFAULT_MODEL, SAMPLE_CLIP
from main import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from app.finetune.job import FinetuneProgress

COPIES = f"""
import json, shutil, sys
folder = sys.argv[sys.argv.index("--folder") + 1]
print(json.dumps({{"event": "training", "done": 2, "count": 4, "loss": 0.5}}))
shutil.copytree({str(DEFAULT_MODEL)!r}, folder, dirs_exist_ok=True)
open(folder + "/checkpoint.npz", "w").close()
print(json.dumps({{"event": "finished", "parameters": 7, "gflop": 0.1}}))
"""
FAILS = """
print('{"event": "failed", "error": {"message": "no such thing", "hint": "do this"}}')
"""
DIES = "import sys; sys.exit('ModuleNotFoundError: no keras')"


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "labels.csv"
    rows = [f"{frame},{100 + frame},80,12,12" for frame in (4, 5, 6, 20, 30)]
    path.write_text("\n".join(["frame,x,y,width,height", *rows]))
    return path


def _request(
    tmp_path: Path, labels: Path, program: str, **changes: Any
) -> FinetuneRequest:
    code, python = tmp_path / "child.py", tmp_path / "python"
    code.write_text(program)
    python.write_text(f'#!/bin/sh\nshift 2\nexec {sys.executable} {code} "$@"\n')
    python.chmod(0o755)
    given = {
        "model": DEFAULT_MODEL,
        "clips": ((str(SAMPLE_CLIP), labels),),
        "folder": tmp_path / "made",
        "python": python,
        "held_back_ratio": 0.4,
    }
    return FinetuneRequest(**(given | changes))


@pytest.fixture
def few_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.finetune.judge.SCENES", 1)


@pytest.mark.usefixtures("few_scenes")
def test_a_network_that_is_not_better_is_not_recommended(
    tmp_path: Path, labels: Path
) -> None:
    # given
    shown: list[FinetuneProgress] = []
    request = _request(tmp_path, labels, COPIES)

    # when
    report = FinetuneJob(request, shown.append).run()

    # then
    assert (report["is_better"], report["recommended"]) == (False, str(DEFAULT_MODEL))
    assert report["before"] == report["after"]
    assert (report["learned"], report["held_back"]) == ([3], [2])
    assert "Stay with" in text_of(report)
    assert json.loads((request.folder / "finetune.json").read_text()) == report
    assert "Stay with" in (request.folder / "report.html").read_text()
    assert not (request.folder / "checkpoint.npz").exists()
    assert "step 2 of 4, loss 0.500" in [one.activity for one in shown]


@pytest.mark.usefixtures("few_scenes")
def test_a_network_that_is_better_is_recommended(
    tmp_path: Path, labels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    request = _request(tmp_path, labels, COPIES)
    judge = job.judge_model

    def judged(folder: Path, clips: Any) -> dict[str, Any]:
        found = judge(folder, clips)
        found["all"]["f1"] = 0.75 if folder == request.folder else 0.5
        return found

    monkeypatch.setattr(job, "judge_model", judged)

    # when
    report = FinetuneJob(request, lambda _: None).run()

    # then
    assert (report["is_better"], report["recommended"]) == (True, str(request.folder))
    assert "F1 0.500 before, 0.750 after. Use it with --model" in text_of(report)


def test_a_folder_that_is_there_is_never_written(tmp_path: Path, labels: Path) -> None:
    # given
    request = _request(tmp_path, labels, COPIES)
    shutil.copytree(DEFAULT_MODEL, request.folder)
    before = (request.folder / "manifest.json").read_bytes()

    # when, then
    with pytest.raises(OutputError, match="is there already"):
        FinetuneJob(request, lambda _: None).run()
    assert (request.folder / "manifest.json").read_bytes() == before


def test_a_training_goes_on_only_with_the_same_labels(
    tmp_path: Path, labels: Path
) -> None:
    # given
    request = _request(tmp_path, labels, FAILS)
    for _ in range(2):
        with pytest.raises(FinetuneError, match="no such thing") as told:
            FinetuneJob(request, lambda _: None).run()
        assert told.value.hint == "do this"

    # when
    labels.write_text(labels.read_text() + "\n31,131,80,12,12\n")

    # then
    with pytest.raises(OutputError, match="beginning of another training"):
        FinetuneJob(request, lambda _: None).run()


def test_a_child_that_dies_is_told_with_its_last_words(
    tmp_path: Path, labels: Path
) -> None:
    # given, when, then
    with pytest.raises(FinetuneError, match="status 1: ModuleNotFoundError: no keras"):
        FinetuneJob(_request(tmp_path, labels, DIES), lambda _: None).run()


def test_frames_to_learn_from_and_to_judge_on_are_both_needed(
    tmp_path: Path, labels: Path
) -> None:
    # given
    labels.write_text("frame,x,y\n4,100,80\n")

    # when, then
    with pytest.raises(LabelsError, match="1 labelled frames to learn from, 0 to"):
        FinetuneJob(_request(tmp_path, labels, COPIES), lambda _: None).run()


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Heed Ctrl+C, also where the tests run in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_ends_the_child_and_keeps_what_is_done(
    tmp_path: Path, labels: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    # given
    program = """
import json, os, signal, sys, time
folder = sys.argv[sys.argv.index("--folder") + 1]
def stop(*_):
    open(folder + "/checkpoint.npz", "w").close()
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
os.kill(PARENT, signal.SIGINT)
while True:
    time.sleep(0.05)
"""
    request = _request(tmp_path, labels, program.replace("PARENT", str(os.getpid())))
    words = ["finetune", "--clips", str(SAMPLE_CLIP), "--labels", str(labels)]
    words += ["--out", str(request.folder), "--python", str(request.python)]

    # when
    status = main([*words, "--held-back", "0.4"])

    # then
    assert status == 130
    assert "the same command goes on from there" in capfd.readouterr().err
    assert {path.name for path in request.folder.iterdir()} == {
        "checkpoint.npz",
        "unfinished.json",
    }
