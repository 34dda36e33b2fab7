from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from widgets.theme import Colour, scaled_font

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication


def luminance(colour: Colour) -> float:
    """Relative luminance by WCAG 2."""
    parts = [int(colour.value[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Colour, other: Colour) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize(
    "text",
    [
        Colour.TEXT,
        Colour.MUTED,
        Colour.ACCENT,
        Colour.ERROR,
        Colour.WARNING,
        Colour.SERIES_1,
        Colour.SERIES_2,
        Colour.SERIES_3,
        Colour.SERIES_4,
        Colour.SERIES_5,
    ],
)
@pytest.mark.parametrize("ground", [Colour.WINDOW, Colour.SURFACE, Colour.RAISED])
def test_text_can_be_read_on_every_ground(text: Colour, ground: Colour) -> None:
    assert contrast(text, ground) >= 4.5


def test_text_on_the_accent_can_be_read() -> None:
    assert contrast(Colour.ON_ACCENT, Colour.ACCENT) >= 4.5


def test_every_colour_of_the_style_sheet_is_one_of_the_theme(
    qapp: QApplication,
) -> None:
    colours = {colour.value for colour in Colour}

    used = set(re.findall(r"#[0-9a-f]{6}\b", qapp.styleSheet()))

    assert used <= colours
    assert "$" not in qapp.styleSheet()


def test_the_window_is_dark_where_the_desktop_says_nothing(qapp: QApplication) -> None:
    assert qapp.palette().window().color() == Colour.SURFACE.qcolor


def test_a_scaled_font_keeps_the_first_as_it_was(qapp: QApplication) -> None:
    font = qapp.font()

    larger = scaled_font(font, 2.0, is_bold=True)

    assert larger.pointSizeF() == 2 * font.pointSizeF()
    assert larger.bold()
    assert not font.bold()
