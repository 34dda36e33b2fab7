"""What a TensorRT plan was built with, and for which GPU.

TensorRT refuses a plan of another version or GPU in its own words or with a crash,
so a plan carries a small JSON file and is refused by that, before it is touched.
"""

from pathlib import Path
from typing import List, NamedTuple, Optional

from engines.base import Precision
from engines.documents import read_versioned, write_versioned
from engines.errors import ManifestError, PlanMismatchError
from engines.manifest import sha256_of_file

SCHEMA_VERSION = 1


class PlanPlace(NamedTuple):
    """Where a plan is built or run."""

    library: str
    """`tensorrt` or `tensorrt-rtx`."""
    version: str
    gpu: str
    """The GPU's name; empty where there is none."""
    compute_capability: str
    """As `6.2`; empty where there is no GPU."""


class PlanManifest(NamedTuple):
    """How a plan was built."""

    library: str
    version: str
    gpu: str
    """Empty for a plan that runs on every GPU."""
    compute_capability: str
    precision: str
    source_sha256: str
    """Of the ONNX network it was built from."""
    plan_sha256: str
    workspace_bytes: int
    layers: int
    """Before TensorRT fused them."""


def manifest_path(plan: Path) -> Path:
    """Where the manifest of a plan is."""
    return plan.with_name(plan.name + ".json")


def save_plan_manifest(manifest: PlanManifest, plan: Path) -> None:
    """Write the manifest beside a plan, whole or not at all."""
    write_versioned(manifest_path(plan), SCHEMA_VERSION, manifest._asdict())


def load_plan_manifest(plan: Path) -> PlanManifest:
    """Read the manifest beside a plan.

    Raises
    ------
    ManifestError
        If it is missing or something else.
    """
    path = manifest_path(plan)
    hint = (
        "A plan runs only where it was built, which its manifest tells: convert the "
        "network on this machine."
    )
    manifest = read_versioned(path, SCHEMA_VERSION, PlanManifest, hint)
    for name, value in manifest._asdict().items():
        if not isinstance(value, PlanManifest.__annotations__[name]):
            raise ManifestError(f"{path} has {name} {value!r}")
    return manifest


def require_plan_fits(
    manifest: PlanManifest,
    plan: Path,
    place: PlanPlace,
    precision: Optional[Precision] = None,
) -> None:
    """Refuse a plan that was built elsewhere, differently, or was changed.

    Parameters
    ----------
    manifest : PlanManifest
        Of the plan.
    plan : Path
        The plan.
    place : PlanPlace
        Where it should run.
    precision : Precision, optional
        The one that is wanted; None takes the plan's.

    Raises
    ------
    PlanMismatchError
        With every reason.
    """
    reasons = _reasons(manifest, place)
    if precision is not None and precision.value != manifest.precision:
        reasons.append(
            f"it was built in {manifest.precision}, wanted is {precision.value}"
        )
    if not plan.is_file():
        reasons.append("it is not there")
    elif sha256_of_file(plan) != manifest.plan_sha256:
        reasons.append("it is not the file that was built")
    if reasons:
        raise PlanMismatchError(
            "the plan {} does not fit: {}".format(plan, "; ".join(reasons)),
            hint="Convert the network again on this machine.",
        )


def _reasons(manifest: PlanManifest, place: PlanPlace) -> List[str]:
    reasons = []
    built_with = f"{manifest.library} {manifest.version}"
    here = f"{place.library} {place.version}"
    if built_with != here:
        reasons.append(f"it was built with {built_with}, here is {here}")
    if manifest.gpu and manifest.gpu != place.gpu:
        reasons.append(
            f"it was built for {manifest.gpu}, here is {place.gpu or 'no NVIDIA GPU'}"
        )
    has_gpu = bool(manifest.compute_capability and place.compute_capability)
    if has_gpu and manifest.compute_capability != place.compute_capability:
        reasons.append(
            f"it was built for compute capability {manifest.compute_capability}, "
            f"this GPU has {place.compute_capability}"
        )
    return reasons
