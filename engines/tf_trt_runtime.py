"""Runs a model that TF-TRT converted, in a TensorFlow session."""

import json
import logging
import os
from typing import TYPE_CHECKING, Any, Dict, NamedTuple, Optional, Tuple

import numpy as np

from engines.base import Engine, EngineKind, EngineSpec, Precision
from engines.convert.errors import MissingLibraryError
from engines.convert.tf_trt import FACTS_NAME, import_trt_convert, machine_facts
from engines.convert.tf_trt_log import Fallback, captured_stderr, read_fallbacks
from engines.errors import (
    EngineLoadError,
    EngineUnavailableError,
    ManifestError,
    PlanMismatchError,
)
from engines.tensorflow_runtime import TensorFlowEngine, import_tensorflow

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from engines.manifest import ModelManifest

log = logging.getLogger(__name__)

FILE_FORM = "tf-trt"


class TfTrtEngine(Engine):
    """A converted graph or SavedModel, its engines built before the first frame.

    TensorFlow runs an engine that TensorRT refuses itself, with the right result and
    without a word but in its log. That is read here: a model without one engine that
    runs is refused, and `fallbacks` names those that do not.

    Parameters
    ----------
    manifest : ModelManifest
        The model; its `tf-trt` file is loaded: a graph, or the `saved_model.pb` of a
        SavedModel.
    precision : Precision, optional
        Refuses a model of another one. None takes the model's.
    threads : int
        Threads of what is left to the CPU.

    Raises
    ------
    EngineUnavailableError
        If there is no TensorFlow with TF-TRT.
    PlanMismatchError
        If it was converted elsewhere or to another precision.
    EngineLoadError
        If it cannot be loaded, or no engine of it runs.
    """

    def __init__(
        self,
        manifest: "ModelManifest",
        precision: Optional[Precision] = None,
        threads: int = 1,
    ) -> None:
        path = manifest.path_of(FILE_FORM)
        folder = path.parent if path.name == "saved_model.pb" else None
        facts = _facts_beside(folder or path)
        _let_warnings_through()
        import_tensorflow()
        _require_fitting(facts, path, precision)
        try:
            import_trt_convert()  # the graph has an operation that it registers
        except MissingLibraryError as error:
            raise EngineUnavailableError(error.message, hint=error.hint) from error
        file = (folder or path).relative_to(manifest.folder).as_posix()
        form = "saved-model" if folder else "frozen-graph"
        as_tensorflow = manifest._replace(files={form: file})
        self._engine = TensorFlowEngine(as_tensorflow, threads=threads)
        self.fallbacks: Tuple[Fallback, ...] = ()
        """Engines that TensorFlow runs itself, and why."""
        self._spec = self._engine.spec._replace(
            kind=EngineKind.TF_TRT, precision=facts.precision, model=manifest
        )
        self._build(path, facts.engines)

    def _build(self, path: "Path", engines: int) -> None:
        wanted = self._spec.model.input
        with captured_stderr() as captured:
            self._engine.infer(np.zeros(wanted.shape, wanted.dtype))
        self.fallbacks = read_fallbacks(captured.text)
        if not self.fallbacks:
            return
        if len(self.fallbacks) >= engines:
            self.close()
            raise EngineLoadError(
                f"TensorRT runs none of the {engines} engines of {path}: "
                f"{self.fallbacks[0].reason}",
                hint="Convert the network again on this machine, or free memory.",
            )
        for fallback in self.fallbacks:
            log.warning(
                "TensorFlow runs %s itself: %s", fallback.engine, fallback.reason
            )

    @property
    def spec(self) -> EngineSpec:
        """What is running."""
        return self._spec

    def infer(self, tensor: "NDArray[Any]") -> "NDArray[Any]":
        """Run the graph once; see `Engine.infer`."""
        return self._engine.infer(tensor)

    def close(self) -> None:
        """Close the session."""
        self._engine.close()


def _let_warnings_through() -> None:
    """Keep TensorFlow's warnings, which tell of engines that do not run.

    It reads this when it is loaded, and never again.
    """
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL", "0") > "1":
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "1"


class _Facts(NamedTuple):
    """What the conversion wrote down."""

    precision: Precision
    engines: int
    machine: Dict[str, str]


def _facts_beside(path: "Path") -> _Facts:
    facts = path.with_name(FACTS_NAME)
    try:
        document = json.loads(facts.read_text(encoding="utf-8"))
        return _Facts(
            Precision(document["parameters"]["precision"]),
            len(document["report"]["engines"]),
            dict(document["machine"]),
        )
    except OSError as error:
        raise ManifestError(
            f"cannot read {facts}: {error.strerror}",
            hint="Convert the network: that writes it.",
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ManifestError(f"{facts} is something else: {error!r}") from error


def _require_fitting(
    facts: _Facts, path: "Path", precision: Optional[Precision]
) -> None:
    """Refuse engines of another machine: TensorFlow would run the graph itself."""
    here = machine_facts()
    reasons = [
        f"{name} was {made}, here is {here[name]}"
        for name, made in facts.machine.items()
        if name in here and made != here[name]
    ]
    if precision not in (None, facts.precision):
        reasons.append(
            f"it was converted to {facts.precision.value}, wanted is {precision.value}"
        )
    if reasons:
        raise PlanMismatchError(
            "the TF-TRT model {} does not fit: {}".format(path, "; ".join(reasons)),
            hint="Convert the network again on this machine.",
        )
