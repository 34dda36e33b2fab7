from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from app.durable import beside_of, flush, write_whole


def test_what_is_written_is_all_there_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text("old")

    write_whole(path, "new")

    assert path.read_text() == "new\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "list.json"
    path.write_text("old")

    def fail(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(OSError, match="No space"):
        write_whole(path, "new")

    assert path.read_text() == "old"
    assert beside_of(path).name == "list.json.new"


def test_a_file_and_a_folder_are_flushed_before_the_name_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        flushed.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    path = tmp_path / "list.json"

    write_whole(path, "new")
    flush(path)

    folder = str(tmp_path.resolve())
    assert flushed == [f"{folder}/list.json.new", folder, f"{folder}/list.json"]
