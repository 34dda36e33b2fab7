"""The trial of an engine: both side by side, and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.engine_trial import TrialLimits, TrialPhase
from widgets.spin_boxes import DoubleSpinBox
from widgets.theme import GAP_PX

if TYPE_CHECKING:
    from app.engine_trial import EngineFigures, TrialStatus

_WORDS = {
    TrialPhase.OPENING: "is opened and warmed up beside the running engine",
    TrialPhase.SHADOW: "infers the live frames in the shadow of the running engine",
    TrialPhase.PROBATION: "has taken over; the engine before can still come back",
    TrialPhase.ACCEPTED: "has taken over",
    TrialPhase.REJECTED: "was rejected; the engine before it infers",
    TrialPhase.ROLLED_BACK: "took over, and was taken back; the one before infers",
}
_ROWS = ("inference, median", "inference, 99th percentile", "frames a second", "tracks")
_SIDES = {
    TrialPhase.PROBATION: ("before", "running now"),
    TrialPhase.ACCEPTED: ("before", "running now"),
    TrialPhase.ROLLED_BACK: ("running again", "taken back"),
}
_SIDES_BESIDE = ("running", "on trial")
_LIMIT_PX = 150
_LIMITS = TrialLimits()
_NOTHING = "-"


class TrialPanel(QWidget):
    """Shows the trial that goes on, and sets the limits of the next."""

    cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: TrialStatus | None = None
        self._headline = QLabel()
        self._headline.setWordWrap(True)
        self._headline.setProperty("role", "title")
        self._reason = QLabel()
        self._reason.setWordWrap(True)
        self._reason.setTextFormat(Qt.TextFormat.PlainText)
        self._reason.setProperty("role", "muted")
        self._figures = QGridLayout()
        self._headings = _heading(_SIDES_BESIDE[0]), _heading(_SIDES_BESIDE[1])
        self._cells = [[QLabel(_NOTHING), QLabel(_NOTHING)] for _ in _ROWS]
        self._overlap = QLabel(_NOTHING)
        self.cancel = QPushButton("Cancel the trial")
        self.cancel.clicked.connect(self.cancelled)
        self.iou = _spin(_LIMITS.min_mask_iou, 0.0, 1.0, 0.01, "")
        self.ratio = _spin(_LIMITS.max_time_ratio, 0.1, 100.0, 0.1, " times")
        self.shadow = _spin(_LIMITS.shadow_s, 0.5, 60.0, 0.5, " s")
        self.probation = _spin(_LIMITS.probation_s, 0.5, 60.0, 0.5, " s")
        self._lay_out()
        self.show_trial(None)

    @property
    def shown(self) -> TrialStatus | None:
        """The trial that is shown, or was last."""
        return self._shown

    @property
    def limits(self) -> TrialLimits:
        """What the next engine must keep to."""
        return TrialLimits(
            min_mask_iou=self.iou.value(),
            max_time_ratio=self.ratio.value(),
            shadow_s=self.shadow.value(),
            probation_s=self.probation.value(),
        )

    def show_trial(
        self, trial: TrialStatus | None, *, is_recorded: bool = False
    ) -> None:
        """Show how a trial stands; None where there was none.

        Parameters
        ----------
        trial : TrialStatus, optional
        is_recorded : bool
            Whether a recording goes on, which notes the engine that takes over.
        """
        self._shown = trial
        is_on = trial is not None and not trial.phase.is_over
        self.cancel.setVisible(is_on)
        if trial is None:
            self._headline.setText("No engine is on trial")
            self._reason.setText(
                "Choose one in the list and try it: it infers the live frames beside"
                " the running engine, and takes over if it is as good."
            )
            return
        self._headline.setText(f"{_name_of(trial)} {_WORDS[trial.phase]}")
        reason = " ".join(
            f"{each[0].upper()}{each[1:]}." if not each.endswith(".") else each
            for each in (trial.reason, trial.hint)
            if each
        )
        reason = reason or f"{trial.frames} frames compared."
        is_noted = is_recorded and trial.phase in _SIDES
        noted = " The recording notes it." if is_noted else ""
        self._reason.setText(reason + noted)
        is_refused = trial.phase in (TrialPhase.REJECTED, TrialPhase.ROLLED_BACK)
        role = "fault" if is_refused else "muted"
        self._reason.setProperty("role", role)
        self._reason.style().polish(self._reason)
        sides = _SIDES.get(trial.phase, _SIDES_BESIDE)
        for heading, side in zip(self._headings, sides, strict=True):
            heading.setText(side)
        for column, figures in enumerate((trial.running, trial.tried)):
            for row, text in enumerate(_texts_of(figures)):
                self._cells[row][column].setText(text)
        iou = trial.mask_iou
        self._overlap.setText(_NOTHING if iou is None else f"{iou:.4f}")

    def _lay_out(self) -> None:
        for column, heading in enumerate(self._headings, 1):
            self._figures.addWidget(heading, 0, column)
        for row, (title, cells) in enumerate(zip(_ROWS, self._cells, strict=True), 1):
            self._figures.addWidget(QLabel(title), row, 0)
            for column, cell in enumerate(cells, 1):
                self._figures.addWidget(cell, row, column)
        row = len(_ROWS) + 1
        self._figures.addWidget(QLabel("overlap of their masks (IoU)"), row, 0)
        self._figures.addWidget(self._overlap, row, 2)
        self._figures.setColumnStretch(0, 2)
        self._figures.setColumnStretch(1, 1)
        self._figures.setColumnStretch(2, 1)
        limits = QFormLayout()
        for title, field, tip in (
            ("Least overlap of masks", self.iou, "Larger asks for more likeness"),
            ("Most time of an inference", self.ratio, "Larger accepts slower engines"),
            ("In the shadow for", self.shadow, "Larger compares more frames"),
            ("On probation for", self.probation, "Larger keeps the old one for longer"),
        ):
            field.setToolTip(tip)
            field.setFixedWidth(_LIMIT_PX)
            limits.addRow(title, field)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.cancel)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, GAP_PX, 0, 0)
        whole.setSpacing(GAP_PX)
        whole.addWidget(self._headline)
        whole.addWidget(self._reason)
        whole.addLayout(self._figures)
        whole.addLayout(buttons)
        whole.addWidget(_heading("Limits of the next trial"))
        whole.addLayout(limits)
        whole.addStretch(1)


def _name_of(trial: TrialStatus) -> str:
    if trial.engine is None:
        return "The engine"
    engine = trial.engine
    return f"{engine.model.name} on {engine.kind.value} {engine.precision.value}"


def _texts_of(figures: EngineFigures) -> tuple[str, ...]:
    if not figures.infer_p50_ms:
        return (_NOTHING,) * len(_ROWS)
    return (
        f"{figures.infer_p50_ms:.2f} ms",
        f"{figures.infer_p99_ms:.2f} ms",
        f"{1e3 / figures.infer_p50_ms:.0f}",
        f"{figures.tracks}",
    )


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("role", "heading")
    return label


def _spin(
    value: float, low: float, high: float, step: float, suffix: str
) -> DoubleSpinBox:
    spin = DoubleSpinBox()
    spin.setDecimals(3 if step < 0.1 else 2)
    spin.setRange(low, high)
    spin.setSingleStep(step)
    spin.setSuffix(suffix)
    spin.setValue(value)
    return spin
