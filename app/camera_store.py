"""What the operator set on each camera, and named sets of it, kept on disk."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from app.durable import write_whole
from app.errors import SettingsError
from app.paths import settings_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

log = logging.getLogger(__name__)

_VERSION = 1


def camera_file() -> Path:
    """Where it is kept."""
    return settings_folder() / "cameras.json"


class CameraStore:
    """Values of controls by the camera they belong to.

    Several processes read it, and the window's alone writes it.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def controls(self, camera: str) -> dict[str, int]:
        """The values to set when a camera is opened, by the controls' names."""
        return _whole(self._camera(camera).get("controls"))

    def presets(self, camera: str) -> dict[str, dict[str, int]]:
        """Named sets of values."""
        presets = self._camera(camera).get("presets")
        if not isinstance(presets, dict):
            return {}
        return {str(name): _whole(values) for name, values in presets.items()}

    def add_controls(self, camera: str, values: Mapping[str, int]) -> None:
        """Keep these values beside those there are; raises as `save_preset`."""
        self._change(camera, "controls", {**self.controls(camera), **values})

    def save_controls(self, camera: str, values: Mapping[str, int]) -> None:
        """Keep these values and no others; raises as `save_preset`."""
        self._change(camera, "controls", dict(values))

    def save_preset(self, camera: str, name: str, values: Mapping[str, int]) -> None:
        """Keep a set of values under a name.

        Raises
        ------
        SettingsError
            If the file cannot be written.
        """
        self._change(camera, "presets", {**self.presets(camera), name: dict(values)})

    def remove_preset(self, camera: str, name: str) -> None:
        """Forget a set; raises as `save_preset`."""
        left = {key: each for key, each in self.presets(camera).items() if key != name}
        self._change(camera, "presets", left)

    def _camera(self, camera: str) -> dict[str, Any]:
        found = self._cameras().get(camera)
        return found if isinstance(found, dict) else {}

    def _cameras(self) -> dict[str, Any]:
        try:
            document = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            log.warning("%s is not read: %s", self._path, error)
            return {}
        is_known = isinstance(document, dict) and document.get("version") == _VERSION
        cameras = document.get("cameras") if is_known else None
        return cameras if isinstance(cameras, dict) else {}

    def _change(self, camera: str, part: str, values: Mapping[str, object]) -> None:
        cameras = self._cameras()
        before = self._camera(camera)
        cameras[camera] = {**before, part: values}
        document = {"version": _VERSION, "cameras": cameras}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._path, json.dumps(document, indent=2))
        except OSError as error:
            raise SettingsError(
                f"{self._path} cannot be written: {error.strerror}",
                hint="The camera keeps its values until it is unplugged.",
            ) from error


def _whole(values: object) -> dict[str, int]:
    if not isinstance(values, dict):
        return {}
    return {str(name): each for name, each in values.items() if isinstance(each, int)}
