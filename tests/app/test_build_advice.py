"""What is suggested after each kind of failure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.build_advice import Next, advise
from app.build_order import BuildOrder
from app.conversion_job import (
    ConversionState,
    ConversionStatus,
    ConverterMissingError,
)
from app.hardware.memory_guard import MemoryReserveError
from engines.base import Precision
from engines.convert import errors
from engines.convert.nvidia_parameters import NvidiaParameters
from engines.convert.request import Target
from engines.errors import EngineError

if TYPE_CHECKING:
    from app.errors import ConsoleError

INT8 = BuildOrder(Path("net.pb"), Target.OPENVINO, Precision.INT8)
PLAN = BuildOrder(Path("net.pb"), Target.TENSORRT, Precision.FP16)
FP32 = replace(INT8, precision=Precision.FP32)
SMALL = NvidiaParameters(workspace_mib=64)


def failed(error: ConsoleError | EngineError, *inputs: str) -> ConversionStatus:
    found = tuple({"name": name} for name in inputs)
    return ConversionStatus(state=ConversionState.FAILED, error=error, inputs=found)


@pytest.mark.parametrize(
    ("order", "error", "next_order"),
    [
        (INT8, errors.VerificationError("differs"), FP32),
        (
            replace(PLAN, precision=Precision.INT8),
            errors.PlanBuildError("no"),
            PLAN,
        ),
        (PLAN, errors.PlanBuildError("no"), replace(PLAN, precision=Precision.FP32)),
        (
            replace(PLAN, precision=Precision.FP32),
            errors.MissingLibraryError("no TensorRT"),
            FP32,
        ),
        (PLAN, errors.OutOfMemoryError("full"), replace(PLAN, nvidia=SMALL)),
        (
            replace(PLAN, nvidia=SMALL),
            errors.OutOfMemoryError("full"),
            replace(PLAN, nvidia=SMALL),
        ),
        (INT8, MemoryReserveError("full"), INT8),
        (INT8, errors.OutputFolderError("read-only"), INT8),
        (replace(INT8, size_px=(8, 8)), errors.SizeError("odd"), INT8),
        (
            FP32,
            errors.UnsupportedOperationError("no op"),
            replace(FP32, target=Target.ONNXRUNTIME),
        ),
        (
            replace(FP32, target=Target.ONNX),
            errors.UnsupportedOperationError("no op"),
            replace(FP32, target=Target.TENSORFLOW),
        ),
    ],
)
def test_another_order_is_suggested(
    order: BuildOrder, error: EngineError, next_order: BuildOrder
) -> None:
    advice = advise(order, failed(error))

    assert advice is not None
    assert advice.action is Next.BUILD
    assert advice.order == next_order


@pytest.mark.parametrize(
    ("error", "field"),
    [
        (errors.SizeError("open"), "input_size"),
        (errors.InputNotFoundError("several"), "input_name"),
        (errors.OutputNotFoundError("several"), "output_name"),
        (errors.SourceFormatError("no network"), "model"),
    ],
)
def test_a_field_is_to_be_filled_in(error: EngineError, field: str) -> None:
    advice = advise(INT8, failed(error, "a", "b"))

    assert advice is not None
    assert (advice.action, advice.field, advice.order) == (Next.FILL_IN, field, INT8)


def test_the_only_input_is_offered_by_its_name() -> None:
    advice = advise(INT8, failed(errors.InputNotFoundError("none such"), "x"))

    assert advice is not None
    assert advice.text == "Use input x"
    assert advice.order.input_name == "x"


@pytest.mark.parametrize(
    ("error", "command"),
    [
        (ConverterMissingError("no Python"), "make engines"),
        (
            errors.missing_library("NNCF", "pip install nncf", "int8"),
            ".venv-engines/bin/python -m pip install nncf",
        ),
    ],
)
def test_a_command_can_be_copied(
    error: ConsoleError | EngineError, command: str
) -> None:
    advice = advise(INT8, failed(error))

    assert advice is not None
    assert (advice.action, advice.command) == (Next.COPY, command)


def test_nothing_is_suggested_where_nothing_failed_or_nothing_helps() -> None:
    assert advise(INT8, ConversionStatus(state=ConversionState.DONE)) is None
    assert advise(INT8, failed(EngineError("a bug"))) is None
