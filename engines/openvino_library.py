"""OpenVINO, imported without its usage reports."""

import sys
from typing import Any

from engines.errors import EngineUnavailableError


def import_openvino() -> Any:  # noqa: ANN401  a library without types
    """Import OpenVINO so that it reports nothing to its makers.

    Importing `openvino` starts a thread that sends a usage event unless the package
    `openvino_telemetry` cannot be imported; its own stub then takes its place. What
    a laboratory runs is nobody else's business, and most boards have no network.

    Raises
    ------
    EngineUnavailableError
        If OpenVINO is not installed.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        import openvino
    except ImportError as error:
        raise EngineUnavailableError(
            f"OpenVINO is not installed for this Python ({error})",
            hint="Install it with 'pip install openvino'.",
        ) from error
    return openvino
