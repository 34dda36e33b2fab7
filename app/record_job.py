"""Records one source without a window."""

from __future__ import annotations

import os
import select
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.errors import RecordingError
from app.feed_options import FeedOptions
from app.hardware.log import HardwareLog
from app.pipeline import Pipeline, PipelineState
from app.recording.feasibility import check_feasibility
from app.second_look import second_look_figures, second_look_text
from app.sources.base import FrameMode
from app.sources.catalogue import open_source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app.pipeline import PipelineStatus
    from app.recording.settings import RecordingSettings
    from app.recording.status import RecordingStatus
    from engines.base import Engine

_POLL_S = 0.05
_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class RecordOutcome:
    """What a job did."""

    status: PipelineStatus
    sessions: int
    is_interrupted: bool

    def figures(self) -> dict[str, Any]:
        """The figures of the last session as one JSON object."""
        recording, ledger = self.status.recording, self.status.ledger
        return {
            "session": str(recording.folder) if recording.folder else None,
            "sessions": self.sessions,
            "frames": recording.written,
            "results": recording.results,
            "seconds": round(recording.seconds, 6),
            "bytes": recording.bytes_written,
            "not_recorded": recording.losses.not_recorded,
            "losses": {
                "source": recording.losses.source,
                "encoder": recording.losses.encoder,
                "disk": recording.losses.disk,
            },
            "codec": recording.codec,
            "captured": ledger.captured,
            "inferred": ledger.inferred,
            "tracks": self.status.tracks_born,
            "second_look": second_look_figures(self.status.second_look),
            "ended": recording.ended,
        }

    def text(self) -> str:
        """The same for a person."""
        figures = self.figures()
        losses = figures["losses"]
        look = self.status.second_look
        look_line = f"{second_look_text(look)}\n" if look.pictures else ""
        return (
            f"{figures['frames']} frames in {figures['seconds']:.2f} s,"
            f" {figures['bytes'] / 1e6:.1f} MB; not recorded:"
            f" {losses['encoder']} by the encoder, {losses['disk']} by the disk;"
            f" lost at the source: {losses['source']}\n"
            f"{figures['inferred']} frames inferred, {figures['tracks']} tracks\n"
            f"{look_line}"
            f"written to {figures['session']}"
        )


@dataclass(frozen=True, slots=True)
class RecordJob:
    """Records a source until it ends, its time is up, or somebody stops it."""

    source: str
    make_engine: Callable[[], Engine]
    settings: RecordingSettings
    name: str
    """Of the session's folder; empty makes one from the time and the source."""
    mode: FrameMode = FrameMode.LIVE
    waits_for_keys: bool = False
    """Whether lines on standard input start, mark and stop."""
    takes_colour: bool = False
    """Whether the network looks at colour."""
    second_look: int = 0
    """Further inferences of each frame at most, at full resolution."""

    def run(self, say: Callable[[str], None]) -> RecordOutcome:
        """Do it; Ctrl-C ends it and keeps what was recorded.

        Parameters
        ----------
        say : callable
            Takes lines for the operator.

        Raises
        ------
        ConsoleError, EngineError
            If source, engine or session fail.
        """
        pipeline = Pipeline(
            open_source(
                self.source,
                is_paced=self.mode is FrameMode.LIVE,
                is_colour=self.takes_colour,
            ),
            self.make_engine,
            self.mode,
        )
        pipeline.adjust(FeedOptions(second_look=self.second_look))
        pipeline.configure_recording(self.settings)
        is_interrupted = False
        sessions: set[Path] = set()
        starts_at_once = not self.waits_for_keys and self.settings.zone is None
        if starts_at_once:
            pipeline.start_recording(self.name)
        pipeline.start()
        try:
            with HardwareLog(lambda figures: pipeline.tell_machine(figures.known())):
                self._say_feasibility(pipeline, say)
                if self.waits_for_keys:
                    say("Enter starts and stops, a word marks the moment, Ctrl-D ends.")
                self._watch(pipeline, sessions, say, ends_with_session=starts_at_once)
        except KeyboardInterrupt:
            is_interrupted = True
        finally:
            pipeline.stop_recording()
            pipeline.stop()
        status = pipeline.status()
        if status.recording.folder is not None:
            sessions.add(status.recording.folder)
        if status.state is PipelineState.FAULTED and status.fault is not None:
            raise status.fault
        if starts_at_once and not status.recording.written:
            raise RecordingError(status.recording.ended or "nothing was recorded")
        return RecordOutcome(status, len(sessions), is_interrupted)

    def _say_feasibility(self, pipeline: Pipeline, say: Callable[[str], None]) -> None:
        deadline_s = time.monotonic() + _PATIENCE_S
        while pipeline.source_spec is None and time.monotonic() < deadline_s:
            if pipeline.status().state.is_over:
                return
            time.sleep(_POLL_S)
        if pipeline.source_spec is not None:
            say(check_feasibility(pipeline.source_spec, self.settings).text)

    def _watch(
        self,
        pipeline: Pipeline,
        sessions: set[Path],
        say: Callable[[str], None],
        *,
        ends_with_session: bool,
    ) -> None:
        said_s = time.monotonic()
        has_begun = False
        while True:
            status = pipeline.status()
            recording = status.recording
            if recording.folder is not None:
                sessions.add(recording.folder)
            has_begun = has_begun or recording.written > 0
            is_ended = bool(recording.ended) and not recording.is_recording
            if status.state.is_over or (ends_with_session and is_ended):
                return
            if recording.is_recording and time.monotonic() - said_s > 1.0:
                said_s = time.monotonic()
                say(_line(recording))
            if self.waits_for_keys and not self._obey_keys(pipeline):
                return
            time.sleep(_POLL_S)

    def _obey_keys(self, pipeline: Pipeline) -> bool:
        """Do what standard input says; False at its end."""
        if not select.select([sys.stdin], [], [], 0)[0]:
            return True
        data = os.read(sys.stdin.fileno(), 4096)
        if not data:
            return False
        for line in data.decode(errors="replace").splitlines():
            is_recording = pipeline.status().recording.is_recording
            if line.strip() and is_recording:
                pipeline.mark(line.strip())
            elif is_recording:
                pipeline.stop_recording()
            else:
                pipeline.start_recording()
        return True


def _line(recording: RecordingStatus) -> str:
    losses = recording.losses
    text = (
        f"{recording.seconds:6.1f} s  {recording.written} frames"
        f"  {recording.bytes_written / 1e6:.1f} MB"
        f"  {recording.free_bytes / 1e9:.1f} GB free"
    )
    if losses.not_recorded:
        text += f"  NOT RECORDED: encoder {losses.encoder}, disk {losses.disk}"
    return f"{text}  {recording.advice}".rstrip()
