"""The pages of the settings dialog, in their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from widgets.settings_engine_page import EnginePage
from widgets.settings_page import SettingsPage

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class PageSpec:
    """One page."""

    section: str
    """Name of the section that it edits."""
    title: str
    icon: str
    make: Callable[[str], SettingsPage] = SettingsPage
    """Makes it for the section; a page with more than a form is a subclass."""


PAGES: tuple[PageSpec, ...] = (
    PageSpec("source", "Source", "video"),
    PageSpec("engine", "Model and engine", "engine", EnginePage),
    PageSpec("tracking", "Tracking", "ids"),
    PageSpec("recording", "Recording", "record"),
    PageSpec("display", "Display", "mask"),
    PageSpec("hardware", "Hardware", "machine"),
)
