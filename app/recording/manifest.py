"""`session.json`: what a session folder holds, written atomically."""

from __future__ import annotations

import enum
import json
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from app.durable import write_whole
from app.errors import SessionError

if TYPE_CHECKING:
    from pathlib import Path

NAME = "session.json"
FORMAT_VERSION = 1


class SessionState(enum.Enum):
    """How a session ended."""

    RECORDING = "recording"
    """It has not, or nobody could write down that it has."""
    COMPLETE = "complete"
    RECOVERED = "recovered"
    """Its recorder died; it was put in order afterwards."""


@dataclass(frozen=True, slots=True)
class SessionManifest:
    """The facts of a session that are not one per frame."""

    state: SessionState
    name: str
    started_utc: str
    """ISO 8601, of the first frame's capture as well as the clock was set."""
    started_ns: int
    """The same moment by `time.monotonic_ns()`: the clock of all times in the
    database."""
    source: dict[str, Any]
    """As `SourceSpec` says: uri, title, size, rate."""
    width_px: int
    height_px: int
    is_colour: bool
    frame_rate_hz: float
    """What the source claims; true times are in the database."""
    engine: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    codec: str = ""
    segments: tuple[str, ...] = ()
    """The video files, in order."""
    frames: int = 0
    tracks: int = 0
    """Tracks that were confirmed."""
    seconds: float = 0.0
    losses: dict[str, int] = field(default_factory=dict)
    """Frames that are missing, by cause."""
    ended: str = ""
    """Why it ended."""
    recovery: str = ""
    """What was done to put it in order."""
    notes: str = ""
    format_version: int = FORMAT_VERSION

    def save(self, folder: Path) -> None:
        """Write it beside, flush it and rename it: it is there whole or not at all.

        Raises
        ------
        OSError
            If the disk is full or gone.
        """
        document = asdict(self) | {"state": self.state.value}
        write_whole(folder / NAME, json.dumps(document, indent=1, default=str))

    def changed(self, **changes: Any) -> SessionManifest:  # noqa: ANN401  any field
        """The same with other values."""
        return replace(self, **changes)


def load_session_manifest(folder: Path) -> SessionManifest:
    """Read the manifest of a session.

    Raises
    ------
    SessionError
        If there is none, or it is none of ours.
    """
    path = folder / NAME
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SessionError(
            f"{folder} is no session: it has no {NAME}",
            hint="Name the folder of a recording.",
        ) from error
    except (OSError, ValueError) as error:
        raise SessionError(f"{path} cannot be read: {error}") from error
    if not isinstance(document, dict) or "format_version" not in document:
        raise SessionError(f"{path} does not describe a session")
    if document["format_version"] > FORMAT_VERSION:
        raise SessionError(
            f"{path} is of version {document['format_version']},"
            f" this program reads up to {FORMAT_VERSION}",
            hint="Open it with a newer Peregrine.",
        )
    known = {each.name for each in fields(SessionManifest)}
    values = {key: value for key, value in document.items() if key in known}
    try:
        values["state"] = SessionState(values["state"])
        values["segments"] = tuple(values.get("segments", ()))
        return SessionManifest(**values)
    except (KeyError, TypeError, ValueError) as error:
        raise SessionError(f"{path} does not describe a session: {error}") from error
