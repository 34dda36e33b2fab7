"""What the operator says of a network goes before what its graph seems to tell."""

import argparse
from pathlib import Path

import pytest

from engines.base import Precision
from engines.convert.__main__ import parser, request_of
from engines.convert.meaning import Meaning, Pixels, add_options, meaning_of
from engines.convert.request import ConversionRequest, Target
from engines.errors import ManifestError
from engines.manifest import Activation, Colour, InputSpec, ModelManifest

THREE_CHANNELS = ModelManifest(
    "net", InputSpec(320, 240, frame_count=1, colour=Colour.RGB)
)
ALL = Meaning(Colour.GREY, Pixels.SIGNED, Activation.LOGIT)


def test_three_channels_are_three_grey_frames_where_it_is_said():
    told = Meaning(colour=Colour.GREY).of(THREE_CHANNELS)

    assert (told.input.colour, told.input.frame_count) == (Colour.GREY, 3)
    assert told.input.shape == THREE_CHANNELS.input.shape


def test_pixels_are_brought_to_the_range_that_is_said():
    for pixels, ends in (
        (Pixels.UNIT, (0.0, 1.0)),
        (Pixels.SIGNED, (-1.0, 1.0)),
        (Pixels.BYTE, (0.0, 255.0)),
    ):
        spec = Meaning(pixels=pixels).of(THREE_CHANNELS).input
        found = tuple(pixel * spec.scale + spec.offset for pixel in (0, 255))
        assert found == pytest.approx(ends)


def test_the_output_is_what_is_said():
    told = Meaning(activation=Activation.LOGIT).of(THREE_CHANNELS)

    assert told.output.activation is Activation.LOGIT


def test_where_nothing_is_said_nothing_is_changed():
    assert Meaning().of(THREE_CHANNELS) == THREE_CHANNELS


def test_channels_that_are_no_whole_frames_are_refused():
    grey = ModelManifest("net", InputSpec(320, 240, frame_count=4, colour=Colour.GREY))

    with pytest.raises(ManifestError, match="4 channels"):
        Meaning(colour=Colour.BGR).of(grey)


def test_it_is_read_as_it_was_written():
    assert Meaning.of_document(ALL.to_document()) == ALL
    made = argparse.ArgumentParser()
    add_options(made)
    assert meaning_of(made.parse_args(ALL.to_words())) == ALL
    assert meaning_of(made.parse_args([])) == Meaning()


def test_the_converter_is_told_and_makes_another_engine():
    words = ["net.pb", "--to", "openvino", "--out", "out"]

    told = request_of(parser().parse_args([*words, *ALL.to_words()]))
    untold = request_of(parser().parse_args(words))

    assert told.meaning == ALL
    assert told.key("source") != untold.key("source")
    assert "meaning" not in untold.parameters()
    assert untold == ConversionRequest(
        Path("net.pb"), Target.OPENVINO, Path("out"), Precision.FP32
    )
