"""The settings: every value with its bounds, its title and what a larger one does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import field_validator, model_validator

from app.engine_choice import EngineChoice
from app.errors import ConsoleError
from app.feed_options import FeedOptions
from app.overlay import OverlayOptions
from app.process import DISPLAY_PERIOD_S
from app.second_look import MOST_PICTURES
from app.segmentation import Thresholds
from app.settings.hardware import HardwareOptions
from app.settings.recording import RecordingOptions
from app.settings.section import (
    Effect,
    Look,
    PathKind,
    Section,
    look_of,
    require_writable,
    setting,
    writable,
)
from app.sources.base import FrameMode
from app.sources.uri import parse_uri
from app.tracking.settings import TRACKER_BOUNDS, TrackerSettings
from engines.base import EngineKind, Precision

if TYPE_CHECKING:
    from collections.abc import Mapping

_TRACKER = TrackerSettings()
_OVERLAY = OverlayOptions()
_ENGINE = EngineChoice()
_RESTARTS = Look(Effect.RESTARTS_FEED)


class SourceSettings(Section):
    """What is opened, and how its frames are taken."""

    start_uri: str | None = setting(
        None,
        "Open at start",
        "File, folder or address that the console opens when it starts.",
        Look(Effect.AT_START, automatic="the last one opened"),
        min_length=1,
        max_length=4096,
    )
    mode: FrameMode = setting(
        FrameMode.LIVE,
        "Frames",
        "Live keeps to the source's own time and takes the newest frame. Every frame"
        " leaves none out, and makes a file wait for the engine.",
        _RESTARTS,
    )

    @field_validator("start_uri")
    @classmethod
    def _can_be_read(cls, uri: str | None) -> str | None:
        if uri is not None:
            require_writable(uri)
            try:
                parse_uri(uri)
            except ConsoleError as error:
                raise ValueError(f"{error.message}. {error.hint}") from error
        return uri


class EngineSettings(Section):
    """What runs the network."""

    model: Path | None = setting(
        _ENGINE.model,
        "Model",
        "Folder with the manifest.json of a network.",
        Look(
            Effect.RESTARTS_FEED,
            automatic="the bundled network",
            path=PathKind.FOLDER,
        ),
    )
    kind: EngineKind = setting(
        _ENGINE.kind,
        "Engine",
        "What computes the network. Where one is not installed, the console says what"
        " is missing and goes on.",
        _RESTARTS,
    )
    precision: Precision | None = setting(
        _ENGINE.precision,
        "Precision",
        "Number format of the arithmetic. Fewer bits are faster and less exact.",
        Look(Effect.RESTARTS_FEED, automatic="the fastest that keeps the masks"),
    )
    threads: int = setting(
        _ENGINE.threads,
        "Threads",
        "Of one inference on the processor. More make it faster, and leave fewer cores"
        " to capture, tracking and drawing.",
        _RESTARTS,
        ge=1,
        le=64,
    )
    host: Path | None = setting(
        _ENGINE.host,
        "Interpreter",
        "Python that runs the engine in a process of its own: the JetPack's, or"
        " .venv-engines/bin/python for TensorFlow.",
        Look(Effect.RESTARTS_FEED, automatic="the console's own"),
    )

    @field_validator("model", "host")
    @classmethod
    def _is_a_path(cls, path: Path | None) -> Path | None:
        return writable(path)

    def choice(self) -> EngineChoice:
        """What opens the engine."""
        return EngineChoice(**self.values())


class ThresholdSettings(Section):
    """Hysteresis of the foreground."""

    low: float = setting(
        0.35,
        "Low",
        "A blob is everything above it. Larger cuts faint edges off, and splits blobs.",
        ge=0,
        le=1,
    )
    high: float = setting(
        0.7,
        "High",
        "A blob needs a pixel above it. Larger finds less, more surely.",
        ge=0,
        le=1,
    )

    @model_validator(mode="after")
    def _are_in_order(self) -> ThresholdSettings:
        if self.low > self.high:
            raise ValueError(f"low ({self.low:g}) is above high ({self.high:g})")
        return self


def _tracking(name: str, title: str, description: str, look: Look) -> float:
    least, most = TRACKER_BOUNDS[name]
    default: float = getattr(_TRACKER, name)
    return setting(default, title, description, look, ge=least, le=most)


class TrackingSettings(Section):
    """From the network's answer to tracks."""

    thresholds: ThresholdSettings | None = setting(
        None,
        "Foreground",
        "Which part of the network's answer is an object. The sliders beside the"
        " picture set the same.",
        Look(automatic="as the model says"),
    )
    lost_after_s: float = _tracking(
        "lost_after_s",
        "Keep unseen tracks",
        "Larger keeps identities through longer gaps, and confuses objects more often.",
        Look(unit="s"),
    )
    max_step_bodies: float = _tracking(
        "max_step_bodies",
        "Fastest new object",
        "Body lengths from one frame to the next. Larger starts faster objects, and"
        " needs more hits to believe one in clutter.",
        Look(unit="body lengths", decimals=1),
    )
    agility: float = _tracking(
        "agility",
        "Agility",
        "Larger follows sharper turns, and smooths less.",
        Look(is_ratio_scaled=True),
    )
    position_noise_px: float = _tracking(
        "position_noise_px",
        "Error of a position",
        "Of a blob's centre. Larger smooths more, and accepts farther blobs.",
        Look(unit="px", is_ratio_scaled=True),
    )
    false_tracks_per_frame: float = _tracking(
        "false_tracks_per_frame",
        "False tracks per frame",
        "Larger believes new objects after fewer hits, and shows more ghosts.",
        Look(is_ratio_scaled=True),
    )
    min_confidence: float = _tracking(
        "min_confidence",
        "Faintest blob",
        "Confidence below which a blob is not looked at. Larger loses faint objects"
        " more often.",
        Look(),
    )
    birth_confidence: float = _tracking(
        "birth_confidence",
        "Faintest new object",
        "Fainter blobs continue tracks and start none. Larger shows fewer ghosts.",
        Look(),
    )
    second_look: int = setting(
        0,
        "Second look",
        "Objects of a few pixels are lost where a large frame is made smaller for the"
        " network. Each second look is one more inference of a frame: four crops at"
        " full resolution, around small tracks and in turn everywhere. 0 is off. Larger"
        " follows more small objects and finds new ones sooner, and takes more time."
        " Live, those are left out that would make frames late.",
        Look(unit="a frame"),
        ge=0,
        le=MOST_PICTURES,
    )

    def tracker(self) -> TrackerSettings:
        """The tracker's own."""
        return TrackerSettings(**self.values(TRACKER_BOUNDS))

    def asked_thresholds(self) -> Thresholds | None:
        """Those of the operator; None for the model's."""
        if self.thresholds is None:
            return None
        return Thresholds(self.thresholds.low, self.thresholds.high)


