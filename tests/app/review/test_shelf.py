"""The list of sessions is read and put in order beside the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.recording.manifest import SessionState, load_session_manifest
from app.review.shelf import THUMBNAIL_PX, SessionShelf, ShelfStatus
from tests.app.review.sessions import record
from tests.fakes.recording import wait_until

if TYPE_CHECKING:
    from pathlib import Path

WAYS = {1: lambda at: (at * 0.5, 20.0)}


def _read(folder: Path) -> ShelfStatus:
    shelf = SessionShelf(folder)
    shelf.start()
    wait_until(lambda: shelf.status().is_done)
    shelf.stop()
    return shelf.status()


def test_sessions_come_with_pictures_and_unfinished_ones_are_recovered(
    tmp_path: Path,
) -> None:
    folder = record(tmp_path, WAYS, name="first")
    record(tmp_path, WAYS, name="second")
    load_session_manifest(folder).changed(state=SessionState.RECORDING).save(folder)

    status = _read(tmp_path)

    assert [entry.manifest.name for entry in status.entries] == ["second", "first"]
    assert status.recovered == ("first",)
    assert status.entries[1].manifest.state is SessionState.RECOVERED
    assert {each.shape for each in status.thumbnails.values()} == {
        (THUMBNAIL_PX[1], THUMBNAIL_PX[0], 3)
    }
    assert all(each.max() > 0 for each in status.thumbnails.values())


def test_a_session_without_its_video_has_no_picture(tmp_path: Path) -> None:
    (record(tmp_path, WAYS) / "video_000.mp4").unlink()

    status = _read(tmp_path)

    assert len(status.entries) == 1
    assert status.thumbnails == {}
    assert status.fault is None


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    status = _read(tmp_path / "none")

    assert status.entries == ()
    assert status.is_listed
