"""Settings that are being edited."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from app.settings.draft import Draft, Key
from app.settings.model import (
    DisplaySettings,
    EngineSettings,
    Settings,
    ThresholdSettings,
    TrackingSettings,
)

THREADS = Key("engine", "threads")
OPACITY = Key("display", "mask_opacity")
THRESHOLDS = Key("tracking", "thresholds")


def test_without_a_change_it_is_the_settings_in_use() -> None:
    base = Settings(engine=EngineSettings(threads=2))

    draft = Draft(base)

    assert draft.result() == base
    assert draft.changes == {}
    assert draft.faults() == {}


def test_changes_make_new_settings() -> None:
    base = Settings()
    draft = Draft(base)

    draft.set(THREADS, 4)
    draft.set(OPACITY, 0.9)

    assert draft.result() == Settings(
        engine=EngineSettings(threads=4), display=DisplaySettings(mask_opacity=0.9)
    )
    assert draft.value(THREADS) == 4
    assert base == Settings()


def test_a_change_can_be_undone() -> None:
    draft = Draft(Settings())
    draft.set(THREADS, 4)
    draft.set(OPACITY, 0.9)

    draft.undo(THREADS)

    assert draft.changes == {OPACITY: 0.9}


def test_a_value_that_is_as_before_is_no_change() -> None:
    draft = Draft(Settings())
    draft.set(THREADS, 4)

    draft.set(THREADS, 1)

    assert draft.changes == {}


def test_a_wrong_value_is_a_fault_of_its_field() -> None:
    draft = Draft(Settings())
    draft.set(THREADS, 0)
    draft.set(OPACITY, 0.9)

    assert draft.faults() == {THREADS: "it should be greater than or equal to 1"}
    with pytest.raises(ValidationError):
        draft.result()


def test_two_values_that_do_not_go_together_are_a_fault() -> None:
    draft = Draft(Settings())

    draft.set(THRESHOLDS, {"low": 0.8, "high": 0.5})

    assert draft.faults() == {THRESHOLDS: "low (0.8) is above high (0.5)"}


def test_a_section_is_reset_to_the_defaults_alone() -> None:
    base = Settings(
        engine=EngineSettings(threads=8),
        tracking=TrackingSettings(thresholds=ThresholdSettings(low=0.1, high=0.2)),
    )
    draft = Draft(base)
    draft.set(OPACITY, 0.9)

    draft.reset("engine")

    assert draft.changes == {THREADS: 1, OPACITY: 0.9}
    draft.reset("tracking")
    draft.reset("display")
    assert draft.result() == Settings()


def test_imported_settings_are_changes() -> None:
    imported = Settings(engine=EngineSettings(threads=3))
    draft = Draft(Settings())
    draft.set(OPACITY, 0.9)

    draft.take(imported)

    assert draft.changes == {THREADS: 3}
    assert draft.result() == imported


def test_what_is_changed_elsewhere_is_followed_and_a_change_here_stays() -> None:
    draft = Draft(Settings())
    draft.set(THREADS, 4)
    elsewhere = Settings(
        engine=EngineSettings(threads=2), display=DisplaySettings(mask_opacity=0.7)
    )

    draft.rebase(elsewhere)

    assert draft.value(THREADS) == 4
    assert draft.value(OPACITY) == 0.7
    draft.undo(THREADS)
    assert draft.result() == elsewhere
