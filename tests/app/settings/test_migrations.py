"""Settings of every older version are read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.settings.migrations import SCHEMA_VERSION, STEPS, migrated
from app.settings.model import Settings
from app.settings.store import SettingsStore, read_settings

DATA = Path(__file__).parents[2] / "data" / "settings"
VERSIONS = range(1, SCHEMA_VERSION + 1)


def test_every_older_version_has_a_step() -> None:
    assert sorted(STEPS) == list(range(1, SCHEMA_VERSION))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_stored_file_of_every_version_is_read(version: int) -> None:
    path = DATA / f"v{version}.json"

    settings = read_settings(path)

    assert json.loads(path.read_text())["schema_version"] == version
    assert settings.tracking.lost_after_s == 7.25
    assert settings.source.start_uri == "synthetic://?objects=20"


def test_the_newest_file_sets_everything_to_another_value() -> None:
    """What is renamed, removed or retyped without a new version fails here."""
    path = DATA / f"v{SCHEMA_VERSION}.json"

    stored, default = read_settings(path), Settings()

    document = json.loads(path.read_text())
    del document["schema_version"]
    assert document == stored.model_dump(mode="json")
    same = [
        (name, field)
        for name, section in stored.values().items()
        for field, value in section.values().items()
        if value == getattr(default.section(name), field)
    ]
    assert same == []


def test_a_file_of_an_older_version_is_left_as_it_is_until_it_is_saved(
    tmp_path: Path,
) -> None:
    path = tmp_path / "settings.json"
    before = (DATA / "v1.json").read_bytes()
    path.write_bytes(before)

    loaded = SettingsStore(path).load()

    assert loaded.problem is None
    assert path.read_bytes() == before


def test_steps_are_taken_in_order_from_the_version_of_the_document() -> None:
    steps = {
        1: lambda document: {**document, "engine": {"kind": document["kind"]}},
        2: lambda document: {key: document[key] for key in ("engine",)},
        3: lambda document: {**document, "last": True},
    }

    assert migrated({"kind": "x"}, 1, steps, 4) == {
        "engine": {"kind": "x"},
        "last": True,
    }
    assert migrated({"engine": 1}, 3, steps, 4) == {"engine": 1, "last": True}
    assert migrated({"engine": 1}, 4, steps, 4) == {"engine": 1}


def test_a_missing_step_does_not_pass_unseen() -> None:
    with pytest.raises(KeyError):
        migrated({}, 1, {}, 2)
