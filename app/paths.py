"""Where files are. Nothing is made on import."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESOURCES = ROOT / "resources"
BUNDLED_MODELS = RESOURCES / "models"
DEFAULT_MODEL = BUNDLED_MODELS / "default"
PUBLISHED_BENCHES = RESOURCES / "benches"
SAMPLE_CLIP = RESOURCES / "samples" / "fast_objects.mp4"


def state_folder() -> Path:
    """Folder for logs, by the XDG base directory specification."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "peregrine"


def settings_folder() -> Path:
    """Folder for settings, by the XDG base directory specification."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "peregrine"


def engine_cache_folder() -> Path:
    """Folder for engines, by the XDG base directory specification."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "peregrine" / "engines"


def engines_folder() -> Path:
    """Folder for the engines that the operator built, by the same specification."""
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "peregrine" / "engines"


def sessions_folder() -> Path:
    """Folder for recorded sessions, unless the operator chose another one."""
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "peregrine" / "sessions"


def benches_folder() -> Path:
    """Folder for results of benches, by the same specification."""
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "peregrine" / "benches"
