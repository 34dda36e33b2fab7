import json

import pytest

from engines.engine_manifest import (
    EngineManifest,
    device_name,
    installed_version,
    load_engine_manifest,
    require_fitting,
    save_engine_manifest,
)
from engines.errors import ManifestError, PlanMismatchError
from engines.manifest import sha256_of_file


@pytest.fixture
def manifest(tmp_path):
    (tmp_path / "engine.bin").write_bytes(b"weights")
    return EngineManifest(
        kind="onnxruntime",
        precision="fp32",
        key="k",
        source={"name": "net.pb", "form": "frozen-graph", "sha256": "s"},
        steps=("freeze", "fold"),
        parameters={"size_px": None},
        versions={"numpy": installed_version("numpy")},
        device=device_name(),
        input_shape=(1, 13, 17, 3),
        input_dtype="float32",
        files={"engine.bin": sha256_of_file(tmp_path / "engine.bin")},
        bytes=7,
    )


def fits(manifest, folder):
    try:
        require_fitting(manifest, folder)
    except PlanMismatchError:
        return False
    return True


def test_what_is_saved_is_loaded(manifest, tmp_path):
    save_engine_manifest(manifest, tmp_path)

    assert load_engine_manifest(tmp_path) == manifest


def test_an_engine_made_here_fits(manifest, tmp_path):
    assert fits(manifest, tmp_path)


def test_a_changed_file_is_refused(manifest, tmp_path):
    (tmp_path / "engine.bin").write_bytes(b"other")

    with pytest.raises(PlanMismatchError, match="not the file that was made"):
        require_fitting(manifest, tmp_path)


def test_a_lost_file_is_refused(manifest, tmp_path):
    (tmp_path / "engine.bin").unlink()

    with pytest.raises(PlanMismatchError, match="is not there"):
        require_fitting(manifest, tmp_path)


def test_a_plan_of_another_device_is_refused_with_the_offer_to_rebuild(
    manifest, tmp_path
):
    plan = manifest._replace(kind="tensorrt", device="Jetson TX2")

    with pytest.raises(PlanMismatchError, match="made on Jetson TX2") as caught:
        require_fitting(plan, tmp_path)

    assert "Convert net.pb again" in caught.value.hint


def test_a_plan_of_another_library_version_is_refused(manifest, tmp_path):
    plan = manifest._replace(kind="tensorrt", versions={"tensorrt": "1.2.3"})

    with pytest.raises(PlanMismatchError, match=r"tensorrt 1\.2\.3, here is none"):
        require_fitting(plan, tmp_path)


def test_a_portable_engine_of_a_newer_library_is_refused(
    manifest, tmp_path, monkeypatch
):
    newer = manifest._replace(versions={"onnxruntime": "99.1"})
    monkeypatch.setattr("engines.engine_manifest.installed_version", lambda _: "1.10")

    with pytest.raises(PlanMismatchError, match=r"here is the older 1\.10"):
        require_fitting(newer, tmp_path)


def test_a_portable_engine_of_another_device_fits(manifest, tmp_path):
    elsewhere = manifest._replace(device="another processor")

    assert fits(elsewhere, tmp_path)
    # But for a kind that is bound to its machine.
    assert not fits(elsewhere._replace(kind="tensorrt"), tmp_path)


def test_a_missing_manifest_says_what_writes_one(tmp_path):
    with pytest.raises(ManifestError) as caught:
        load_engine_manifest(tmp_path)

    assert "Convert" in caught.value.hint


@pytest.mark.parametrize(
    "text", ["no json", "[]", json.dumps({"schema_version": 1}), '{"kind": "x"}']
)
def test_anything_else_is_no_manifest(tmp_path, text):
    (tmp_path / "engine.json").write_text(text)

    with pytest.raises(ManifestError):
        load_engine_manifest(tmp_path)


def test_a_library_that_is_not_there_has_no_version():
    assert installed_version("no-such-library-anywhere") == ""
