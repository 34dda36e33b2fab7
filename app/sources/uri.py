"""Source URIs: what the operator types, taken apart.

    scheme://body?option=value&option=value

Two kinds differ: options of ours follow a `#`. What follows the question mark of an
`rtsp://` address is the server's, and that of a `gst://` URI belongs to the pipeline.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from app.errors import SourceFormatError

PIPELINE_SCHEME = "gst"
SERVER_SCHEMES = ("rtsp", "rtsps")
# A pipeline may hold a # of its own: in the name of a file, or a colour.
_PIPELINE_OPTIONS = re.compile(r"\s*#(?=[a-z]+=)([^#!\"\s]*)\s*$")


@dataclass(frozen=True, slots=True)
class SourceUri:
    """A URI in three parts; a plain path has an empty scheme and no options."""

    scheme: str
    body: str
    """Path, address or pipeline; percent signs of a path are resolved where there is a
    scheme."""
    options: dict[str, str]
    """By their names, as text."""
    uri: str = ""
    """The whole of it."""

    @property
    def path(self) -> Path:
        """The body as a path, `~` resolved."""
        return Path(self.body).expanduser()


def parse_uri(uri: str) -> SourceUri:
    """Take a URI or a plain path apart.

    Raises
    ------
    SourceFormatError
        If an option is given twice.
    """
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return SourceUri("", uri, {}, uri)
    scheme = scheme.lower()
    if scheme == PIPELINE_SCHEME:
        found = _PIPELINE_OPTIONS.search(rest)
        body = rest[: found.start()] if found else rest
        return SourceUri(scheme, body, _options(uri, found[1] if found else ""), uri)
    if scheme in SERVER_SCHEMES:
        body, _, query = rest.partition("#")
        return SourceUri(scheme, body, _options(uri, query), uri)
    body, _, query = rest.partition("?")
    return SourceUri(scheme, unquote(body), _options(uri, query), uri)


def _options(uri: str, query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key in options:
            raise SourceFormatError(
                f"{key} is given twice in {uri}", hint="Give each option once."
            )
        options[key] = value
    return options


def is_there(path: Path) -> bool:
    """Whether a path names something.

    Raises
    ------
    SourceFormatError
        If that cannot be found out: no right to look, a name that is too long.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        name = str(path) if len(str(path)) < 200 else f"{str(path)[:200]}..."
        raise SourceFormatError(
            f"{name} cannot be looked at: {reason}",
            hint="Check the name, and your rights to it.",
        ) from error
    return True


def refuse_missing_path(uri: SourceUri) -> None:
    """Refuse a URI without a path: it would mean the current folder.

    Raises
    ------
    SourceFormatError
        If there is none.
    """
    if not uri.body:
        raise SourceFormatError(
            f"{uri.scheme + '://' if uri.scheme else 'the source'} has no path",
            hint="Name a file or a folder.",
        )
