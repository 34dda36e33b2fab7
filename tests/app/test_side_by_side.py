from __future__ import annotations

import json
from typing import TYPE_CHECKING

import main as command_line
from app.side_by_side import folder_names

if TYPE_CHECKING:
    from pathlib import Path

    from _pytest.capture import CaptureFixture


def test_folders_are_named_after_the_sources_and_differ() -> None:
    names = folder_names(
        [
            "/dev/video0",
            "rtsp://user:secret@host/live/one#transport=udp",
            "synthetic://?objects=2",
            "clips/a b.mp4",
            "clips/a b.mp4",
        ]
    )

    assert names == ["0-video0", "1-one", "2", "3-a-b", "4-a-b"]


def test_several_sources_are_tracked_at_once_and_one_that_fails_alone(
    tmp_path: Path, capsys: CaptureFixture[str]
) -> None:
    scenes = [f"synthetic://?size=160x120&fps={fps}&frames=12" for fps in (30, 500)]
    options = ["--engine", "reference", "--every-frame", "--out", str(tmp_path)]

    status = command_line.main(["track", *scenes, "missing.mp4", *options])

    printed = capsys.readouterr()
    told = json.loads(printed.out.strip().splitlines()[-1])["sources"]
    assert status == 1
    assert [each["status"] for each in told] == [0, 0, 1]
    assert [each.get("inferred") for each in told] == [12, 12, None]
    assert "2-missing: peregrine: there is no file missing.mp4" in printed.err
    for name in ("0", "1"):
        assert (tmp_path / name / "tracks.csv").stat().st_size > 0


def test_several_sources_are_recorded_at_once(
    tmp_path: Path, capsys: CaptureFixture[str]
) -> None:
    scenes = ["synthetic://?size=160x120&frames=20&seed=1"] * 2
    options = ["--engine", "reference", "--every-frame", "--out", str(tmp_path)]

    status = command_line.main(["record", *scenes, *options])

    told = json.loads(capsys.readouterr().out.strip().splitlines()[-1])["sources"]
    assert status == 0
    assert [each["frames"] for each in told] == [20, 20]
    assert all((tmp_path / name / "session.json").exists() for name in ("0", "1"))


def test_what_waits_for_keys_is_for_one_source(
    tmp_path: Path, capsys: CaptureFixture[str]
) -> None:
    options = ["--pretrigger", "2", "--out", str(tmp_path)]

    assert command_line.main(["record", "a.mp4", "b.mp4", *options]) == 1
    assert "one source" in capsys.readouterr().err
