"""Tries every engine of this machine on the bundled network, one after the other."""

from __future__ import annotations

import enum
import statistics
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from app.conversion_frames import save_prepared_frames
from app.conversion_job import ConversionJob, ConversionState
from app.doctor_facts import ask, candidate_interpreters, machine_of
from app.doctor_plan import REFERENCE, plan
from app.errors import ConsoleError
from app.hardware.readings import HardwareSample
from app.hardware.report import document_of, read_machine
from app.paths import DEFAULT_MODEL, SAMPLE_CLIP, sessions_folder
from engines.bench.opening import tensors_for
from engines.bench.results import mask_iou
from engines.convert.request import ConversionRequest
from engines.convert.samples import load_samples
from engines.errors import EngineError
from engines.host.client import HostedEngine
from engines.manifest import MANIFEST_NAME, load_manifest
from engines.postprocessing import probability_from_output

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from app.doctor_facts import Interpreter
    from app.doctor_plan import EngineCase

_POLL_S = 0.1
_END_DEADLINE_S = 60.0
_MEASURE_S = 2.0
_FEWEST_CALLS = 10
# As `engines.convert.verify` claims equality, and as masks are near enough to track.
_EQUAL_BELOW = 1e-4
_NEAR_FROM = 0.99


class CheckState(enum.Enum):
    """What became of an engine."""

    WORKS = "works"
    ABSENT = "not here"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class EngineCheck:
    """One engine, tried."""

    name: str
    precision: str
    state: CheckState
    python: str = ""
    library: str = ""
    device: str = ""
    reason: str = ""
    """Why it does not work."""
    hint: str = ""
    error: str = ""
    """Type of the error."""
    nodes: tuple[int, int] | None = None
    """Before and after the conversion; None where the bundled files ran."""
    convert_s: float | None = None
    max_abs_diff: float | None = None
    """Of the probabilities, from the reference."""
    mask_iou: float | None = None
    """With the reference's masks."""
    ms_p50: float | None = None
    """Of one inference on one thread, within its process."""
    hosting_ms_p50: float | None = None
    """What reaching that process costs more."""

    @property
    def fps(self) -> float | None:
        """One over the median."""
        return 1e3 / self.ms_p50 if self.ms_p50 else None

    @property
    def verdict(self) -> str:
        """How its output compares with the reference."""
        if self.max_abs_diff is None:
            return ""
        if self.max_abs_diff <= _EQUAL_BELOW:
            return "equal"
        is_near = self.mask_iou is not None and self.mask_iou >= _NEAR_FROM
        return "near" if is_near else "differs"

    def to_document(self) -> dict[str, Any]:
        """Write it as JSON values."""
        return {
            "engine": self.name,
            "precision": self.precision,
            "state": self.state.value,
            "python": self.python,
            "library": self.library,
            "device": self.device,
            "reason": self.reason,
            "hint": self.hint,
            "error": self.error,
            "nodes": self.nodes and list(self.nodes),
            "convert_s": self.convert_s,
            "verdict": self.verdict,
            "max_abs_diff": self.max_abs_diff,
            "mask_iou": self.mask_iou,
            "ms_p50": self.ms_p50,
            "hosting_ms_p50": self.hosting_ms_p50,
            "fps": self.fps,
        }


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """Everything that was found."""

    machine: dict[str, Any]
    interpreters: tuple[Interpreter, ...]
    checks: tuple[EngineCheck, ...]
    reference: str
    """Name of what the others were compared with; empty where nothing ran."""
    hardware: HardwareSample = field(default_factory=HardwareSample)

    def to_document(self) -> dict[str, Any]:
        """Write it as JSON values."""
        return {
            "machine": self.machine,
            "hardware": document_of(self.hardware),
            "interpreters": [one.to_document() for one in self.interpreters],
            "engines": [one.to_document() for one in self.checks],
            "reference": self.reference,
        }


@dataclass(frozen=True, slots=True)
class DoctorProgress:
    """How far it is."""

    activity: str
    done_ratio: float
    """0 to 1."""


@dataclass
class _Reference:
    """What the first engine that ran gave."""

    name: str = ""
    probabilities: list[NDArray[np.float32]] = field(default_factory=list)


