from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.commands.finetune import paired
from app.labels import Label, LabelsError, read_labels
from app.recording.corrections import Corrections, Edit, EditKind
from tests.app.review.sessions import record

if TYPE_CHECKING:
    from pathlib import Path


def _write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_table_gives_centres_sizes_and_empty_frames(tmp_path: Path) -> None:
    # given
    path = _write(
        tmp_path / "labels.csv",
        *("frame,x_px,y_px,width_px,height_px,who", "0,10,20,4,6,ann", "0,30,40,,,bob"),
        "7,,,,,ann",
    )

    # when
    labels = read_labels(path)

    # then
    assert labels == {0: [Label(10, 20, 4, 6), Label(30, 40, 8, 8)], 7: []}


def test_a_file_of_the_mot_challenge_counts_frames_from_1(tmp_path: Path) -> None:
    # given
    path = _write(tmp_path / "gt.txt", "1,3,10,20,4,6,1", "2,3,12,20,4,6,0")

    # when
    labels = read_labels(path)

    # then
    assert labels == {0: [Label(12, 23, 4, 6)]}


def test_a_session_gives_what_the_operator_corrected(tmp_path: Path) -> None:
    # given
    folder = record(
        tmp_path,
        {
            1: lambda at: (10.0 + at, 20.0) if at < 4 else None,
            2: lambda at: (30.0, 20.0 + at) if 2 <= at < 6 else None,
        },
        frames=8,
    )
    Corrections(folder).add(Edit(EditKind.DELETE, 2))

    # when
    labels = read_labels(folder)

    # then
    counts = {frame: len(found) for frame, found in sorted(labels.items())}
    assert counts == {0: 1, 1: 1, 2: 1, 3: 1, 4: 0, 5: 0}
    assert (labels[3][0].x_px, labels[3][0].y_px) == (13.0, 20.0)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("frame,x,y", "0,1"), "line 2 of"),
        (("frame,x,y", "0,1,nan"), "centre and size have to be numbers"),
        (("frame,x,y", "0,1,no"), "line 2 of"),
        (("frame,x,y", "-1,1,2"), "line 2 of"),
        (("frame,x,y", ""), "labels no frame"),
        (("0,1,5,5,4,4,1",), "frame 0"),
    ],
)
def test_what_is_no_label_is_named(
    tmp_path: Path, lines: tuple[str, ...], said: str
) -> None:
    # given
    path = _write(tmp_path / "labels.csv", *lines)

    # when, then
    with pytest.raises(LabelsError, match=said):
        read_labels(path)


def test_labels_that_are_not_there_are_told(tmp_path: Path) -> None:
    # given, when, then
    with pytest.raises(LabelsError, match="cannot read"):
        read_labels(tmp_path / "none.csv")


def test_a_session_among_clips_needs_no_labels(tmp_path: Path) -> None:
    # given
    session, labels = tmp_path / "session", tmp_path / "gt.txt"
    session.mkdir()
    (session / "session.json").write_text("{}")

    # when
    pairs = paired([str(session), "clip.mp4"], [labels])

    # then
    assert pairs == ((str(session), session), ("clip.mp4", labels))


def test_a_clip_without_labels_is_refused() -> None:
    # given, when, then
    with pytest.raises(LabelsError, match="2 clips, 0 of them sessions, and 0 files"):
        paired(["one.mp4", "two.mp4"], [])
