from __future__ import annotations

import pickle
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import pytest

from app.engine_choice import EngineChoice
from app.hardware import memory_guard, tree
from app.hardware.memory import read_memory
from app.hardware.memory_guard import (
    MemoryReserveError,
    engine_need_mb,
    open_within_memory,
    require_memory,
    require_memory_to_convert,
    reserve_mb,
)
from app.hardware.readings import Memory
from app.hardware.tree import Tree
from engines.base import Engine, EngineKind
from engines.convert.nvidia_parameters import NvidiaParameters
from engines.convert.request import ConversionRequest, Target
from engines.manifest import InputSpec, ModelManifest
from engines.reference import ReferenceEngine
from tests.fakes.boards import build_board

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def tx2(tmp_path: Path) -> Tree:
    """5510 MB of 7850 are available."""
    return Tree(build_board("tx2_r32_maxp_core_arm", tmp_path))


def test_what_leaves_just_the_reserve_is_let_through(tx2: Tree) -> None:
    memory = read_memory(tx2)
    assert memory is not None
    most_mb = memory.available_mb - reserve_mb(memory)
    refused: list[float] = []

    for needed_mb in (most_mb - 1.0, most_mb + 1.0):
        try:
            require_memory("The engine", needed_mb, tx2)
        except MemoryReserveError:
            refused.append(needed_mb)

    assert refused == [most_mb + 1.0]


def test_what_would_take_the_reserve_is_refused_with_the_figures(tx2: Tree) -> None:
    with pytest.raises(MemoryReserveError) as refusal:
        require_memory("The engine", 5000.0, tx2)

    assert refusal.value.message == (
        "The engine needs about 5000 MB and would leave 510 MB of 7850 MB: less than"
        " the 628 MB that the system needs"
    )
    assert "5510 MB are available now" in refusal.value.hint


def test_a_system_that_does_not_tell_refuses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "Tree", lambda: Tree(tmp_path))
    monkeypatch.setitem(memory_guard._LIBRARIES_MB, EngineKind.REFERENCE, 1e9)
    assert read_memory(Tree(tmp_path)) is None

    with closing(
        open_within_memory(ReferenceEngine, EngineKind.REFERENCE, None)
    ) as engine:
        assert engine.spec.kind is EngineKind.REFERENCE


@pytest.mark.parametrize(
    ("total_mb", "expected_mb"), [(1000, 256), (8000, 640), (64000, 1024)]
)
def test_the_reserve_has_bounds(total_mb: float, expected_mb: float) -> None:
    assert reserve_mb(Memory(total_mb, 0.0)) == expected_mb


def test_the_reserve_of_the_operator_goes_before_the_share(tx2: Tree) -> None:
    require_memory("The engine", 4000.0, tx2)

    with pytest.raises(MemoryReserveError, match="less than the 2000 MB"):
        require_memory("The engine", 4000.0, tx2, asked_reserve_mb=2000.0)


def test_an_engine_needs_its_library_and_its_weights(tmp_path: Path) -> None:
    (tmp_path / "net.pb").write_bytes(bytes(2**20))
    spec = InputSpec(width_px=8, height_px=8)
    files = {"frozen-graph": "net.pb", "onnx": "gone.onnx"}
    manifest = ModelManifest("net", spec, files=files, folder=tmp_path)

    alone = engine_need_mb(EngineKind.OPENVINO, None)

    assert engine_need_mb(EngineKind.OPENVINO, manifest) == alone + 3.0


def test_an_engine_that_does_not_fit_is_not_opened(
    tx2: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "Tree", lambda: tx2)
    monkeypatch.setitem(memory_guard._LIBRARIES_MB, EngineKind.TENSORRT, 5200.0)
    opened: list[int] = []
    make_engine: Callable[[], Engine] = partial(opened.append, 1)  # type: ignore[assignment]

    with pytest.raises(
        MemoryReserveError, match="the tensorrt engine needs about 5200"
    ):
        open_within_memory(make_engine, EngineKind.TENSORRT, None)

    assert opened == []


def test_the_engine_that_was_chosen_is_guarded_in_the_feed_s_process() -> None:
    factory = pickle.loads(pickle.dumps(EngineChoice(EngineKind.REFERENCE).factory()))

    assert factory.func is open_within_memory
    factory().close()


def test_a_conversion_needs_its_workspace(tx2: Tree, tmp_path: Path) -> None:
    request = ConversionRequest(
        tmp_path / "net.pb",
        Target.TENSORRT,
        tmp_path / "out",
        nvidia=NvidiaParameters(workspace_mib=4096),
    )

    with pytest.raises(
        MemoryReserveError, match=r"converting net\.pb needs about 5596"
    ):
        require_memory_to_convert(request, tx2)
    require_memory_to_convert(request._replace(target=Target.OPENVINO), tx2)
