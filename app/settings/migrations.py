"""From the settings of older versions to those of now, on plain documents.

The version rises when a setting is renamed, removed, retyped or changes its meaning.
One that is added with a default needs no step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Document: TypeAlias = dict[str, Any]
Steps: TypeAlias = "Mapping[int, Callable[[Document], Document]]"

SCHEMA_VERSION = 1
"""Of the settings that this program writes."""

STEPS: Steps = {}
"""By the version they start from; each says why it is needed."""


def migrated(
    document: Document,
    version: int,
    steps: Steps = STEPS,
    newest: int = SCHEMA_VERSION,
) -> Document:
    """Bring a document of an older version to the newest one.

    Parameters
    ----------
    document : dict
        Sections by name, without the version. Not modified where steps keep to that.
    version : int
        Of the document, 1 to `newest`.
    steps, newest : optional
        Those of this program.
    """
    for each in range(version, newest):
        document = steps[each](document)
    return document
