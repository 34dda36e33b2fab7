from __future__ import annotations

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QIcon, QImage

from widgets.icons import FOLDER, icon, toggle_icon
from widgets.theme import Colour

# Where lines are wider than a pixel, so that some pixels are opaque.
LARGE = QSize(64, 64)


def drawn(
    made: QIcon,
    mode: QIcon.Mode = QIcon.Mode.Normal,
    state: QIcon.State = QIcon.State.Off,
) -> QImage:
    return made.pixmap(LARGE, 1.0, mode, state).toImage()


def rgb(colour: QColor) -> tuple[int, int, int]:
    return colour.red(), colour.green(), colour.blue()


def is_drawn_in(image: QImage, colour: Colour) -> bool:
    """Whether what is opaque has a colour; edges are rounded by a few levels."""
    wanted = rgb(colour.qcolor)
    opaque = [
        rgb(pixel)
        for pixel in (
            image.pixelColor(x, y)
            for x in range(image.width())
            for y in range(image.height())
        )
        if pixel.alpha() == 255
    ]
    return bool(opaque) and all(
        abs(got - want) <= 4
        for pixel in opaque
        for got, want in zip(pixel, wanted, strict=True)
    )


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.svg")))
def test_every_icon_is_drawn_in_the_colour_that_was_asked_for(name: str) -> None:
    image = drawn(icon(name, Colour.WARNING))

    assert is_drawn_in(image, Colour.WARNING)


def test_a_disabled_icon_has_the_disabled_colour() -> None:
    image = drawn(icon("stop", Colour.TEXT), QIcon.Mode.Disabled)

    assert is_drawn_in(image, Colour.DISABLED)


def test_a_toggle_that_is_off_differs_by_more_than_its_colour() -> None:
    toggle = toggle_icon("trails")

    on, off = drawn(toggle, state=QIcon.State.On), drawn(toggle)

    assert on.createAlphaMask() != off.createAlphaMask()


def test_an_icon_that_is_not_there_is_an_error() -> None:
    with pytest.raises(FileNotFoundError, match="unicorn"):
        icon("unicorn")
