"""`python -m engines.scene SETTINGS`: writes the frames of a scene to stdout.

SETTINGS is a JSON object of `SceneSettings`. Frames are raw bytes, one after the
other from index 0, as fast as they are taken; it ends when nobody takes them.
"""

import json
import os
import sys
from typing import Any, Dict, List, Optional

import cv2

from engines.scene import Scene, SceneSettings


def main(arguments: Optional[List[str]] = None) -> int:
    """Write frames until the reader goes away."""
    (text,) = sys.argv[1:] if arguments is None else arguments
    fields: Dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in json.loads(text).items()
    }
    # One core is the scene's; OpenCV's threads would take the engine's as well.
    cv2.setNumThreads(1)
    scene = Scene(SceneSettings(**fields))
    index = 0
    try:
        while True:
            view = scene.render(index).data.cast("B")
            while view:
                view = view[os.write(1, view) :]
            index += 1
    except BrokenPipeError:
        return 0


if __name__ == "__main__":
    sys.exit(main())
