"""Which board this is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from app.hardware.readings import Board, HardwareSample
from engines.host.machine import find_jetson_linux, jetpack_of

if TYPE_CHECKING:
    from app.hardware.tree import Tree

# A TX2 calls itself `quill`: the module's part number says more.
_MODULES = {
    "p3310": "Jetson TX2",
    "p3489-0000": "Jetson TX2i",
    "p3489-0888": "Jetson TX2 4GB",
    "p3636": "Jetson TX2 NX",
}


class BoardReader:
    """Reads the device tree, or a desktop's firmware; once is enough."""

    name = "board"

    def __init__(self, tree: Tree) -> None:
        self._sample = HardwareSample(board=find_board(tree))

    def read(self) -> HardwareSample:
        """Give the board."""
        return self._sample


def find_board(tree: Tree) -> Board:
    """Say which board a tree is of."""
    compatible = tree.find_text("/proc/device-tree/compatible")
    chip = re.search(r"nvidia,(tegra\d+)", compatible)
    name = tree.find_text("/proc/device-tree/model")
    for part, its_name in _MODULES.items():
        if part in compatible:
            name = f"{its_name} ({name})" if name else its_name
            break
    if not name:
        maker = tree.find_text("/sys/class/dmi/id/sys_vendor")
        product = tree.find_text("/sys/class/dmi/id/product_name")
        name = f"{maker} {product}".strip() or "not named"
    jetson_linux = find_jetson_linux(tree.root)
    return Board(
        name=name,
        chip=chip[1] if chip else "",
        jetson_linux=jetson_linux,
        jetpack=jetpack_of(jetson_linux),
    )
