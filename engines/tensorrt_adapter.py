"""One face for every TensorRT: 7.1 to 11 and TensorRT-RTX.

What a version can do is asked of the library itself, never of its number:

| what | where it is asked |
| --- | --- |
| batch in the network's shape must be demanded | `NetworkDefinitionCreationFlag` |
| precision is a flag of the builder, or a type in the network | `BuilderFlag` |
| workspace is a pool, or an attribute | the builder's configuration |
| plan in one call, or by way of an engine | the builder |
| progress and cancelling | `IProgressMonitor` |
| tensors have names, or numbers | the engine |

The calls that build are in `convert/plan_build.py`, those that run in
`tensorrt_bindings.py`; both take a `TensorRt`.
"""

import contextlib
import importlib
import importlib.util
import logging
import re
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional

from engines.base import Precision
from engines.errors import EngineUnavailableError

log = logging.getLogger(__name__)

# Name shown and written to manifests, and modules. TensorRT-RTX is published as a
# package that imports another one, and that one alone serves too.
_MODULES = {
    "tensorrt": ("tensorrt",),
    "tensorrt-rtx": ("tensorrt_rtx", "tensorrt_rtx_bindings"),
}
LIBRARIES = tuple(_MODULES)


class LogLine(NamedTuple):
    """One message of TensorRT."""

    severity: str
    """`VERBOSE`, `INFO`, `WARNING`, `ERROR` or `INTERNAL_ERROR`."""
    text: str

    @property
    def is_error(self) -> bool:
        """Whether it tells why something failed."""
        return self.severity.endswith("ERROR")


