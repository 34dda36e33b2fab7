from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from app.camera_store import CameraStore
from app.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


def test_values_are_kept_for_each_camera(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "cameras.json"
    CameraStore(path).add_controls("a", {"Gain": 3})
    CameraStore(path).add_controls("b", {"Gain": 4})
    CameraStore(path).add_controls("a", {"Exposure": 90})

    assert CameraStore(path).controls("a") == {"Gain": 3, "Exposure": 90}
    assert CameraStore(path).controls("b") == {"Gain": 4}
    assert CameraStore(path).controls("c") == {}


def test_presets_come_and_go(tmp_path: Path) -> None:
    store = CameraStore(tmp_path / "cameras.json")
    store.add_controls("a", {"Gain": 3})
    store.save_preset("a", "night", {"Gain": 9})
    store.save_preset("a", "day", {"Gain": 1})
    store.remove_preset("a", "day")

    assert store.presets("a") == {"night": {"Gain": 9}}
    assert store.controls("a") == {"Gain": 3}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"version": 2}', '{"version": 1, "cameras": {"a": 3}}']
)
def test_a_spoilt_file_is_no_values(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cameras.json"
    path.write_text(text)

    assert CameraStore(path).controls("a") == {}
    assert CameraStore(path).presets("a") == {}


def test_values_that_are_no_numbers_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "cameras.json"
    values = {"Gain": 3, "Name": "x", "Float": 1.5}
    document = {"version": 1, "cameras": {"a": {"controls": values}}}
    path.write_text(json.dumps(document))

    assert CameraStore(path).controls("a") == {"Gain": 3}


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = CameraStore(tmp_path / "file" / "cameras.json")

    with pytest.raises(SettingsError, match="cannot be written") as caught:
        store.add_controls("a", {"Gain": 3})

    assert caught.value.hint
