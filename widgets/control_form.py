"""The controls of one camera, one row each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSlider,
    QWidget,
)

from app.sources.controls import Control, ControlKind
from widgets.spin_boxes import DoubleSpinBox, SpinBox
from widgets.theme import GAP_PX

if TYPE_CHECKING:
    from collections.abc import Sequence

# What a slider and a spin box of Qt can hold.
_MOST = 2**31 - 1
# Wider ranges are typed: a slider would jump.
_MOST_SLIDER_STEPS = 100_000
_FIELD_PX = 100


class ControlForm(QScrollArea):
    """Shows every control as it stands, and says what the operator sets."""

    control_set = Signal(str, int)  # name of the control, value
    button_pressed = Signal(str)  # name of a control that does something once

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Controls")
        self._controls: tuple[Control, ...] = ()
        self._editors: dict[str, QWidget] = {}
        self.show_controls(())

    @property
    def controls(self) -> tuple[Control, ...]:
        """As shown."""
        return self._controls

    def editor(self, name: str) -> QWidget:
        """What sets a control; for tests and for the keyboard."""
        return self._editors[name]

    def values(self) -> dict[str, int]:
        """What can be set, as it stands."""
        return {each.name: each.value for each in self._controls if _is_settable(each)}

    def defaults(self) -> dict[str, int]:
        """The same, as the driver has it from the start."""
        return {
            each.name: each.default for each in self._controls if _is_settable(each)
        }

    def show_controls(self, controls: Sequence[Control]) -> None:
        """Show controls; rows stay where they are while the same ones are shown."""
        before = [(each.id, each.kind, each.choices) for each in self._controls]
        now = [(each.id, each.kind, each.choices) for each in controls]
        self._controls = tuple(controls)
        if before != now or not self._editors:
            self._make_rows()
        for control in self._controls:
            editor = self._editors.get(control.name)
            if editor is not None:
                _show_value(editor, control)
                is_free = not (control.is_read_only or control.is_inactive)
                editor.setEnabled(is_free)

    def _make_rows(self) -> None:
        self._editors = {}
        page = QWidget()
        grid = QGridLayout(page)
        grid.setContentsMargins(0, 0, GAP_PX, 0)
        grid.setHorizontalSpacing(GAP_PX)
        grid.setVerticalSpacing(GAP_PX // 2)
        grid.setColumnStretch(1, 1)
        for row, control in enumerate(self._controls):
            label = QLabel(control.name)
            if control.kind is ControlKind.HEADING:
                label.setProperty("role", "heading")
                grid.addWidget(label, row, 0, 1, 2)
                continue
            editor = self._make_editor(control)
            editor.setAccessibleName(control.name)
            editor.setToolTip(_tip(control))
            label.setBuddy(_focus_of(editor))
            self._editors[control.name] = editor
            grid.addWidget(label, row, 0)
            grid.addWidget(editor, row, 1)
        grid.setRowStretch(len(self._controls), 1)
        self.setWidget(page)

    def _make_editor(self, control: Control) -> QWidget:
        name = control.name
        if control.kind is ControlKind.BUTTON:
            button = QPushButton("Do it")
            button.setAutoDefault(False)
            button.clicked.connect(lambda: self.button_pressed.emit(name))
            return button
        if control.kind is ControlKind.BOOLEAN:
            box = QCheckBox()
            box.toggled.connect(lambda on: self.control_set.emit(name, int(on)))
            return box
        if control.choices:
            menu = QComboBox()
            for value, text in control.choices:
                menu.addItem(text, value)
            menu.activated.connect(
                lambda at: self.control_set.emit(name, menu.itemData(at))
            )
            return menu
        number = _NumberEditor(control)
        number.value_changed.connect(lambda value: self.control_set.emit(name, value))
        return number


class _NumberEditor(QWidget):
    """A slider and a field for one number."""

    value_changed = Signal(int)

    def __init__(self, control: Control) -> None:
        super().__init__()
        low, high = max(control.minimum, -_MOST), min(control.maximum, _MOST)
        self._scale = 10**control.decimals
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(low, high)
        self._slider.setSingleStep(min(control.step, _MOST))
        self._slider.setPageStep(max(control.step, (high - low) // 20))
        self._slider.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._slider.setVisible((high - low) // control.step <= _MOST_SLIDER_STEPS)
        self.field = self._make_field(control, low, high)
        self.setFocusProxy(self.field)
        self.field.setKeyboardTracking(False)
        # The same for all rows, whatever their bounds.
        self.field.setMinimumWidth(_FIELD_PX)
        row = QGridLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setColumnStretch(0, 1)
        row.addWidget(self._slider, 0, 0)
        row.addWidget(self.field, 0, 1)
        self._slider.valueChanged.connect(self._on_slider_changed)
        self.field.valueChanged.connect(self._on_field_changed)

    def show_value(self, value: int) -> None:
        """Show a value that the operator did not choose; tells nobody."""
        if self._slider.isSliderDown() or self.field.hasFocus():
            # What comes back from the camera is older than what is being set.
            return
        bounded = max(-_MOST, min(_MOST, value))
        with QSignalBlocker(self._slider), QSignalBlocker(self.field):
            self._slider.setValue(bounded)
            self._set_field(bounded)

    def _make_field(
        self, control: Control, low: int, high: int
    ) -> SpinBox | DoubleSpinBox:
        suffix = f" {control.unit}" if control.unit else ""
        if not control.decimals:
            field = SpinBox()
            field.setRange(low, high)
            field.setSingleStep(min(control.step, _MOST))
            field.setSuffix(suffix)
            return field
        exact = DoubleSpinBox()
        exact.setDecimals(control.decimals)
        exact.setRange(low / self._scale, high / self._scale)
        exact.setSingleStep(max(control.step, (high - low) // 100) / self._scale)
        exact.setSuffix(suffix)
        return exact

    def _set_field(self, value: int) -> None:
        if isinstance(self.field, DoubleSpinBox):
            self.field.setValue(value / self._scale)
        else:
            self.field.setValue(value)

    def _on_slider_changed(self, value: int) -> None:
        self._set_field(value)

    def _on_field_changed(self, shown: float) -> None:
        value = round(shown * self._scale)
        with QSignalBlocker(self._slider):
            self._slider.setValue(value)
        self.value_changed.emit(value)


def _focus_of(editor: QWidget) -> QWidget:
    return editor.focusProxy() or editor


def _show_value(editor: QWidget, control: Control) -> None:
    if isinstance(editor, _NumberEditor):
        editor.show_value(control.value)
        return
    with QSignalBlocker(editor):
        if isinstance(editor, QCheckBox):
            editor.setChecked(bool(control.value))
        elif isinstance(editor, QComboBox):
            editor.setCurrentIndex(editor.findData(control.value))


def _is_settable(control: Control) -> bool:
    has_value = control.kind not in (ControlKind.BUTTON, ControlKind.HEADING)
    return has_value and not control.is_read_only


def _tip(control: Control) -> str:
    if control.kind in (ControlKind.INTEGER, ControlKind.INTEGER64):
        text_of = control.text_of
        bounds = f"{text_of(control.minimum)} to {text_of(control.maximum)}"
        step = f" in steps of {text_of(control.step)}" if control.step > 1 else ""
        tip = f"{bounds}{step}, {text_of(control.default)} at first"
    else:
        tip = control.name
    if control.is_read_only:
        return f"{tip}; it tells and cannot be set"
    if control.is_inactive:
        return f"{tip}; another control rules it now, an automatic one for instance"
    return tip
