"""`main.py doctor --root`: what the hardware says, and nothing is tried."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import main
from tests.fakes.boards import build_board

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_recorded_board_is_told_as_json_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = build_board("tx2_r32_maxp_core_arm", tmp_path)

    status = main.main(["doctor", "--root", str(root), "--json"])
    hardware = json.loads(capsys.readouterr().out)["hardware"]

    assert status == 0
    assert hardware["board"]["jetpack"] == "4.6.6"
    assert hardware["mode"]["name"] == "MAXP_CORE_ARM"
    assert hardware["power"]["total_w"] == 3.177
    assert {"what": "EMC clock", "reason": "Permission denied; needs root"} in hardware[
        "gaps"
    ]


def test_a_person_reads_limits_and_what_could_not_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = build_board("agx_orin_r36", tmp_path)

    main.main(["doctor", "--root", str(root)])
    text = capsys.readouterr().out

    assert "47.5 °C, clocks lowered at 95.0, hot at 99.0, off at 104.5" in text
    read, _, missing = text.partition("Not read")
    assert "cv0-thermal" not in read
    assert "cv0-thermal               powered off" in missing


def test_cores_of_a_kind_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = build_board("tx2_r32_maxp_core_arm", tmp_path)

    main.main(["doctor", "--root", str(root)])
    text = capsys.readouterr().out

    assert "core 1-2                  Denver 2, off" in text
    assert "core 4-5                  Cortex-A57, 2035 MHz" in text


def test_this_machine_is_read_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["doctor", "--root", "/", "--json"]) == 0

    hardware = json.loads(capsys.readouterr().out)["hardware"]

    assert 0.0 <= hardware["cpu"]["load_ratio"] <= 1.0
    assert hardware["memory"]["available_mb"] > 0
    assert hardware["disk"]["free_mb"] > 0


def test_a_tree_that_is_not_there_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["doctor", "--root", str(tmp_path / "none")]) == 1
    assert "there is no folder" in capsys.readouterr().err
