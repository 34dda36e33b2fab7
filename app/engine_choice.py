"""Which engine runs which model, and where."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from app.hardware.memory_guard import open_within_memory
from app.paths import DEFAULT_MODEL
from engines.base import EngineKind, Precision
from engines.catalogue import open_engine
from engines.host.client import HostedEngine
from engines.manifest import Colour, load_manifest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engines.base import Engine


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """An engine as the operator names it; as it stands, what a newcomer gets."""

    kind: EngineKind = EngineKind.OPENVINO
    model: Path | None = None
    """Folder with the model's manifest; None is the bundled network."""
    precision: Precision | None = None
    """None takes the fastest that keeps the masks."""
    threads: int = 1
    """Larger makes one inference faster, and leaves fewer cores to the rest."""
    host: Path | None = None
    """Interpreter of the process that runs it; None runs it where the feed runs."""

    @property
    def takes_colour(self) -> bool:
        """Whether the network looks at colour; raises as `factory`."""
        if self.kind is EngineKind.REFERENCE:
            return False
        manifest = load_manifest(self.model or DEFAULT_MODEL)
        return manifest.input.colour is not Colour.GREY

    def factory(self, memory_reserve_mb: float | None = None) -> Callable[[], Engine]:
        """What opens the engine; picklable.

        Parameters
        ----------
        memory_reserve_mb : float, optional
            What must stay free; None leaves that to the console.

        Raises
        ------
        ManifestError
            If the model's folder has no valid manifest.
        """
        has_model = self.kind is not EngineKind.REFERENCE
        manifest = load_manifest(self.model or DEFAULT_MODEL) if has_model else None
        order = (self.kind, manifest, self.precision, self.threads)
        make_engine: Callable[[], Engine] = partial(open_engine, *order)
        if self.host is not None:
            make_engine = partial(HostedEngine, self.host, *order)
        return partial(
            open_within_memory, make_engine, self.kind, manifest, memory_reserve_mb
        )
