"""What is recorded, how, and how that goes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.recording.settings import Quality, RecordingSettings
from app.recording.status import RecordingState, RecordingStatus
from app.settings.recording import MOST_PRETRIGGER_S
from widgets.actions import ActionId
from widgets.elided_label import ElidedLabel
from widgets.status_strip import count_text
from widgets.theme import GAP_PX, MARGIN_PX, Colour

if TYPE_CHECKING:
    from PySide6.QtGui import QAction

_STATES = {
    RecordingState.OFF: "Not recording",
    RecordingState.ARMED: "Holding the last seconds",
    RecordingState.RECORDING: "Recording",
    RecordingState.FINISHING: "Finishing",
}
_QUALITIES = {
    Quality.GOOD: "Good",
    Quality.SMALL: "Small files",
    Quality.LOSSLESS: "Lossless",
}


class RecordingPanel(QWidget):
    """Settings of recordings, and the figures of the one that runs.

    Parameters
    ----------
    actions : dict of ActionId to QAction
        Those to record and to mark.
    settings : RecordingSettings
        Shown at first.
    """

    settings_changed = Signal(object)  # RecordingSettings to record with from now on

    def __init__(
        self, actions: dict[ActionId, QAction], settings: RecordingSettings
    ) -> None:
        super().__init__()
        self._settings = settings
        self._state = QLabel()
        self._state.setProperty("role", "title")
        self._figures = QLabel()
        self._disk = QLabel()
        self._disk.setProperty("role", "muted")
        self._losses = QLabel()
        self._losses.setWordWrap(True)
        self._folder = ElidedLabel(Colour.MUTED)
        self._quality = QComboBox()
        for quality, text in _QUALITIES.items():
            self._quality.addItem(text, quality)
        self._grey = QCheckBox("Grey only")
        self._grey.setToolTip("Leave out colour: half of the work, and of the size")
        self._masks = QCheckBox("Keep masks")
        self._masks.setToolTip("Keep what the network took for foreground, too")
        self._pretrigger = QDoubleSpinBox()
        self._pretrigger.setRange(0.0, MOST_PRETRIGGER_S)
        self._pretrigger.setSuffix(" s")
        self._pretrigger.setDecimals(1)
        self._pretrigger.setSpecialValueText("Nothing")
        self._pretrigger.setToolTip("How much from before the start is recorded too")
        self._lay_out(actions)
        self.show_settings(settings)
        self.show_status(RecordingStatus())
        self._quality.currentIndexChanged.connect(self._on_changed)
        self._grey.toggled.connect(self._on_changed)
        self._masks.toggled.connect(self._on_changed)
        self._pretrigger.valueChanged.connect(self._on_changed)

    @property
    def settings(self) -> RecordingSettings:
        """What is chosen."""
        return self._settings

    @property
    def state_text(self) -> str:
        """What it says it does."""
        return self._state.text()

    @property
    def figures_text(self) -> str:
        """How much is recorded."""
        return self._figures.text()

    @property
    def losses_text(self) -> str:
        """What is missing, and what to do about it."""
        return self._losses.text()

    def show_settings(self, settings: RecordingSettings) -> None:
        """Show what is chosen; tells nobody."""
        self._settings = settings
        for widget in (self._quality, self._grey, self._masks, self._pretrigger):
            widget.blockSignals(True)
        self._quality.setCurrentIndex(list(_QUALITIES).index(settings.quality))
        self._grey.setChecked(settings.is_grey)
        self._masks.setChecked(settings.keeps_masks)
        self._pretrigger.setValue(settings.pretrigger_s)
        for widget in (self._quality, self._grey, self._masks, self._pretrigger):
            widget.blockSignals(False)
        self._folder.show_text(str(settings.folder), str(settings.folder))

    def show_status(self, status: RecordingStatus) -> None:
        """Show how a recording stands."""
        self._state.setText(_STATES[status.state])
        self._figures.setText(_figures_of(status))
        self._disk.setText(_disk_of(status))
        losses = status.losses
        lines = []
        if losses.not_recorded:
            lines.append(
                f"{count_text(losses.not_recorded)} frames are not recorded:"
                f" {count_text(losses.encoder)} by the encoder,"
                f" {count_text(losses.disk)} by the disk"
            )
        lines += [text for text in (status.advice, status.ended) if text]
        self._losses.setText("\n".join(each[:1].upper() + each[1:] for each in lines))
        self._losses.setVisible(bool(lines))
        if status.folder is not None:
            self._folder.show_text(status.folder.name, str(status.folder))

    def _lay_out(self, actions: dict[ActionId, QAction]) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX)
        column.setSpacing(GAP_PX)
        buttons = QHBoxLayout()
        for id_ in (ActionId.RECORD, ActionId.MARK, ActionId.SESSIONS):
            button = QToolButton()
            button.setDefaultAction(actions[id_])
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            buttons.addWidget(button)
        buttons.addStretch()
        column.addLayout(buttons)
        for widget in (
            self._state,
            self._figures,
            self._losses,
            self._disk,
            self._folder,
        ):
            column.addWidget(widget)
        form = QFormLayout()
        form.setSpacing(GAP_PX)
        form.addRow("Quality", self._quality)
        form.addRow("Before the start", self._pretrigger)
        form.addRow("", self._grey)
        form.addRow("", self._masks)
        column.addLayout(form)
        column.addStretch()

    def _on_changed(self) -> None:
        quality = self._quality.currentData()
        self._settings = replace(
            self._settings,
            quality=Quality(quality),
            is_grey=self._grey.isChecked(),
            keeps_masks=self._masks.isChecked(),
            pretrigger_s=self._pretrigger.value(),
        )
        self.settings_changed.emit(self._settings)


def _figures_of(status: RecordingStatus) -> str:
    if status.state is RecordingState.ARMED:
        return f"{status.ring_s:.1f} s held, {status.ring_bytes / 1e6:.1f} MB"
    if not status.written and not status.is_recording:
        return "Press R to record"
    text = (
        f"{status.seconds:.1f} s   {count_text(status.written)} frames"
        f"   {status.bytes_written / 1e6:.1f} MB"
    )
    if status.marks:
        text += f"   {status.marks} marks"
    return text


def _disk_of(status: RecordingStatus) -> str:
    parts = [status.codec] if status.codec else []
    if status.encode_ms:
        parts.append(f"{status.encode_ms:.1f} ms a frame")
    if status.free_bytes:
        parts.append(f"{status.free_bytes / 1e9:.1f} GB free")
    return "   ".join(parts)
