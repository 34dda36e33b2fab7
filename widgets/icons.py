"""Icons by name, in the colours of the theme."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QByteArray, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from app.paths import RESOURCES
from widgets.theme import ICON_PX, Colour

FOLDER = RESOURCES / "icons"

# What the files are drawn in, and what a colour takes the place of.
_INK = "#000"
# Buttons and openers; a QIcon takes the larger one on a screen of twice the density.
_SIZES_PX = (ICON_PX, 32, 2 * ICON_PX, 64)


@cache
def icon(name: str, colour: Colour = Colour.TEXT) -> QIcon:
    """Make the icon of a file in `resources/icons`; needs an application.

    Parameters
    ----------
    name : str
        Of the file, without its suffix.
    colour : Colour
        Of the enabled icon; a disabled one is always in the disabled colour.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    """
    made = QIcon()
    _add(made, [_drawing(name)], colour, QIcon.State.Off)
    return made


@cache
def toggle_icon(name: str) -> QIcon:
    """Make an icon that is crossed out while its action is unchecked.

    Parameters
    ----------
    name : str
        As for `icon`.
    """
    made = QIcon()
    _add(made, [_drawing(name)], Colour.TEXT, QIcon.State.On)
    _add(made, [_drawing(name), _drawing("off")], Colour.MUTED, QIcon.State.Off)
    return made


def _drawing(name: str) -> str:
    return (FOLDER / f"{name}.svg").read_text(encoding="utf-8")


def _add(made: QIcon, drawings: list[str], colour: Colour, state: QIcon.State) -> None:
    for mode, ink in (
        (QIcon.Mode.Normal, colour),
        (QIcon.Mode.Disabled, Colour.DISABLED),
    ):
        renderers = [
            QSvgRenderer(QByteArray(drawing.replace(_INK, ink.value).encode()))
            for drawing in drawings
        ]
        for size_px in _SIZES_PX:
            pixmap = QPixmap(size_px, size_px)
            pixmap.fill(Qt.GlobalColor.transparent)
            painter = QPainter(pixmap)
            for renderer in renderers:
                renderer.render(painter)
            painter.end()
            made.addPixmap(pixmap, mode, state)
