"""What the operator asks of a conversion."""

import enum
import hashlib
import json
from pathlib import Path
from typing import Any, Dict, NamedTuple, Optional, Tuple

from engines.base import Precision
from engines.convert.errors import UnsupportedTargetError
from engines.convert.meaning import Meaning
from engines.convert.nvidia_parameters import NvidiaParameters
from engines.engine_manifest import installed_version
from engines.manifest import sha256_of_file

# Raise it when a step gives another graph than before: cached engines are made anew.
STEPS_VERSION = 3


class Target(enum.Enum):
    """What a network can be converted to."""

    TENSORFLOW = "tensorflow"
    """The optimised frozen graph."""
    ONNX = "onnx"
    OPENVINO = "openvino"
    ONNXRUNTIME = "onnxruntime"
    TENSORRT = "tensorrt"
    """A plan for the NVIDIA GPU of this machine."""
    TF_TRT = "tf-trt"
    """TensorFlow's graph with its segments in TensorRT."""

    @property
    def needs_gpu(self) -> bool:
        """Whether it is made on the GPU that will run it."""
        return self in (Target.TENSORRT, Target.TF_TRT)


PRECISIONS: Dict[Target, Tuple[Precision, ...]] = {
    Target.TENSORFLOW: (Precision.FP32,),
    Target.ONNX: (Precision.FP32,),
    Target.OPENVINO: (Precision.FP32, Precision.BF16, Precision.INT8),
    Target.ONNXRUNTIME: (Precision.FP32,),
    Target.TENSORRT: (Precision.FP32, Precision.FP16, Precision.INT8),
    Target.TF_TRT: (Precision.FP32, Precision.FP16, Precision.INT8),
}

_LIBRARIES: Dict[Target, Tuple[str, ...]] = {
    Target.TENSORFLOW: ("tensorflow", "numpy"),
    Target.ONNX: ("tensorflow", "numpy", "tf2onnx", "onnx"),
    Target.OPENVINO: ("tensorflow", "numpy", "openvino", "nncf"),
    Target.ONNXRUNTIME: ("tensorflow", "numpy", "tf2onnx", "onnx", "onnxruntime"),
    Target.TENSORRT: ("tensorflow", "numpy", "tf2onnx", "onnx", "tensorrt"),
    Target.TF_TRT: ("tensorflow", "numpy", "tensorrt"),
}


class ConversionRequest(NamedTuple):
    """One conversion."""

    model: Path
    target: Target
    folder: Path
    """The model folder to make."""
    precision: Precision = Precision.FP32
    size_px: Optional[Tuple[int, int]] = None
    """Width and height, for a network that leaves them open."""
    shape: Optional[Tuple[int, ...]] = None
    """Whole input shape, for a network that leaves it open and takes no picture."""
    frames: Optional[Path] = None
    """`.npz` of prepared inputs; None for made-up pictures."""
    frames_key: str = ""
    """Names frames that whoever asked will prepare once it knows the input; they are
    asked for in the middle of the conversion then."""
    input_name: str = ""
    """Empty where the only one is meant."""
    output_name: str = ""
    values: Tuple[Tuple[str, float], ...] = ()
    """Placeholders that are no inputs, and what they are at inference."""
    rewrites_pads: bool = False
    """Whether pads in front of skips become concatenations with zeros."""
    manifest: Optional[Path] = None
    """`manifest.json` that describes the network, where it lies elsewhere."""
    meaning: Meaning = Meaning()
    """What the operator says of input and output; goes before any description."""
    is_forced: bool = False
    """Whether to convert even if an equal engine is there."""
    writes_tensorboard: bool = False
    """Whether every graph on the way is written for TensorBoard; no engine that is
    there already will do then."""
    measures_speed: bool = False
    """Whether the engine is timed beside the network as trained."""
    only_looks: bool = False
    """Whether to list what the network could take and give, and to convert nothing."""
    nvidia: NvidiaParameters = NvidiaParameters()
    """Read by the targets that need a GPU only."""

    def require_supported(self) -> None:
        """Refuse a precision or a parameter that the target does not have.

        Raises
        ------
        UnsupportedTargetError
            With those it has.
        """
        able = PRECISIONS[self.target]
        if self.precision not in able:
            raise UnsupportedTargetError(
                f"target {self.target.value} has no precision {self.precision.value}",
                hint="It has: {}.".format(", ".join(one.value for one in able)),
            )
        self.nvidia.require_fitting(self.target.value)

    def versions(self) -> Dict[str, str]:
        """Versions of the libraries that have a say in the result."""
        names = _LIBRARIES[self.target]
        found = {name: installed_version(name) for name in names}
        return {name: version for name, version in found.items() if version}

    def parameters(self) -> Dict[str, Any]:
        """What the operator chose, as JSON values."""
        chosen: Dict[str, Any] = {
            "target": self.target.value,
            "precision": self.precision.value,
            "size_px": list(self.size_px) if self.size_px else None,
            "shape": list(self.shape) if self.shape else None,
            "input": self.input_name,
            "output": self.output_name,
            "values": dict(sorted(self.values)),
            "rewrites_pads": self.rewrites_pads,
            "frames": sha256_of_file(self.frames) if self.frames else self.frames_key,
            "manifest_sha256": sha256_of_file(self.manifest) if self.manifest else None,
        }
        if self.meaning != Meaning():
            chosen["meaning"] = self.meaning.to_document()
        if self.target.needs_gpu:
            chosen["nvidia"] = self.nvidia.to_document()
        return chosen

    def key(self, source_sha256: str) -> str:
        """Hash of everything that the engine depends on."""
        document = {
            "source": source_sha256,
            "parameters": self.parameters(),
            "versions": self.versions(),
            "steps": STEPS_VERSION,
        }
        text = json.dumps(document, sort_keys=True)
        return hashlib.sha256(text.encode("utf-8")).hexdigest()
