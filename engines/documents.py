"""JSON documents beside a model or an engine: read, refused, written whole."""

import json
from pathlib import Path
from typing import Any, Callable, Dict, TypeVar

from engines.errors import ManifestError

T = TypeVar("T")


def read_document(path: Path, hint: str = "") -> Dict[str, Any]:
    """Read a JSON object.

    Parameters
    ----------
    path : Path
        The file.
    hint : str
        What to do where it is missing.

    Raises
    ------
    ManifestError
        If it is missing or something else.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ManifestError(
            f"cannot read {path}: {error.strerror}", hint=hint
        ) from error
    except ValueError as error:
        raise ManifestError(f"{path} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ManifestError(f"{path} is no JSON object")
    return document


def read_versioned(
    path: Path, version: int, make: Callable[..., T], hint: str = ""
) -> T:
    """Read a JSON object of one version, and make of its fields what they describe.

    Parameters
    ----------
    path : Path
        The file.
    version : int
        The only `schema_version` that is read.
    make : callable
        Takes every other field by its name.
    hint : str
        What to do where the file is missing.

    Raises
    ------
    ManifestError
        If it is missing, of another version, or has other fields.
    """
    document = read_document(path, hint)
    found = document.pop("schema_version", None)
    if found != version:
        raise ManifestError(
            f"{path} is of schema version {found!r}, this Peregrine reads {version}"
        )
    try:
        return make(**document)
    except TypeError as error:
        raise ManifestError(f"{path} lacks or has too many fields: {error}") from error


def write_versioned(path: Path, version: int, fields: Dict[str, Any]) -> None:
    """Write fields and their version as a JSON object, whole or not at all."""
    document = {"schema_version": version}
    document.update(fields)
    unfinished = path.with_name(path.name + ".new")
    unfinished.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    unfinished.replace(path)
