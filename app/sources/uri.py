"""Source URIs: what the operator types, taken apart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from app.errors import SourceFormatError


@dataclass(frozen=True, slots=True)
class SourceUri:
    """A URI in three parts; a plain path has an empty scheme and no options."""

    scheme: str
    body: str
    """Path or address, with percent signs resolved where there is a scheme."""
    options: dict[str, str]
    """What follows the question mark."""

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
        return SourceUri("", uri, {})
    body, _, query = rest.partition("?")
    options: dict[str, str] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key in options:
            raise SourceFormatError(
                f"{key} is given twice in {uri}", hint="Give each option once."
            )
        options[key] = value
    return SourceUri(scheme.lower(), unquote(body), options)


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


def refuse_unknown_options(uri: SourceUri, allowed: tuple[str, ...]) -> None:
    """Refuse options that the source does not know.

    Raises
    ------
    SourceFormatError
        Naming the first unknown one, and those that are allowed.
    """
    for key, value in uri.options.items():
        if key not in allowed:
            known = ", ".join(sorted(allowed)) or "none"
            raise SourceFormatError(
                f"{uri.scheme}:// has no option {key!r} (given as {key}={value})",
                hint=f"Options are: {known}.",
            )
