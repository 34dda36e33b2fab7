"""A scene that is rendered in a process of its own, as a camera would be."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np

from app.errors import SourceLostError
from app.paths import ROOT
from app.process import Urgency, hurry_thread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engines.scene import SceneSettings

# What Linux allows without privileges: three frames of 640x480 rendered ahead.
_PIPE_BYTES = 1 << 20
_STOP_S = 1.0


class SceneCamera:
    """Renders the frames of a scene outside this process.

    Rendering is dozens of small OpenCV calls a frame. In a thread, each would give up
    the interpreter lock and wait for it beside the inference; a real camera does not.

    Parameters
    ----------
    settings : SceneSettings
        Of the scene.
    """

    def __init__(self, settings: SceneSettings) -> None:
        self._shape = (settings.height_px, settings.width_px)
        self._index = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "engines.scene", json.dumps(settings._asdict())],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            bufsize=0,
            # Ctrl+C in the terminal is for the console, which ends this by closing.
            start_new_session=True,
        )
        # A camera's rate does not depend on what else the processor does.
        hurry_thread(Urgency.CAMERA, self._process.pid)
        assert self._process.stdout is not None
        self._pipe = self._process.stdout
        fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def render(self, index: int) -> NDArray[np.uint8]:
        """Give the frame of an index, not smaller than the one before.

        Returns
        -------
        ndarray of uint8, shape (H, W)
            Read-only.

        Raises
        ------
        SourceLostError
            If the process died.
        """
        while True:
            image = np.empty(self._shape, np.uint8)
            self._fill(image.data.cast("B"))
            self._index += 1
            if self._index > index:
                image.setflags(write=False)
                return image

    def close(self) -> None:
        """End the process. Calling it again does nothing."""
        self._pipe.close()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _fill(self, view: memoryview) -> None:
        while view:
            count = os.readv(self._pipe.fileno(), [view])
            if not count:
                status = self._process.wait()
                raise SourceLostError(
                    f"the synthetic scene's process ended with status {status}",
                    hint="Start the source again.",
                )
            view = view[count:]
