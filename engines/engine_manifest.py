"""The manifest beside an engine: what it was made from, how, with what and where.

A converted model is a folder: `manifest.json` tells what the network takes and gives,
`engine.json` how it was made, `report.json` what each step did.
"""

import functools
import importlib
import platform
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Tuple

from engines.documents import read_versioned, write_versioned
from engines.errors import PlanMismatchError
from engines.manifest import sha256_of_file

ENGINE_MANIFEST_NAME = "engine.json"
SCHEMA_VERSION = 1

# Kinds whose file only runs where it was made: same device, same library version.
_BOUND_TO_THIS_MACHINE = ("tensorrt", "tf-trt")

# Library that loads an engine of each kind.
_LIBRARIES = {
    "tensorflow": "tensorflow",
    "tf-trt": "tensorflow",
    "tensorrt": "tensorrt",
    "openvino": "openvino",
    "onnxruntime": "onnxruntime",
}

# One library under several names: what each is published as.
_DISTRIBUTIONS = {
    "tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-gpu"),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu"),
    "tensorrt": (
        *("tensorrt", "tensorrt-cu12", "tensorrt-cu13"),
        *("tensorrt-rtx", "tensorrt-rtx-cu13", "tensorrt-rtx-cu13-bindings"),
    ),
}


class EngineManifest(NamedTuple):
    """How an engine was made."""

    kind: str
    precision: str
    key: str
    """Hash of source, parameters and versions: equal keys mean an equal engine."""
    source: Dict[str, str]
    """`name`, `form` and `sha256` of the network as trained."""
    steps: Tuple[str, ...]
    parameters: Dict[str, Any]
    """What the operator chose: size, input, output, values, frames."""
    versions: Dict[str, str]
    """Library to version."""
    device: str
    input_shape: Tuple[int, ...]
    input_dtype: str
    files: Dict[str, str]
    """Path within the folder to the file's hash."""
    bytes: int
    """Of all files together."""


def save_engine_manifest(manifest: EngineManifest, folder: Path) -> None:
    """Write `engine.json` into a folder, whole or not at all."""
    path = folder / ENGINE_MANIFEST_NAME
    write_versioned(path, SCHEMA_VERSION, manifest._asdict())


def load_engine_manifest(folder: Path) -> EngineManifest:
    """Read `engine.json`.

    Raises
    ------
    ManifestError
        If it is missing or something else.
    """
    path = folder / ENGINE_MANIFEST_NAME
    hint = "Convert the network: that writes it."
    manifest = read_versioned(path, SCHEMA_VERSION, EngineManifest, hint)
    return manifest._replace(
        steps=tuple(manifest.steps), input_shape=tuple(manifest.input_shape)
    )


def require_fitting(manifest: EngineManifest, folder: Path) -> None:
    """Refuse an engine that was made elsewhere, or whose files were changed.

    Raises
    ------
    PlanMismatchError
        With every reason, and what to do.
    """
    reasons = [*_changed_files(manifest, folder), *_other_machine(manifest)]
    if reasons:
        raise PlanMismatchError(
            "the {} engine in {} does not fit: {}".format(
                manifest.kind, folder, "; ".join(reasons)
            ),
            hint="Convert {} again on this machine.".format(
                manifest.source.get("name", "the network")
            ),
        )


def _changed_files(manifest: EngineManifest, folder: Path) -> List[str]:
    reasons = []
    for name, sha256 in manifest.files.items():
        path = folder / name
        if not path.is_file():
            reasons.append(f"{name} is not there")
        elif sha256_of_file(path) != sha256:
            reasons.append(f"{name} is not the file that was made")
    return reasons


def _other_machine(manifest: EngineManifest) -> List[str]:
    library = _LIBRARIES.get(manifest.kind)
    if library is None:
        return []
    made = manifest.versions.get(library, "")
    here = installed_version(library)
    if manifest.kind in _BOUND_TO_THIS_MACHINE:
        reasons = []
        if manifest.device != device_name():
            reasons.append(f"it was made on {manifest.device}, this is {device_name()}")
        if made != here:
            reasons.append(
                f"it was made with {library} {made}, here is {here or 'none'}"
            )
        return reasons
    # What another kind of file says is the same everywhere, but an older library
    # may not know all of it.
    if made and here and _number(made) > _number(here):
        return [f"it was made with {library} {made}, here is the older {here}"]
    return []


def _number(version: str) -> Tuple[int, ...]:
    parts = []
    for part in version.split(".")[:2]:
        digits = "".join(one for one in part if one.isdigit())
        parts.append(int(digits or 0))
    return tuple(parts)


@functools.lru_cache(maxsize=None)
def installed_version(library: str) -> str:
    """Version of a library without importing it; empty where there is none."""
    for name in _DISTRIBUTIONS.get(library, (library,)):
        version = _distribution_version(name)
        if version:
            return version
    return ""


def _distribution_version(name: str) -> str:
    try:
        metadata: Any = importlib.import_module("importlib.metadata")
    except ImportError:  # Python 3.6
        return _distribution_version_3_6(name)
    try:
        return str(metadata.version(name))
    except metadata.PackageNotFoundError:
        return ""


def _distribution_version_3_6(name: str) -> str:
    pkg_resources: Any = importlib.import_module("pkg_resources")
    try:
        return str(pkg_resources.get_distribution(name).version)
    except pkg_resources.DistributionNotFound:
        return ""


def device_name() -> str:
    """The board or processor in its maker's words."""
    board = Path("/proc/device-tree/model")
    try:
        return board.read_text(encoding="utf-8").strip("\0 \n")
    except OSError:
        pass
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
