"""Messages that no honest end sends, from a seed."""

import json
import random
import string

from engines.host.messages import MAX_MESSAGE_BYTES, PROTOCOL_VERSION

# One valid document of each type that a host takes, and of some that it does not.
_VALID = (
    {"type": "infer", "slot": 0, "sequence": 1},
    {"type": "ping", "sequence": 1},
    {
        "type": "hello",
        "protocol": PROTOCOL_VERSION,
        "process_id": 1,
        "capabilities": {},
    },
    {
        "type": "open",
        "kind": "reference",
        "model_folder": None,
        "precision": None,
        "threads": 1,
        "input_shape": [1, 240, 320, 3],
        "input_dtype": "float32",
        "slot_count": 2,
    },
    {"type": "result", "slot": 0, "sequence": 0, "infer_ms": 1.0},
    {"type": "log", "level": 10, "logger": "x", "text": "y"},
    {"type": "stop"},
    {"type": "close"},
)


def bodies(seed, count):
    """Give `count` bodies of messages, none of which a host can do as it says."""
    chance = random.Random(seed)
    makers = (_bytes, _text, _json, _changed, _changed, _wrong_order)
    for _ in range(count):
        yield chance.choice(makers)(chance)


def streams(seed, count):
    """Give `count` streams of bytes: frames of wrong, right and impossible lengths."""
    chance = random.Random(seed)
    for _ in range(count):
        stream = b""
        for _ in range(chance.randint(1, 4)):
            body = chance.choice((_bytes, _json, _changed))(chance)
            length = chance.choice(
                (
                    len(body),
                    len(body),
                    chance.randint(0, 2 * len(body)),
                    chance.choice((0, MAX_MESSAGE_BYTES, MAX_MESSAGE_BYTES + 1)),
                    chance.getrandbits(32),
                )
            )
            stream += length.to_bytes(4, "big") + body
        yield stream


def _bytes(chance):
    return bytes(chance.getrandbits(8) for _ in range(chance.randint(1, 200)))


def _text(chance):
    size = chance.choice((1, 20, 300))
    return "".join(
        chance.choices(string.printable + "\u00e9\U0001f985", k=size)
    ).encode()


def _json(chance):
    return json.dumps(_value(chance, 3)).encode()


def _value(chance, depth):
    kind = chance.randint(0, 8 if depth else 5)
    if kind == 0:
        return None
    if kind == 1:
        return chance.choice((True, False))
    if kind == 2:
        return chance.choice((0, -1, 2**31, 2**63, 2**70, 10**40))
    if kind == 3:
        return chance.choice((0.5, -1e308, float("inf"), float("nan")))
    if kind in (4, 5):
        return chance.choice(("", "infer", "x" * 300, "\0", "../..", "reference"))
    if kind == 6:
        return [_value(chance, depth - 1) for _ in range(chance.randint(0, 4))]
    names = ("type", "slot", "sequence", "kind", "input_shape", "zzz", "")
    return {
        chance.choice(names): _value(chance, depth - 1)
        for _ in range(chance.randint(0, 4))
    }


def _changed(chance):
    """A valid message with a field gone, added or of another type."""
    document = dict(chance.choice(_VALID))
    names = [name for name in document if name != "type"]
    change = chance.randint(0, 2)
    if change == 0 and names:
        del document[chance.choice(names)]
    elif change == 1 and names:
        document[chance.choice(names)] = {"wrong": [chance.random()]}
    else:
        document["surplus"] = chance.random()
    return json.dumps(document).encode()


def _wrong_order(chance):
    """A well-formed order that asks for what cannot be."""
    document = dict(_VALID[3])
    document.update(
        chance.choice(
            (
                {"input_shape": [chance.randint(1, 2**20) for _ in range(4)]},
                {"input_shape": [2**52]},
                {"input_shape": [1, 240, 320]},
                {"input_dtype": chance.choice(("object", "uint8", "<f4", "M8[ns]"))},
                {"threads": chance.choice((0, 2**31))},
                {"kind": chance.choice(("", "tensor", "reference\0"))},
                {"precision": "fp0"},
                {"slot_count": chance.choice((0, 2**40))},
                {"model_folder": chance.choice(("/nowhere", "\0", "x" * 5000, ""))},
            )
        )
    )
    return json.dumps(document).encode()
