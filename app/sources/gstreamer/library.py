"""GStreamer through PyGObject, where they are installed; what is missing, where not."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import sys
import warnings
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from app.errors import SourceUnavailableError

APT_LINE = (
    "sudo apt install python3-gi gir1.2-gst-plugins-base-1.0 gstreamer1.0-plugins-good"
    " gstreamer1.0-plugins-bad gstreamer1.0-libav"
)
_SYSTEM_PACKAGES = Path("/usr/lib/python3/dist-packages")


def import_gstreamer() -> Any:  # noqa: ANN401  it has no types
    """Import `Gst` and `GstVideo`, ready for use.

    PyGObject is a package of the system, which a virtual environment does not see: it
    is taken from there, and nothing else is, where it was made for this Python.

    Raises
    ------
    SourceUnavailableError
        Saying what to install.
    """
    _make_gi_visible()
    _keep_unwinder()
    try:
        with warnings.catch_warnings():
            # Older releases load their modules in a way that Python warns of.
            warnings.simplefilter("ignore", ImportWarning)
            import gi

            for name in ("Gst", "GstApp", "GstVideo"):
                gi.require_version(name, "1.0")
            # GstApp makes an appsink's own calls known.
            from gi.repository import Gst, GstApp, GstVideo  # noqa: F401
    except (ImportError, ValueError) as error:
        raise SourceUnavailableError(
            f"GStreamer cannot be used: {error}", hint=f"Install it: {APT_LINE}."
        ) from error
    Gst.init(None)
    return Gst, GstVideo


def _keep_unwinder() -> None:
    """Keep the C++ exceptions of libraries that are loaded later working.

    GStreamer brings libunwind, whose `_Unwind_Resume` then stands before that of the
    compiler's own library for all that is loaded after it: an exception inside OpenVINO
    ends the process. Whichever is first in the global scope is taken.
    """
    with contextlib.suppress(OSError):  # a system without it has no such mixture
        ctypes.CDLL("libgcc_s.so.1", mode=ctypes.RTLD_GLOBAL)


def _make_gi_visible() -> None:
    if "gi" in sys.modules or importlib.util.find_spec("gi") is not None:
        return
    spec = PathFinder.find_spec("gi", [str(_SYSTEM_PACKAGES)])
    if spec is None or spec.origin is None:
        raise SourceUnavailableError(
            "GStreamer cannot be used: PyGObject is not installed",
            hint=f"Install it: {APT_LINE}.",
        )
    made_for = Path(spec.origin).parent.glob("_gi.*.so")
    mine = sys.implementation.cache_tag
    if not any(mine in each.name for each in made_for):
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise SourceUnavailableError(
            f"GStreamer cannot be used: the system's PyGObject is not for Python"
            f" {version}",
            hint="Set the console up with the system's Python: make run"
            " PYTHON=/usr/bin/python3.",
        )
    sys.meta_path.append(_SystemGi())


class _SystemGi:
    """Finds PyGObject among the system's packages, and nothing else."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> Any:  # noqa: ANN401  importlib's
        """As importlib asks."""
        del path, target
        if name != "gi":
            return None
        return PathFinder.find_spec(name, [str(_SYSTEM_PACKAGES)])
