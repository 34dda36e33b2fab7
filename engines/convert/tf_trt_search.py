"""Look for the workspace and the segment size that make TF-TRT fastest.

No rule gives them, and every try takes minutes on a board: one of the two is changed at
a time, best first, as long as it gains.
"""

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from engines.convert.tf_trt_parameters import MEBIBYTE, TfTrtParameters
from engines.errors import EngineError

WORKSPACES_BYTES = tuple(size * MEBIBYTE for size in (256, 512, 128, 64))
"""Tried in this order: what a board with 8 GB has free, more, less."""
SEGMENT_SIZES = (3, 5, 10, 20)

# Two runs of the same engine differ by this much; within it, less memory is better.
_SAME_SPEED_RATIO = 0.02


class Measured(NamedTuple):
    """How a converted model ran."""

    fps: float
    memory_bytes: int
    """That the process took for it."""
    engines: int


class Trial(NamedTuple):
    """One try of the search."""

    parameters: TfTrtParameters
    measured: Optional[Measured]
    """None where it failed."""
    failure: str
    """Why it failed; empty where it did not."""

    def sentence(self) -> str:
        """Tell it in one line."""
        workspace_mib = self.parameters.max_workspace_size_bytes // MEBIBYTE
        size = self.parameters.minimum_segment_size
        what = f"workspace {workspace_mib} MiB, segments of {size}: "
        if self.measured is None:
            return what + self.failure
        return what + f"{self.measured.fps:.1f} fps"

    def to_document(self) -> Dict[str, Any]:
        """Write it as JSON values."""
        return {
            "max_workspace_size_bytes": self.parameters.max_workspace_size_bytes,
            "minimum_segment_size": self.parameters.minimum_segment_size,
            "fps": self.measured.fps if self.measured else None,
            "memory_bytes": self.measured.memory_bytes if self.measured else None,
            "engines": self.measured.engines if self.measured else None,
            "failure": self.failure,
        }


class SearchResult(NamedTuple):
    """Every try, in order, and the best."""

    trials: Tuple[Trial, ...]
    best: Trial


def _tell_nobody(trial: Trial) -> None:
    del trial


def search(
    measure: Callable[[TfTrtParameters], Measured],
    start: Optional[TfTrtParameters] = None,
    workspaces_bytes: Sequence[int] = WORKSPACES_BYTES,
    segment_sizes: Sequence[int] = SEGMENT_SIZES,
    on_trial: Callable[[Trial], None] = _tell_nobody,
) -> SearchResult:
    """Convert and measure with one set of parameters after the other.

    Parameters
    ----------
    measure : callable
        Converts with parameters, runs the result and measures it. An `EngineError`
        of it is written down, and the search goes on.
    start : TfTrtParameters, optional
        Everything but the two that are searched.
    workspaces_bytes, segment_sizes : sequence of int
        What to try, in this order.
    on_trial : callable
        Told of every try.

    Raises
    ------
    EngineError
        The first failure, if every try failed.
    """
    base = TfTrtParameters() if start is None else start
    trials: List[Trial] = []
    failures: List[EngineError] = []

    def best_of(candidates: Sequence[TfTrtParameters]) -> Optional[Trial]:
        for parameters in candidates:
            if all(trial.parameters != parameters for trial in trials):
                trials.append(_try(measure, parameters, failures))
                on_trial(trials[-1])
        return _best(trials)

    best = best_of(
        [
            base._replace(
                max_workspace_size_bytes=workspaces_bytes[0], minimum_segment_size=size
            )
            for size in segment_sizes
        ]
    )
    chosen = best.parameters if best is not None else base
    best = best_of(
        [chosen._replace(max_workspace_size_bytes=size) for size in workspaces_bytes]
    )
    if best is None:
        raise failures[0]
    return SearchResult(tuple(trials), best)


def _try(
    measure: Callable[[TfTrtParameters], Measured],
    parameters: TfTrtParameters,
    failures: List[EngineError],
) -> Trial:
    try:
        return Trial(parameters, measure(parameters), "")
    except EngineError as error:
        failures.append(error)
        return Trial(parameters, None, error.message)


def _best(trials: Sequence[Trial]) -> Optional[Trial]:
    ran = [trial for trial in trials if trial.measured is not None]
    if not ran:
        return None
    fastest = max(_measured(trial).fps for trial in ran)
    as_fast = [
        trial
        for trial in ran
        if _measured(trial).fps >= fastest * (1 - _SAME_SPEED_RATIO)
    ]
    return min(as_fast, key=lambda trial: _measured(trial).memory_bytes)


def _measured(trial: Trial) -> Measured:
    if trial.measured is None:
        raise ValueError("a trial that failed has no measurement")
    return trial.measured
