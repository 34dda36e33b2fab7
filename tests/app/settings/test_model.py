"""Sections, their bounds, and what a change to one of them means."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from app.engine_choice import EngineChoice
from app.hardware.alarms import AlarmLimits
from app.overlay import OverlayOptions
from app.paths import sessions_folder
from app.recording.settings import (
    EncoderChoice,
    Quality,
    RecordingSettings,
    TriggerZone,
)
from app.segmentation import Thresholds
from app.settings.hardware import HardwareOptions
from app.settings.model import (
    SECTIONS,
    DisplaySettings,
    EngineSettings,
    Settings,
    SourceSettings,
    ThresholdSettings,
    TrackingSettings,
    changed,
    effects,
    restarts_feed,
    section_type,
)
from app.settings.recording import RecordingOptions
from app.settings.section import Effect, look_of
from app.sources.base import FrameMode
from app.tracking.settings import TRACKER_BOUNDS, TrackerSettings
from engines.base import EngineKind, Precision

ALL_FIELDS = [
    (section, name, field)
    for section in SECTIONS
    for name, field in section_type(section).model_fields.items()
]
OTHER_VALUES: dict[str, dict[str, Any]] = {
    "source": {"start_uri": "a.mp4", "mode": FrameMode.EVERY_FRAME},
    "engine": {
        "model": Path("/m"),
        "kind": EngineKind.REFERENCE,
        "precision": Precision.FP32,
        "threads": 2,
        "host": Path("/usr/bin/python3"),
    },
    "tracking": {
        "thresholds": ThresholdSettings(low=0.1, high=0.2),
        "lost_after_s": 1.0,
        "max_step_bodies": 3.0,
        "agility": 2.0,
        "position_noise_px": 2.0,
        "false_tracks_per_frame": 0.1,
        "min_confidence": 0.3,
        "birth_confidence": 0.7,
        "second_look": 3,
    },
    "recording": {
        "folder": Path("/recordings"),
        "quality": Quality.LOSSLESS,
        "encoder": EncoderChoice.HEVC,
        "is_grey": True,
        "pretrigger_s": 2.5,
        "keeps_masks": True,
        "seconds_limit": 600.0,
        "zone": "1,2;3,4;5,2.5",
        "zone_after_s": 3.5,
        "reserve_gb": 5.0,
    },
    "display": {
        "shows_mask": False,
        "mask_opacity": 0.9,
        "shows_outlines": False,
        "shows_ids": False,
        "shows_trails": False,
        "shows_prediction": True,
        "shows_crops": True,
        "trail_s": 1.0,
        "picture_rate_hz": 20.0,
    },
    "hardware": {
        "reading_period_s": 2.0,
        "near_limit_c": 10.0,
        "memory_reserve_gb": 0.5,
        "full_disk_gb": 20.0,
        "runs_remedies": False,
    },
}


def with_(section: str, **values: Any) -> Settings:
    settings = Settings()
    kept = settings.section(section).values()
    return Settings(
        **{**settings.values(), section: section_type(section)(**{**kept, **values})}
    )


@pytest.mark.parametrize(("section", "name", "field"), ALL_FIELDS)
def test_every_field_says_what_it_is(section: str, name: str, field: Any) -> None:
    assert field.title, (section, name)
    assert field.description.endswith("."), (section, name)
    assert look_of(field)


def test_the_defaults_are_those_of_what_they_set() -> None:
    settings = Settings()

    assert settings.tracking.tracker() == TrackerSettings()
    assert settings.tracking.asked_thresholds() is None
    assert settings.display.overlay() == OverlayOptions()
    assert settings.engine.choice() == EngineChoice()
    assert settings.hardware.alarm_limits() == AlarmLimits()
    assert settings.hardware.memory_reserve_mb is None
    assert settings.recording.recorder() == RecordingSettings(sessions_folder())


def test_every_parameter_of_the_tracker_can_be_set() -> None:
    for name, (least, most) in TRACKER_BOUNDS.items():
        for bound in (least, most):
            tracking = TrackingSettings(**{name: bound})
            assert getattr(tracking.tracker(), name) == bound
        for wrong in (least - 1, most * 2):
            with pytest.raises(ValidationError):
                TrackingSettings(**{name: wrong})


def test_what_is_set_reaches_what_it_sets() -> None:
    tracking = TrackingSettings(thresholds=ThresholdSettings(low=0.1, high=0.2))

    assert tracking.asked_thresholds() == Thresholds(0.1, 0.2)
    assert DisplaySettings(shows_ids=False).overlay() == OverlayOptions(shows_ids=False)
    engine = EngineSettings(kind=EngineKind.TENSORFLOW, threads=4)
    assert engine.choice() == EngineChoice(kind=EngineKind.TENSORFLOW, threads=4)


def test_every_choice_of_a_recording_reaches_the_recorder() -> None:
    options = RecordingOptions(**OTHER_VALUES["recording"])

    assert options.recorder() == RecordingSettings(
        folder=Path("/recordings"),
        quality=Quality.LOSSLESS,
        encoder=EncoderChoice.HEVC,
        is_grey=True,
        pretrigger_s=2.5,
        keeps_masks=True,
        seconds_limit=600.0,
        reserve_bytes=5_000_000_000,
        zone=TriggerZone(((1, 2), (3, 4), (5, 2.5)), 3.5),
    )
    assert RecordingOptions().taking(options.recorder()).zone == "1,2;3,4;5,2.5"
    with pytest.raises(ValidationError, match="no polygon"):
        RecordingOptions(zone="1,2;3,4")


def test_the_limits_of_the_machine_reach_its_alarms() -> None:
    options = HardwareOptions(**OTHER_VALUES["hardware"])

    assert options.alarm_limits() == AlarmLimits(
        near_limit_c=10.0, memory_reserve_mb=512.0, full_disk_mb=20480.0
    )


def test_what_the_panel_changes_leaves_the_rest_of_the_options() -> None:
    options = RecordingOptions(folder=Path("/recordings"), reserve_gb=5.0)
    panel = replace(options.recorder(), quality=Quality.SMALL, pretrigger_s=1.5)

    taken = options.taking(panel)

    assert taken == RecordingOptions(
        folder=Path("/recordings"),
        reserve_gb=5.0,
        quality=Quality.SMALL,
        pretrigger_s=1.5,
    )


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        (EngineSettings, {"threads": 0}),
        (EngineSettings, {"threads": 65}),
        (EngineSettings, {"threads": 2.0}),
        (EngineSettings, {"threads": "2"}),
        (EngineSettings, {"threads": True}),
        (EngineSettings, {"threads": None}),
        (EngineSettings, {"kind": "openvino"}),
        (EngineSettings, {"model": Path("a\0b")}),
        (EngineSettings, {"host": Path("/bin/\udcff")}),
        (EngineSettings, {"hosts": None}),
        (SourceSettings, {"start_uri": ""}),
        (SourceSettings, {"start_uri": "synthetic://?seed=1&seed=2"}),
        (RecordingOptions, {"folder": Path("a\0b")}),
        (RecordingOptions, {"pretrigger_s": 61.0}),
        (RecordingOptions, {"seconds_limit": 0.0}),
        (DisplaySettings, {"mask_opacity": 1.01}),
        (DisplaySettings, {"mask_opacity": float("nan")}),
        (DisplaySettings, {"shows_mask": 1}),
        (ThresholdSettings, {"low": 0.6, "high": 0.5}),
    ],
)
def test_a_wrong_value_is_refused_and_not_made_right(
    type_: type[Any], values: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        type_(**values)


def test_nobody_edits_settings_in_place() -> None:
    with pytest.raises(ValidationError):
        Settings().engine.threads = 4


@pytest.mark.parametrize("section", SECTIONS)
def test_a_change_is_told_by_section(section: str) -> None:
    for name, value in OTHER_VALUES[section].items():
        new = with_(section, **{name: value})

        assert changed(Settings(), new) == {section}
        assert changed(new, new) == set()


def test_every_field_is_in_this_test() -> None:
    assert {section: set(values) for section, values in OTHER_VALUES.items()} == {
        section: set(section_type(section).model_fields) for section in SECTIONS
    }


@pytest.mark.parametrize(("section", "name", "field"), ALL_FIELDS)
def test_only_source_and_engine_start_the_feed_anew(
    section: str, name: str, field: Any
) -> None:
    new = with_(section, **{name: OTHER_VALUES[section][name]})

    needs_restart = section == "engine" or (section, name) == ("source", "mode")
    assert restarts_feed(Settings(), new) is needs_restart
    assert effects(Settings(), new) == {look_of(field).effect: [field.title]}


def test_the_source_to_start_with_matters_at_the_next_start() -> None:
    new = with_("source", start_uri="a.mp4")

    assert effects(Settings(), new) == {Effect.AT_START: ["Open at start"]}


def test_settings_survive_json() -> None:
    every = Settings(
        **{
            section: section_type(section)(**values)
            for section, values in OTHER_VALUES.items()
        }
    )

    text = json.dumps(every.model_dump(mode="json"))

    assert Settings.model_validate_json(text) == every
