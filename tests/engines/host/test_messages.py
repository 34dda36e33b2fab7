import json
import math

import pytest

from engines.host import messages
from engines.host.errors import HostProtocolError, HostVersionError, error_of
from engines.host.messages import (
    MAX_MESSAGE_BYTES,
    MAX_TEXT_LENGTH,
    PROTOCOL_VERSION,
    CloseEngine,
    EngineClosed,
    EngineOpened,
    Failure,
    Heartbeat,
    Hello,
    Infer,
    Log,
    OpenEngine,
    Ping,
    Pong,
    Result,
    Stop,
    Stopped,
    clipped,
    decode,
    encode,
)

EVERY_KIND = [
    Hello(PROTOCOL_VERSION, 42, {"python": "3.6.15", "gpu": None}),
    OpenEngine("openvino", "/m\u00f6del", None, 2, (1, 240, 320, 3), "float32", 2),
    EngineOpened("reference", "fp32", "CPU", "numpy 1.18", 1, (1, 2, 3), "uint8", 0.5),
    Infer(1, 2**40),
    Result(1, 2**40, 3.25),
    Failure("InferenceError", "what", "do this"),
    Heartbeat("open"),
    Ping(7),
    Pong(7),
    Log(30, "engines", "a line\nand another"),
    CloseEngine(),
    EngineClosed(),
    Stop(),
    Stopped(),
]


@pytest.mark.parametrize("message", EVERY_KIND, ids=lambda each: type(each).__name__)
def test_a_message_arrives_as_it_was_sent(message):
    received = decode(encode(message))

    assert type(received) is type(message)
    assert received == message


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"{", "not JSON"),
        (b"[" * 60000, "not JSON"),
        (b"[]", "JSON object, not a list"),
        (b"{}", "unknown type None"),
        (b'{"type": ["infer"]}', "unknown type"),
        (b'{"type": "inform"}', "unknown type 'inform'"),
        (b'{"type": "infer", "slot": 0}', "lacks 'sequence'"),
        (b'{"type": "infer", "slot": -1, "sequence": 0}', "slot = -1"),
        (b'{"type": "infer", "slot": true, "sequence": 0}', "slot = True"),
        (b'{"type": "infer", "slot": 1.0, "sequence": 0}', "slot = 1.0"),
        (b'{"type": "infer", "slot": "1", "sequence": 0}', "slot = '1'"),
        (b'{"type": "infer", "slot": 1e400, "sequence": 0}', "slot = inf"),
        (b'{"type": "infer", "slot": 0, "sequence": 0, "x": 1}', "unknown field 'x'"),
        (b'{"type": "result", "slot": 0, "sequence": 0, "infer_ms": NaN}', "nan"),
        (b'{"type": "heartbeat", "busy_with": null}', "busy_with = None"),
    ],
)
def test_a_malformed_message_is_refused_with_its_fault(body, fault):
    with pytest.raises(HostProtocolError, match=fault):
        decode(body)


@pytest.mark.parametrize(
    "shape", [[], [0], [1] * 9, [1, -2], [1, 2.0], "12", None, [[1]], [2**60]]
)
def test_a_shape_that_is_none_is_refused(shape):
    document = {"type": "open"}
    document.update(EVERY_KIND[1]._asdict())
    document["input_shape"] = shape

    with pytest.raises(HostProtocolError, match="input_shape"):
        decode(json.dumps(document).encode())


@pytest.mark.parametrize("protocol", [PROTOCOL_VERSION + 1, 0, "1", None])
def test_the_hello_of_another_version_is_refused_whatever_else_it_holds(protocol):
    body = json.dumps({"type": "hello", "protocol": protocol, "new": 1}).encode()

    with pytest.raises(HostVersionError, match=f"version {protocol!r} of"):
        decode(body)


@pytest.mark.parametrize("message", [Infer(1, 2**40), Result(1, 2**40, 3.25)])
def test_the_messages_of_every_frame_are_json_like_the_others(message):
    document = json.loads(encode(message).decode())

    spaced = json.dumps(document, indent=1).encode()

    assert document.pop("type") in ("infer", "result")
    assert document == dict(message._asdict())
    assert decode(spaced) == decode(encode(message)) == message


@pytest.mark.parametrize(
    "body",
    [
        b'{"type":"infer","slot":1,"sequence":9999999999999999999}',
        b'{"type":"infer","slot":1,"sequence":1}\n{"type":"stop"}',
        b'{"type":"infer","slot":1,"sequence":1}x',
    ],
)
def test_what_only_looks_like_a_message_of_every_frame_is_refused(body):
    with pytest.raises(HostProtocolError):
        decode(body)


def test_a_message_that_is_too_long_is_not_sent():
    with pytest.raises(HostProtocolError, match="too long"):
        encode(Heartbeat("x" * MAX_MESSAGE_BYTES))


def test_any_clipped_texts_of_an_error_fit_into_a_message():
    # Outside ASCII, JSON needs twelve bytes for some characters.
    longest = clipped("\U0001f985" * 10 * MAX_TEXT_LENGTH)

    body = encode(Failure("InferenceError", longest, longest))

    assert len(body) <= MAX_MESSAGE_BYTES


def test_every_message_type_has_a_name_of_its_own():
    assert len(messages._NAMES) == len(messages._TYPES) == len(EVERY_KIND)


def test_a_number_may_be_whole_where_a_fraction_is_meant():
    body = b'{"type": "result", "slot": 0, "sequence": 0, "infer_ms": 3}'

    assert math.isclose(decode(body).infer_ms, 3.0)


def test_an_error_of_an_unknown_type_is_still_an_engine_error():
    error = error_of("FutureError", "what", "hint")

    assert type(error).__name__ == "EngineError"
    assert (error.message, error.hint) == ("what", "hint")
