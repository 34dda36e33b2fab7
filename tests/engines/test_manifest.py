import json

import pytest

from engines.errors import ManifestError
from engines.manifest import (
    Activation,
    Colour,
    Fit,
    InputSpec,
    Layout,
    ModelManifest,
    OutputSpec,
    load_manifest,
    manifest_from_document,
    save_manifest,
    sha256_of_file,
)


def _document(**changes):
    document = {
        "schema_version": 1,
        "name": "test",
        "input": {"width_px": 320, "height_px": 240, "frame_count": 3},
    }
    document.update(changes)
    return document


def test_a_manifest_is_read_back_as_it_was_written(tmp_path):
    manifest = ModelManifest(
        name="foreign network",
        input=InputSpec(
            width_px=64,
            height_px=48,
            frame_count=2,
            colour=Colour.RGB,
            layout=Layout.NCHW,
            scale=2.0 / 255.0,
            offset=-1.0,
            fit=Fit.CROP,
            name="image:0",
        ),
        output=OutputSpec(activation=Activation.CLASS_LOGITS, foreground_class=2),
        threshold_low=0.2,
        threshold_high=0.9,
        files={"onnx": "model.onnx"},
        sha256={"onnx": "00"},
        notes="by somebody",
        folder=tmp_path,
    )

    save_manifest(manifest, tmp_path)

    assert load_manifest(tmp_path) == manifest


def test_the_shape_of_the_input_follows_frames_colour_and_layout():
    grey = InputSpec(width_px=320, height_px=240, frame_count=3)
    colour = grey._replace(colour=Colour.BGR, layout=Layout.NCHW)

    assert grey.shape == (1, 240, 320, 3)
    assert colour.shape == (1, 9, 240, 320)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "JSON object"),
        (_document(schema_version=99), "schema version 99"),
        ({"schema_version": 1, "name": "x"}, "lacks 'input'"),
        (_document(input={"width_px": 320, "height_px": 0}), "height_px is 0"),
        (_document(input={"width_px": "wide", "height_px": 9}), "width_px is 'wide'"),
        (_document(input={"width_px": 9, "height_px": 9, "dtype": "int3"}), "int3"),
        (_document(input={"width_px": 9, "height_px": 9, "colour": "pink"}), "pink"),
        (_document(input={"width_px": 9, "height_px": 9, "depth": 9}), "depth"),
        (_document(threshold_low=0.8, threshold_high=0.2), "0.8 and 0.2"),
    ],
)
def test_a_wrong_manifest_is_refused_with_the_field(document, words, tmp_path):
    with pytest.raises(ManifestError) as refusal:
        manifest_from_document(document, tmp_path)

    assert words in refusal.value.message


def test_a_folder_without_a_manifest_is_refused(tmp_path):
    with pytest.raises(ManifestError, match="cannot read"):
        load_manifest(tmp_path)


def test_a_manifest_that_is_no_json_is_refused(tmp_path):
    (tmp_path / "manifest.json").write_text("{")

    with pytest.raises(ManifestError, match="not JSON"):
        load_manifest(tmp_path)


def test_a_file_that_is_named_and_gone_is_refused(tmp_path):
    document = _document(files={"onnx": "model.onnx"})
    manifest = manifest_from_document(json.loads(json.dumps(document)), tmp_path)

    with pytest.raises(ManifestError, match="is not there"):
        manifest.path_of("onnx")
    with pytest.raises(ManifestError, match="has no frozen-graph file"):
        manifest.path_of("frozen-graph")


def test_a_hash_is_of_the_bytes_of_the_file(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"abc")

    digest = sha256_of_file(path)

    assert digest.startswith("ba7816bf8f01cfea414140de5dae2223")
