"""What the sections of the settings have in common."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pydantic.fields import FieldInfo

T = TypeVar("T")


class Effect(enum.Enum):
    """When a changed setting is heeded."""

    AT_ONCE = "at once"
    RESTARTS_FEED = "restarts the feed"
    AT_START = "at the next start of the console"


class PathKind(enum.Enum):
    """What a path leads to."""

    FILE = "file"
    FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class Look:
    """What a form needs beside the type, the bounds and the texts of a field."""

    effect: Effect = Effect.AT_ONCE
    unit: str = ""
    decimals: int = 2
    """Of a number that is not whole."""
    is_ratio_scaled: bool = False
    """Whether a step multiplies the value instead of adding to it."""
    automatic: str = "automatic"
    """What None means."""
    path: PathKind = PathKind.FILE


class Section(BaseModel):
    """Values that belong together; made anew for every change.

    A wrong value is refused and never turned into a right one.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False
    )

    def values(self, names: Iterable[str] | None = None) -> dict[str, Any]:
        """The values of these fields, or of all, by their names."""
        wanted = type(self).model_fields if names is None else names
        return {name: getattr(self, name) for name in wanted}


def setting(
    default: T,
    title: str,
    description: str,
    look: Look | None = None,
    **bounds: float,
) -> T:
    """Describe one setting.

    Parameters
    ----------
    default : object
        None means automatic.
    title : str
        Its label.
    description : str
        What it is for; of a number, what a larger one does.
    look : Look, optional
    bounds : float
        `ge`, `le`, `min_length` and the like, as pydantic calls them.
    """
    checks: dict[str, Any] = dict(bounds)
    field: FieldInfo = Field(default, title=title, description=description, **checks)
    field.metadata.append(look or Look())
    # What stands in the class is the description; what an object holds is a value.
    return cast("T", field)


def look_of(field: FieldInfo) -> Look:
    """What a field's description says of its look."""
    return next(each for each in field.metadata if isinstance(each, Look))


def require_writable(text: str) -> None:
    """Refuse what no file can be called, and what no settings file can hold.

    Raises
    ------
    ValueError
        With the reason.
    """
    if "\0" in text:
        raise ValueError("a name cannot hold the character 0")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("its name is no UTF-8") from error


def writable(path: Path | None) -> Path | None:
    """Give a path back; raises as `require_writable`."""
    if path is not None:
        require_writable(str(path))
    return path
