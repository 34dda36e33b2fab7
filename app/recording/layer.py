"""What the operator adds to a session afterwards: files beside the recording."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from app.durable import write_whole
from app.errors import OutputError, SessionError

if TYPE_CHECKING:
    from pathlib import Path


def load_layer(path: Path) -> dict[str, Any]:
    """Read a layer; empty where there is none.

    Raises
    ------
    SessionError
        If it is there and cannot be read.
    """
    if not path.exists():
        return {}
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise layer_error(path, error) from error
    if not isinstance(document, dict):
        raise layer_error(path, TypeError("it is no JSON object"))
    return document


def layer_error(path: Path, error: Exception) -> SessionError:
    """The error of a layer whose content makes no sense."""
    return SessionError(
        f"{path} cannot be read: {error}",
        hint="Move the file away to do without it; the recording itself is whole.",
    )


def save_layer(path: Path, document: dict[str, Any]) -> None:
    """Write a layer, whole or not at all.

    Raises
    ------
    OutputError
        If the disk is full or gone, or cannot be written.
    """
    try:
        write_whole(path, json.dumps(document, indent=1))
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error.strerror}",
            hint="What was changed holds until the session is closed.",
        ) from error
