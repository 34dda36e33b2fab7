"""What the camera window asks of the feed's process, where the cameras are.

Each function opens the node of a camera for itself: a driver lets controls be read and
set while another part of the program captures.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from app.sources.v4l2.controls import apply_controls, list_controls
from app.sources.v4l2.device import driver_errors, open_node
from app.sources.v4l2.query import list_cameras

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.sources.v4l2.controls import Control

__all__ = ["list_cameras", "read_controls", "set_controls"]


def read_controls(path: str) -> tuple[Control, ...]:
    """All controls of a camera as they stand.

    Raises
    ------
    SourceError
        If it cannot be asked.
    """
    with driver_errors(path, "telling its controls"), closing(open_node(path)) as node:
        return list_controls(node)


def set_controls(path: str, values: Mapping[str, int]) -> tuple[Control, ...]:
    """Set controls by their names, in this order, and read all of them again.

    Those that it has not, or that another control rules, are left out. Setting one may
    change others: automatic exposure rules the exposure.

    Raises
    ------
    SourceError
        If the camera refuses a value.
    """
    with driver_errors(path, "setting its controls"), closing(open_node(path)) as node:
        apply_controls(node, values)
        return list_controls(node)
