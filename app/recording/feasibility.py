"""What this machine can record, measured before it does."""

from __future__ import annotations

import logging
import os
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.errors import ConsoleError, OutputError
from app.handoff import LatestSlot
from app.process import yield_thread
from app.recording.codecs import choose_codec
from app.worker import Worker

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

    from app.recording.settings import RecordingSettings
    from app.sources.base import SourceSpec

log = logging.getLogger(__name__)

_CHUNK_BYTES = 1_000_000
_DISK_BYTES, _DISK_S = 16_000_000, 0.2
# Of what is possible: the inference wants its share of the processor.
_SHARE = 0.7
_WAIT_S = 0.1
# A feed that has just been opened has better things to do.
_SETTLE_S = 2.0
# The disk may be another one's by then.
_FRESH_S = 300.0


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

    @property
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
            f" disk: {self.disk_mb_s:.0f} MB a second"
        )


def check_feasibility(
    source: SourceSpec,
    settings: RecordingSettings,
    is_needed: Callable[[], bool] = lambda: False,
) -> Feasibility:
    """Try the encoder and the disk; takes some tenths of a second.

    Parameters
    ----------
    source : SourceSpec
    settings : RecordingSettings
    is_needed : callable
        Whether the disk is needed: the trial of it then ends.

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
        choice=settings.encoder,
    )
    return Feasibility(
        codec=trial.codec.label,
        encode_hz=1e3 / trial.encode_ms,
        disk_mb_s=_disk_mb_s(settings.folder, is_needed),
        frame_rate_hz=source.frame_rate_hz,
    )


class FeasibilityWatch:
    """Says what this machine can record, and says it anew when something changes.

    Tries encoder and disk in a thread that everything else goes before, and never
    while they are needed.

    Parameters
    ----------
    is_needed : callable
        Tells whether something is recorded now.
    """

    def __init__(self, is_needed: Callable[[], bool]) -> None:
        self._is_needed = is_needed
        self._asked: LatestSlot[tuple[SourceSpec, RecordingSettings]] = LatestSlot()
        self._worker = Worker("feasibility", self._run, self._on_end)
        self._is_started = False
        self.text = ""
        """What was found last, for a person; empty before."""

    def ask(self, source: SourceSpec, settings: RecordingSettings) -> None:
        """Find out for this source and these settings; does not wait."""
        self._asked.put((source, settings))
        if not self._is_started:
            self._is_started = True
            self._worker.start()

    def request_stop(self) -> None:
        """Ask no more; does not wait."""
        self._worker.request_stop()
        self._asked.close()

    def _run(self, stop: threading.Event) -> None:
        yield_thread()
        if stop.wait(_SETTLE_S):
            return
        asked: tuple[SourceSpec, RecordingSettings] | None = None
        due_s = 0.0
        while not stop.is_set():
            newest = self._asked.take(_WAIT_S)
            is_new = newest is not None and newest != asked
            asked = newest or asked
            if is_new:
                due_s = 0.0
            if asked is None or self._is_needed() or time.monotonic() < due_s:
                continue
            due_s = time.monotonic() + _FRESH_S
            try:
                self.text = check_feasibility(*asked, self._is_needed).text
            except ConsoleError as error:
                self.text = f"{error.message}. {error.hint}"

    def _on_end(self, error: Exception | None) -> None:
        self._asked.close()
        if error is not None:
            log.error("nobody finds out what can be recorded", exc_info=error)


def _disk_mb_s(folder: Path, is_needed: Callable[[], bool]) -> float:
    chunk = np.random.default_rng(1).bytes(_CHUNK_BYTES)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            started_s = time.perf_counter()
            took_s = 0.0
            size_bytes = 0
            # Flushed piece by piece: what a slow disk still had to write would be in
            # the way of a recording that begins.
            while not size_bytes or (
                took_s < _DISK_S and size_bytes < _DISK_BYTES and not is_needed()
            ):
                size_bytes += file.write(chunk)
                file.flush()
                os.fdatasync(file.fileno())
                took_s = time.perf_counter() - started_s
            return size_bytes / took_s / 1e6
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be written: {error.strerror}",
            hint="Choose a folder that you may write to.",
        ) from error
