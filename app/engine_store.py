"""The engines of this machine: a folder for each, in one folder."""

from __future__ import annotations

import enum
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.build_order import BuildOrder
from app.engine_choice import EngineChoice
from app.errors import ConsoleError
from app.paths import BUNDLED_MODELS, DEFAULT_MODEL
from engines.base import EngineKind, Precision
from engines.catalogue import availability
from engines.convert.cache import read_report
from engines.convert.model_source import Location
from engines.engine_manifest import (
    ENGINE_MANIFEST_NAME,
    installed_version,
    load_engine_manifest,
    require_fitting,
)
from engines.errors import EngineError
from engines.manifest import MANIFEST_NAME, load_manifest

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from engines.engine_manifest import EngineManifest

PAGE_NAME = "report.html"
LOG_NAME = "build.log"
_TRASH = ".trash"
_NAME = re.compile(r"[\w][\w .+-]{0,63}")


_LIBRARY_OF = {EngineKind.TF_TRT: "tensorflow"}


class EngineState(enum.Enum):
    """Whether an engine can be used."""

    READY = "ready"
    STALE = "model changed"
    """The network it was made from is another one now, or gone."""
    UNFIT = "not for this machine"
    """Made on another device, with another library version, or damaged since."""
    NO_MASK = "gives no mask"
    """Nothing tells what its input and output mean."""


@dataclass(frozen=True, slots=True)
class StoredEngine:
    """One engine, as a list shows it."""

    name: str
    folder: Path
    manifest: EngineManifest | None
    """None for a bundled network, and where it cannot be read."""
    state: EngineState
    reason: str
    """What is wrong; empty where it is ready."""
    order: BuildOrder | None
    """How it was built; None where nothing tells it."""
    fps: float | None = None
    """Of the network alone on one thread, measured here when it was built."""
    fps_p99: float | None = None
    """The same in the slowest hundredth of its inferences."""
    ratio: float | None = None
    """The same against the network as trained."""
    mask_iou: float | None = None
    """With the masks of the network as trained."""
    report: dict[str, Any] | None = None
    """Of its conversion."""
    bytes: int | None = None
    """Of its files."""

    @property
    def is_bundled(self) -> bool:
        """Whether it came with the console."""
        return self.folder.parent == BUNDLED_MODELS

    @property
    def kind(self) -> EngineKind:
        """What runs it."""
        return EngineKind(self.manifest.kind) if self.manifest else EngineKind.OPENVINO

    @property
    def library_text(self) -> str:
        """What runs it, with the version that it was made with.

        A bundled network is read as it is by the version that is installed.
        """
        name = _LIBRARY_OF.get(self.kind, self.kind.value)
        versions = self.manifest.versions if self.manifest else {}
        if self.is_bundled:
            versions = {name: installed_version(name)}
        return f"{self.kind.value} {versions.get(name, '')}".strip()

    @property
    def device_text(self) -> str:
        """The device that it was made on."""
        if self.is_bundled:
            return "any"
        return self.manifest.device if self.manifest else ""

    @property
    def precision_text(self) -> str:
        """Of its arithmetic."""
        return self.manifest.precision if self.manifest else "fp32 or bf16"

    def choice(self, threads: int = 1, converter: Path | None = None) -> EngineChoice:
        """What opens it: in the feed's process, or hosted where that lacks the library.

        Parameters
        ----------
        threads : int
            Of one inference.
        converter : Path, optional
            Interpreter that has the library where this one has not.
        """
        is_here = next(
            each.is_available for each in availability() if each.kind is self.kind
        )
        precision = None
        # A quantised network carries its precision in its file.
        if self.manifest is not None and self.manifest.precision != "int8":
            precision = Precision(self.manifest.precision)
        return EngineChoice(
            kind=self.kind,
            model=self.folder,
            precision=precision,
            threads=threads,
            host=None if is_here else converter,
        )


