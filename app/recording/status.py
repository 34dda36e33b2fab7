"""How a recording stands."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FINISH_S = 10.0
"""How long a disk may take to write what has been taken."""


class RecordingState(enum.Enum):
    """Where a recorder is.

    OFF ◀──disarm/arm──▶ ARMED (holds the last seconds, or watches a zone)
     │ start              │ start
     ▼                    ▼
    RECORDING ──stop──▶ FINISHING ──▶ OFF or ARMED
    """

    OFF = "off"
    ARMED = "armed"
    RECORDING = "recording"
    FINISHING = "finishing"


@dataclass(frozen=True, slots=True)
class FrameLosses:
    """Frames that are not in the recording, by cause."""

    source: int = 0
    """Never arrived: gaps in the source's numbers."""
    encoder: int = 0
    """The encoder was too slow for them, or failed on them."""
    disk: int = 0
    """The disk was too slow for them."""

    @property
    def not_recorded(self) -> int:
        """Frames that arrived and were not recorded."""
        return self.encoder + self.disk


@dataclass(frozen=True, slots=True)
class RecordingStatus:
    """One snapshot of a recorder.

    `taken = waiting + written + losses.encoder + losses.disk` holds at every moment
    but those in which a frame goes from one thread to the next.
    """

    state: RecordingState = RecordingState.OFF
    folder: Path | None = None
    """Of the session that is recorded, or was last."""
    seconds: float = 0.0
    """From the first frame written to the last."""
    taken: int = 0
    """Frames that belong into the session."""
    waiting: int = 0
    """Of those, on their way to the disk."""
    written: int = 0
    """Of those, in the video: they can be read whatever becomes of this process. The
    newest frame waits for the next one, which tells how long it lasts."""
    results: int = 0
    samples: int = 0
    """Rows of tracker results, and of measurements, that can be read then."""
    losses: FrameLosses = FrameLosses()
    bytes_written: int = 0
    free_bytes: int = 0
    """Of the disk that is recorded to."""
    codec: str = ""
    """What encodes, in words."""
    encode_ms: float = 0.0
    """Median time to encode one frame."""
    ring_s: float = 0.0
    """How much from before the start is held in memory."""
    ring_bytes: int = 0
    marks: int = 0
    """Set by the operator in this session."""
    can_hold: str = ""
    """What this machine can record, as a trial has shown; empty before it."""
    advice: str = ""
    """What to do about frames that are lost now; empty while none are."""
    can_lower: bool = False
    """Whether there is a lower quality to go to."""
    watches_zone: bool = False
    """Whether a track in the zone starts it."""
    ended: str = ""
    """Why the last recording ended, where the operator did not end it."""

    @property
    def is_recording(self) -> bool:
        """Whether a session is open."""
        return self.state in (RecordingState.RECORDING, RecordingState.FINISHING)
