"""Recorded boards, as trees of files."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from app.hardware.catalogue import readers_of
from app.hardware.readings import HardwareSample
from app.hardware.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Mapping

BOARDS = Path(__file__).parents[1] / "data" / "boards"


def build_board(
    name: str, root: Path, changes: Mapping[str, str] | None = None
) -> Path:
    """Make the tree of a recorded board; `changes` replace or add files."""
    lines = (BOARDS / f"{name}.manifest").read_text(encoding="utf-8").splitlines()
    faults = {}
    for line in filter(None, lines):
        path, is_link, target = line.partition(" -> ")
        if is_link and "=" not in path:
            link = root / path.lstrip("/")
            link.parent.mkdir(parents=True, exist_ok=True)
            there = root / target.lstrip("/")
            link.symlink_to(os.path.relpath(there, link.parent))
            continue
        path, _, value = line.partition("=")
        if value.startswith("!"):
            faults[path] = getattr(errno, value[1:])
            value = ""
        write(root, path, value)
    (root / ".faults.json").write_text(json.dumps(faults), encoding="utf-8")
    for path, value in (changes or {}).items():
        write(root, path, value)
    return root


def write(root: Path, path: str, value: str) -> None:
    """Write one file of a tree, as a kernel does."""
    full = root / path.lstrip("/")
    full.parent.mkdir(parents=True, exist_ok=True)
    full.write_text(value.replace("\\0", "\0").replace("\\n", "\n") + "\n")


def read_board(root: Path) -> HardwareSample:
    """Read a tree once with every reader that it takes."""
    sample = HardwareSample()
    for maker in readers_of(Tree(root)):
        sample = sample.merged(maker().read())
    return sample
