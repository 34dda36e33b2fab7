"""What this interpreter and machine have, found without importing a library.

Nothing here initialises TensorFlow or TensorRT: some of their questions end the
process, and importing them takes seconds. Package metadata, files of the system and,
on a desktop, the CUDA driver's own enquiry functions are read instead.
"""

import ctypes
import importlib.util
import json
import os
import platform
import re
import sys
from pathlib import Path
from typing import Any, Dict, Iterable, NamedTuple, Optional, Tuple

from engines.base import Precision

_ROOT = Path("/")

# Chips as the device tree names them, with their GPU and its compute capability.
_TEGRA = {
    "tegra210": ("GM20B", (5, 3)),
    "tegra186": ("GP10B", (6, 2)),
    "tegra194": ("GV11B", (7, 2)),
    "tegra234": ("GA10B", (8, 7)),
    "tegra264": ("GB10B", (11, 0)),
}
_JETPACKS = {
    "32.4.3": "4.4",
    "32.4.4": "4.4.1",
    "32.5": "4.5",
    "32.6.1": "4.6",
    "32.7.1": "4.6.1",
    "32.7.2": "4.6.2",
    "32.7.3": "4.6.3",
    "32.7.4": "4.6.4",
    "32.7.5": "4.6.5",
    "32.7.6": "4.6.6",
    "35.1": "5.0.2",
    "35.2": "5.1",
    "35.3": "5.1.1",
    "35.4": "5.1.2",
    "35.5": "5.1.3",
    "36.3": "6.0",
    "36.4.0": "6.1",
    "36.4.3": "6.2",
    "38.2": "7.0",
    "38.4": "7.1",
    "39.2": "7.2",
}
_TENSORFLOW_NAMES = ("tensorflow", "tensorflow_cpu", "tensorflow_gpu", "tf_nightly")
_LIBRARY_FOLDERS = (
    "usr/lib/aarch64-linux-gnu",
    "usr/lib/x86_64-linux-gnu",
    "usr/lib64",
    "usr/local/lib",
    "usr/local/cuda/lib64",
)


class PrecisionSupport(NamedTuple):
    """Whether the device computes in a precision and, when not, why."""

    precision: str
    is_available: bool
    reason: str


class Gpu(NamedTuple):
    """A GPU and what it can do."""

    name: str
    compute_capability: Tuple[int, int]


class Capabilities(NamedTuple):
    """What an interpreter on a machine can run; None for what is not there."""

    python: str
    executable: str
    platform: str
    numpy: Optional[str]
    tensorflow: Optional[str]
    openvino: Optional[str]
    onnxruntime: Optional[str]
    tensorrt: Optional[str]
    """Version of the library, libnvinfer."""
    tensorrt_python: Optional[str]
    """Version of its Python module."""
    tf_trt_obstacle: str
    """Why TF-TRT cannot make engines here; empty where it can."""
    cuda: Optional[str]
    processor: str
    gpu: Optional[str]
    compute_capability: Optional[str]
    jetson_linux: Optional[str]
    """Release of NVIDIA's Linux for Jetson (L4T)."""
    jetpack: Optional[str]
    precisions: Tuple[PrecisionSupport, ...]

    def to_document(self) -> Dict[str, Any]:
        """Give it as a JSON object."""
        document = dict(self._asdict())
        document["precisions"] = [dict(entry._asdict()) for entry in self.precisions]
        return document


