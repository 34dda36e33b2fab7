"""Whole stories, through the command line."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import pytest

import app
import main as command_line
from app.paths import SAMPLE_CLIP

if TYPE_CHECKING:
    from _pytest.capture import CaptureFixture

ROOT = Path(__file__).parents[2]


def _last_line(text: str) -> dict[str, object]:
    last: dict[str, object] = json.loads(text.strip().splitlines()[-1])
    return last


@pytest.fixture(autouse=True)
def _same_switch_interval() -> object:
    before = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before)


def test_the_bundled_network_tracks_the_bundled_clip(
    tmp_path: Path, capsys: CaptureFixture[str]
) -> None:
    arguments = ["track", str(SAMPLE_CLIP), "--out", str(tmp_path), "--every-frame"]

    status = command_line.main([*arguments, "--frames", "60", "--annotate"])

    printed = capsys.readouterr().out
    figures = _last_line(printed)
    assert status == 0
    assert (figures["frames"], figures["inferred"], figures["lost"]) == (60, 60, 0)
    assert int(str(figures["tracks"])) >= 4
    with (tmp_path / "telemetry.csv").open(newline="") as file:
        telemetry = list(csv.DictReader(file))
    assert int(telemetry[-1]["frame"]) > int(telemetry[0]["frame"])
    assert float(telemetry[-1]["memory_used_mb"]) > 0
    with (tmp_path / "tracks.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["state"] for row in rows} >= {"confirmed"}
    assert cv2.imread(str(tmp_path / "annotated.png")).shape == (480, 640, 3)
    assert (tmp_path / "annotated.mp4").stat().st_size > 10_000


def test_a_second_look_is_told_with_what_it_costs(
    tmp_path: Path, capsys: CaptureFixture[str]
) -> None:
    arguments = ["track", str(SAMPLE_CLIP), "--out", str(tmp_path), "--every-frame"]

    status = command_line.main([*arguments, "--frames", "60", "--second-look", "1"])

    printed = capsys.readouterr().out
    look = _last_line(printed)["second_look"]
    assert status == 0
    assert "of 4 crops a frame" in printed
    assert isinstance(look, dict)
    assert look["asked"] == 1
    assert look["crops_per_frame"] == pytest.approx(4, abs=0.1)
    assert look["ms_per_frame"] > 0
    with (tmp_path / "telemetry.csv").open(newline="") as file:
        telemetry = list(csv.DictReader(file))
    assert float(telemetry[-1]["crops"]) == pytest.approx(4, abs=0.1)


def test_in_json_mode_nothing_else_is_printed(
    tmp_path: Path, capsys: CaptureFixture[str]
) -> None:
    status = command_line.main(
        [
            "track",
            "synthetic://?objects=3&size=160x120&seed=1",
            "--out",
            str(tmp_path),
            "--every-frame",
            "--frames",
            "20",
            "--engine",
            "reference",
            "--json",
        ]
    )

    printed = capsys.readouterr().out
    assert status == 0
    assert len(printed.splitlines()) == 1
    assert set(_last_line(printed)) == {
        "frames",
        "inferred",
        "replaced",
        "lost",
        "fps",
        "latency_ms",
        "tracks",
        "second_look",
    }


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("nowhere.mp4", "nowhere.mp4"),
        ("synthetic://?objects=many", "many"),
        ("carrier-pigeon://7", "carrier-pigeon"),
    ],
)
def test_a_source_that_cannot_be_opened_ends_with_message_and_hint(
    source: str, words: str, tmp_path: Path, capsys: CaptureFixture[str]
) -> None:
    status = command_line.main(
        ["track", source, "--out", str(tmp_path), "--engine", "reference"]
    )

    lines = capsys.readouterr().err.splitlines()
    assert status == 1
    assert words in lines[0]
    assert len(lines) >= 2


def test_a_model_folder_without_a_manifest_ends_with_message_and_hint(
    tmp_path: Path, capsys: CaptureFixture[str]
) -> None:
    status = command_line.main(
        [
            "track",
            "synthetic://",
            "--out",
            str(tmp_path),
            "--model",
            str(tmp_path),
        ]
    )

    assert status == 1
    assert "manifest.json" in capsys.readouterr().err


def test_a_word_that_is_no_command_is_answered_with_those_there_are(
    capsys: CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as stop:
        command_line.main(["clip.mp4"])

    told = capsys.readouterr().err
    assert stop.value.code == 2
    assert "there is no command 'clip.mp4'" in told
    assert all(name in told for name in command_line.COMMANDS)
    assert "--source clip.mp4" in told


def test_the_version_is_that_of_the_project(capsys: CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        command_line.main(["--version"])

    assert stop.value.code == 0
    assert capsys.readouterr().out == f"Peregrine {app.VERSION}\n"


def test_commands_run_where_pyside6_is_not_installed(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['PySide6'] = None; sys.modules['pyqtgraph'] = None;"
        "import main; sys.exit(main.main(sys.argv[1:]))"
    )
    arguments = [
        "track",
        "synthetic://?size=160x120",
        f"--out={tmp_path}",
        "--frames=5",
        "--every-frame",
        "--engine=reference",
        "--json",
    ]

    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert _last_line(done.stdout)["frames"] == 5


def test_without_a_display_the_console_says_so_and_tracks_the_bundled_clip(
    tmp_path: Path,
) -> None:
    screens = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    environment = {k: v for k, v in os.environ.items() if k not in screens}
    program = (
        "import main; main._HEADLESS_SECONDS = 1.0; raise SystemExit(main.main([]))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "no display" in done.stdout
    assert (tmp_path / "out" / "headless" / "tracks.csv").exists()
    assert (tmp_path / "out" / "headless" / "annotated.png").exists()
