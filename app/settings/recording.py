"""What the operator sets about recordings."""

from __future__ import annotations

from pathlib import Path

from pydantic import field_validator

from app.paths import sessions_folder
from app.recording.settings import (
    EncoderChoice,
    Quality,
    RecordingSettings,
    TriggerZone,
    corners_from_text,
)
from app.settings.section import Look, PathKind, Section, setting, writable

MOST_PRETRIGGER_S = 60.0
MOST_LIMIT_S = 86_400.0
MOST_ZONE_AFTER_S = 3600.0
_GB = 1e9
# The defaults are the recorder's own; a folder it has none.
_RECORDER = RecordingSettings(Path())
_SAME = (
    "quality",
    "encoder",
    "is_grey",
    "pretrigger_s",
    "keeps_masks",
    "seconds_limit",
)
"""Called the same here and there."""


class RecordingOptions(Section):
    """Where and how sessions are recorded; a change counts for the next one."""

    folder: Path | None = setting(
        None,
        "Folder",
        "Holds the sessions, each a folder of its own.",
        Look(automatic="in the data folder of the user", path=PathKind.FOLDER),
    )
    quality: Quality = setting(
        _RECORDER.quality,
        "Quality",
        "Small loses fine texture, and has a third of the size. Lossless keeps every"
        " pixel, and takes three to ten times the size and more of the processor.",
    )
    encoder: EncoderChoice = setting(
        _RECORDER.encoder,
        "Encoder",
        "Automatic takes the graphics or video unit where that works, else the"
        " processor. HEVC is H.265 by such a unit: smaller files, which fewer programs"
        " read.",
    )
    is_grey: bool = setting(
        _RECORDER.is_grey,
        "Grey only",
        "Leave out colour: half of the work, and of the size.",
    )
    pretrigger_s: float = setting(
        _RECORDER.pretrigger_s,
        "Before the start",
        "How much from before the start is recorded too. Larger takes more memory, and"
        " encodes all the time.",
        Look(unit="s", decimals=1),
        ge=0,
        le=MOST_PRETRIGGER_S,
    )
    keeps_masks: bool = setting(
        _RECORDER.keeps_masks,
        "Keep masks",
        "Keep what the network took for foreground in every frame, too.",
    )
    seconds_limit: float | None = setting(
        _RECORDER.seconds_limit,
        "End after",
        "A recording ends by itself after this time.",
        Look(unit="s", decimals=0, automatic="when it is stopped"),
        ge=1,
        le=MOST_LIMIT_S,
    )
    zone: str | None = setting(
        None,
        "Zone",
        "A track in this polygon of the frame starts a recording. Corners in pixels as"
        " x,y;x,y;x,y: the recording panel lets you draw them on the picture.",
        Look(automatic="no zone"),
        min_length=1,
        max_length=4096,
    )
    zone_after_s: float = setting(
        TriggerZone.AFTER_S,
        "After the zone",
        "How long a recording goes on after the last track has left the zone. Larger"
        " makes one recording of several visits.",
        Look(unit="s", decimals=1),
        ge=0,
        le=MOST_ZONE_AFTER_S,
    )
    reserve_gb: float = setting(
        _RECORDER.reserve_bytes / _GB,
        "Leave free on the disk",
        "A recording ends while this much is left. Larger leaves more to other"
        " programs.",
        Look(unit="GB"),
        ge=0.01,
        le=10_000,
    )

    @field_validator("folder")
    @classmethod
    def _is_a_path(cls, folder: Path | None) -> Path | None:
        return writable(folder)

    @field_validator("zone")
    @classmethod
    def _is_a_polygon(cls, zone: str | None) -> str | None:
        if zone is not None:
            corners_from_text(zone)
        return zone

    def recorder(self) -> RecordingSettings:
        """The recorder's own."""
        zone = None
        if self.zone is not None:
            zone = TriggerZone(corners_from_text(self.zone), self.zone_after_s)
        return RecordingSettings(
            folder=self.folder or sessions_folder(),
            zone=zone,
            reserve_bytes=round(self.reserve_gb * _GB),
            **self.values(_SAME),
        )

    def taking(self, recorder: RecordingSettings) -> RecordingOptions:
        """These, with what a panel changed of the recorder's own."""
        changes = {name: getattr(recorder, name) for name in _SAME}
        changes["zone"] = recorder.zone.text if recorder.zone is not None else None
        if recorder.zone is not None:
            changes["zone_after_s"] = recorder.zone.after_s
        return self.model_copy(update=changes)
