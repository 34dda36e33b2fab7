"""What this machine can record, measured before it does."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.errors import OutputError
from app.recording.encoder import choose_codec

if TYPE_CHECKING:
    from pathlib import Path

    from app.recording.settings import RecordingSettings
    from app.sources.base import SourceSpec

_DISK_BYTES = 16_000_000
_CHUNK_BYTES = 1_000_000
# Of what is possible: the inference wants its share of the processor.
_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class Feasibility:
    """How fast encoder and disk are, beside what a source asks for."""

    codec: str
    encode_hz: float
    """Frames a second that the encoder takes, with nothing beside it."""
    disk_mb_s: float
    """Written and flushed."""
    frame_rate_hz: float

    @property
    def is_enough(self) -> bool:
        """Whether every frame can be encoded with room for the rest."""
        return self.encode_hz * _SHARE >= self.frame_rate_hz

    def text(self) -> str:
        """For a person."""
        verdict = (
            f"enough for {self.frame_rate_hz:g} a second"
            if self.is_enough
            else f"too slow for {self.frame_rate_hz:g} a second: choose lower quality"
            " or grey"
        )
        return (
            f"{self.codec}: {self.encode_hz:.0f} frames a second, {verdict};"
            f" disk: {self.disk_mb_s:.0f} MB/s"
        )


def check_feasibility(source: SourceSpec, settings: RecordingSettings) -> Feasibility:
    """Try the encoder and the disk; takes some tenths of a second.

    Raises
    ------
    RecordingError
        If this machine has no encoder.
    OutputError
        If the folder cannot be written.
    """
    trial = choose_codec(
        source.width_px,
        source.height_px,
        source.frame_rate_hz,
        is_colour=source.is_colour and not settings.is_grey,
        quality=settings.quality,
    )
    return Feasibility(
        codec=trial.codec.label,
        encode_hz=1e3 / trial.encode_ms,
        disk_mb_s=_disk_mb_s(settings.folder),
        frame_rate_hz=source.frame_rate_hz,
    )


def _disk_mb_s(folder: Path) -> float:
    chunk = np.random.default_rng(1).bytes(_CHUNK_BYTES)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            started_s = time.perf_counter()
            for _ in range(_DISK_BYTES // _CHUNK_BYTES):
                file.write(chunk)
            file.flush()
            os.fdatasync(file.fileno())
            return _DISK_BYTES / (time.perf_counter() - started_s) / 1e6
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be written: {error.strerror}",
            hint="Choose a folder that you may write to.",
        ) from error
