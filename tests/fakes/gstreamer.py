"""Whether GStreamer can be used here, for tests that need it."""

from __future__ import annotations

from app.errors import SourceUnavailableError
from app.sources.gstreamer.library import import_gstreamer


def why_no_gstreamer() -> str:
    """Why it cannot; empty if it can."""
    try:
        import_gstreamer()
    except SourceUnavailableError as error:
        return f"{error.message}. {error.hint}"
    return ""
