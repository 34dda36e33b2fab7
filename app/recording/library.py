"""The sessions of a folder: listed, recovered, renamed, deleted."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.errors import OutputError, SessionError
from app.recording import lock
from app.recording import manifest as manifests
from app.recording.lock import is_being_recorded
from app.recording.manifest import SessionState, load_session_manifest

if TYPE_CHECKING:
    from pathlib import Path

    from app.recording.manifest import SessionManifest

log = logging.getLogger(__name__)

_TRASH = ".trash"


@dataclass(frozen=True, slots=True)
class SessionEntry:
    """A session as a list shows it."""

    folder: Path
    manifest: SessionManifest
    size_bytes: int
    is_recording: bool
    """Whether it is being recorded now."""


def list_sessions(folder: Path) -> list[SessionEntry]:
    """The sessions in a folder, newest first; what cannot be read is left out."""
    found = []
    if not folder.is_dir():
        return []
    for path in folder.iterdir():
        if path.name.startswith(".") or not (path / manifests.NAME).is_file():
            continue
        try:
            manifest = load_session_manifest(path)
        except SessionError as error:
            log.warning("%s", error)
            continue
        size_bytes = sum(
            each.stat().st_size
            for each in path.iterdir()
            if not each.name.startswith(".")
        )
        found.append(SessionEntry(path, manifest, size_bytes, is_being_recorded(path)))
    return sorted(found, key=lambda entry: entry.manifest.started_utc, reverse=True)


def recover_sessions(folder: Path) -> list[SessionManifest]:
    """Recover every session of a folder whose recorder died."""
    recovered = []
    _remove_empty(folder)
    for entry in list_sessions(folder):
        if entry.manifest.state is SessionState.RECORDING and not entry.is_recording:
            # FFmpeg is loaded only where there is something to recover.
            from app.recording.recovery import recover_session

            try:
                recovered.append(recover_session(entry.folder))
            except SessionError as error:
                log.warning("%s", error)
    return recovered


def _remove_empty(folder: Path) -> None:
    """Remove folders of recorders that died before they wrote anything."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if not path.is_dir() or path.name.startswith("."):
            continue
        names = {each.name for each in path.iterdir()}
        is_ours = lock.NAME in names and names <= {lock.NAME, f"{manifests.NAME}.new"}
        if is_ours and not is_being_recorded(path):
            log.info("%s holds nothing and is removed", path)
            for name in names:
                (path / name).unlink()
            path.rmdir()


def rename_session(folder: Path, name: str) -> Path:
    """Give a session, and its folder, another name; gives the new folder.

    Raises
    ------
    OutputError
        If the name cannot be used, or is taken.
    """
    clean = name.strip()
    if not clean or clean.startswith(".") or "/" in clean or "\0" in clean:
        raise OutputError(
            f"a session cannot be called {name!r}",
            hint="Use a name without '/' that does not begin with a dot.",
        )
    target = folder.parent / clean
    if target == folder:
        return folder
    if target.exists():
        raise OutputError(
            f"{target} exists already", hint="Choose a name that is not taken."
        )
    try:
        folder.rename(target)
        load_session_manifest(target).changed(name=clean).save(target)
    except OSError as error:
        raise OutputError(f"{folder} cannot be renamed: {error.strerror}") from error
    return target


def note_session(folder: Path, notes: str) -> None:
    """Keep the operator's notes with a session.

    Raises
    ------
    OutputError
        If the disk cannot be written.
    """
    try:
        load_session_manifest(folder).changed(notes=notes).save(folder)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror}") from error


def trash_session(folder: Path) -> Path:
    """Move a session to the trash beside it; gives where it is now.

    Raises
    ------
    OutputError
        If it cannot be moved.
    """
    trash = folder.parent / _TRASH
    target = trash / folder.name
    number = 2
    try:
        trash.mkdir(exist_ok=True)
        while target.exists():
            target = trash / f"{folder.name}_{number}"
            number += 1
        folder.rename(target)
    except OSError as error:
        raise OutputError(f"{folder} cannot be moved: {error.strerror}") from error
    return target


def restore_session(trashed: Path, folder: Path) -> None:
    """Move a session from the trash to where it was.

    Raises
    ------
    OutputError
        If its name is taken by now, or it cannot be moved.
    """
    if folder.exists():
        raise OutputError(
            f"{folder.name} exists already", hint="Rename that session first."
        )
    try:
        trashed.rename(folder)
    except OSError as error:
        raise OutputError(f"{trashed} cannot be moved: {error.strerror}") from error
