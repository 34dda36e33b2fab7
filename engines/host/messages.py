"""The messages between host and client, as JSON objects.

A message is a NamedTuple; on the wire it is `{"type": NAME, FIELD: VALUE, ...}`, with
exactly the fields of its type. What is received is checked field by field before
anything looks at it, on both ends.
"""

import json
import math
import re
from typing import Any, Dict, NamedTuple, Optional, Tuple, Type, Union

from engines.host.errors import HostProtocolError, HostVersionError

PROTOCOL_VERSION = 1
"""Raised when a message is added, removed or changes its meaning."""
MAX_MESSAGE_BYTES = 64 * 1024
"""Of one message's JSON. Tensors are not in it."""
MAX_TEXT_LENGTH = 2500
"""Longer texts of logs and errors are cut: two fit, at 12 bytes a character."""

_MAX_WHOLE = 2**53
# Made once: json.dumps makes one at every call.
_ENCODER = json.JSONEncoder(separators=(",", ":"))
_MAX_RANK = 8
# The two messages of every frame are written and read without the JSON machinery:
# its code is cold after an inference, and took 0.1 ms of each frame.
_USUAL_INFER = re.compile(
    rb'\{"type":"infer","slot":(\d{1,9}),"sequence":(\d{1,15})\}\Z'
)
_USUAL_RESULT = re.compile(
    rb'\{"type":"result","slot":(\d{1,9}),"sequence":(\d{1,15}),'
    rb'"infer_ms":(\d{1,9}\.\d{4})\}\Z'
)

Shape = Tuple[int, ...]
Document = Dict[str, Any]


class Hello(NamedTuple):
    """Both ends send it first. `type` and `protocol` never change."""

    protocol: int
    process_id: int
    capabilities: Document
    """What the host's interpreter and machine have; empty from the client."""


class OpenEngine(NamedTuple):
    """Client: load this engine and warm it up."""

    kind: str
    model_folder: Optional[str]
    """Absolute path; None for an engine without a model."""
    precision: Optional[str]
    threads: int
    input_shape: Shape
    """What the client will send; refused if the model takes something else."""
    input_dtype: str
    slot_count: int


class EngineOpened(NamedTuple):
    """Host: it is loaded and warm, and the ring is laid out."""

    kind: str
    precision: str
    device: str
    library: str
    threads: int
    output_shape: Shape
    output_dtype: str
    warm_up_ms: float
    """Duration of the first inference."""


class Infer(NamedTuple):
    """Client: the tensor in this slot is to be inferred."""

    slot: int
    sequence: int


class Result(NamedTuple):
    """Host: the output is in the slot."""

    slot: int
    sequence: int
    infer_ms: float
    """Duration within the host."""


class Failure(NamedTuple):
    """Host: what was asked cannot be done; an `EngineError` in words."""

    error: str
    """Name of its type."""
    message: str
    hint: str


class Heartbeat(NamedTuple):
    """Host: still alive, sent every second while an answer takes longer."""

    busy_with: str
    """Type of the message that it is answering."""


class Ping(NamedTuple):
    """Client: answer with a `Pong` of the same number."""

    sequence: int


class Pong(NamedTuple):
    """Host: the answer."""

    sequence: int


class Log(NamedTuple):
    """Host: a line of its log."""

    level: int
    logger: str
    text: str


class CloseEngine(NamedTuple):
    """Client: release the engine; another can be opened after it."""


class EngineClosed(NamedTuple):
    """Host: it is released."""


class Stop(NamedTuple):
    """Client: release everything and end."""


class Stopped(NamedTuple):
    """Host: its last message."""


Message = Union[
    Hello,
    OpenEngine,
    EngineOpened,
    Infer,
    Result,
    Failure,
    Heartbeat,
    Ping,
    Pong,
    Log,
    CloseEngine,
    EngineClosed,
    Stop,
    Stopped,
]

_TYPES: Dict[str, Type[Any]] = {
    "hello": Hello,
    "open": OpenEngine,
    "opened": EngineOpened,
    "infer": Infer,
    "result": Result,
    "error": Failure,
    "heartbeat": Heartbeat,
    "ping": Ping,
    "pong": Pong,
    "log": Log,
    "close": CloseEngine,
    "closed": EngineClosed,
    "stop": Stop,
    "stopped": Stopped,
}
_NAMES = {message_type: name for name, message_type in _TYPES.items()}


