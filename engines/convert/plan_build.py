"""Build a plan from a parsed network, with whatever this TensorRT offers."""

import contextlib
import warnings
from pathlib import Path
from typing import Any, Callable, Iterator, List, Optional

from engines.base import Precision
from engines.convert.errors import (
    BuildCancelledError,
    ConversionError,
    OutOfMemoryError,
    PlanBuildError,
    UnsupportedTargetError,
)
from engines.convert.plan_network import ParsedNetwork
from engines.convert.plan_progress import (
    BuildProgress,
    LogProgress,
    OnProgress,
    PhaseProgress,
)
from engines.tensorrt_adapter import TensorRt, reason_of

ShouldStop = Callable[[], bool]


def build_plan(
    parsed: ParsedNetwork,
    precision: Precision,
    workspace_bytes: int,
    timing_cache: Optional[Path],
    on_progress: OnProgress,
    should_stop: ShouldStop,
) -> bytes:
    """Build a plan.

    Parameters
    ----------
    parsed : ParsedNetwork
        What to build.
    precision : Precision
        Fastest arithmetic that TensorRT may choose. Where it has no flags for that,
        the network's types decide and this is not looked at.
    workspace_bytes : int
        Memory a layer may use while it runs. More admits faster kernels, and leaves
        less to everybody else.
    timing_cache : Path, optional
        Measurements of earlier builds: read if it is there, written afterwards. It
        shortens a build to a tenth, and belongs to one GPU and version.
    on_progress : callable
        Told how far it is, from TensorRT's threads.
    should_stop : callable
        Asked at every step. Before TensorRT 9 there are none: end the process.

    Raises
    ------
    OutOfMemoryError, PlanBuildError
        With TensorRT's reason.
    BuildCancelledError
        If `should_stop` said so.
    """
    trt = parsed.trt
    config = parsed.builder.create_builder_config()
    _limit_workspace(trt, config, workspace_bytes)
    _set_precision(trt, config, precision)
    watch = _Watch(on_progress, should_stop)
    with contextlib.ExitStack() as stack:
        errors = stack.enter_context(trt.log.errors())
        cache = stack.enter_context(_timing_cache(config, timing_cache))
        if trt.has_progress:
            config.progress_monitor = _monitor(trt, watch)
        else:
            estimate = LogProgress(parsed.network.num_layers, watch.tell)
            stack.enter_context(trt.log.listen(estimate.hear))
        plan = _serialise(parsed, config)
        watch.raise_failure()
        if plan is None:
            raise _failure(trt, errors, watch, workspace_bytes)
        cache()
    return bytes(plan)


def _limit_workspace(trt: TensorRt, config: Any, limit_bytes: int) -> None:  # noqa: ANN401
    if hasattr(config, "set_memory_pool_limit"):
        config.set_memory_pool_limit(trt.module.MemoryPoolType.WORKSPACE, limit_bytes)
    else:
        config.max_workspace_size = limit_bytes


def _set_precision(trt: TensorRt, config: Any, precision: Precision) -> None:  # noqa: ANN401
    flags = trt.module.BuilderFlag
    if precision is Precision.FP32:
        # Left on, newer GPUs take 10 of the 23 bits of what is called single.
        if hasattr(flags, "TF32"):
            config.clear_flag(flags.TF32)
        return
    wanted = [precision]
    if precision is Precision.INT8:
        # What is not quantised need not fall back to single precision.
        wanted.append(Precision.FP16)
    for one in wanted:
        if trt.has_precision_flag(one):
            config.set_flag(getattr(flags, one.name))


def require_precision(parsed: ParsedNetwork, precision: Precision) -> None:
    """Refuse a precision that this network or this TensorRT cannot have.

    Raises
    ------
    UnsupportedTargetError
        With what to do instead.
    """
    if precision not in (Precision.FP32, Precision.FP16, Precision.INT8):
        raise UnsupportedTargetError(
            f"plans are not built in {precision.value}",
            hint="Choose fp32, fp16 or int8.",
        )
    if precision is Precision.INT8 and not parsed.has_quantisation:
        raise UnsupportedTargetError(
            "the network has no quantisation, and TensorRT needs its ranges for int8",
            hint="Give frames to find the ranges with, or choose fp16.",
        )