def capabilities_from(document: Dict[str, Any]) -> Capabilities:
    """Read what `Capabilities.to_document` gave.

    Raises
    ------
    ValueError
        If it is something else.
    """
    try:
        fields = {name: document[name] for name in Capabilities._fields}
        fields["precisions"] = tuple(
            PrecisionSupport(**entry) for entry in fields["precisions"]
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not the capabilities of a host: {error}") from error
    return Capabilities(**fields)


def find_capabilities() -> Capabilities:
    """Look at this interpreter and machine; takes some milliseconds."""
    gpu = find_gpu()
    processor, features = find_processor()
    jetson_linux = find_jetson_linux()
    tensorrt = find_tensorrt_library()
    tensorflow = installed_version(*_TENSORFLOW_NAMES)
    return Capabilities(
        python=platform.python_version(),
        executable=sys.executable,
        platform=f"{platform.system()} {platform.machine()}",
        numpy=installed_version("numpy"),
        tensorflow=tensorflow,
        openvino=installed_version("openvino"),
        onnxruntime=installed_version("onnxruntime", "onnxruntime_gpu"),
        tensorrt=tensorrt,
        tensorrt_python=installed_version("tensorrt", "tensorrt_rtx"),
        tf_trt_obstacle=tf_trt_obstacle(tensorflow, tensorrt, gpu),
        cuda=find_cuda(),
        processor=processor,
        gpu=gpu.name if gpu else None,
        compute_capability="{}.{}".format(*gpu.compute_capability) if gpu else None,
        jetson_linux=jetson_linux,
        jetpack=jetpack_of(jetson_linux),
        precisions=precisions_of(gpu, features),
    )


def installed_version(*names: str) -> Optional[str]:
    """Version of the first of these packages that this interpreter finds.

    Read from the names of the metadata folders: Python 3.6 has no module for it.
    """
    for entry in sys.path:
        folder = Path(entry or ".")
        if not folder.is_dir():
            continue
        for name in names:
            for kind in ("dist-info", "egg-info"):
                for path in folder.glob(f"{name}-*.{kind}"):
                    return path.stem.split("-")[1]
    return None


def find_gpu(root: Path = _ROOT) -> Optional[Gpu]:
    """The GPU: a Jetson's by its device tree, another by the CUDA driver."""
    compatible = _text_of(root / "proc/device-tree/compatible")
    for chip, (gpu, capability) in _TEGRA.items():
        if f"nvidia,{chip}" in compatible:
            board = _text_of(root / "proc/device-tree/model").strip("\0\n ")
            return Gpu(f"{gpu} of {board or chip}", capability)
    if not (root / "proc/driver/nvidia/version").exists():
        return None
    return _gpu_by_driver()


def find_processor(root: Path = _ROOT) -> Tuple[str, str]:
    """Name and features of the processor."""
    text = _text_of(root / "proc/cpuinfo")
    name = re.search(r"^(?:model name|Hardware)\s*:\s*(.+)$", text, re.MULTILINE)
    features = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", text, re.MULTILINE)
    return (
        name.group(1).strip() if name else platform.machine(),
        features.group(1) if features else "",
    )


def find_jetson_linux(root: Path = _ROOT) -> Optional[str]:
    """Release of NVIDIA's Linux for Jetson, `32.7.6` for instance."""
    found = re.search(
        r"R(\d+) \(release\), REVISION: ([\d.]+)",
        _text_of(root / "etc/nv_tegra_release"),
    )
    return "{}.{}".format(*found.groups()) if found else None


def jetpack_of(jetson_linux: Optional[str]) -> Optional[str]:
    """The JetPack that a release of Jetson Linux belongs to, where it is known."""
    if jetson_linux is None:
        return None
    parts = jetson_linux.split(".")
    for count in (3, 2):
        known = _JETPACKS.get(".".join(parts[:count]))
        if known is not None:
            return known
    return None


def find_cuda(root: Path = _ROOT) -> Optional[str]:
    """Version of the CUDA toolkit."""
    folder = root / "usr/local/cuda"
    found = re.search(r"CUDA Version ([\d.]+)", _text_of(folder / "version.txt"))
    if found:
        return found.group(1)
    try:
        document = json.loads(_text_of(folder / "version.json") or "{}")
        return str(document["cuda"]["version"])
    except (KeyError, TypeError, ValueError):
        return installed_version("nvidia_cuda_runtime_cu12", "nvidia_cuda_runtime")


def find_tensorrt_library(
    root: Path = _ROOT, more_folders: Optional[Iterable[str]] = None
) -> Optional[str]:
    """Version of TensorRT's library, from the names of its files."""
    if more_folders is None:
        listed = os.environ.get("LD_LIBRARY_PATH", "").split(":")
        more_folders = [*filter(None, listed), *_tensorrt_wheels()]
    folders = [root / name for name in _LIBRARY_FOLDERS]
    folders += [Path(name) for name in more_folders]
    versions = [
        path.name[len("libnvinfer.so.") :]
        for folder in folders
        for path in folder.glob("libnvinfer.so.*")
    ]
    # libnvinfer.so.8 points to libnvinfer.so.8.2.1: the longest name says most.
    return max(versions, key=len) if versions else None


def tf_trt_obstacle(
    tensorflow: Optional[str], tensorrt: Optional[str], gpu: Optional[Gpu]
) -> str:
    """Why TF-TRT cannot make engines here; empty where it can."""
    if tensorflow is None:
        return "TensorFlow is not installed"
    release = tuple(int(part) for part in re.findall(r"\d+", tensorflow)[:2])
    if release >= (2, 18):
        return f"TensorFlow {tensorflow} has no TF-TRT: 2.17 was the last"
    if not _is_built_for_tensorrt():
        return f"TensorFlow {tensorflow} was built without TensorRT"
    if gpu is None:
        return "there is no NVIDIA GPU"
    if tensorrt is None:
        return "TensorRT's library, libnvinfer, is not installed"
    return ""


def precisions_of(
    gpu: Optional[Gpu], processor_features: str
) -> Tuple[PrecisionSupport, ...]:
    """Which precisions the device computes in: the GPU, or else the processor."""
    obstacles = (
        _gpu_obstacles(gpu) if gpu is not None else _cpu_obstacles(processor_features)
    )
    return tuple(
        PrecisionSupport(
            precision.value, not obstacles[precision], obstacles[precision]
        )
        for precision in Precision
    )


def _gpu_obstacles(gpu: Gpu) -> Dict[Precision, str]:
    capability = gpu.compute_capability
    which = "{} (compute capability {}.{})".format(gpu.name, *capability)
    has_fp16 = capability in ((5, 3), (6, 0), (6, 2)) or capability >= (7, 0)
    # The integer dot product came with 6.1; 6.2, the TX2's, is newer and lacks it.
    has_int8 = capability >= (6, 1) and capability != (6, 2)
    return {
        Precision.FP32: "",
        Precision.FP16: "" if has_fp16 else f"{which} has no fast fp16 arithmetic",
        Precision.BF16: "" if capability >= (8, 0) else f"{which} has no bf16",
        Precision.INT8: (
            "" if has_int8 else f"{which} has no integer dot product, so no int8"
        ),
    }


def _cpu_obstacles(features: str) -> Dict[Precision, str]:
    words = features.split()
    has_bf16 = any(word in words for word in ("avx512_bf16", "amx_bf16", "bf16"))
    has_fp16 = any(word in words for word in ("avx512_fp16", "amx_fp16", "asimdhp"))
    has_int8 = any(word in words for word in ("avx2", "asimd"))
    missing = "this processor has no {} arithmetic"
    return {
        Precision.FP32: "",
        Precision.FP16: "" if has_fp16 else missing.format("fp16"),
        Precision.BF16: "" if has_bf16 else missing.format("bf16"),
        Precision.INT8: "" if has_int8 else missing.format("fast int8"),
    }


def _is_built_for_tensorrt() -> bool:
    """Read TensorFlow's own note of how it was built."""
    text = ""
    for package in ("tensorflow", "tensorflow_core"):
        spec = importlib.util.find_spec(package)
        for folder in (spec and spec.submodule_search_locations) or ():
            text += _text_of(Path(folder) / "python/platform/build_info.py")
    found = dict(re.findall(r"(is_\w+_build)'?\s*[,=]\s*(True|False)", text))
    # TensorFlow 1 does not note it: its builds for CUDA have TensorRT.
    return found.get("is_tensorrt_build", found.get("is_cuda_build")) == "True"


def _gpu_by_driver() -> Optional[Gpu]:
    """Ask the CUDA driver; makes no context, so it takes no GPU memory."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    device, major, minor = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    name = ctypes.create_string_buffer(100)
    # 75 and 76: the compute capability's two parts.
    statuses = (
        cuda.cuInit(0)
        or cuda.cuDeviceGet(ctypes.byref(device), 0)
        or cuda.cuDeviceGetName(name, len(name), device)
        or cuda.cuDeviceGetAttribute(ctypes.byref(major), 75, device)
        or cuda.cuDeviceGetAttribute(ctypes.byref(minor), 76, device)
    )
    if statuses:
        return None
    return Gpu(name.value.decode("utf-8", "replace"), (major.value, minor.value))


def _tensorrt_wheels() -> Iterable[str]:
    spec = importlib.util.find_spec("tensorrt_libs")
    return (spec and spec.submodule_search_locations) or ()


def _text_of(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""
