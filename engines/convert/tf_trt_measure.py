"""Convert with TF-TRT and measure the result on this machine, for the search."""

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, List

from engines.convert.graph import GraphDef, Terminals
from engines.convert.memory import available_bytes
from engines.convert.tf_trt import convert_with_tf_trt, files_of
from engines.convert.tf_trt_parameters import TfTrtParameters
from engines.convert.tf_trt_search import Measured

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engines.manifest import ModelManifest

# The first runs choose kernels and warm up; the clocks of a board take longer.
_WARM_UP_RUNS = 20
_RUNS = 100


def measured_here(
    graph: GraphDef,
    terminals: Terminals,
    model: "ModelManifest",
    frames: "List[NDArray[Any]]",
    runs: int = _RUNS,
) -> Callable[[TfTrtParameters], Measured]:
    """Make the function that `search` measures with.

    Parameters
    ----------
    graph, terminals
        As `convert_with_tf_trt` takes them.
    model : ModelManifest
        What the network takes and gives; its files are not looked at.
    frames : list of ndarray
        Inputs to run, over and over.
    runs : int
        Inferences that are timed. More give a truer figure.
    """

    def measure(parameters: TfTrtParameters) -> Measured:
        free_bytes = available_bytes()
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            made = convert_with_tf_trt(
                graph, terminals, folder, parameters, tuple(frames)
            )
            file = files_of(made)[0].relative_to(folder).as_posix()
            fps = _fps(
                model._replace(files={"tf-trt": file}, folder=folder), frames, runs
            )
            used_bytes = max(0, free_bytes - available_bytes())
        return Measured(fps, used_bytes, len(made.report.engines))

    return measure


def _fps(model: "ModelManifest", frames: "List[NDArray[Any]]", runs: int) -> float:
    """Rate of the median inference: what else the board does disturbs it least."""
    from engines.tf_trt_runtime import TfTrtEngine

    times = []
    with TfTrtEngine(model) as engine:
        for run in range(_WARM_UP_RUNS + runs):
            start = time.perf_counter()
            engine.infer(frames[run % len(frames)])
            if run >= _WARM_UP_RUNS:
                times.append(time.perf_counter() - start)
    return 1.0 / sorted(times)[len(times) // 2]
