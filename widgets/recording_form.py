"""The choices about recordings."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QToolButton,
    QWidget,
)

from app.recording.settings import (
    EncoderChoice,
    Quality,
    RecordingSettings,
    TriggerZone,
)
from app.settings.recording import MOST_LIMIT_S, MOST_PRETRIGGER_S, MOST_ZONE_AFTER_S
from widgets.spin_boxes import DoubleSpinBox
from widgets.theme import GAP_PX

_QUALITIES = {
    Quality.GOOD: "Good",
    Quality.SMALL: "Small files",
    Quality.LOSSLESS: "Lossless",
}
_ENCODERS = {
    EncoderChoice.AUTOMATIC: "Automatic",
    EncoderChoice.SOFTWARE: "Software",
    EncoderChoice.HEVC: "HEVC (hardware)",
}


class RecordingForm(QWidget):
    """Shows what is chosen and says what the operator changed.

    Parameters
    ----------
    settings : RecordingSettings
        Shown at first.
    """

    settings_changed = Signal(object)  # RecordingSettings to record with from now on
    zone_requested = Signal()  # the operator wants to draw the zone

    def __init__(self, settings: RecordingSettings) -> None:
        super().__init__()
        self._settings = settings
        self.quality = QComboBox()
        for quality, text in _QUALITIES.items():
            self.quality.addItem(text, quality)
        self.encoder = QComboBox()
        for encoder, text in _ENCODERS.items():
            self.encoder.addItem(text, encoder)
        self.encoder.setToolTip(
            "Automatic takes the graphics or video unit where that works"
        )
        self.grey = QCheckBox("Grey only")
        self.grey.setToolTip("Leave out colour: half of the work, and of the size")
        self.masks = QCheckBox("Keep masks")
        self.masks.setToolTip("Keep what the network took for foreground, too")
        self.pretrigger = _seconds(MOST_PRETRIGGER_S, "Nothing")
        self.pretrigger.setToolTip("How much from before the start is recorded too")
        self.limit = _seconds(MOST_LIMIT_S, "When it is stopped")
        self.limit.setToolTip("A recording ends by itself after this time")
        self.after = _seconds(MOST_ZONE_AFTER_S, "")
        self.after.setToolTip("How long it goes on after the last track has left")
        self.draw = QToolButton()
        self.draw.setToolTip("A track in the zone starts a recording")
        self.draw.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.remove = QToolButton()
        self.remove.setText("Remove")
        self.remove.setToolTip("Recordings start by hand only")
        self.remove.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._after_label = QLabel("After it is empty")
        self._lay_out()
        self.show_settings(settings)
        for box in (self.quality, self.encoder):
            box.currentIndexChanged.connect(self._on_changed)
        for check in (self.grey, self.masks):
            check.toggled.connect(self._on_changed)
        for spin in (self.pretrigger, self.limit, self.after):
            # What is typed counts when it is whole.
            spin.setKeyboardTracking(False)
            spin.valueChanged.connect(self._on_changed)
        self.draw.clicked.connect(self.zone_requested)
        self.remove.clicked.connect(self._on_remove_clicked)

    @property
    def settings(self) -> RecordingSettings:
        """What is chosen."""
        return self._settings

    def show_settings(self, settings: RecordingSettings) -> None:
        """Show what is chosen; tells nobody."""
        self._settings = settings
        with ExitStack() as blocked:
            for widget in self.findChildren(QWidget):
                blocked.enter_context(QSignalBlocker(widget))
            self.quality.setCurrentIndex(list(_QUALITIES).index(settings.quality))
            self.encoder.setCurrentIndex(list(_ENCODERS).index(settings.encoder))
            self.grey.setChecked(settings.is_grey)
            self.masks.setChecked(settings.keeps_masks)
            self.pretrigger.setValue(settings.pretrigger_s)
            self.limit.setValue(settings.seconds_limit or 0.0)
            if settings.zone is not None:
                self.after.setValue(settings.zone.after_s)
        has_zone = settings.zone is not None
        self.draw.setText("Draw anew…" if has_zone else "Draw on the picture…")
        for each in (self.remove, self.after, self._after_label):
            each.setVisible(has_zone)

    def take_zone(self, corners_px: tuple[tuple[float, float], ...]) -> None:
        """Record by this zone from now on."""
        after_s = self.after.value() or TriggerZone.AFTER_S
        self._change(replace(self._settings, zone=TriggerZone(corners_px, after_s)))

    def change(self, settings: RecordingSettings) -> None:
        """Record like this from now on, and say so."""
        self._change(settings)

    def _lay_out(self) -> None:
        zone = QHBoxLayout()
        zone.setSpacing(GAP_PX)
        zone.addWidget(self.draw)
        zone.addWidget(self.remove)
        zone.addStretch()
        checks = QHBoxLayout()
        checks.setSpacing(2 * GAP_PX)
        checks.addWidget(self.grey)
        checks.addWidget(self.masks)
        checks.addStretch()
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setSpacing(GAP_PX)
        form.addRow("Quality", self.quality)
        form.addRow("Encoder", self.encoder)
        form.addRow("", checks)
        form.addRow("Before the start", self.pretrigger)
        form.addRow("End after", self.limit)
        form.addRow("Start by a zone", zone)
        form.addRow(self._after_label, self.after)

    def _change(self, settings: RecordingSettings) -> None:
        self.show_settings(settings)
        self.settings_changed.emit(settings)

    def _on_changed(self) -> None:
        zone = self._settings.zone
        self._change(
            replace(
                self._settings,
                quality=Quality(self.quality.currentData()),
                encoder=EncoderChoice(self.encoder.currentData()),
                is_grey=self.grey.isChecked(),
                keeps_masks=self.masks.isChecked(),
                pretrigger_s=self.pretrigger.value(),
                seconds_limit=self.limit.value() or None,
                zone=zone and replace(zone, after_s=self.after.value()),
            )
        )

    def _on_remove_clicked(self) -> None:
        self._change(replace(self._settings, zone=None))


def _seconds(most_s: float, nothing: str) -> DoubleSpinBox:
    box = DoubleSpinBox()
    box.setRange(0.0, most_s)
    box.setSuffix(" s")
    box.setDecimals(1)
    box.setSpecialValueText(nothing)
    return box
