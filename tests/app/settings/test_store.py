"""The settings file: written whole or not at all, and never overwritten unread."""

from __future__ import annotations

import copy
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from app.errors import SettingsError
from app.settings.migrations import SCHEMA_VERSION
from app.settings.model import DisplaySettings, EngineSettings, Settings
from app.settings.store import SettingsStore, read_settings, write_settings

NEWEST = Path(__file__).parents[2] / "data" / "settings" / f"v{SCHEMA_VERSION}.json"
OTHER = Settings(display=DisplaySettings(mask_opacity=0.8))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "peregrine" / "settings.json"


def put(path: Path, content: bytes | str | dict[str, Any]) -> bytes:
    if isinstance(content, dict):
        content = json.dumps(content)
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return data


def test_without_a_file_the_defaults_hold_and_nothing_is_made(path: Path) -> None:
    loaded = SettingsStore(path).load()

    assert loaded == (Settings(), None)
    assert not path.parent.exists()


def test_what_is_saved_is_loaded(path: Path) -> None:
    store = SettingsStore(path)

    store.save(OTHER)

    assert SettingsStore(path).load() == (OTHER, None)
    assert list(path.parent.iterdir()) == [path]


def test_the_version_comes_first(path: Path) -> None:
    SettingsStore(path).save(OTHER)

    assert next(iter(json.loads(path.read_text()).items())) == (
        "schema_version",
        SCHEMA_VERSION,
    )


def test_a_setting_that_a_file_does_not_name_has_its_default(path: Path) -> None:
    put(path, {"schema_version": 1, "engine": {"threads": 4}})

    loaded = SettingsStore(path).load()

    assert loaded == (Settings(engine=EngineSettings(threads=4)), None)


def test_a_file_that_cannot_be_written_stays_the_old_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SettingsStore(path)
    store.save(OTHER)
    before = path.read_bytes()

    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(SettingsError, match="No space left on device"):
        store.save(Settings())
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (
            {"schema_version": 1, "engine": {"threads": 900}},
            "settings.json: engine.threads is 900: it should be less than or equal"
            " to 64",
        ),
        (
            {"schema_version": 1, "engine": {"treads": 2}},
            "settings.json: engine.treads is 2: there is no such setting",
        ),
        (
            {"schema_version": 1, "engine": {"kind": "gpu"}, "display": 3},
            "settings.json: engine.kind is",
        ),
        ({"schema_version": "1"}, 'settings.json: schema_version is "1", not a'),
        ({"schema_version": 0}, "settings.json: schema_version is 0, not a"),
        ({"schema_version": True}, "settings.json: schema_version is true, not a"),
        ({"engine": {}}, "settings.json: schema_version is null, not a"),
    ],
)
def test_a_bad_file_is_moved_aside_and_told_with_key_value_and_bound(
    path: Path, document: dict[str, Any], message: str
) -> None:
    before = put(path, document)
    store = SettingsStore(path)

    settings, problem = store.load()

    assert settings == Settings()
    assert problem is not None
    assert problem.message.startswith(message)
    assert "settings.json.bad" in problem.hint
    assert (path.parent / "settings.json.bad").read_bytes() == before
    assert not path.exists()
    store.save(OTHER)
    assert read_settings(path) == OTHER


def test_a_second_bad_file_does_not_take_the_place_of_the_first(path: Path) -> None:
    for content in (b"first", b"second", b"third"):
        put(path, content)
        SettingsStore(path).load()

    kept = {each.name: each.read_bytes() for each in path.parent.iterdir()}
    assert kept == {
        "settings.json.bad": b"first",
        "settings.json.bad-2": b"second",
        "settings.json.bad-3": b"third",
    }


def test_a_newer_file_is_left_as_it_is_and_nothing_is_saved(path: Path) -> None:
    before = put(path, {"schema_version": SCHEMA_VERSION + 1, "flight": {"height": 3}})
    store = SettingsStore(path)

    settings, problem = store.load()

    assert settings == Settings()
    assert problem is not None
    assert str(SCHEMA_VERSION + 1) in problem.message
    assert not store.can_save
    with pytest.raises(SettingsError, match="not saved"):
        store.save(OTHER)
    assert list(path.parent.iterdir()) == [path]
    assert path.read_bytes() == before


def test_what_cannot_be_read_is_left_as_it_is(path: Path) -> None:
    path.mkdir(parents=True)
    store = SettingsStore(path)

    settings, problem = store.load()

    assert settings == Settings()
    assert problem is not None
    assert "Is a directory" in problem.message
    assert not store.can_save
    assert path.is_dir()


