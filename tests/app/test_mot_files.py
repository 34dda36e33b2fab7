from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.errors import ConsoleError
from app.mot_files import associate, read_detections
from main import main

if TYPE_CHECKING:
    from pathlib import Path


def _write(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _flight(frames: list[int], y_px: float = 50.0) -> list[str]:
    """An object of 10 x 8 px that moves three body lengths a frame."""
    return [f"{n},-1,{100 + 30 * n},{y_px},10,8,0.9,-1,-1,-1" for n in frames]


def test_detections_are_given_by_ascending_frame(tmp_path: Path) -> None:
    path = _write(tmp_path / "det.txt", ["2 -1 5 6 7 8 0.5", "", "1,-1,1,2,3,4,0.25"])

    table = read_detections(path)

    np.testing.assert_allclose(table, [[1, 1, 2, 3, 4, 0.25], [2, 5, 6, 7, 8, 0.5]])


@pytest.mark.parametrize(
    ("end", "confidence"), [("", 1.0), (",-1", 1.0), (",32.5", 1.0), (",0.3", 0.3)]
)
def test_a_confidence_is_from_0_to_1(
    tmp_path: Path, end: str, confidence: float
) -> None:
    path = _write(tmp_path / "det.txt", ["1,-1,10,20,5,5" + end])

    assert read_detections(path)[0, 5] == confidence


@pytest.mark.parametrize(
    "line", ["1,-1,10,20", "1,-1,a,20,5,5,1", "1,-1,nan,20,5,5,1", "1.5,-1,1,2,5,5,1"]
)
def test_a_line_that_is_no_detection_is_named(tmp_path: Path, line: str) -> None:
    path = _write(tmp_path / "det.txt", ["1,-1,10,20,5,5,1", line])

    with pytest.raises(ConsoleError, match="line 2"):
        read_detections(path)


def test_a_box_without_a_width_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "det.txt", ["1,-1,10,20,0,5,1"])

    with pytest.raises(ConsoleError, match="a box of 0 x 5"):
        read_detections(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConsoleError, match="cannot read"):
        read_detections(tmp_path / "none.txt")


def test_two_objects_keep_an_id_each(tmp_path: Path) -> None:
    frames = list(range(1, 30))
    lines = _flight(frames) + _flight(frames, y_px=400)
    path = _write(tmp_path / "det.txt", lines)

    found = associate(read_detections(path), 120.0)

    of = {line.split(",")[1] for line in found.lines if float(line.split(",")[3]) < 99}
    assert found.track_count == 2
    assert len(of) == 1


def test_a_gap_is_written_as_long_as_the_place_is_known(tmp_path: Path) -> None:
    path = _write(tmp_path / "det.txt", _flight([*range(1, 20), *range(25, 33)]))
    detections = read_detections(path)

    def gap(least_chance: float | None) -> list[str]:
        lines = associate(detections, 120.0, least_chance).lines
        assert len({line.split(",")[1] for line in lines}) == 1
        frames = {line.split(",")[0] for line in lines}
        return sorted(frames & {"20", "21", "22", "23", "24"})

    assert gap(None) == []
    assert gap(0.5) == ["20", "21"]
    assert gap(0.0) == ["20", "21", "22", "23", "24"]


def test_what_left_is_written_no_longer(tmp_path: Path) -> None:
    path = _write(tmp_path / "det.txt", [*_flight([*range(1, 20)]), "30,-1,5,5,9,9,1"])
    detections = read_detections(path)

    beyond = associate(detections, 120.0, 0.0, size_px=(650, 480)).lines

    assert beyond[-1].split(",")[0] == "19"


def test_the_command_writes_tracks_where_the_detections_are(tmp_path: Path) -> None:
    source = _write(tmp_path / "det.txt", _flight(list(range(1, 20))))
    out = tmp_path / "tracks.txt"

    status = main(["associate", str(source), "--fps", "120", "--out", str(out)])

    last = [float(cell) for cell in out.read_text().splitlines()[-1].split(",")]
    assert status == 0
    assert last[0] == 19
    assert last[2:6] == pytest.approx([670, 50, 10, 8], abs=1.0)


def test_the_command_wants_a_chance_from_0_to_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = _write(tmp_path / "det.txt", _flight([1]))
    out = str(tmp_path / "tracks.txt")

    status = main(
        ["associate", str(source), "--fps", "9", "--out", out, "--predict", "2"]
    )

    assert status != 0
    assert "from 0 to 1" in capsys.readouterr().err


def test_the_command_without_a_rate_of_frames_fails(tmp_path: Path) -> None:
    source = _write(tmp_path / "det.txt", _flight([1]))

    status = main(
        ["associate", str(source), "--fps", "0", "--out", str(tmp_path / "t")]
    )

    assert status == 1


def test_a_file_without_detections_has_no_tracks(tmp_path: Path) -> None:
    path = _write(tmp_path / "det.txt", [""])

    assert associate(read_detections(path), 30.0).lines == []


def test_gaps_are_filled_where_it_is_asked_for(tmp_path: Path) -> None:
    lines = _flight([n for n in range(30) if n not in (14, 15)])
    path, out = _write(tmp_path / "det.txt", lines), tmp_path / "tracks.txt"

    status = main(
        [
            *("associate", str(path), "--fps", "120", "--out", str(out)),
            *("--fill-gaps", "2", "--size", "1200x100"),
        ]
    )

    rows = [line.split(",") for line in out.read_text().splitlines()]
    filled = {int(row[0]): float(row[2]) for row in rows if row[0] in ("14", "15")}
    assert status == 0
    assert len({row[1] for row in rows}) == 1
    assert filled == pytest.approx({14: 520, 15: 550}, abs=2)