def name_of(message: Message) -> str:
    """Name of a message's type on the wire."""
    return _NAMES[type(message)]


def clipped(text: str) -> str:
    """Shorten a text so that it fits into a message."""
    if len(text) <= MAX_TEXT_LENGTH:
        return text
    return text[:MAX_TEXT_LENGTH] + " [...]"


def encode(message: Message) -> bytes:
    """Give a message's JSON.

    Raises
    ------
    HostProtocolError
        If it is longer than `MAX_MESSAGE_BYTES`.
    """
    if isinstance(message, Infer):
        return b'{"type":"infer","slot":%d,"sequence":%d}' % message
    if isinstance(message, Result):
        return b'{"type":"result","slot":%d,"sequence":%d,"infer_ms":%.4f}' % message
    document = {"type": name_of(message)}
    document.update(message._asdict())
    body = _ENCODER.encode(document).encode("ascii")
    if len(body) > MAX_MESSAGE_BYTES:
        raise HostProtocolError(
            f"a {name_of(message)!r} message of {len(body)} bytes is too long,"
            f" {MAX_MESSAGE_BYTES} are allowed"
        )
    return body


def decode(body: bytes) -> Message:
    """Read and check a message.

    Raises
    ------
    HostVersionError
        If it is the hello of another version.
    HostProtocolError
        If it is no JSON object, of an unknown type, or a field is missing, unknown
        or of a wrong type.
    """
    usual = _USUAL_INFER.match(body)
    if usual is not None:
        return Infer(int(usual.group(1)), int(usual.group(2)))
    usual = _USUAL_RESULT.match(body)
    if usual is not None:
        slot, sequence, infer_ms = usual.groups()
        return Result(int(slot), int(sequence), float(infer_ms))
    try:
        document = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise HostProtocolError(
            f"a message is not JSON: {clipped(str(error))}"
        ) from error
    if not isinstance(document, dict):
        raise HostProtocolError(
            f"a message is a JSON object, not a {type(document).__name__}"
        )
    name = document.pop("type", None)
    if not isinstance(name, str) or name not in _TYPES:
        raise HostProtocolError(f"a message of unknown type {_shown(name)}")
    if name == "hello":
        check_version(document.get("protocol"))
    return _message_from(name, document)


def check_version(protocol: Any) -> None:  # noqa: ANN401  whatever the other end sent
    """Refuse another version of the protocol.

    Raises
    ------
    HostVersionError
        If it is not this one's.
    """
    if protocol != PROTOCOL_VERSION:
        raise HostVersionError(
            f"the other end speaks version {_shown(protocol)} of the host's protocol,"
            f" this one speaks {PROTOCOL_VERSION}",
            hint="Start Peregrine again, so that both ends are of one version.",
        )


def _message_from(name: str, document: Document) -> Message:
    message_type = _TYPES[name]
    values = {}
    for field, wanted in message_type.__annotations__.items():
        if field not in document:
            raise HostProtocolError(f"a {name!r} message lacks {field!r}")
        value = document.pop(field)
        if not _is_of(value, wanted):
            raise HostProtocolError(
                f"a {name!r} message with {field} = {_shown(value)}"
            )
        values[field] = tuple(value) if wanted == Shape else value
    if document:
        raise HostProtocolError(
            f"a {name!r} message with an unknown field {_shown(min(document))}"
        )
    message: Message = message_type(**values)
    return message


def _is_of(value: Any, wanted: Any) -> bool:  # noqa: ANN401  JSON and annotations
    if wanted is int:
        return _is_whole(value)
    if wanted is float:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return is_number and math.isfinite(value)
    if wanted is str:
        return isinstance(value, str)
    if wanted == Shape:
        return (
            isinstance(value, list)
            and 1 <= len(value) <= _MAX_RANK
            and all(_is_whole(size) and size > 0 for size in value)
        )
    if wanted == Document:
        return isinstance(value, dict)
    return value is None or isinstance(value, str)


def _is_whole(value: Any) -> bool:  # noqa: ANN401  any JSON value
    # JSON's true is an int in Python.
    return type(value) is int and 0 <= value < _MAX_WHOLE


def _shown(value: Any) -> str:  # noqa: ANN401  any JSON value
    text = repr(value)
    return text if len(text) <= 60 else text[:60] + "..."
