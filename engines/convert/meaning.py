"""What a network takes and gives, where the operator says it."""

import argparse
import enum
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from engines.errors import ManifestError
from engines.manifest import Activation, Colour, ModelManifest


class Pixels(enum.Enum):
    """The range that a network wants its pixels in."""

    UNIT = "unit"
    """0 to 1."""
    SIGNED = "signed"
    """-1 to 1."""
    BYTE = "byte"
    """0 to 255."""

    @property
    def scaling(self) -> Tuple[float, float]:
        """Scale and offset of a pixel of 0 to 255."""
        return {
            Pixels.UNIT: (1.0 / 255.0, 0.0),
            Pixels.SIGNED: (2.0 / 255.0, -1.0),
            Pixels.BYTE: (1.0, 0.0),
        }[self]


class Meaning(NamedTuple):
    """What the operator knows of a network; None leaves it to its manifest or graph."""

    colour: Optional[Colour] = None
    """Of one frame: the channels of three grey frames and of one in colour look the
    same."""
    pixels: Optional[Pixels] = None
    activation: Optional[Activation] = None
    """Of the output."""

    def of(self, model: ModelManifest) -> ModelManifest:
        """Correct a description by it.

        Raises
        ------
        ManifestError
            If the network's channels are not whole frames of that colour.
        """
        spec = model.input
        if self.colour is not None:
            channels = spec.frame_count * spec.colour.channels
            frames, rest = divmod(channels, self.colour.channels)
            if rest:
                raise ManifestError(
                    f"the network takes {channels} channels, which are no whole frames "
                    f"of {self.colour.value}",
                    hint="Choose grey frames, or leave it to the graph.",
                )
            spec = spec._replace(colour=self.colour, frame_count=frames)
        if self.pixels is not None:
            scale, offset = self.pixels.scaling
            spec = spec._replace(scale=scale, offset=offset)
        output = model.output
        if self.activation is not None:
            output = output._replace(activation=self.activation)
        return model._replace(input=spec, output=output)

    def to_document(self) -> Dict[str, str]:
        """Write what is said as JSON values."""
        fields = self._asdict().items()
        return {name: one.value for name, one in fields if one is not None}

    @staticmethod
    def of_document(document: Mapping[str, Any]) -> "Meaning":
        """Read what `to_document` wrote; ValueError or KeyError if it is none."""
        return Meaning(**{name: _KINDS[name](text) for name, text in document.items()})

    def to_words(self) -> List[str]:
        """As options of a command line."""
        words: List[str] = []
        for name, text in self.to_document().items():
            words += ["--" + name, text]
        return words


_KINDS: Dict[str, Any] = {
    "colour": Colour,
    "pixels": Pixels,
    "activation": Activation,
}
_HELP = {
    "colour": "channels of one frame; the graph tells only how many there are in all",
    "pixels": "range that it wants its pixels in: unit is 0 to 1, signed -1 to 1",
    "activation": "what the numbers of the output are",
}


def add_options(parser: argparse._ActionsContainer) -> None:
    """Add an option for each, to a parser or a group."""
    for name, kind in _KINDS.items():
        parser.add_argument(
            "--" + name,
            choices=[one.value for one in kind],
            default="",
            help=_HELP[name],
        )


def meaning_of(options: argparse.Namespace) -> Meaning:
    """Collect what the command line says."""
    told = {name: getattr(options, name) for name in _KINDS}
    return Meaning.of_document({name: text for name, text in told.items() if text})
