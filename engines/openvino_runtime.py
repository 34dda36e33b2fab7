"""Runs a network with OpenVINO on the CPU: the embedded default without a GPU."""

from typing import TYPE_CHECKING, Any, Dict, Optional

from engines.base import Engine, EngineKind, EngineSpec, Precision
from engines.errors import EngineLoadError, EngineUnavailableError, InferenceError
from engines.manifest import ModelManifest
from engines.openvino_library import import_openvino

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

# Preferred first: what was converted for OpenVINO, then what it reads as it is.
FILE_FORMS = ("openvino", "onnx", "frozen-graph")


class OpenVinoEngine(Engine):
    """A network compiled for this CPU.

    Parameters
    ----------
    manifest : ModelManifest
        The model; one of `FILE_FORMS` is read.
    precision : Precision, optional
        FP32, or BF16 where the CPU has it. None takes BF16 where there is one. A
        model quantised to int8 carries its precision in its file.
    threads : int
        Threads of one inference. More than one only pays while nothing else, a GUI
        for instance, wants the cores.
    """

    def __init__(
        self,
        manifest: ModelManifest,
        precision: Optional[Precision] = None,
        threads: int = 1,
    ) -> None:
        openvino = import_openvino()
        core = openvino.Core()
        precision = _precision_for(core, precision)
        path = _file_of(manifest)
        options: Dict[str, Any] = {
            # Set always: left alone, a CPU with bf16 takes it in silence.
            "INFERENCE_PRECISION_HINT": (
                "bf16" if precision is Precision.BF16 else "f32"
            ),
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
            # The console's other threads need the core too.
            "ENABLE_CPU_PINNING": False,
        }
        try:
            network = core.read_model(str(path))
            network.reshape(list(manifest.input.shape))
            self._compiled = core.compile_model(network, "CPU", options)
        except RuntimeError as error:
            raise EngineLoadError(
                f"OpenVINO cannot load {path}: {_first_line(error)}",
                hint="Convert the model again, or choose another engine.",
            ) from error
        if any(each.get_type_name() == "FakeQuantize" for each in network.get_ops()):
            precision = Precision.INT8
        self._request = self._compiled.create_infer_request()
        self._spec = EngineSpec(
            kind=EngineKind.OPENVINO,
            precision=precision,
            device=str(core.get_property("CPU", "FULL_DEVICE_NAME")).strip(),
            library="openvino {}".format(openvino.__version__.split("-")[0]),
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
            outputs = self._request.infer([tensor], share_inputs=True)
        except RuntimeError as error:
            raise InferenceError(f"OpenVINO failed: {_first_line(error)}") from error
        output: NDArray[Any] = outputs[0]
        return output

    def close(self) -> None:
        """Release the network."""
        self._request = None
        self._compiled = None


def _file_of(manifest: ModelManifest) -> "Path":
    for form in FILE_FORMS:
        if form in manifest.files:
            return manifest.path_of(form)
    raise EngineLoadError(
        "model {!r} has no file that OpenVINO reads, only {}".format(
            manifest.name, ", ".join(sorted(manifest.files)) or "none"
        ),
        hint="Convert it to 'openvino' or 'onnx' first.",
    )


def _precision_for(core: Any, wanted: Optional[Precision]) -> Precision:  # noqa: ANN401  a core of a library without types
    has_bf16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if wanted is None:
        return Precision.BF16 if has_bf16 else Precision.FP32
    if wanted is Precision.BF16 and not has_bf16:
        raise EngineUnavailableError(
            "this CPU has no bf16 arithmetic", hint="Choose precision fp32 or int8."
        )
    if wanted is Precision.FP16:
        raise EngineUnavailableError(
            "OpenVINO runs no fp16 arithmetic on a CPU",
            hint="Choose precision fp32, or bf16 where the CPU has it.",
        )
    return wanted


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # OpenVINO puts "Exception from src/..." first and the reason last.
    return lines[-1] if lines else type(error).__name__
