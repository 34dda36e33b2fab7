from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

import pytest

from app.commands import convert
from app.conversion_job import ConverterMissingError
from engines.convert.errors import OutputNotFoundError, UnsupportedTargetError

if TYPE_CHECKING:
    from pathlib import Path

STEP = {
    "name": "fold",
    "summary": "folded",
    "nodes_before": 12,
    "nodes_after": 5,
    "removed": {"Mul": 7},
    "max_abs_diff": 1e-7,
    "mask_iou": None,
    "seconds": 0.1,
    "bytes_after": 1000,
    "notes": ["one note"],
    "reasons": [],
    "kept": [{"node": "n", "op": "Mul", "reason": "because"}],
}
RESULT = {
    "model": "net",
    "target": "openvino",
    "steps": [STEP],
    "engine": {"path": "/x", "kind": "openvino", "precision": "fp32", "bytes": 9},
    "samples": "4 made-up pictures",
    "cached": False,
    "versions": {},
    "seconds": 1.5,
    "speed": None,
    "trials": [],
}


def arguments_for(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    convert.add_parser(parser.add_subparsers())
    return parser.parse_args(["convert", *words])


def python_that_emits(folder: Path, event: dict[str, object]) -> str:
    """An interpreter that says one event instead of converting."""
    code = folder / "converter.py"
    code.write_text(f"print({json.dumps(json.dumps(event))})")
    python = folder / "python"
    python.write_text(f"#!/bin/sh\nexec {sys.executable} {code}\n")
    python.chmod(0o755)
    return str(python)


@pytest.fixture
def words(tmp_path) -> list[str]:
    python = python_that_emits(tmp_path, {"event": "finished", "result": RESULT})
    out = tmp_path / "out"
    out.mkdir()
    return ["net.pb", "--to", "openvino", "--out", str(out), "--python", python]


def test_with_json_the_figures_are_all_that_is_printed(words, capsys) -> None:
    status = convert.run(arguments_for(*words, "--json"))

    (line,) = capsys.readouterr().out.splitlines()
    printed = json.loads(line)
    assert status == 0
    assert set(printed) == {"model", "target", "steps", "engine"}
    assert set(printed["steps"][0]) == {
        *("name", "nodes_before", "nodes_after", "removed"),
        *("max_abs_diff", "mask_iou", "seconds"),
    }
    assert set(printed["engine"]) == {"path", "kind", "precision", "bytes"}


def test_for_a_person_the_table_notes_and_reasons_come_before_it(words, capsys) -> None:
    convert.run(arguments_for(*words))

    *text, last = capsys.readouterr().out.splitlines()
    assert json.loads(last)["model"] == "net"
    assert any("12 ->    5" in line for line in text)
    assert "fold: one note" in text
    assert "fold: kept n (Mul): because" in text


def test_the_report_is_written_as_a_page_beside_the_engine(
    words, tmp_path, capsys
) -> None:
    convert.run(arguments_for(*words))

    page = tmp_path / "out" / "report.html"
    assert "net to openvino" in page.read_text(encoding="utf-8")
    assert f"report: {page}" in capsys.readouterr().out


def test_speed_and_every_try_are_told_to_a_person(tmp_path, capsys) -> None:
    timed = {"fps_by_round": [50.0], "fps": 50.0, "ratio_to_reference": 1.0}
    fast = {"fps_by_round": [90.0], "fps": 90.0, "ratio_to_reference": 1.8}
    trial = {
        "max_workspace_size_bytes": 256 << 20,
        "minimum_segment_size": 3,
        "fps": 41.25,
        "memory_bytes": 300 << 20,
        "engines": 2,
        "failure": "",
    }
    results = [timed | {"engine": "as trained"}, fast | {"engine": "tf-trt"}]
    speed = {"threads": 1, "results": results, "reason": ""}
    result = RESULT | {"speed": speed, "trials": [trial]}
    python = python_that_emits(tmp_path, {"event": "finished", "result": result})
    words = ["net.pb", "--to", "tf-trt", "--out", str(tmp_path), "--python", python]

    convert.run(arguments_for(*words))

    lines = capsys.readouterr().out.splitlines()
    assert "tf-trt: 90.0 fps, 1.80 times" in lines
    assert any(
        line.split() == ["256", "MiB", "3", "2", "41.2", "300", "MiB"] for line in lines
    )


def test_the_converters_error_is_raised(tmp_path) -> None:
    error = {"type": "OutputNotFoundError", "message": "two", "hint": "--output"}
    python = python_that_emits(tmp_path, {"event": "failed", "error": error})
    words = ["net.pb", "--to", "onnx", "--out", str(tmp_path / "o"), "--python", python]

    with pytest.raises(OutputNotFoundError, match="two"):
        convert.run(arguments_for(*words))


def test_a_precision_that_the_target_lacks_is_refused_before_anything_starts() -> None:
    words = ["net.pb", "--to", "onnx", "--out", "o", "--precision", "int8"]

    with pytest.raises(UnsupportedTargetError):
        convert.run(arguments_for(*words))


def test_a_python_that_is_not_there_is_refused() -> None:
    words = ["net.pb", "--to", "onnx", "--out", "o", "--python", "/nowhere/python"]

    with pytest.raises(ConverterMissingError):
        convert.run(arguments_for(*words))


@pytest.mark.parametrize("size", ["0x10", "10", "axb"])
def test_a_size_that_is_none_is_refused(size, capsys) -> None:
    words = ["net.pb", "--to", "onnx", "--out", "o", "--size", size]

    with pytest.raises(SystemExit):
        arguments_for(*words)

    assert "--size" in capsys.readouterr().err