class TensorRtLog:
    """What TensorRT says: the only place where it gives the reason of a failure.

    TensorRT keeps the first logger of a process for everything that follows, so
    there is one a library, and who wants to hear it listens for a while.
    Messages come from TensorRT's own threads.
    """

    def __init__(self, module: Any) -> None:  # noqa: ANN401  a library without types
        self._listeners: List[Callable[[LogLine], None]] = []
        self.logger: Any = _make_logger(module, self._hear)
        """Handed to TensorRT's constructors."""
        self.last_error = ""

    def _hear(self, line: LogLine) -> None:
        if line.is_error:
            self.last_error = line.text
        if line.is_error or line.severity == "WARNING":
            log.debug("%s", line.text)
        for listener in list(self._listeners):
            listener(line)

    @contextlib.contextmanager
    def listen(self, listener: Callable[[LogLine], None]) -> Iterator[None]:
        """Hand every message to a function meanwhile."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    @contextlib.contextmanager
    def errors(self) -> Iterator[List[str]]:
        """Collect the errors meanwhile, into the list that is given."""
        texts: List[str] = []

        def keep(line: LogLine) -> None:
            if line.is_error:
                texts.append(line.text)

        with self.listen(keep):
            yield texts


def _make_logger(
    module: Any,  # noqa: ANN401
    hear: Callable[[LogLine], None],
) -> Any:  # noqa: ANN401
    base: Any = module.ILogger

    class Logger(base):  # type: ignore[misc]  # a class found at run time
        def __init__(self) -> None:
            # pybind11 refuses an object whose own constructor was not called.
            base.__init__(self)

        def log(self, severity: Any, text: str) -> None:  # noqa: ANN401
            hear(LogLine(severity.name, text))

    return Logger()


_PLACE_IN_SOURCE = re.compile(r"\s*\bIn \w+ at \S+:\d+\s*|^\[\S+::\d+\]\s*")


def reason_of(errors: List[str], longest: int = 300) -> str:
    """Read the reason of a failure out of what TensorRT said, in one line."""
    if not errors:
        return "TensorRT gave no reason"
    # The first error is the cause, those behind it are consequences.
    text = " ".join(_PLACE_IN_SOURCE.sub(" ", errors[0]).split())
    return text.replace("( ", "(")[:longest]


# The first logger of a process is the one for good: see `TensorRtLog`.
_logs: Dict[str, TensorRtLog] = {}


class TensorRt:
    """A TensorRT library that was found.

    Parameters
    ----------
    module : module
        `tensorrt`, `tensorrt_rtx`, or what behaves like one.
    log : TensorRtLog
        The one of this library.
    """

    def __init__(self, module: Any, log: TensorRtLog) -> None:  # noqa: ANN401
        self.module = module
        self.log = log
        self.version = str(module.__version__)

    @property
    def name(self) -> str:
        """`tensorrt` or `tensorrt-rtx`."""
        for name, modules in _MODULES.items():
            if self.module.__name__ in modules:
                return name
        return str(self.module.__name__)

    @property
    def library(self) -> str:
        """Name and version."""
        return f"{self.name} {self.version}"

    def has_precision_flag(self, precision: Precision) -> bool:
        """Whether the builder lowers a network to a precision by itself.

        Where it does not (TensorRT 11, TensorRT-RTX), the network's own types
        decide.
        """
        return hasattr(self.module.BuilderFlag, precision.name)

    @property
    def has_progress(self) -> bool:
        """Whether a build reports its progress, and can be cancelled by it."""
        return hasattr(self.module, "IProgressMonitor")

    @property
    def is_portable(self) -> bool:
        """Whether a plan runs on other GPUs than the one it was built on.

        TensorRT-RTX compiles for the GPU when the plan is loaded. It is known by
        the list of compute capabilities that only its builder takes.
        """
        return hasattr(self.module, "ComputeCapability")


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def load_tensorrt(name: Optional[str] = None) -> TensorRt:
    """Import a TensorRT.

    Parameters
    ----------
    name : str, optional
        One of `LIBRARIES`; None takes the first that is installed.

    Raises
    ------
    EngineUnavailableError
        If there is none.
    """
    wanted = LIBRARIES if name is None else (name,)
    reasons = []
    for one in wanted:
        for module_name in _MODULES.get(one, (one,)):
            try:
                module = importlib.import_module(module_name)
            except ImportError as error:
                reasons.append(str(error))
                continue
            if not hasattr(module, "Runtime"):
                # An empty package of that name is left behind by a broken install.
                reasons.append(f"{module_name} is there without its library")
                continue
            if one not in _logs:
                _logs[one] = TensorRtLog(module)
            return TensorRt(module, _logs[one])
    raise EngineUnavailableError(
        "{} is not installed for this Python ({})".format(
            " or ".join(wanted), "; ".join(reasons)
        ),
        hint="On a Jetson, TensorRT belongs to JetPack and to its own Python: run the "
        f"engine in that one. Elsewhere: pip install {wanted[0]}.",
    )


def tensorrt_obstacle(is_installed: Callable[[str], bool] = _is_installed) -> str:
    """Why no TensorRT can be imported; empty where one can. Imports nothing."""
    modules = [module for names in _MODULES.values() for module in names]
    if any(is_installed(module) for module in modules):
        return ""
    return "TensorRT is not installed for this Python"


def precision_obstacle(trt: TensorRt, precision: Precision, gpu: str) -> str:
    """Why TensorRT gains nothing from a precision on this GPU; empty where it does.

    TensorRT 11 and TensorRT-RTX do not tell: every GPU they run on has them all.

    Parameters
    ----------
    trt : TensorRt
        Asked.
    precision : Precision
        The one that is wanted.
    gpu : str
        Named in the answer.
    """
    asked = {
        Precision.FP16: ("platform_has_fast_fp16", "fast half-precision"),
        Precision.INT8: ("platform_has_fast_int8", "8-bit"),
    }
    if precision not in asked:
        return ""
    question, arithmetic = asked[precision]
    builder = trt.module.Builder(trt.log.logger)
    has_it = getattr(builder, question, True)
    return "" if has_it else f"{gpu} has no {arithmetic} arithmetic"