class _Watch:
    """Between TensorRT's threads and the caller."""

    def __init__(self, on_progress: OnProgress, should_stop: ShouldStop) -> None:
        self._on_progress = on_progress
        self._should_stop = should_stop
        self._failure: Optional[BaseException] = None
        self.was_cancelled = False

    def tell(self, progress: BuildProgress) -> None:
        """Pass on how far it is, as long as it goes on."""
        if self.was_cancelled or self._failure is not None:
            return  # TensorRT now closes all phases, as if they were done
        try:
            self._on_progress(progress)
        except BaseException as error:  # noqa: BLE001  raised again behind TensorRT, which would swallow it
            self._failure = error

    def may_go_on(self) -> bool:
        """Ask whether to build on."""
        if self._failure is not None:
            return False
        self.was_cancelled = self.was_cancelled or self._should_stop()
        return not self.was_cancelled

    def raise_failure(self) -> None:
        """Raise what the caller's function raised."""
        if self._failure is not None:
            raise self._failure


def _monitor(trt: TensorRt, watch: _Watch) -> Any:  # noqa: ANN401
    phases = PhaseProgress(watch.tell)
    base: Any = trt.module.IProgressMonitor

    class Monitor(base):  # type: ignore[misc]  # a class found at run time
        def __init__(self) -> None:
            base.__init__(self)

        def phase_start(
            self, phase_name: str, parent_phase: Optional[str], num_steps: int
        ) -> None:
            phases.start(phase_name, parent_phase, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            del step
            phases.step(phase_name)
            return watch.may_go_on()

        def phase_finish(self, phase_name: str) -> None:
            phases.finish(phase_name)

    return Monitor()


def unfinished_cache(path: Path) -> Path:
    """Where a timing cache is written before it takes its place."""
    return path.with_name(path.name + ".new")


@contextlib.contextmanager
def _timing_cache(config: Any, path: Optional[Path]) -> Iterator[Callable[[], None]]:  # noqa: ANN401
    """Use a file of measurements; gives the function that writes it."""
    if path is None or not hasattr(config, "create_timing_cache"):
        yield lambda: None
        return
    with warnings.catch_warnings():
        # TensorRT-RTX measures nothing and calls the cache deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        known = path.read_bytes() if path.is_file() else b""
        cache = config.create_timing_cache(known)
        # TensorRT refuses a cache of another version or GPU: it starts an empty one.
        if cache is None or config.set_timing_cache(cache, False) is False:
            cache = config.create_timing_cache(b"")
            config.set_timing_cache(cache, False)

        def save() -> None:
            unfinished = unfinished_cache(path)
            unfinished.write_bytes(bytes(config.get_timing_cache().serialize()))
            unfinished.replace(path)

        yield save


def _serialise(parsed: ParsedNetwork, config: Any) -> Any:  # noqa: ANN401
    builder = parsed.builder
    if hasattr(builder, "build_serialized_network"):
        return builder.build_serialized_network(parsed.network, config)
    engine = builder.build_engine(parsed.network, config)  # TensorRT 7
    return None if engine is None else engine.serialize()


def _failure(
    trt: TensorRt, errors: List[str], watch: _Watch, workspace_bytes: int
) -> ConversionError:
    if watch.was_cancelled:
        return BuildCancelledError("the build was cancelled")
    text = f"{trt.library} cannot build the plan: {reason_of(errors)}"
    said = " ".join(errors).lower()
    if "workspace" in said or "could not find any implementation" in said:
        return PlanBuildError(
            text,
            hint=f"The workspace of {workspace_bytes >> 20} MiB may be too small: "
            "choose a larger one, or free memory.",
        )
    if "out of memory" in said or "outofmemory" in said or "cudamalloc" in said:
        return OutOfMemoryError(
            text, hint="Close other programs, or choose a smaller workspace."
        )
    return PlanBuildError(text, hint="Choose the target tf-trt or tensorflow.")
