"""A small form that becomes the address of a synthetic scene."""

from __future__ import annotations

from urllib.parse import urlencode

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from app.errors import ConsoleError
from app.sources.uri import parse_uri
from engines.scene.motion import Motion
from engines.scene.settings import SETTING_BOUNDS, SceneSettings
from widgets.spin_boxes import DoubleSpinBox, SpinBox
from widgets.theme import GAP_PX, MARGIN_PX

_SIZES = ("320x240", "640x480", "1280x720", "1920x1080")
_DEFAULTS = SceneSettings()
_ENDLESS_S = 0
_LONGEST_S = 24 * 3600
# A spin box holds 32 bits.
_MOST = 2**31 - 1


class SyntheticDialog(QDialog):
    """Chooses what a synthetic scene looks like; the fields know their bounds.

    Parameters
    ----------
    uri : str
        Address of the scene that fills the form at first; what it does not name, or
        names wrongly, is as in the defaults.
    parent : QWidget, optional
        The window it belongs to.
    """

    uri_chosen = Signal(str)  # address of the scene

    def __init__(self, uri: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Synthetic scene")
        self._size = QComboBox()
        self._size.addItems(_SIZES)
        self._rate = _decimal("frame_rate_hz", " fps")
        self._objects = _whole("object_count")
        self._motion = QComboBox()
        self._motion.addItems([motion.value for motion in Motion])
        self.slowest = _decimal("speed_px_s", " px/s")
        self.fastest = _decimal("speed_px_s", " px/s")
        self._blur = _decimal("exposure_ratio", "", decimals=2)
        self._noise = _decimal("noise_sigma", " grey levels", decimals=1)
        self._clutter = _whole("clutter")
        self._seconds = SpinBox()
        self._seconds.setRange(_ENDLESS_S, _LONGEST_S)
        self._seconds.setSpecialValueText("endless")
        self._seconds.setSuffix(" s")
        self._seed = _whole("seed")
        self._buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Open
            | QDialogButtonBox.StandardButton.Cancel
        )
        self._fault = QLabel()
        self._fault.setProperty("role", "fault")
        self._lay_out()
        self._fill(uri)
        self.slowest.valueChanged.connect(self._on_speed_changed)
        self.fastest.valueChanged.connect(self._on_speed_changed)
        self._buttons.accepted.connect(self._on_accepted)
        self._buttons.rejected.connect(self.reject)

    @property
    def uri(self) -> str:
        """The address of what is chosen; it names only what differs from a default."""
        options = {
            key: value
            for key, value in self._options().items()
            if value != _DEFAULT_OPTIONS[key]
        }
        query = f"?{urlencode(options)}" if options else ""
        return f"synthetic://{query}"

    @property
    def fault_text(self) -> str:
        """What is wrong with the form; empty if nothing is."""
        return self._fault.text()

    def _options(self) -> dict[str, str]:
        return {
            "size": self._size.currentText(),
            "fps": f"{self._rate.value():g}",
            "objects": str(self._objects.value()),
            "motion": self._motion.currentText(),
            "speed": f"{self.slowest.value():g}-{self.fastest.value():g}",
            "blur": f"{self._blur.value():g}",
            "noise": f"{self._noise.value():g}",
            "clutter": str(self._clutter.value()),
            "seconds": str(self._seconds.value()),
            "seed": str(self._seed.value()),
        }

    def _fill(self, uri: str) -> None:
        try:
            given = parse_uri(uri).options
        except ConsoleError:
            given = {}
        options = {**_DEFAULT_OPTIONS, **given}
        if options["size"] not in _SIZES:
            self._size.addItem(options["size"])
        self._size.setCurrentText(options["size"])
        self._motion.setCurrentText(options["motion"])
        slowest, _, fastest = options["speed"].partition("-")
        for box, text in (
            (self._rate, options["fps"]),
            (self._objects, options["objects"]),
            (self.slowest, slowest),
            (self.fastest, fastest or slowest),
            (self._blur, options["blur"]),
            (self._noise, options["noise"]),
            (self._clutter, options["clutter"]),
            (self._seconds, options["seconds"]),
            (self._seed, options["seed"]),
        ):
            _set_number(box, text)

    def _lay_out(self) -> None:
        speeds = QHBoxLayout()
        speeds.setSpacing(GAP_PX)
        speeds.addWidget(self.slowest, 1)
        speeds.addWidget(QLabel("to"))
        speeds.addWidget(self.fastest, 1)
        self.slowest.setAccessibleName("Lowest speed")
        self.fastest.setAccessibleName("Highest speed")
        form = QFormLayout()
        form.setHorizontalSpacing(MARGIN_PX)
        form.setVerticalSpacing(GAP_PX)
        for name, field, tip in (
            ("Si&ze", self._size, "Width and height of a frame in pixels"),
            ("Frame &rate", self._rate, "Larger leaves less time for a frame"),
            ("&Objects", self._objects, "Alive at a time; who leaves is replaced"),
            ("&Motion", self._motion, "How they move"),
            ("&Blur", self._blur, "Share of a frame's time the shutter is open"),
            ("&Noise", self._noise, "Standard deviation of the sensor's noise"),
            ("&Clutter", self._clutter, "Things that look like objects and are none"),
            ("Len&gth", self._seconds, "0 never ends"),
            ("S&eed", self._seed, "The same seed gives the same scene"),
        ):
            field.setToolTip(tip)
            form.addRow(name, field)
        speed = QLabel("&Speed")
        speed.setBuddy(self.slowest)
        form.insertRow(4, speed, speeds)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX)
        column.setSpacing(MARGIN_PX)
        column.addLayout(form)
        column.addWidget(self._fault)
        column.addWidget(self._buttons)

    def _on_speed_changed(self) -> None:
        is_wrong = self.slowest.value() > self.fastest.value()
        self._fault.setText("The lower speed comes first." if is_wrong else "")
        button = self._buttons.button(QDialogButtonBox.StandardButton.Open)
        button.setEnabled(not is_wrong)

    def _on_accepted(self) -> None:
        self.accept()
        self.uri_chosen.emit(self.uri)


