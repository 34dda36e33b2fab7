"""From TensorFlow's exceptions to the conversion's own."""

import contextlib
import re
from typing import Iterator

from engines.convert.errors import (
    ConversionError,
    OutOfMemoryError,
    SizeError,
    SourceFormatError,
    UnsupportedOperationError,
)

_UNKNOWN_OPERATION = re.compile(r"Op type not registered '?\\?'?([\w>.]+)")

_UNKNOWN_ATTRIBUTE = re.compile(r"mentions attr '(\w+)' not in Op<name=(\w+)")
_WITHOUT_A_REASON = ("Graph execution error", "Detected at node", "<stack traces")


@contextlib.contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn what TensorFlow raises within into a `ConversionError`.

    Parameters
    ----------
    doing : str
        What is going on, to begin the message with: "loading net.pb".
    """
    import tensorflow as tf

    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        raise OutOfMemoryError(
            f"{doing}: not enough memory",
            hint="Close other programs, or choose a smaller input size.",
        ) from error
    except (tf.errors.OpError, ValueError, KeyError, TypeError, OSError) as error:
        raise _translation(doing, error) from error


def newer_attribute(name: str, op: str) -> UnsupportedOperationError:
    """Tell that a newer TensorFlow wrote an attribute that this one does not know."""
    import tensorflow as tf

    return UnsupportedOperationError(
        f"TensorFlow {tf.__version__} does not know the attribute {name} of {op}: a "
        "newer TensorFlow wrote the graph",
        hint="Convert it to a frozen graph with that version first.",
    )


def _translation(doing: str, error: BaseException) -> ConversionError:
    import tensorflow as tf

    text = str(error)
    unknown = _UNKNOWN_OPERATION.search(text)
    if unknown:
        return UnsupportedOperationError(
            f"{doing}: TensorFlow {tf.__version__} has no operation {unknown.group(1)}",
            hint="Convert it with the TensorFlow version that made it, or name an "
            "output before that operation with --output.",
        )
    newer = _UNKNOWN_ATTRIBUTE.search(text)
    if newer:
        return newer_attribute(newer.group(1), newer.group(2))
    reason = _first_line(text) or type(error).__name__
    if re.search(r"[Ss]hape|[Dd]imension", reason):
        return SizeError(
            f"{doing}: {reason}",
            hint="The graph may be made for one size only: leave --size out.",
        )
    return SourceFormatError(f"{doing}: {reason}")


def _first_line(text: str, longest: int = 300) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # TensorFlow 2 says where before it says what.
    telling = [line for line in lines if not line.startswith(_WITHOUT_A_REASON)]
    return (telling or lines or [""])[0][:longest]
