"""What is recorded, how, and how that goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from app.recording.status import RecordingState, RecordingStatus
from widgets.actions import ActionId
from widgets.elided_label import ElidedLabel
from widgets.recording_form import RecordingForm
from widgets.status_strip import count_text
from widgets.theme import GAP_PX, MARGIN_PX, Colour

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtGui import QAction

    from app.recording.settings import RecordingSettings

_STATES = {
    RecordingState.OFF: "Not recording",
    RecordingState.ARMED: "Holding the last seconds",
    RecordingState.RECORDING: "Recording",
    RecordingState.FINISHING: "Finishing",
}
_WATCHING = "Waiting for a track in the zone"


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
    zone_requested = Signal()  # the operator wants to draw the zone
    review_requested = Signal(object)  # Path of the session that was recorded last

    def __init__(
        self, actions: dict[ActionId, QAction], settings: RecordingSettings
    ) -> None:
        super().__init__()
        self.form = RecordingForm(settings)
        self._state = QLabel()
        self._state.setProperty("role", "title")
        self._figures = QLabel()
        self._losses = QLabel()
        self._losses.setWordWrap(True)
        self._losses.setProperty("role", "fault")
        self.lower_button = QToolButton()
        self.lower_button.setText("Lower the quality")
        self.lower_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.review_button = QToolButton()
        self.review_button.setText("Review")
        self.review_button.setToolTip("Look at what was just recorded")
        self.review_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._last: Path | None = None
        self._encoder = _muted()
        self._can_hold = _muted()
        self._folder = ElidedLabel(Colour.MUTED)
        self._lay_out(actions)
        self.show_settings(settings)
        self.show_status(RecordingStatus())
        self.form.settings_changed.connect(self.settings_changed)
        self.form.zone_requested.connect(self.zone_requested)
        self.lower_button.clicked.connect(self._on_lower_clicked)
        self.review_button.clicked.connect(
            lambda: self.review_requested.emit(self._last)
        )

    @property
    def settings(self) -> RecordingSettings:
        """What is chosen."""
        return self.form.settings

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

    @property
    def can_hold_text(self) -> str:
        """What this machine can record."""
        return self._can_hold.text()

    def show_settings(self, settings: RecordingSettings) -> None:
        """Show what is chosen; tells nobody."""
        self.form.show_settings(settings)
        self._folder.show_text(str(settings.folder), str(settings.folder))

    def show_status(self, status: RecordingStatus) -> None:
        """Show how a recording stands."""
        is_idle = status.state is RecordingState.ARMED and status.watches_zone
        self._state.setText(_WATCHING if is_idle else _STATES[status.state])
        self._figures.setText(_figures_of(status))
        _show_text(self._encoder, _encoder_of(status))
        _show_text(
            self._can_hold, "" if status.is_recording else _sentence(status.can_hold)
        )
        losses = status.losses
        lines = []
        if losses.not_recorded:
            lines.append(
                f"{count_text(losses.not_recorded)} frames are not recorded:"
                f" {count_text(losses.encoder)} by the encoder,"
                f" {count_text(losses.disk)} by the disk"
            )
        lines += [text for text in (status.advice, status.ended) if text]
        _show_text(self._losses, "\n".join(map(_sentence, lines)))
        self.lower_button.setVisible(bool(status.advice) and status.can_lower)
        is_there = bool(status.written) and not status.is_recording
        self._last = status.folder if is_there else None
        self.review_button.setVisible(self._last is not None)
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
        title = QHBoxLayout()
        title.addWidget(self._state, 1)
        title.addWidget(self.lower_button)
        title.addWidget(self.review_button)
        column.addLayout(title)
        column.addWidget(self._figures)
        column.addWidget(self._losses)
        column.addWidget(self._encoder)
        column.addWidget(self._can_hold)
        column.addWidget(self._folder)
        column.addSpacing(GAP_PX)
        column.addWidget(self.form)
        column.addStretch()

    def _on_lower_clicked(self) -> None:
        lower = self.settings.lowered(is_colour=True)
        if lower is not None:
            self.form.change(lower)


def _muted() -> QLabel:
    label = QLabel()
    label.setProperty("role", "muted")
    label.setWordWrap(True)
    return label


def _show_text(label: QLabel, text: str) -> None:
    label.setText(text)
    label.setVisible(bool(text))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _figures_of(status: RecordingStatus) -> str:
    if status.state is RecordingState.ARMED:
        if not status.ring_bytes:
            return "Press R to record at once"
        megabytes = status.ring_bytes / 1e6
        return f"{status.ring_s:.1f} s held in {megabytes:.1f} MB of memory"
    if not status.written and not status.is_recording:
        return "Press R to record"
    text = (
        f"{status.seconds:.1f} s   {count_text(status.written)} frames"
        f"   {status.bytes_written / 1e6:.1f} MB"
    )
    if status.marks:
        text += f"   {status.marks} marks"
    return text


def _encoder_of(status: RecordingStatus) -> str:
    parts = [status.codec] if status.codec else []
    if status.encode_ms:
        parts.append(f"{status.encode_ms:.1f} ms a frame")
    if status.free_bytes:
        parts.append(f"{status.free_bytes / 1e9:.1f} GB free")
    return "   ".join(parts)
