"""The graphs of a conversion as trees: the nodes of a network by their scopes."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.errors import ConsoleError
from engines.convert.graph_file import GRAPH_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from engines.convert.graph_file import Node

_SEPARATOR = "/"


@dataclass
class Scope:
    """What a name of a network stands for: one node, or all below a scope.

    Both at once where a node has the name of a scope. Made whole by `scope_of`, and
    not changed afterwards.
    """

    name: str
    """The last part of its path; the whole network's is empty."""
    op: str = ""
    """Operation of the node that is called so; empty for a scope alone."""
    own_us: float | None = None
    """Microseconds of that node in one inference, where they were measured."""
    children: dict[str, Scope] = field(default_factory=dict)
    ops: Counter[str] = field(default_factory=Counter)
    """Nodes by operation, itself and all below."""
    time_us: float | None = None
    """Of itself and all below; None where nothing was measured."""

    @property
    def count(self) -> int:
        """How many nodes: itself and all below."""
        return self.ops.total()

    def ops_text(self, most: int = 4) -> str:
        """Its most frequent operations: `12 Conv2D, 8 Relu`."""
        if not self.children:
            return self.op
        found = self.ops.most_common()
        text = ", ".join(f"{count} {op}" for op, count in found[:most])
        return text if len(found) <= most else f"{text}, …"


@dataclass(frozen=True)
class GraphStage:
    """The network at one moment of its conversion."""

    title: str
    is_timed: bool
    root: Scope


def load_stages(folder: Path) -> tuple[GraphStage, ...]:
    """Read the graphs beside an engine.

    Raises
    ------
    ConsoleError
        If there are none, or they cannot be read.
    """
    path = folder / GRAPH_NAME
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return tuple(
            GraphStage(
                str(stage["title"]), bool(stage["is_timed"]), scope_of(stage["nodes"])
            )
            for stage in document["stages"]
        )
    except FileNotFoundError as error:
        raise ConsoleError(
            "no graphs were kept with this engine",
            hint="Build it again: builds keep the graph before and after.",
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConsoleError(
            f"{path.name} cannot be read: {error}", hint="Build the engine again."
        ) from error


def scope_of(nodes: Iterable[Node]) -> Scope:
    """Sort nodes into their scopes.

    Parameters
    ----------
    nodes : iterable of (name, operation, microseconds or None)
    """
    root = Scope("")
    for name, op, time_us in nodes:
        above = [root]
        for part in name.split(_SEPARATOR):
            above.append(above[-1].children.setdefault(part, Scope(part)))
        above[-1].op, above[-1].own_us = op, time_us
        for scope in above:
            scope.ops[op] += 1
            if time_us is not None:
                scope.time_us = (scope.time_us or 0.0) + time_us
    return root
