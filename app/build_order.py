"""What an engine is to be built from, and how: kept beside it to build it again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.durable import write_whole
from app.errors import ConsoleError
from engines.base import Precision
from engines.convert.meaning import Meaning
from engines.convert.nvidia_parameters import NvidiaParameters
from engines.convert.request import ConversionRequest, Target

if TYPE_CHECKING:
    from typing import Any

ORDER_NAME = "order.json"
_SCHEMA_VERSION = 1
_DEFAULTS = NvidiaParameters()
_UNSAID = Meaning()


@dataclass(frozen=True, slots=True)
class BuildOrder:
    """One engine to build."""

    model: Path
    """Network as trained, in any form that can be converted."""
    target: Target = Target.OPENVINO
    precision: Precision = Precision.FP32
    size_px: tuple[int, int] | None = None
    """Width and height, for a network that leaves them open."""
    clip: str = ""
    """Source of real frames to compare on, and to quantise on; empty for made-up
    pictures."""
    input_name: str = ""
    """Empty where the network has only one."""
    output_name: str = ""
    meaning: Meaning = _UNSAID
    """What the operator says of input and output."""
    rewrites_pads: bool = False
    nvidia: NvidiaParameters = _DEFAULTS
    """Of the targets that need a GPU."""

    def to_request(self, folder: Path) -> ConversionRequest:
        """What the converter is asked to do."""
        return ConversionRequest(
            model=self.model,
            target=self.target,
            folder=folder,
            precision=self.precision,
            size_px=self.size_px,
            input_name=self.input_name,
            output_name=self.output_name,
            meaning=self.meaning,
            rewrites_pads=self.rewrites_pads,
            writes_tensorboard=True,
            measures_speed=True,
            nvidia=self.nvidia if self.target.needs_gpu else _DEFAULTS,
        )

    def save(self, folder: Path) -> None:
        """Write it beside an engine."""
        document = {
            "schema_version": _SCHEMA_VERSION,
            "model": str(self.model.absolute()),
            "target": self.target.value,
            "precision": self.precision.value,
            "size_px": self.size_px,
            "clip": self.clip,
            "input_name": self.input_name,
            "output_name": self.output_name,
            "meaning": self.meaning.to_document(),
            "rewrites_pads": self.rewrites_pads,
            "nvidia": self.nvidia.to_document(),
        }
        write_whole(folder / ORDER_NAME, json.dumps(document, indent=2))

    @staticmethod
    def load(folder: Path) -> BuildOrder:
        """Read the one beside an engine.

        Raises
        ------
        ConsoleError
            If there is none, or it cannot be read.
        """
        path = folder / ORDER_NAME
        try:
            document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            _require_version(document.pop("schema_version"))
            size_px = document.pop("size_px")
            nvidia = NvidiaParameters.of_document(document.pop("nvidia", {}))
            meaning = Meaning.of_document(document.pop("meaning", {}))
            return BuildOrder(
                model=Path(document.pop("model")),
                target=Target(document.pop("target")),
                precision=Precision(document.pop("precision")),
                size_px=(int(size_px[0]), int(size_px[1])) if size_px else None,
                nvidia=nvidia,
                meaning=meaning,
                **document,
            )
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ConsoleError(
                f"{path} does not tell how the engine was built: {error}",
                hint="Build it again from its model.",
            ) from error


def _require_version(version: object) -> None:
    if version != _SCHEMA_VERSION:
        raise ValueError(f"it is of version {version!r}")