class EngineStore:
    """Lists, names and deletes engines.

    Parameters
    ----------
    folder : Path
        Made with the first engine.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def engines(self) -> tuple[StoredEngine, ...]:
        """The bundled networks first, the default before all, then others by name."""
        bundled = [each.parent for each in BUNDLED_MODELS.glob(f"*/{MANIFEST_NAME}")]
        bundled.sort(key=lambda each: (each != DEFAULT_MODEL, each.name))
        found = [_bundled(each) for each in bundled]
        if self.folder.is_dir():
            for folder in sorted(self.folder.iterdir()):
                if (folder / ENGINE_MANIFEST_NAME).is_file():
                    found.append(_stored(folder))
        return tuple(found)

    def folder_for(self, name: str) -> Path:
        """Where an engine of a name goes.

        Raises
        ------
        ConsoleError
            If the name cannot be one, or is taken.
        """
        if not _NAME.fullmatch(name):
            raise ConsoleError(
                f"{name!r} cannot be the name of an engine",
                hint="Use up to 64 letters, digits, spaces and . + - _",
            )
        folder = self.folder / name
        if folder.exists():
            raise ConsoleError(
                f"there is an engine {name!r}", hint="Choose another name."
            )
        return folder

    def free_name(self, wanted: str) -> str:
        """A name like this that is not taken."""
        clean = re.sub(r"[^\w .+-]", "-", wanted).strip(" .-")[:56] or "engine"
        name, number = clean, 2
        while (self.folder / name).exists():
            name, number = f"{clean} {number}", number + 1
        return name

    def rename(self, engine: StoredEngine, name: str) -> None:
        """Give an engine another name; raises as `folder_for`."""
        self._require_own(engine)
        engine.folder.rename(self.folder_for(name))

    def delete(self, engine: StoredEngine) -> Path:
        """Put an engine into the trash, until `empty_trash`; gives where it is there.

        Raises
        ------
        ConsoleError
            If it is not one of this store, or cannot be moved.
        """
        self._require_own(engine)
        trash = self.folder / _TRASH
        kept, number = trash / engine.name, 2
        while kept.exists():
            kept, number = trash / f"{engine.name} {number}", number + 1
        try:
            trash.mkdir(exist_ok=True)
            engine.folder.rename(kept)
        except OSError as error:
            raise ConsoleError(
                f"cannot remove {engine.folder}: {error.strerror}",
                hint="Remove the folder by hand.",
            ) from error
        return kept

    def restore(self, kept: Path, name: str) -> None:
        """Take an engine out of the trash; raises as `folder_for`."""
        kept.rename(self.folder_for(name))

    def empty_trash(self) -> None:
        """Remove for good what was deleted."""
        shutil.rmtree(self.folder / _TRASH, ignore_errors=True)

    def _require_own(self, engine: StoredEngine) -> None:
        if engine.folder.parent != self.folder:
            raise ConsoleError(
                f"{engine.name!r} is not among the engines of {self.folder}",
                hint="The bundled network stays as it is.",
            )


def _bundled(folder: Path) -> StoredEngine:
    try:
        size = load_manifest(folder).path_of("onnx").stat().st_size
        state, reason = EngineState.READY, ""
    except (EngineError, OSError) as error:
        size, state, reason = None, EngineState.UNFIT, str(error)
    is_default = folder == DEFAULT_MODEL
    return StoredEngine(
        name="bundled" if is_default else f"bundled {folder.name}",
        folder=folder,
        manifest=None,
        state=state,
        reason=reason,
        order=None,
        bytes=size,
    )


def _stored(folder: Path) -> StoredEngine:
    try:
        manifest = load_engine_manifest(folder)
        order = _order_of(folder)
        state, reason = _state_of(manifest, order, folder)
    except EngineError as error:
        # Its list goes on without what cannot be read.
        return StoredEngine(
            folder.name, folder, None, EngineState.UNFIT, error.message, None
        )
    report = _report_of(folder)
    speed = _speed_of(report)
    ms_p99 = speed.get("ms_p99")
    steps = report.get("steps") or [{}]
    return StoredEngine(
        name=folder.name,
        folder=folder,
        manifest=manifest,
        state=state,
        reason=reason,
        order=order,
        fps=speed.get("fps"),
        fps_p99=1e3 / ms_p99 if ms_p99 else None,
        ratio=speed.get("ratio_to_reference"),
        mask_iou=steps[-1].get("mask_iou"),
        report=report or None,
        bytes=manifest.bytes,
    )


def _state_of(
    manifest: EngineManifest, order: BuildOrder | None, folder: Path
) -> tuple[EngineState, str]:
    try:
        require_fitting(manifest, folder)
    except EngineError as error:
        return EngineState.UNFIT, error.message
    try:
        load_manifest(folder)
    except EngineError as error:
        return EngineState.NO_MASK, error.message
    if order is not None:
        if not order.model.exists():
            return EngineState.STALE, f"{order.model} is not there any more"
        try:
            sha256 = Location(order.model).sha256()
        except (EngineError, OSError) as error:
            return EngineState.STALE, f"{order.model} cannot be read: {error}"
        if sha256 != manifest.source["sha256"]:
            return EngineState.STALE, f"{order.model} was changed since"
    return EngineState.READY, ""


def _order_of(folder: Path) -> BuildOrder | None:
    try:
        return BuildOrder.load(folder)
    except ConsoleError:
        return None


def _report_of(folder: Path) -> dict[str, Any]:
    try:
        return read_report(folder)
    except EngineError:
        return {}


def _speed_of(report: dict[str, Any]) -> dict[str, Any]:
    """The engine's own result; the network as trained stands before it."""
    results = (report.get("speed") or {}).get("results") or [{}]
    own: dict[str, Any] = results[-1]
    return own
