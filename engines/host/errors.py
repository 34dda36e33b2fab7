"""Errors of the hosting.

EngineError
└── HostError                something about the hosting of an engine
    ├── HostStartError       the host's process did not come up
    ├── HostVersionError     host and client are of different versions
    ├── HostProtocolError    a message is malformed or out of place
    │   └── HostFramingError     the stream is out of step: nothing after it is readable
    ├── PeerRefusedError     the other end belongs to another user
    ├── HostGoneError        the other end closed, died or fell silent
    └── HostLostError        the host died too often and is given up
"""

from typing import Dict, Type

from engines import errors
from engines.errors import EngineError


class HostError(EngineError):
    """Something about the hosting of an engine."""


class HostStartError(HostError):
    """The host's process did not come up."""


class HostVersionError(HostError):
    """Host and client are of different versions."""


class HostProtocolError(HostError):
    """A message is malformed or out of place."""


class HostFramingError(HostProtocolError):
    """The stream is out of step: nothing after this can be read."""


class PeerRefusedError(HostError):
    """The other end belongs to another user."""


class HostGoneError(HostError):
    """The other end closed, died or fell silent."""


class HostLostError(HostError):
    """The host died too often and is given up."""


_TYPES: Dict[str, Type[EngineError]] = {
    error_type.__name__: error_type
    for error_type in (
        errors.ManifestError,
        errors.EngineUnavailableError,
        errors.EngineLoadError,
        errors.PlanMismatchError,
        errors.InferenceError,
        HostStartError,
        HostVersionError,
        HostProtocolError,
        HostFramingError,
        PeerRefusedError,
    )
}


def error_of(name: str, message: str, hint: str) -> EngineError:
    """Make an error again that the other end has named.

    A type that is not known here becomes a plain `EngineError`.
    """
    return _TYPES.get(name, EngineError)(message, hint)
