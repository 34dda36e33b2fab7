"""A scene of blurred fast objects whose true positions are known.

The one renderer for demonstration, training and the tests' truth. Everything is a
function of the settings and the frame's index: any frame can be rendered first, and
rendering it again gives the same pixels.

Needs OpenCV, so nothing in `engines` imports it on its own.
"""

from engines.scene.motion import Motion
from engines.scene.scene import Scene, SceneTruth
from engines.scene.settings import SETTING_BOUNDS, SceneSettings, random_settings

__all__ = [
    "SETTING_BOUNDS",
    "Motion",
    "Scene",
    "SceneSettings",
    "SceneTruth",
    "random_settings",
]
