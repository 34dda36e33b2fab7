"""Graphs of a conversion, sorted into scopes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from app.errors import ConsoleError
from app.graph_scopes import load_stages, scope_of
from engines.convert.graph_file import GRAPH_NAME

if TYPE_CHECKING:
    from pathlib import Path

NODES = [
    ("image", "Placeholder", None),
    ("down/conv", "Conv2D", 300.0),
    ("down/conv/weights", "Const", None),
    ("down/relu", "Relu", 20.0),
    ("up/conv", "Conv2D", 100.0),
]


def test_nodes_are_counted_and_timed_by_scope() -> None:
    root = scope_of(NODES)

    down = root.children["down"]
    assert (root.count, down.count) == (5, 3)
    assert (root.time_us, down.time_us) == (420.0, 320.0)
    assert down.ops == {"Conv2D": 1, "Const": 1, "Relu": 1}
    assert down.ops_text(most=1).endswith(", …")
    assert root.children["image"].time_us is None


def test_a_node_may_be_called_like_a_scope() -> None:
    conv = scope_of(NODES).children["down"].children["conv"]

    assert (conv.op, conv.own_us, conv.count) == ("Conv2D", 300.0, 2)
    assert list(conv.children) == ["weights"]


def test_the_stages_beside_an_engine_are_read(tmp_path: Path) -> None:
    stage = {"title": "as trained", "is_timed": True, "nodes": NODES}
    (tmp_path / GRAPH_NAME).write_text(json.dumps({"stages": [stage]}))

    [read] = load_stages(tmp_path)

    assert (read.title, read.is_timed, read.root.count) == ("as trained", True, 5)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"stages": [{"title": 1}]}'])
def test_a_damaged_file_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / GRAPH_NAME).write_text(text)

    with pytest.raises(ConsoleError, match="cannot be read"):
        load_stages(tmp_path)


def test_an_engine_without_graphs_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConsoleError, match="no graphs were kept") as told:
        load_stages(tmp_path)

    assert "Build it again" in told.value.hint
