"""The command line wins over the file, and is not written there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.errors import SettingsError
from app.settings.draft import Key
from app.settings.in_use import SettingsInUse
from app.settings.model import DisplaySettings, EngineSettings, Settings
from app.settings.store import SettingsStore, read_settings
from engines.base import EngineKind

if TYPE_CHECKING:
    from pathlib import Path

KIND = Key("engine", "kind")
REFERENCE = EngineKind.REFERENCE


@pytest.fixture
def store(tmp_path: Path) -> SettingsStore:
    return SettingsStore(tmp_path / "settings.json")


def test_what_the_command_line_gives_wins_over_the_file(store: SettingsStore) -> None:
    store.save(Settings(engine=EngineSettings(kind=EngineKind.TENSORFLOW, threads=2)))

    in_use = SettingsInUse(store, {KIND: REFERENCE})

    assert in_use.now.engine == EngineSettings(kind=REFERENCE, threads=2)
    assert in_use.given == {KIND}


def test_what_the_command_line_gives_is_not_written(store: SettingsStore) -> None:
    store.save(Settings(engine=EngineSettings(kind=EngineKind.TENSORFLOW)))
    in_use = SettingsInUse(store, {KIND: REFERENCE})

    in_use.put(
        Settings(engine=in_use.now.engine, display=DisplaySettings(mask_opacity=0.9))
    )
    in_use.save()

    assert in_use.now.engine.kind is REFERENCE
    assert read_settings(store.path) == Settings(
        engine=EngineSettings(kind=EngineKind.TENSORFLOW),
        display=DisplaySettings(mask_opacity=0.9),
    )


def test_what_the_operator_sets_after_that_is_written(store: SettingsStore) -> None:
    in_use = SettingsInUse(store, {KIND: REFERENCE})
    chosen = Settings(engine=EngineSettings(kind=EngineKind.ONNXRUNTIME))

    in_use.put(chosen)
    in_use.save()

    assert in_use.given == set()
    assert in_use.now == read_settings(store.path) == chosen


def test_a_wrong_value_on_the_command_line_is_told(store: SettingsStore) -> None:
    with pytest.raises(SettingsError, match="engine threads is 0: it should be"):
        SettingsInUse(store, {Key("engine", "threads"): 0})


def test_what_has_not_changed_is_not_written(store: SettingsStore) -> None:
    in_use = SettingsInUse(store, {KIND: REFERENCE})

    in_use.put(in_use.now)
    in_use.save()

    assert not store.path.exists()


def test_beside_a_newer_file_settings_hold_and_are_not_written(
    store: SettingsStore,
) -> None:
    store.path.write_text('{"schema_version": 1000}')
    in_use = SettingsInUse(store)
    chosen = Settings(engine=EngineSettings(threads=4))

    in_use.put(chosen)
    in_use.save()

    assert in_use.problem is not None
    assert not in_use.is_kept
    assert in_use.now == chosen
    assert store.path.read_text() == '{"schema_version": 1000}'