_DEFAULT_OPTIONS = {
    "size": f"{_DEFAULTS.width_px}x{_DEFAULTS.height_px}",
    "fps": f"{_DEFAULTS.frame_rate_hz:g}",
    "objects": str(_DEFAULTS.object_count),
    "motion": _DEFAULTS.motion.value,
    "speed": f"{_DEFAULTS.speed_px_s[0]:g}-{_DEFAULTS.speed_px_s[1]:g}",
    "blur": f"{_DEFAULTS.exposure_ratio:g}",
    "noise": f"{_DEFAULTS.noise_sigma:g}",
    "clutter": str(_DEFAULTS.clutter),
    "seconds": str(_ENDLESS_S),
    "seed": str(_DEFAULTS.seed),
}


def _whole(setting: str) -> SpinBox:
    low, high = SETTING_BOUNDS[setting]
    box = SpinBox()
    box.setRange(int(low), int(min(high, _MOST)))
    return box


def _decimal(setting: str, suffix: str, decimals: int = 0) -> DoubleSpinBox:
    low, high = SETTING_BOUNDS[setting]
    box = DoubleSpinBox()
    box.setDecimals(decimals)
    box.setRange(low, high)
    box.setSingleStep(10.0**-decimals if decimals else 10.0)
    box.setSuffix(suffix)
    return box


def _set_number(box: SpinBox | DoubleSpinBox, text: str) -> None:
    """Fill a box; what is no number leaves it as it is."""
    try:
        number = float(text)
    except ValueError:
        return
    if isinstance(box, SpinBox):
        box.setValue(int(number))
    else:
        box.setValue(number)
