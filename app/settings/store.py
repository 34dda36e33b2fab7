"""Keeps settings in a file, which is never overwritten where it was not understood."""

from __future__ import annotations

import json
import logging
import os
from typing import TYPE_CHECKING, NamedTuple

from pydantic import ValidationError

from app.durable import write_whole
from app.errors import SettingsError
from app.settings.migrations import SCHEMA_VERSION, Document, migrated
from app.settings.model import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_core import ErrorDetails

log = logging.getLogger(__name__)

# A file of all settings has three thousand bytes.
_MOST_BYTES = 1_000_000
_SHOWN_LETTERS = 60
# What pydantic says of a text or a path that is not there.
_EMPTY_TYPES = ("string_too_short", "is_instance_of", "path_type")


class Loaded(NamedTuple):
    """What a start begins with."""

    settings: Settings
    problem: SettingsError | None
    """Why they are the defaults; None where they are the stored ones."""


class SettingsStore:
    """Settings in one JSON file.

    A file that is damaged, or that holds a wrong value, is moved aside under a name of
    its own; one of a newer version, or one that cannot be read or moved, stays as it
    is, and nothing is saved in its place.

    Parameters
    ----------
    path : Path
        Of the file; its folder is made when there is something to save.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._can_save = True

    @property
    def path(self) -> Path:
        """Of the file."""
        return self._path

    @property
    def can_save(self) -> bool:
        """Whether a file is there that must not be overwritten."""
        return self._can_save

    def load(self) -> Loaded:
        """Read the file; defaults where there is none, or none to use."""
        self._can_save = True
        try:
            return Loaded(read_settings(self._path), None)
        except FileNotFoundError:
            return Loaded(Settings(), None)
        except _NewerError as error:
            self._can_save = False
            return Loaded(
                Settings(),
                SettingsError(
                    error.message,
                    hint="The file stays as it is: this console uses its defaults and"
                    " saves no settings.",
                ),
            )
        except OSError as error:
            self._can_save = False
            return Loaded(Settings(), _unreadable(self._path, error))
        except SettingsError as error:
            return Loaded(Settings(), self._set_aside(error))

    def save(self, settings: Settings) -> None:
        """Write the file, or leave it as it was.

        Raises
        ------
        SettingsError
            If it cannot be written, or must not be.
        """
        if not self._can_save:
            raise SettingsError(
                f"settings are not saved: {self._path} was not understood",
                hint="Move that file away, and start the console again.",
            )
        write_settings(settings, self._path)

    def _set_aside(self, error: SettingsError) -> SettingsError:
        try:
            kept = _free_name(self._path)
            self._path.rename(kept)
        except OSError as failure:
            self._can_save = False
            log.warning("%s cannot be renamed: %s", self._path, failure)
            hint = "The file stays as it is, the console uses its defaults."
            return SettingsError(error.message, hint=hint)
        hint = f"The file is now {kept.name}, the console uses its defaults."
        return SettingsError(error.message, hint=hint)


class _NewerError(SettingsError):
    """The file was written by a newer program."""


def read_settings(path: Path) -> Settings:
    """Read settings of this or an older version; the file stays as it is.

    Raises
    ------
    SettingsError
        If it is not such a file, naming the key, the value and what is wrong with it.
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise SettingsError(f"{path.name} is too large for settings")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else error
        raise SettingsError(f"{path.name} is no JSON document: {reason}") from error
    return _settings_of(document, path.name)


def write_settings(settings: Settings, path: Path) -> None:
    """Write settings beside the file, then in its place.

    Raises
    ------
    SettingsError
        If that fails; a file that was there is still the old one.
    """
    values = settings.model_dump(mode="json")
    text = json.dumps({"schema_version": SCHEMA_VERSION, **values}, indent=2)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    except OSError as error:
        raise SettingsError(
            f"cannot write {path}: {error.strerror}",
            hint="They hold until the console is closed.",
        ) from error


def _settings_of(document: object, name: str) -> Settings:
    if not isinstance(document, dict):
        raise SettingsError(f"{name} holds no settings")
    version = document.get("schema_version")
    if type(version) is not int or version < 1:
        raise SettingsError(
            f"{name}: schema_version is {_shown(version)}, not a version of settings"
        )
    if version > SCHEMA_VERSION:
        raise _NewerError(
            f"{name} has version {version}, this console knows {SCHEMA_VERSION}",
            hint="Use the newer console that wrote it.",
        )
    sections: Document = {
        str(key): value for key, value in document.items() if key != "schema_version"
    }
    try:
        if version < SCHEMA_VERSION:
            sections = migrated(sections, version)
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        # A step trusts the document's shape, which a damaged one does not have.
        raise SettingsError(f"{name} is damaged: {error!r}") from error
    try:
        # JSON has no enums and no paths: strictness allows their texts only there.
        return Settings.model_validate_json(json.dumps(sections))
    except ValidationError as error:
        raise SettingsError(f"{name}: {_first_fault(error)}") from error


def _first_fault(error: ValidationError) -> str:
    details = error.errors(include_url=False)
    more = f", and {len(details) - 1} more" if len(details) > 1 else ""
    first = details[0]
    key = ".".join(map(str, first["loc"])) or "the document"
    return f"{key} is {_shown(first['input'])}: {fault_text(first)}{more}"


def fault_text(details: ErrorDetails) -> str:
    """What is wrong with a value, in words for the operator."""
    if details["type"] == "extra_forbidden":
        return "there is no such setting"
    if details["type"] in _EMPTY_TYPES and details["input"] in ("", None):
        return "it is empty"
    text = details["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"it {text}" if text.startswith("should ") else text


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= _SHOWN_LETTERS else f"{text[:_SHOWN_LETTERS]}…"


def _free_name(path: Path) -> Path:
    """A name for a bad file that no earlier one has."""
    name = path.with_name(f"{path.name}.bad")
    number = 1
    while os.path.lexists(name):
        number += 1
        name = path.with_name(f"{path.name}.bad-{number}")
    return name


def _unreadable(path: Path, error: OSError) -> SettingsError:
    return SettingsError(
        f"cannot read {path}: {error.strerror}",
        hint="The file stays as it is: the console uses its defaults and saves none.",
    )
