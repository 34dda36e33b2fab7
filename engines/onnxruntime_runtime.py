"""Runs a network with ONNX Runtime, where nothing made for the device is to be had."""

from typing import TYPE_CHECKING, Any, Optional

from engines.base import Engine, EngineKind, EngineSpec, Precision
from engines.errors import EngineLoadError, EngineUnavailableError, InferenceError
from engines.manifest import ModelManifest

if TYPE_CHECKING:
    from numpy.typing import NDArray


class OnnxRuntimeEngine(Engine):
    """A network in an ONNX Runtime session: CUDA where it is built in, else the CPU.

    Parameters
    ----------
    manifest : ModelManifest
        The model; its `onnx` file is read.
    precision : Precision, optional
        Only FP32: another precision is a property of the file.
    threads : int
        Threads of one inference on the CPU.
    """

    def __init__(
        self,
        manifest: ModelManifest,
        precision: Optional[Precision] = None,
        threads: int = 1,
    ) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise EngineUnavailableError(
                f"ONNX Runtime is not installed for this Python ({error})",
                hint="Install it with 'pip install onnxruntime'.",
            ) from error
        if precision not in (None, Precision.FP32):
            raise EngineUnavailableError(
                f"ONNX Runtime runs the file's own precision, not {precision.value}",
                hint="Leave the precision out, or convert the model to it first.",
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Threads that spin while they wait take the cores of the rest of the
        # console: beside another job they cost a factor of two.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        path = manifest.path_of("onnx")
        wanted = ("CUDAExecutionProvider", "CPUExecutionProvider")
        available = onnxruntime.get_available_providers()
        try:
            self._session = onnxruntime.InferenceSession(
                str(path),
                options,
                providers=[name for name in wanted if name in available],
            )
        except Exception as error:
            raise EngineLoadError(
                f"ONNX Runtime cannot load {path}: {error}",
                hint="Convert the model again, or choose another engine.",
            ) from error
        self._input_name = self._session.get_inputs()[0].name
        self._spec = EngineSpec(
            kind=EngineKind.ONNXRUNTIME,
            precision=Precision.FP32,
            device=self._session.get_providers()[0].replace("ExecutionProvider", ""),
            library=f"onnxruntime {onnxruntime.__version__}",
            threads=threads,
            model=manifest,
        )

    @property
    def spec(self) -> EngineSpec:
        """What is running."""
        return self._spec

    def infer(self, tensor: "NDArray[Any]") -> "NDArray[Any]":
        """Run the network once; see `Engine.infer`."""
        self.check_input(tensor)
        try:
            output: NDArray[Any] = self._session.run(None, {self._input_name: tensor})[
                0
            ]
        except Exception as error:
            raise InferenceError(f"ONNX Runtime failed: {error}") from error
        return output

    def close(self) -> None:
        """Release the network."""
        self._session = None