class DoctorJob:
    """Looks at the machine and tries every engine that it has.

    Every engine runs hosted, in a process of its own also where this Python could run
    it: a library that crashes is then one row of the report and not its end. Nothing
    stops at the first failure. Everything happens in the thread that calls `run`; a
    KeyboardInterrupt there ends the child processes and leaves no file.

    Parameters
    ----------
    named : Path, optional
        A Python to ask and to prefer.
    show : callable
        Called with a `DoctorProgress` whenever something happened.
    """

    def __init__(
        self, named: Path | None, show: Callable[[DoctorProgress], None]
    ) -> None:
        self._named = named
        self._show = show
        self._reference = _Reference()
        self._tensors: list[NDArray[Any]] = []
        self._done_ratio = 0.0

    def run(self) -> DoctorReport:
        """Try everything.

        Raises
        ------
        ConverterMissingError
            If there is no Python of the name that was given.
        """
        interpreters = []
        for python in candidate_interpreters(self._named):
            self._tell(f"asking {python}")
            interpreters.append(ask(python))
        checks = self._try_all(plan(interpreters))
        return DoctorReport(
            machine_of(interpreters),
            tuple(interpreters),
            tuple(checks),
            self._reference.name,
            read_machine(Path("/"), sessions_folder()),
        )

    def _try_all(self, cases: Sequence[EngineCase]) -> list[EngineCheck]:
        checks = []
        with tempfile.TemporaryDirectory(prefix="peregrine-") as scratch:
            self._prepare_frames(Path(scratch))
            for number, case in enumerate(cases):
                self._done_ratio = (number + 1) / (len(cases) + 1)
                folder = Path(scratch) / str(number)
                checks.append(self._try(case, folder))
        return checks

    def _prepare_frames(self, scratch: Path) -> None:
        self._tell("reading frames of the bundled clip")
        spec = load_manifest(DEFAULT_MODEL).input
        path = scratch / "frames.npz"
        save_prepared_frames(str(SAMPLE_CLIP), spec, path, lambda: False)
        self._tensors = load_samples(path, spec.shape, spec.dtype).tensors

    def _try(self, case: EngineCase, folder: Path) -> EngineCheck:
        check = EngineCheck(case.name, case.precision.value, CheckState.ABSENT)
        if case.python is None:
            return replace(check, reason=case.obstacle, hint=case.hint)
        check = replace(check, python=str(case.python), state=CheckState.FAILED)
        try:
            model = DEFAULT_MODEL
            if case.target is not None:
                model = folder
                check = self._convert(case, folder, check)
            return self._infer(case, model, check)
        except (ConsoleError, EngineError) as error:
            return replace(
                check,
                error=type(error).__name__,
                reason=error.message,
                hint=error.hint,
            )

    def _convert(
        self, case: EngineCase, folder: Path, check: EngineCheck
    ) -> EngineCheck:
        """Convert the bundled network in a child process."""
        assert case.target is not None
        assert case.python is not None
        request = ConversionRequest(
            # The frozen graph: a board's TensorFlow 1.15 reads no newer SavedModel.
            load_manifest(DEFAULT_MODEL).path_of("frozen-graph"),
            case.target,
            folder,
            precision=case.precision,
            manifest=DEFAULT_MODEL / MANIFEST_NAME,
        )
        job = ConversionJob(request, case.python, str(SAMPLE_CLIP))
        job.start()
        try:
            while not (status := job.status()).state.is_over:
                self._tell(f"{_name_of(case)}: {status.activity}")
                time.sleep(_POLL_S)
        finally:
            job.request_cancel()
            status = job.wait(_END_DEADLINE_S)
        if status.error is not None:
            raise status.error
        if status.state is not ConversionState.DONE:
            raise ConsoleError(f"the conversion ended as {status.state.value}")
        nodes = status.steps[0]["nodes_before"], status.steps[-1]["nodes_after"]
        return replace(check, nodes=nodes, convert_s=round(status.seconds, 1))

    def _infer(self, case: EngineCase, model: Path, check: EngineCheck) -> EngineCheck:
        """Run the engine in a process of its own, compare and time it."""
        assert case.python is not None
        self._tell(f"{_name_of(case)}: loading and running")
        source = load_manifest(DEFAULT_MODEL)
        manifest = load_manifest(model)
        engine = HostedEngine(case.python, case.kind, manifest, case.precision)
        with engine:
            spec = engine.spec
            tensors = tensors_for(spec.model.input, self._tensors, source.input.layout)
            found = [
                probability_from_output(engine.infer(one), spec.model.output).copy()
                for one in tensors
            ]
            own_ms, whole_ms = _durations_ms(engine, tensors)
        difference, iou = self._compare(case, found, source.threshold_high)
        return replace(
            check,
            state=CheckState.WORKS,
            library=spec.library,
            device=spec.device,
            max_abs_diff=difference,
            mask_iou=iou,
            ms_p50=round(statistics.median(own_ms), 4),
            hosting_ms_p50=round(
                statistics.median(
                    whole - own for whole, own in zip(whole_ms, own_ms, strict=True)
                ),
                4,
            ),
        )

    def _compare(
        self, case: EngineCase, found: list[NDArray[np.float32]], threshold: float
    ) -> tuple[float, float | None]:
        """Compare with the reference; the first that runs is it."""
        if not self._reference.name:
            self._reference = _Reference(_name_of(case), found)
        expected = self._reference.probabilities
        largest = max(
            float(np.abs(a - b).max()) for a, b in zip(expected, found, strict=True)
        )
        level = np.float32(threshold)
        masks = [[one >= level for one in each] for each in (expected, found)]
        return largest, mask_iou(*masks)

    def _tell(self, activity: str) -> None:
        self._show(DoctorProgress(activity, self._done_ratio))


def _name_of(case: EngineCase) -> str:
    return (
        case.name if case.name == REFERENCE else f"{case.name} {case.precision.value}"
    )


def _durations_ms(
    engine: HostedEngine, tensors: Sequence[NDArray[Any]]
) -> tuple[list[float], list[float]]:
    """Time inferences within the host, and as seen from here."""
    own_ms: list[float] = []
    whole_ms: list[float] = []
    end_s = time.perf_counter() + _MEASURE_S
    while time.perf_counter() < end_s or len(own_ms) < _FEWEST_CALLS:
        started_s = time.perf_counter()
        engine.infer(tensors[len(own_ms) % len(tensors)])
        whole_ms.append((time.perf_counter() - started_s) * 1e3)
        own_ms.append(engine.host_infer_ms)
    return own_ms, whole_ms
