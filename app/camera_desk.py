"""What the camera window asks of the feed's process, where the cameras are.

A camera of Video4Linux is reached through its node, opened here for itself: a driver
lets controls be read and set while another part of the program captures. One that
GStreamer reads is reached while it runs.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from app.errors import SourceLostError
from app.sources.gstreamer.running import (
    RunningCamera,
    running_camera,
    running_cameras,
)
from app.sources.v4l2 import query
from app.sources.v4l2.controls import apply_controls, list_controls
from app.sources.v4l2.device import driver_errors, open_node

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.sources.controls import Control

_NODE_MARK = "/"


def list_cameras() -> tuple[query.CameraDescription, ...]:
    """Cameras of Video4Linux, and those that GStreamer reads now."""
    running = tuple(
        query.CameraDescription(each.uri, each.title, "GStreamer", each.place)
        for each in running_cameras()
    )
    return (*running, *query.list_cameras())


def read_controls(path: str) -> tuple[Control, ...]:
    """All controls of a camera as they stand.

    Parameters
    ----------
    path : str
        Of its description.

    Raises
    ------
    SourceError
        If it cannot be asked.
    """
    if not path.startswith(_NODE_MARK):
        return _running(path).controls.read()
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
    if not path.startswith(_NODE_MARK):
        controls = _running(path).controls
        controls.write(values)
        return controls.read()
    with driver_errors(path, "setting its controls"), closing(open_node(path)) as node:
        apply_controls(node, values)
        return list_controls(node)


def _running(uri: str) -> RunningCamera:
    camera = running_camera(uri)
    if camera is None:
        raise SourceLostError(
            f"{uri} does not run any more",
            hint="Start it: its controls can be set while it runs.",
        )
    return camera
