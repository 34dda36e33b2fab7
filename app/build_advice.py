"""What to try next where a build failed."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.conversion_job import ConverterMissingError
from app.hardware.memory_guard import MemoryReserveError
from engines.base import Precision
from engines.convert import errors
from engines.convert.request import PRECISIONS, Target
from engines.errors import ManifestError

if TYPE_CHECKING:
    from app.build_order import BuildOrder
    from app.conversion_job import ConversionStatus
    from app.errors import ConsoleError
    from engines.errors import EngineError

_LEAST_MIB = 64


class Next(enum.Enum):
    """What the button of a failed build does."""

    BUILD = "build"
    """Builds another order."""
    FILL_IN = "fill in"
    """Puts the order into the form, at the field that is missing."""
    COPY = "copy"
    """Copies a command to type in a terminal."""


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to try."""

    text: str
    """As the button says it."""
    action: Next
    order: BuildOrder
    field: str = ""
    """Of the form, to fill in, as `input_size` or `colour`."""
    command: str = ""


def advise(order: BuildOrder, status: ConversionStatus) -> Advice | None:
    """What to try after a build of this order; None where nothing suggests itself."""
    error = status.error
    if error is None:
        return None
    return (
        _fill_in(order, status, error)
        or _install(order, error)
        or _less(order, error)
        or _another(order, error)
    )


def _fill_in(
    order: BuildOrder, status: ConversionStatus, error: ConsoleError | EngineError
) -> Advice | None:
    """What the form lacks."""
    if isinstance(error, errors.SizeError):
        if order.size_px is not None:
            without = replace(order, size_px=None)
            return Advice("Build at its own size", Next.BUILD, without)
        return Advice("Give the size…", Next.FILL_IN, order, "input_size")
    if isinstance(error, errors.InputNotFoundError):
        if len(status.inputs) == 1:
            name = str(status.inputs[0]["name"])
            chosen = replace(order, input_name=name)
            return Advice(f"Use input {name}", Next.BUILD, chosen)
        return Advice("Choose the input…", Next.FILL_IN, order, "input_name")
    if isinstance(error, errors.OutputNotFoundError):
        return Advice("Choose the output…", Next.FILL_IN, order, "output_name")
    if isinstance(error, ManifestError):
        return Advice("Say what it takes…", Next.FILL_IN, order, "colour")
    if isinstance(error, errors.SourceFormatError):
        return Advice("Choose another file…", Next.FILL_IN, order, "model")
    return None


def _install(order: BuildOrder, error: ConsoleError | EngineError) -> Advice | None:
    """A command that the hint holds."""
    if isinstance(error, ConverterMissingError):
        return Advice("Copy 'make engines'", Next.COPY, order, command="make engines")
    found = re.search(r"pip install [\w.\- ]*\w", error.hint)
    if (
        isinstance(error, errors.MissingLibraryError)
        and found
        and not (order.target.needs_gpu)
    ):
        command = f".venv-engines/bin/python -m {found[0]}"
        return Advice("Copy the command", Next.COPY, order, command=command)
    return None


def _less(order: BuildOrder, error: ConsoleError | EngineError) -> Advice | None:
    """The same with less memory."""
    if not isinstance(error, (errors.OutOfMemoryError, MemoryReserveError)):
        return None
    workspace_mib = order.nvidia.workspace_mib
    if order.target.needs_gpu and (workspace_mib or _LEAST_MIB + 1) > _LEAST_MIB:
        nvidia = order.nvidia._replace(workspace_mib=_LEAST_MIB)
        text = f"Use a workspace of {_LEAST_MIB} MiB"
        return Advice(text, Next.BUILD, replace(order, nvidia=nvidia))
    return Advice("Try again", Next.BUILD, order)


def _another(order: BuildOrder, error: ConsoleError | EngineError) -> Advice | None:
    """Another precision, then another target."""
    if isinstance(error, errors.OutputFolderError):
        return Advice("Try again", Next.BUILD, order)
    is_precision = isinstance(error, (errors.VerificationError, errors.PlanBuildError))
    is_refused = isinstance(error, errors.UnsupportedTargetError)
    if (is_precision or is_refused) and order.precision is not Precision.FP32:
        able = PRECISIONS[order.target]
        least = Precision.FP32
        if order.precision is Precision.INT8 and Precision.FP16 in able:
            least = Precision.FP16
        gentler = replace(order, precision=least)
        return Advice(f"Build in {least.value}", Next.BUILD, gentler)
    if order.target in (Target.TENSORRT, Target.TF_TRT):
        here = replace(order, target=Target.OPENVINO, precision=Precision.FP32)
        return Advice("Build for OpenVINO", Next.BUILD, here)
    if isinstance(error, errors.UnsupportedOperationError):
        if order.target is Target.OPENVINO:
            other = replace(order, target=Target.ONNXRUNTIME, precision=Precision.FP32)
            return Advice("Build for ONNX Runtime", Next.BUILD, other)
        other = replace(order, target=Target.TENSORFLOW, precision=Precision.FP32)
        return Advice("Build for TensorFlow", Next.BUILD, other)
    return None
