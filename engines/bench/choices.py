"""The engines that can be measured, by name."""

from typing import Dict, NamedTuple, Tuple

from engines.base import EngineKind, Precision
from engines.convert.request import Target


class Choice(NamedTuple):
    """One way to run a network."""

    kind: EngineKind
    precision: Precision
    target: Target
    """What the conversion ladder makes for it."""
    file_precision: Precision = Precision.FP32
    """Of the engine on disk: bf16 runs the same file as fp32."""


REFERENCE = "tensorflow"

CHOICES: Dict[str, Choice] = {
    # The graph as trained. Its target describes it, and is not what runs.
    REFERENCE: Choice(EngineKind.TENSORFLOW, Precision.FP32, Target.TENSORFLOW),
    "tensorflow-folded": Choice(
        EngineKind.TENSORFLOW, Precision.FP32, Target.TENSORFLOW
    ),
    "onnxruntime": Choice(EngineKind.ONNXRUNTIME, Precision.FP32, Target.ONNXRUNTIME),
    "openvino": Choice(EngineKind.OPENVINO, Precision.FP32, Target.OPENVINO),
    "openvino:bf16": Choice(EngineKind.OPENVINO, Precision.BF16, Target.OPENVINO),
    "openvino:int8": Choice(
        EngineKind.OPENVINO, Precision.INT8, Target.OPENVINO, Precision.INT8
    ),
}


def choices_from_text(text: str) -> Tuple[str, ...]:
    """Read `openvino,openvino:int8`; the reference comes first whether named or not.

    Raises
    ------
    ValueError
        Naming the engine that is not known, and those that are.
    """
    named = [one.strip() for one in text.split(",") if one.strip()]
    for one in named:
        if one not in CHOICES:
            raise ValueError(
                "there is no engine {!r}, only {}".format(one, ", ".join(CHOICES))
            )
    return tuple(one for one in CHOICES if one == REFERENCE or one in named)


def threads_from_text(text: str) -> Tuple[int, ...]:
    """Read `1,2`.

    Raises
    ------
    ValueError
        If it holds anything but whole numbers from 1.
    """
    counts = tuple(sorted({int(one) for one in text.split(",")}))
    if counts[0] < 1:
        raise ValueError(f"a number of threads is at least 1, not {counts[0]}")
    return counts
