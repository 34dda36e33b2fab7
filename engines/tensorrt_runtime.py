"""Runs a standalone TensorRT plan on an NVIDIA GPU."""

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Tuple

import numpy as np

from engines.base import Engine, EngineKind, EngineSpec, Precision
from engines.cuda_runtime import CapturedGraph, CudaError, CudaRuntime, Stream
from engines.device_buffers import DeviceBuffer, close_all, new_buffer
from engines.errors import EngineLoadError, InferenceError
from engines.plan_manifest import PlanPlace, load_plan_manifest, require_plan_fits
from engines.tensorrt_adapter import TensorRt, load_tensorrt, reason_of
from engines.tensorrt_bindings import Bindings, PlanTensor, bindings_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engines.manifest import InputSpec, ModelManifest

log = logging.getLogger(__name__)

FILE_FORM = "tensorrt"

# Runs to tell which way of queueing is faster; few, since they delay the start.
_TRIALS = 15


def place_of(trt: TensorRt, cuda: CudaRuntime) -> PlanPlace:
    """Describe this machine as a plan's manifest does."""
    return PlanPlace(
        library=trt.name,
        version=trt.version,
        gpu=cuda.device.name,
        compute_capability="{}.{}".format(*cuda.device.compute_capability),
    )


class TensorRtEngine(Engine):
    """A plan with its buffers, one stream, and a CUDA graph where that is faster.

    Parameters
    ----------
    manifest : ModelManifest
        The model; its `tensorrt` file is loaded.
    precision : Precision, optional
        Refuses a plan of another one. None takes the plan's.
    threads : int
        Of no use here: the GPU does the work.
    trt : TensorRt, optional
        The library; None imports the one the plan was built with.
    cuda : CudaRuntime, optional
        None looks for it.

    Raises
    ------
    PlanMismatchError
        If the plan was built elsewhere; TensorRT has not seen it then.
    EngineUnavailableError
        If there is no TensorRT or no GPU.
    EngineLoadError
        If TensorRT refuses the plan or the GPU's memory does not suffice.
    """

    def __init__(
        self,
        manifest: "ModelManifest",
        precision: Optional[Precision] = None,
        threads: int = 1,
        trt: Optional[TensorRt] = None,
        cuda: Optional[CudaRuntime] = None,
    ) -> None:
        del threads
        path = manifest.path_of(FILE_FORM)
        plan = load_plan_manifest(path)
        trt = load_tensorrt(plan.library) if trt is None else trt
        cuda = CudaRuntime() if cuda is None else cuda
        require_plan_fits(plan, path, place_of(trt, cuda), precision)
        self._spec = EngineSpec(
            kind=EngineKind.TENSORRT,
            precision=Precision(plan.precision),
            device=cuda.device.name,
            library=trt.library,
            threads=1,
            model=manifest,
        )
        self._cuda = cuda
        # Closed in reverse order.
        self._resources: List[Any] = []
        self._graph: Optional[CapturedGraph] = None
        try:
            self._open(trt, path)
        except CudaError as error:
            self.close()
            raise EngineLoadError(
                f"cannot load {path}: {error.message}", hint=error.hint
            ) from error
        except EngineLoadError:
            self.close()
            raise

    def _open(self, trt: TensorRt, path: Path) -> None:
        plan = _LoadedPlan(trt, path)
        self._resources.append(plan)
        self._bindings = plan.bindings
        self._stream = Stream(self._cuda)
        self._resources.append(self._stream)
        self._inputs: List[DeviceBuffer] = []
        self._outputs: List[DeviceBuffer] = []
        addresses = {}
        for tensor in plan.bindings.tensors:
            buffer = new_buffer(self._cuda, tensor.shape, tensor.dtype)
            self._resources.append(buffer)
            (self._inputs if tensor.is_input else self._outputs).append(buffer)
            addresses[tensor.name] = buffer.address
        self._input, self._output = self._ends(plan.bindings)
        # Handed out instead of the buffer, whose memory ends with the engine.
        self._result = np.empty_like(self._output.array)
        plan.bindings.bind(addresses)
        self._choose_queueing()

    def _ends(self, bindings: Bindings) -> Tuple[DeviceBuffer, DeviceBuffer]:
        model = self._spec.model
        inputs = [one for one in bindings.tensors if one.is_input]
        outputs = [one for one in bindings.tensors if not one.is_input]
        if len(inputs) != 1:
            raise EngineLoadError(
                "the plan takes {} inputs ({}), one is wanted".format(
                    len(inputs), ", ".join(one.name for one in inputs)
                )
            )
        _require_same(inputs[0], model.input)
        names = [one.name for one in outputs]
        index = names.index(model.output.name) if model.output.name in names else 0
        return self._inputs[0], self._outputs[index]

    def _choose_queueing(self) -> None:
        """Keep a CUDA graph if it is faster than queueing piece by piece.

        The work is done once before it is captured: TensorRT finishes its own
        set-up in the first run.
        """
        try:
            self._enqueue()
            self._stream.wait()
        except InferenceError as error:
            raise EngineLoadError(f"the plan does not run: {error.message}") from error
        try:
            graph = CapturedGraph(self._cuda, self._stream, self._enqueue)
        except (CudaError, InferenceError) as error:
            log.info("no CUDA graph for this plan: %s", error.message)
            return
        self._resources.append(graph)
        plain_s = self._time(self._enqueue)
        captured_s = self._time(lambda: graph.launch(self._stream))
        log.info(
            "queueing takes %.3f ms piece by piece, %.3f ms as a CUDA graph",
            plain_s * 1e3,
            captured_s * 1e3,
        )
        if captured_s < plain_s:
            self._graph = graph

    def _time(self, queue: Callable[[], None]) -> float:
        times = []
        for _ in range(_TRIALS):
            start = time.perf_counter()
            queue()
            self._stream.wait()
            times.append(time.perf_counter() - start)
        return sorted(times)[_TRIALS // 2]

    @property
    def spec(self) -> EngineSpec:
        """What is running."""
        return self._spec

    @property
    def has_cuda_graph(self) -> bool:
        """Whether an inference is queued as one CUDA graph."""
        return self._graph is not None

    def infer(self, tensor: "NDArray[Any]") -> "NDArray[Any]":
        """Run the network once; see `Engine.infer`."""
        self.check_input(tensor)
        if not self._resources:
            raise InferenceError("the engine is closed")
        np.copyto(self._input.array, tensor)
        try:
            if self._graph is not None:
                self._graph.launch(self._stream)
            else:
                self._enqueue()
            self._stream.wait()
        except CudaError as error:
            raise InferenceError(error.message, hint=error.hint) from error
        np.copyto(self._result, self._output.array)
        return self._result

    def _enqueue(self) -> None:
        for buffer in self._inputs:
            buffer.upload(self._stream)
        self._bindings.enqueue(self._stream.handle)
        for buffer in self._outputs:
            buffer.download(self._stream)

    def close(self) -> None:
        """Release the plan and its memory."""
        self._graph = None
        close_all(self._resources)


class _LoadedPlan:
    """TensorRT's objects for one plan, freed in the order that it wants."""

    def __init__(self, trt: TensorRt, path: Path) -> None:
        content = path.read_bytes()
        with trt.log.errors() as errors:
            self._runtime: Any = trt.module.Runtime(trt.log.logger)
            self._engine: Any = self._runtime.deserialize_cuda_engine(content)
            if self._engine is None:
                raise EngineLoadError(
                    f"{trt.library} refuses {path.name}: {reason_of(errors)}",
                    hint="Convert the network again on this machine, or choose another "
                    "engine.",
                )
            self._context: Any = self._engine.create_execution_context()
            if self._context is None:
                raise EngineLoadError(
                    f"{trt.library} cannot run {path.name}: {reason_of(errors)}",
                    hint="Close other programs that use the GPU, or convert the "
                    "network with a smaller workspace.",
                )
        self.bindings = bindings_of(trt, self._engine, self._context)

    def close(self) -> None:
        """Free the context before the engine, the engine before the runtime."""
        self.bindings.close()
        self._context = None
        self._engine = None
        self._runtime = None


def _require_same(tensor: PlanTensor, wanted: "InputSpec") -> None:
    if tensor.shape != wanted.shape or tensor.dtype != wanted.dtype:
        raise EngineLoadError(
            f"the plan takes {tensor.shape} of {tensor.dtype}, "
            f"the model's manifest says {wanted.shape} of {wanted.dtype}",
            hint="Convert the network again: plan and manifest are made together.",
        )
