"""Colours, spacing and fonts, once; the style sheet takes them from here."""

from __future__ import annotations

import enum
from functools import cached_property
from string import Template
from typing import TYPE_CHECKING

from PySide6.QtGui import QColor, QFont, QPalette

from app.paths import RESOURCES

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

STYLE_SHEET = RESOURCES / "theme" / "console.qss"

GAP_PX = 8
"""Between things that belong together; half of it inside a group."""
MARGIN_PX = 12
"""Around a group."""
ICON_PX = 20
FIELD_PX = 30
"""Height of a field to type or choose in."""

_FONT_PT = 10.0


class Colour(enum.Enum):
    """Every colour of the window. Text reaches a contrast of 4.5 on `WINDOW`."""

    WINDOW = "#14171b"
    SURFACE = "#1b1f25"
    """Bars and docks."""
    RAISED = "#272d35"
    """Buttons and fields."""
    HOVER = "#323a44"
    BORDER = "#353d47"
    TEXT = "#e8ebef"
    MUTED = "#9ba5b1"
    """Captions, and what is not the matter now."""
    DISABLED = "#5d6671"
    ACCENT = "#35bcd4"
    """The one accent: what is chosen, focused or running."""
    ON_ACCENT = "#06181c"
    ERROR = "#f2736b"
    WARNING = "#eab54d"
    SERIES_1 = "#41c4dc"
    SERIES_2 = "#eda94a"
    SERIES_3 = "#b79af0"
    SERIES_4 = "#7fce86"
    SERIES_5 = "#f08fb2"

    @cached_property
    def qcolor(self) -> QColor:
        """The colour as Qt's type; not to be changed."""
        return QColor(self.value)


def apply_theme(app: QApplication) -> None:
    """Make an application dark: style, palette, font, style sheet.

    The window must look the same with and without a desktop, and bare X answers no
    question about its colour scheme: nothing is taken from the platform.
    """
    app.setStyle("Fusion")
    app.setPalette(_palette())
    font = app.font()
    font.setPointSizeF(_FONT_PT)
    app.setFont(font)
    colours = {colour.name.lower(): colour.value for colour in Colour}
    sheet = Template(STYLE_SHEET.read_text(encoding="utf-8"))
    folder = STYLE_SHEET.parent.as_posix()
    app.setStyleSheet(sheet.substitute(colours, theme=folder))


def scaled_font(font: QFont, factor: float, *, is_bold: bool = False) -> QFont:
    """Copy a font at another size, with digits of one width.

    Parameters
    ----------
    font : QFont
        Usually the widget's own.
    factor : float
        Times its size.
    is_bold : bool
        Whether it becomes bold.
    """
    scaled = QFont(font)
    scaled.setPointSizeF(font.pointSizeF() * factor)
    scaled.setBold(is_bold)
    # A number that changes ten times a second must not move its neighbours.
    scaled.setFeature(QFont.Tag("tnum"), 1)
    return scaled


def _palette() -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette()
    for which, colour in {
        role.Window: Colour.SURFACE,
        role.WindowText: Colour.TEXT,
        role.Base: Colour.WINDOW,
        role.AlternateBase: Colour.SURFACE,
        role.ToolTipBase: Colour.RAISED,
        role.ToolTipText: Colour.TEXT,
        role.PlaceholderText: Colour.MUTED,
        role.Text: Colour.TEXT,
        role.Button: Colour.RAISED,
        role.ButtonText: Colour.TEXT,
        role.BrightText: Colour.ERROR,
        role.Link: Colour.ACCENT,
        role.Highlight: Colour.ACCENT,
        role.HighlightedText: Colour.ON_ACCENT,
        role.Light: Colour.HOVER,
        role.Midlight: Colour.HOVER,
        role.Mid: Colour.BORDER,
        role.Dark: Colour.WINDOW,
        role.Shadow: Colour.WINDOW,
        role.Accent: Colour.ACCENT,
    }.items():
        palette.setColor(which, colour.qcolor)
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, Colour.DISABLED.qcolor)
    return palette