class DisplaySettings(Section):
    """What the picture shows."""

    shows_mask: bool = setting(
        _OVERLAY.shows_mask, "Mask", "Tint what the network takes for foreground."
    )
    mask_opacity: float = setting(
        _OVERLAY.mask_opacity,
        "Mask opacity",
        "Larger hides more of the picture under the mask.",
        ge=0,
        le=1,
    )
    shows_outlines: bool = setting(
        _OVERLAY.shows_outlines, "Outlines", "Draw the border of each blob."
    )
    shows_ids: bool = setting(
        _OVERLAY.shows_ids, "Numbers", "Write each track's number."
    )
    shows_trails: bool = setting(
        _OVERLAY.shows_trails, "Trails", "Draw where each track has been."
    )
    shows_prediction: bool = setting(
        _OVERLAY.shows_prediction,
        "Predictions",
        "Mark where each track should be by the time its picture is shown.",
    )
    shows_crops: bool = setting(
        _OVERLAY.shows_crops,
        "Second look",
        "Draw the corners of the crops that the second look took.",
    )
    trail_s: float = setting(
        0.5,
        "Length of trails",
        "Larger shows more of the past, and takes longer to draw.",
        Look(unit="s"),
        ge=0.05,
        le=5,
    )
    picture_rate_hz: float | None = setting(
        None,
        "Pictures a second",
        "Larger moves more smoothly, and takes time from the engine where cores are"
        " few. Tracking sees every frame either way.",
        Look(unit="Hz", decimals=0, automatic="60, or 30 on two cores"),
        ge=5,
        le=240,
    )

    @property
    def picture_period_s(self) -> float:
        """Shortest time from one picture to the next."""
        rate_hz = self.picture_rate_hz
        return DISPLAY_PERIOD_S if rate_hz is None else 1 / rate_hz

    def overlay(self) -> OverlayOptions:
        """What is drawn over the frame."""
        return OverlayOptions(**self.values(OverlayOptions.__slots__))


class Settings(Section):
    """All of them; a section is a page of the dialog."""

    source: SourceSettings = SourceSettings()
    engine: EngineSettings = EngineSettings()
    tracking: TrackingSettings = TrackingSettings()
    recording: RecordingOptions = RecordingOptions()
    display: DisplaySettings = DisplaySettings()
    hardware: HardwareOptions = HardwareOptions()

    def feed_options(self) -> FeedOptions:
        """What a running feed takes over."""
        return FeedOptions(
            self.tracking.tracker(),
            self.display.trail_s,
            self.display.picture_period_s,
            self.tracking.second_look,
        )

    def section(self, name: str) -> Section:
        """A section by its name."""
        section: Section = getattr(self, name)
        return section


SECTIONS: tuple[str, ...] = tuple(Settings.model_fields)
"""Names of the sections, in the order of the dialog."""


def section_type(name: str) -> type[Section]:
    """The type of a section."""
    return type(Settings().section(name))


def settings_of(sections: Mapping[str, Section]) -> Settings:
    """Put sections together, by their names."""
    values: dict[str, Any] = dict(sections)
    return Settings(**values)


def changed(old: Settings, new: Settings) -> frozenset[str]:
    """Names of the sections that differ."""
    return frozenset(
        name for name in SECTIONS if old.section(name) != new.section(name)
    )


def effects(old: Settings, new: Settings) -> dict[Effect, list[str]]:
    """Titles of the fields that differ, by when the new value is heeded."""
    found: dict[Effect, list[str]] = {}
    for name in SECTIONS:
        before, after = old.section(name), new.section(name)
        for key, field in type(before).model_fields.items():
            if getattr(before, key) != getattr(after, key):
                found.setdefault(look_of(field).effect, []).append(str(field.title))
    return found


def restarts_feed(old: Settings, new: Settings) -> bool:
    """Whether a running feed has to be started anew to heed the new ones."""
    return Effect.RESTARTS_FEED in effects(old, new)
