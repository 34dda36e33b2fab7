"""What is drawn over the picture, and what counts as foreground."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.overlay import OverlayOptions
from app.segmentation import Thresholds
from widgets.actions import ActionId
from widgets.icons import icon
from widgets.theme import GAP_PX, ICON_PX, MARGIN_PX
from widgets.value_slider import ValueSlider

if TYPE_CHECKING:
    from PySide6.QtGui import QAction

_OPACITY_STEP = 0.1
_TOGGLES = {
    ActionId.SHOW_MASK: "shows_mask",
    ActionId.SHOW_OUTLINES: "shows_outlines",
    ActionId.SHOW_IDS: "shows_ids",
    ActionId.SHOW_TRAILS: "shows_trails",
    ActionId.SHOW_PREDICTION: "shows_prediction",
    ActionId.SHOW_CROPS: "shows_crops",
}


class OverlayPanel(QWidget):
    """Toggles, opacity and thresholds; the low threshold never passes the high one.

    Parameters
    ----------
    actions : dict of ActionId to QAction
        The toggles and the steps of opacity.
    options : OverlayOptions
        Shown at first.
    """

    options_changed = Signal(OverlayOptions)  # what to draw from now on
    thresholds_changed = Signal(object)  # Thresholds to use from now on
    thresholds_reset = Signal()

    def __init__(
        self, actions: dict[ActionId, QAction], options: OverlayOptions
    ) -> None:
        super().__init__()
        self._options = options
        self._toggles = {id_: actions[id_] for id_ in _TOGGLES}
        self.opacity = ValueSlider(
            "O&pacity",
            "Larger hides more of the picture under the mask",
            is_percent=True,
        )
        self.low = ValueSlider("Lo&w", "Larger cuts faint edges off, and splits blobs")
        self.high = ValueSlider("Hi&gh", "Larger finds less, more surely")
        self._reset = QToolButton()
        self._reset.setIcon(icon("reset"))
        self._reset.setToolTip("Use the thresholds of the model")
        self._reset.setAccessibleName("Reset thresholds")
        self._lay_out()
        self._connect(actions)
        self.show_options(options)
        self.disable_thresholds()

    @property
    def options(self) -> OverlayOptions:
        """What is chosen."""
        return self._options

    @property
    def thresholds(self) -> Thresholds:
        """What the two sliders show."""
        return Thresholds(self.low.value, self.high.value)

    def show_options(self, options: OverlayOptions) -> None:
        """Show options that the operator did not choose here; tells nobody."""
        self._options = options
        self.opacity.show_value(options.mask_opacity)
        for id_, field in _TOGGLES.items():
            self._toggles[id_].setChecked(getattr(options, field))

    def show_thresholds(self, thresholds: Thresholds) -> None:
        """Show the thresholds in use; tells nobody."""
        self.low.show_value(thresholds.low)
        self.high.show_value(thresholds.high)
        for widget in (self.low, self.high, self._reset):
            widget.setEnabled(True)

    def disable_thresholds(self) -> None:
        """Show that no network is loaded that has thresholds."""
        for widget in (self.low, self.high, self._reset):
            widget.setEnabled(False)

    def _lay_out(self) -> None:
        toggles = QGridLayout()
        toggles.setSpacing(GAP_PX // 2)
        for at, action in enumerate(self._toggles.values()):
            button = QToolButton()
            button.setDefaultAction(action)
            button.setIconSize(QSize(ICON_PX, ICON_PX))
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            toggles.addWidget(button, at // 2, at % 2)
        heading = QHBoxLayout()
        title = QLabel("Foreground threshold")
        title.setProperty("role", "muted")
        heading.addWidget(title, 1)
        heading.addWidget(self._reset)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN_PX, GAP_PX // 2, MARGIN_PX, MARGIN_PX)
        column.setSpacing(GAP_PX // 2)
        column.addLayout(toggles)
        column.addWidget(self.opacity)
        column.addLayout(heading)
        column.addWidget(self.low)
        column.addWidget(self.high)
        column.addStretch()

    def _connect(self, actions: dict[ActionId, QAction]) -> None:
        for action in self._toggles.values():
            action.triggered.connect(self._on_toggled)
        actions[ActionId.LESS_OPAQUE].triggered.connect(self._on_less_opaque)
        actions[ActionId.MORE_OPAQUE].triggered.connect(self._on_more_opaque)
        self.opacity.value_changed.connect(self._on_opacity_moved)
        self.low.value_changed.connect(self._on_low_moved)
        self.high.value_changed.connect(self._on_high_moved)
        self._reset.clicked.connect(self.thresholds_reset)

    def _change(self, options: OverlayOptions) -> None:
        if options != self._options:
            self.show_options(options)
            self.options_changed.emit(options)

    def _on_toggled(self) -> None:
        chosen = {
            field: self._toggles[id_].isChecked() for id_, field in _TOGGLES.items()
        }
        self._change(replace(self._options, **chosen))

    def _on_opacity_moved(self, opacity: float) -> None:
        self._change(replace(self._options, mask_opacity=opacity))

    def _on_less_opaque(self) -> None:
        opacity = max(0.0, self._options.mask_opacity - _OPACITY_STEP)
        self._on_opacity_moved(round(opacity, 2))

    def _on_more_opaque(self) -> None:
        opacity = min(1.0, self._options.mask_opacity + _OPACITY_STEP)
        self._on_opacity_moved(round(opacity, 2))

    def _on_low_moved(self, low: float) -> None:
        if low > self.high.value:
            self.high.show_value(low)
        self.thresholds_changed.emit(self.thresholds)

    def _on_high_moved(self, high: float) -> None:
        if high < self.low.value:
            self.low.show_value(high)
        self.thresholds_changed.emit(self.thresholds)