def test_a_bad_file_that_cannot_be_moved_is_left_as_it_is(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = put(path, b"{")

    def fail(_self: Path, _target: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", fail)
    store = SettingsStore(path)

    settings, problem = store.load()

    assert settings == Settings()
    assert problem is not None
    assert not store.can_save
    assert path.read_bytes() == before


def test_a_file_that_was_mended_is_saved_again(path: Path) -> None:
    put(path, {"schema_version": SCHEMA_VERSION + 1})
    store = SettingsStore(path)
    store.load()
    put(path, {"schema_version": SCHEMA_VERSION})

    assert store.load().problem is None

    store.save(OTHER)
    assert read_settings(path) == OTHER


def test_settings_can_be_written_anywhere_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "to a colleague.json"

    write_settings(OTHER, path)

    assert read_settings(path) == OTHER


def test_reading_a_foreign_file_leaves_it_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not settings")

    with pytest.raises(SettingsError, match="no JSON document"):
        read_settings(path)
    assert path.read_text() == "not settings"


# --- files damaged in every way there is

WRONG_VALUES: tuple[Any, ...] = (
    None,
    True,
    "",
    "\ud800",
    "seven",
    [],
    {},
    [1, 2],
    {"x": 1},
    -1,
    -1e300,
    1e300,
    10**400,
    float("nan"),
    float("inf"),
    "\0",
)


def _places(document: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    found = []
    for key, value in document.items():
        found.append((document, key))
        if isinstance(value, dict):
            found.extend(_places(value))
    return found


def _truncated(good: bytes, chance: random.Random) -> bytes:
    return good[: chance.randrange(len(good) - 2)]


def _flipped(good: bytes, chance: random.Random) -> bytes:
    data = bytearray(good)
    for _ in range(chance.randint(1, 20)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def _overwritten_with_zeros(good: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(good) - 1)
    return good[:start] + bytes(len(good) - start)


def _doubled(good: bytes, chance: random.Random) -> bytes:
    return good + good[: chance.randrange(2, len(good))]


def _wrong_value(good: bytes, chance: random.Random) -> bytes:
    document = json.loads(good)
    for _ in range(chance.randint(1, 4)):
        places = _places(document)
        if places:
            holder, key = chance.choice(places)
            holder[key] = copy.deepcopy(chance.choice(WRONG_VALUES))
    return json.dumps(document).encode()


def _unknown_key(good: bytes, chance: random.Random) -> bytes:
    document = json.loads(good)
    chance.choice([document, document["engine"]])[f"x{chance.random()}"] = 1
    return json.dumps(document).encode()


def _newer(good: bytes, chance: random.Random) -> bytes:
    document = json.loads(good)
    document["schema_version"] = SCHEMA_VERSION + chance.randint(1, 10**9)
    return json.dumps(document).encode()


def _another_document(_good: bytes, chance: random.Random) -> bytes:
    return chance.choice(
        [
            b"",
            b"null",
            b"[]",
            b"17",
            b'"text"',
            b"{}",
            b"[" * 100_000,
            b'{"a":' * 50_000,
            b"9" * 10_000,
            b"\xff\xfe{\0}\0",
            b"\0" * 4096,
            b" " * 1_000_001,
            chance.randbytes(500),
        ]
    )


DAMAGES = (
    _truncated,
    _flipped,
    _overwritten_with_zeros,
    _doubled,
    _wrong_value,
    _unknown_key,
    _newer,
    _another_document,
)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda each: each.__name__)
def test_no_damaged_file_stops_the_start_or_is_lost(
    path: Path, damage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand files in all, the same in every run."""
    good = NEWEST.read_bytes()
    # A thousand of them would wait for the disk for most of a minute.
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    still_good = 0
    for seed in range(1000 // len(DAMAGES)):
        data = put(path, damage(good, random.Random(seed)))

        store = SettingsStore(path)
        settings, problem = store.load()

        if problem is None:
            # A digit may have become another: then it still is a file of settings.
            assert damage in (_flipped, _wrong_value), data
            still_good += 1
            assert path.read_bytes() == data
            continue
        assert settings == Settings()
        assert problem.message
        assert problem.hint
        if store.can_save:
            store.save(OTHER)
            assert read_settings(path) == OTHER
        kept = [each for each in path.parent.iterdir() if each.read_bytes() == data]
        assert len(kept) == 1, "the operator's file is gone"
        assert kept[0].name.startswith(
            "settings.json.bad" if store.can_save else "settings.json"
        )
        assert store.can_save or damage in (_newer, _wrong_value, _flipped)
        kept[0].unlink()
    assert still_good < 40
