from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from app.build_order import BuildOrder
from app.engine_store import EngineState, EngineStore
from app.errors import ConsoleError
from app.paths import BUNDLED_MODELS, DEFAULT_MODEL
from engines.base import EngineKind, Precision
from engines.convert.meaning import Meaning, Pixels
from engines.convert.model_source import Location
from engines.convert.request import Target
from engines.engine_manifest import EngineManifest, save_engine_manifest
from engines.manifest import (
    Activation,
    Colour,
    load_manifest,
    save_manifest,
    sha256_of_file,
)

if TYPE_CHECKING:
    from pathlib import Path

    from app.engine_store import StoredEngine


@pytest.fixture
def store(tmp_path: Path) -> EngineStore:
    return EngineStore(tmp_path / "engines")


def _make(store: EngineStore, name: str, model: Path | None = None) -> Path:
    """An engine as the converter leaves it: the bundled ONNX stands for its file."""
    folder = store.folder / name
    folder.mkdir(parents=True)
    path = folder / "model.onnx"
    path.write_bytes((DEFAULT_MODEL / "model.onnx").read_bytes())
    manifest = load_manifest(DEFAULT_MODEL)
    files = {"onnx": path.name}
    hashes = {"onnx": sha256_of_file(path)}
    save_manifest(manifest._replace(files=files, sha256=hashes, folder=folder), folder)
    model = model or DEFAULT_MODEL / "frozen.pb"
    save_engine_manifest(
        EngineManifest(
            kind="openvino",
            precision="fp32",
            key="k",
            source={
                "name": "net",
                "form": "frozen-graph",
                "sha256": Location(model).sha256(),
            },
            steps=("freeze",),
            parameters={},
            versions={},
            device="CPU",
            input_shape=(1, 240, 320, 3),
            input_dtype="float32",
            files={path.name: sha256_of_file(path)},
            bytes=path.stat().st_size,
        ),
        folder,
    )
    report = {
        "steps": [{"mask_iou": 0.99}],
        "speed": {
            "results": [
                {"fps": 100.0, "ratio_to_reference": 1.0},
                {"fps": 250.0, "ratio_to_reference": 2.5},
            ]
        },
    }
    (folder / "report.json").write_text(json.dumps(report))
    BuildOrder(model, Target.ONNXRUNTIME).save(folder)
    return folder


def _named(store: EngineStore, name: str) -> StoredEngine:
    return next(each for each in store.engines() if each.name == name)


def test_the_bundled_networks_are_always_there(store: EngineStore) -> None:
    bundled = store.engines()

    names = [each.name for each in bundled]
    others = sorted(x.name for x in BUNDLED_MODELS.iterdir() if x != DEFAULT_MODEL)
    assert names == ["bundled", *(f"bundled {name}" for name in others)]
    assert "bundled medium" in names
    assert bundled[0].choice().model == DEFAULT_MODEL
    for each in bundled:
        assert each.is_bundled
        assert each.state is EngineState.READY
        assert each.library_text.startswith("openvino 2")
        assert each.bytes == (each.folder / "model.onnx").stat().st_size


def test_an_engine_is_listed_with_what_was_measured(store: EngineStore) -> None:
    _make(store, "mine")

    engine = _named(store, "mine")

    assert engine.state is EngineState.READY
    assert (engine.fps, engine.ratio, engine.mask_iou) == (250.0, 2.5, 0.99)
    assert engine.choice(threads=2).kind is EngineKind.OPENVINO
    assert engine.choice().precision is Precision.FP32


def test_an_engine_can_be_opened_by_its_choice(store: EngineStore) -> None:
    _make(store, "mine")

    with _named(store, "mine").choice().factory()() as engine:
        assert engine.spec.kind is EngineKind.OPENVINO


def test_an_engine_of_a_model_that_changed_is_stale(
    store: EngineStore, tmp_path: Path
) -> None:
    model = tmp_path / "net.pb"
    model.write_bytes((DEFAULT_MODEL / "frozen.pb").read_bytes())
    _make(store, "mine", model)
    model.write_bytes(model.read_bytes() + b"\n")

    engine = _named(store, "mine")

    assert engine.state is EngineState.STALE
    assert "changed" in engine.reason


def test_an_engine_of_a_model_that_is_gone_is_stale(
    store: EngineStore, tmp_path: Path
) -> None:
    model = tmp_path / "net.pb"
    model.write_bytes((DEFAULT_MODEL / "frozen.pb").read_bytes())
    _make(store, "mine", model)
    model.unlink()

    assert _named(store, "mine").state is EngineState.STALE


def test_a_damaged_engine_is_not_for_use(store: EngineStore) -> None:
    folder = _make(store, "mine")
    (folder / "model.onnx").write_bytes(b"half")

    engine = _named(store, "mine")

    assert engine.state is EngineState.UNFIT
    assert "model.onnx" in engine.reason


def test_one_that_cannot_be_read_leaves_the_others(store: EngineStore) -> None:
    _make(store, "good")
    (_make(store, "bad") / "engine.json").write_text("{")

    states = {each.name: each.state for each in store.engines()}

    assert states["good"] is EngineState.READY
    assert states["bad"] is EngineState.UNFIT


def test_renaming_and_deleting(store: EngineStore) -> None:
    _make(store, "mine")

    store.rename(_named(store, "mine"), "ours")
    assert [each.name for each in store.engines() if not each.is_bundled] == ["ours"]
    store.delete(_named(store, "ours"))

    assert all(each.is_bundled for each in store.engines())


def test_the_bundled_network_cannot_be_deleted(store: EngineStore) -> None:
    with pytest.raises(ConsoleError, match="is not among"):
        store.delete(store.engines()[0])

    assert DEFAULT_MODEL.is_dir()


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "x" * 65])
def test_a_name_that_is_no_folder_is_refused(store: EngineStore, name: str) -> None:
    with pytest.raises(ConsoleError, match="cannot be the name"):
        store.folder_for(name)


def test_a_free_name_is_found(store: EngineStore) -> None:
    _make(store, "net")

    assert store.free_name("net") == "net 2"
    assert store.free_name("a/b: c") == "a-b- c"
    with pytest.raises(ConsoleError, match="there is an engine"):
        store.folder_for("net")


def test_an_order_is_read_as_it_was_written(tmp_path: Path) -> None:
    order = BuildOrder(
        tmp_path / "net.pb",
        Target.OPENVINO,
        Precision.INT8,
        (320, 240),
        "clip.mp4",
        meaning=Meaning(Colour.GREY, Pixels.UNIT, Activation.LOGIT),
        rewrites_pads=True,
    )

    order.save(tmp_path)

    assert BuildOrder.load(tmp_path) == order


@pytest.mark.parametrize("text", ["", "[]", '{"schema_version": 9}', "{}", "{"])
def test_an_order_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "order.json").write_text(text)

    with pytest.raises(ConsoleError, match="does not tell"):
        BuildOrder.load(tmp_path)
