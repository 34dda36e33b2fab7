"""Chooses how a camera is opened: pixels, size, rate; the result is an address."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QLineEdit,
    QSizePolicy,
    QWidget,
)

from app.sources.pixels import PIXEL_FORMATS, has_colour
from widgets.theme import GAP_PX

if TYPE_CHECKING:
    from app.sources.v4l2.query import CameraDescription, VideoMode

_BEST = "the best it has"


class ModeChooser(QWidget):
    """Offers what a camera has; each choice narrows the next one."""

    uri_changed = Signal(str)  # the address of what is chosen

    def __init__(self) -> None:
        super().__init__()
        self._camera: CameraDescription | None = None
        self._modes: list[VideoMode] = []
        self.pixels = QComboBox()
        self.frame_size = QComboBox()
        self.rate = QComboBox()
        self.colour = QCheckBox("Keep colour for a grey network")
        self.colour.setToolTip(
            "Converts every frame to colour, which the network does not look at: for"
            " the picture and the recording"
        )
        self.address = QLineEdit()
        self.address.setReadOnly(True)
        self.address.setToolTip("For the command line: main.py track ADDRESS")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(GAP_PX)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("&Pixels", self.pixels)
        form.addRow("&Size", self.frame_size)
        form.addRow("&Rate", self.rate)
        form.addRow("", self.colour)
        form.addRow("&Address", self.address)
        self.pixels.currentIndexChanged.connect(self._on_pixels_chosen)
        self.frame_size.currentIndexChanged.connect(self._on_size_chosen)
        self.rate.currentIndexChanged.connect(self._on_changed)
        self.colour.toggled.connect(self._on_changed)
        self.show_camera(None)

    @property
    def uri(self) -> str:
        """The address of what is chosen; empty without a camera."""
        if self._camera is None:
            return ""
        options = {
            "format": self.pixels.currentData(),
            "size": self.frame_size.currentData(),
            "fps": self.rate.currentData(),
            "colour": "yes" if self.colour.isChecked() else "",
        }
        given = {key: value for key, value in options.items() if value}
        return f"{self._camera.uri}?{urlencode(given)}" if given else self._camera.uri

    def show_camera(self, camera: CameraDescription | None) -> None:
        """Offer the modes of a camera; None offers nothing."""
        self._camera = camera
        modes = camera.modes if camera is not None else ()
        self._modes = [mode for mode in modes if mode.pixels in PIXEL_FORMATS]
        self.setEnabled(bool(self._modes))
        pixels = sorted({mode.pixels for mode in self._modes})
        _fill(
            self.pixels,
            [(f"{name}  ({PIXEL_FORMATS[name].title})", name) for name in pixels],
        )
        self._on_pixels_chosen()

    def _on_pixels_chosen(self) -> None:
        sizes = sorted(
            {(mode.width_px, mode.height_px) for mode in self._fitting(False)},
            reverse=True,
        )
        fastest = {
            size: max(
                mode.fastest_hz
                for mode in self._fitting(False)
                if (mode.width_px, mode.height_px) == size
            )
            for size in sizes
        }
        _fill(
            self.frame_size,
            [(f"{w}x{h}  (up to {fastest[w, h]:g} fps)", f"{w}x{h}") for w, h in sizes],
        )
        self._on_size_chosen()

    def _on_size_chosen(self) -> None:
        rates = sorted(
            {rate for mode in self._fitting(True) for rate in mode.rates_hz},
            reverse=True,
        )
        _fill(self.rate, [(f"{rate:g} fps", f"{rate:g}") for rate in rates])
        self._on_changed()

    def _on_changed(self) -> None:
        pixels = self.pixels.currentData()
        self.colour.setEnabled(not pixels or has_colour(pixels))
        self.address.setText(self.uri)
        self.address.setCursorPosition(0)
        self.uri_changed.emit(self.uri)

    def _fitting(self, heeds_size: bool) -> list[VideoMode]:
        pixels, size = self.pixels.currentData(), self.frame_size.currentData()
        return [
            mode
            for mode in self._modes
            if pixels in ("", None, mode.pixels)
            and (not heeds_size or size in ("", None, mode.size))
        ]


def _fill(box: QComboBox, choices: list[tuple[str, str]]) -> None:
    """Offer choices, and keep the one chosen before where it is still there."""
    before = box.currentData()
    box.blockSignals(True)
    box.clear()
    box.addItem(_BEST, "")
    for text, value in choices:
        box.addItem(text, value)
    box.setCurrentIndex(max(0, box.findData(before)))
    box.blockSignals(False)
