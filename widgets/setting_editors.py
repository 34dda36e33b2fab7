"""One editor for each type that a setting may have; bounds come from its field."""

from __future__ import annotations

import enum
import types
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QValidator
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.settings.section import Look, PathKind, Section, look_of
from widgets.overrides import override
from widgets.spin_boxes import DoubleSpinBox, SpinBox
from widgets.theme import FIELD_PX, GAP_PX

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

# A spin box holds 32 bits; this many digits after the point keep a double.
_MOST = 2**31 - 1
_EXACT_DECIMALS = 15
_RATIO_STEP = 1.1
_NUMBER_PX = 150


class Editor(QWidget):
    """Shows one value and says when the operator has changed it."""

    changed = Signal()  # `value` is another one

    def __init__(self) -> None:
        super().__init__()
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(0, 0, 0, 0)
        self.row.setSpacing(GAP_PX)

    @property
    def value(self) -> object:
        """What is shown now, right or wrong."""
        raise NotImplementedError

    def show_value(self, value: object) -> None:
        """Show a value that the operator did not choose here; tells nobody."""
        raise NotImplementedError

    def name(self, title: str, description: str) -> None:
        """Tell assistive technology and the mouse what is edited."""
        for each in self.findChildren(QWidget):
            if each.focusPolicy() != Qt.FocusPolicy.NoFocus:
                if not each.accessibleName():
                    each.setAccessibleName(title)
                each.setToolTip(each.toolTip() or description)


def make_editor(field: FieldInfo) -> Editor:
    """Make the editor of a setting.

    Raises
    ------
    TypeError
        If there is none for its type.
    """
    type_, is_optional = _plain_type(field.annotation)
    look = look_of(field)
    if issubclass(type_, enum.Enum):
        return ChoiceEditor(type_, look.automatic if is_optional else "")
    editor = _make_plain(type_, field, look)
    return OptionalEditor(editor, look.automatic) if is_optional else editor


def _plain_type(annotation: Any) -> tuple[type, bool]:  # noqa: ANN401  any type at all
    is_union = isinstance(annotation, types.UnionType)
    if not is_union and typing.get_origin(annotation) is not typing.Union:
        return annotation, False
    options = [each for each in typing.get_args(annotation) if each is not type(None)]
    return options[0], True


def _make_plain(type_: type, field: FieldInfo, look: Look) -> Editor:
    if type_ is bool:
        return ToggleEditor()
    if type_ is int:
        whole = SpinBox()
        whole.setRange(*map(int, _bounds(field)))
        return NumberEditor(whole, look)
    if type_ is float:
        decimal = DecimalBox(look)
        decimal.setRange(*_bounds(field))
        return NumberEditor(decimal, look)
    if type_ is str:
        return TextEditor()
    if issubclass(type_, Path):
        return PathEditor(look.path)
    if issubclass(type_, Section):
        return GroupEditor(type_)
    raise TypeError(f"no editor for {type_}")


def _bounds(field: FieldInfo) -> tuple[float, float]:
    """Least and most that the model accepts."""
    least, most = -float(_MOST), float(_MOST)
    for each in field.metadata:
        least = getattr(each, "ge", least)
        most = getattr(each, "le", most)
    return least, most


class ToggleEditor(Editor):
    """Yes or no."""

    def __init__(self) -> None:
        super().__init__()
        self.box = QCheckBox()
        self.box.setMinimumHeight(FIELD_PX)
        self.row.addWidget(self.box)
        self.row.addStretch()
        self.setFocusProxy(self.box)
        self.box.toggled.connect(self.changed)

    @property
    @override
    def value(self) -> bool:
        return self.box.isChecked()

    @override
    def show_value(self, value: object) -> None:
        with QSignalBlocker(self.box):
            self.box.setChecked(bool(value))


class ChoiceEditor(Editor):
    """One of a few.

    Parameters
    ----------
    choices : type of Enum
    automatic : str
        What None means; empty where there must be a choice.
    """

    def __init__(self, choices: type[enum.Enum], automatic: str) -> None:
        super().__init__()
        self.box = QComboBox()
        self._choices: list[object] = list(choices)
        for choice in choices:
            self.box.addItem(_words(choice))
        if automatic:
            self._choices.insert(0, None)
            self.box.insertItem(0, f"Automatic ({automatic})")
        self.box.setMinimumSize(_NUMBER_PX, FIELD_PX)
        _leave_wheel(self.box)
        self.row.addWidget(self.box)
        self.row.addStretch()
        self.setFocusProxy(self.box)
        self.box.currentIndexChanged.connect(self.changed)

    @property
    @override
    def value(self) -> object:
        return self._choices[self.box.currentIndex()]

    @override
    def show_value(self, value: object) -> None:
        with QSignalBlocker(self.box):
            self.box.setCurrentIndex(self._choices.index(value))


class NumberEditor(Editor):
    """A number within bounds.

    Parameters
    ----------
    box : SpinBox or DoubleSpinBox
        With its bounds.
    look : Look
    """

    def __init__(self, box: SpinBox | DoubleSpinBox, look: Look) -> None:
        super().__init__()
        self.box = box
        if look.unit:
            box.setSuffix(f" {look.unit}")
        box.setMinimumSize(_NUMBER_PX, FIELD_PX)
        _leave_wheel(box)
        self.row.addWidget(box)
        self.row.addStretch()
        self.setFocusProxy(box)
        box.valueChanged.connect(self.changed)

    @property
    @override
    def value(self) -> float:
        return self.box.value()

    @override
    def show_value(self, value: object) -> None:
        with QSignalBlocker(self.box):
            self.box.setValue(cast("Any", value))


class DecimalBox(DoubleSpinBox):
    """A spin box that shows as many digits as a value has, and takes `3e-4` too."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self.setDecimals(_EXACT_DECIMALS)
        self.setSingleStep(5 * 10.0**-look.decimals)

    @override
    def textFromValue(self, value: float) -> str:
        if self._look.is_ratio_scaled:
            return f"{value:.10g}"
        rounded = f"{value:.{self._look.decimals}f}"
        return rounded if float(rounded) == value else f"{value:.10g}"

    @override
    def valueFromText(self, text: str) -> float:
        number = _number(self._bare(text))
        return self.value() if number is None else number

    @override
    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        bare = self._bare(text)
        number = _number(bare)
        if number is not None:
            is_inside = self.minimum() <= number <= self.maximum()
            state = (
                QValidator.State.Acceptable
                if is_inside
                else QValidator.State.Intermediate
            )
        elif set(bare) <= set("0123456789.,eE+-"):
            state = QValidator.State.Intermediate
        else:
            state = QValidator.State.Invalid
        return state, text, position

    @override
    def stepBy(self, steps: int) -> None:
        if self._look.is_ratio_scaled:
            stepped = self.value() * _RATIO_STEP**steps
            self.setValue(float(f"{stepped:.3g}"))
        else:
            super().stepBy(steps)

    def _bare(self, text: str) -> str:
        return text.removesuffix(self.suffix()).strip()


class TextEditor(Editor):
    """A line of text."""

    def __init__(self) -> None:
        super().__init__()
        self.line = QLineEdit()
        self.line.setMinimumHeight(FIELD_PX)
        self.row.addWidget(self.line, 1)
        self.setFocusProxy(self.line)
        self.line.textChanged.connect(self.changed)

    @property
    @override
    def value(self) -> object:
        return self.line.text()

    @override
    def show_value(self, value: object) -> None:
        with QSignalBlocker(self.line):
            self.line.setText("" if value is None else str(value))


class PathEditor(TextEditor):
    """A path, typed or found in a dialog."""

    def __init__(self, kind: PathKind) -> None:
        super().__init__()
        self._kind = kind
        self.button = QToolButton()
        self.button.setText("Browse…")
        self.button.setAccessibleName("Browse")
        self.button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.row.addWidget(self.button)
        self.button.clicked.connect(self._on_browse_clicked)

    @property
    @override
    def value(self) -> object:
        # Without a name it would be the current folder.
        text = self.line.text()
        return Path(text).expanduser() if text else None

    def _on_browse_clicked(self) -> None:
        dialog = QFileDialog(self.window(), "Choose", self.line.text())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if self._kind is PathKind.FOLDER:
            dialog.setFileMode(QFileDialog.FileMode.Directory)
        else:
            dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self.line.setText)
        dialog.open()


class GroupEditor(Editor):
    """Several values that are set together.

    Parameters
    ----------
    type_ : type of Section
    """

    def __init__(self, type_: type[Section]) -> None:
        super().__init__()
        self._type = type_
        grid = QGridLayout()
        grid.setHorizontalSpacing(GAP_PX)
        grid.setVerticalSpacing(GAP_PX // 2)
        self.editors: dict[str, Editor] = {}
        for line, (name, field) in enumerate(type_.model_fields.items()):
            editor = make_editor(field)
            editor.name(str(field.title), str(field.description))
            label = QLabel(str(field.title))
            label.setBuddy(editor)
            grid.addWidget(label, line, 0)
            grid.addWidget(editor, line, 1)
            editor.changed.connect(self.changed)
            self.editors[name] = editor
        grid.setColumnStretch(1, 1)
        self.row.addLayout(grid)
        self.setFocusProxy(next(iter(self.editors.values())))
        self.show_value(type_())

    @property
    @override
    def value(self) -> object:
        values = {name: editor.value for name, editor in self.editors.items()}
        try:
            return self._type(**values)
        except ValueError:
            # The section that holds it says what is wrong.
            return values

    @override
    def show_value(self, value: object) -> None:
        for name, editor in self.editors.items():
            shown = value[name] if isinstance(value, dict) else getattr(value, name)
            editor.show_value(shown)


class OptionalEditor(Editor):
    """A value, or the choice to leave it to the console.

    Parameters
    ----------
    inner : Editor
        Of the value.
    automatic : str
        What is chosen without one.
    """

    def __init__(self, inner: Editor, automatic: str) -> None:
        super().__init__()
        self.box = QCheckBox(f"Automatic ({automatic})")
        self.box.setMinimumHeight(FIELD_PX)
        self.inner = inner
        column = QVBoxLayout()
        column.setSpacing(GAP_PX // 2)
        column.addWidget(self.box)
        column.addWidget(inner)
        self.row.addLayout(column, 1)
        self.setFocusProxy(self.box)
        self.show_value(None)
        self.box.toggled.connect(self._on_toggled)
        inner.changed.connect(self.changed)

    @property
    @override
    def value(self) -> object:
        if self.box.isChecked():
            return None
        value = self.inner.value
        # Asked for and not given: the model says that this is nothing.
        return "" if value is None else value

    @override
    def show_value(self, value: object) -> None:
        with QSignalBlocker(self.box):
            self.box.setChecked(value is None)
        self.inner.setVisible(value is not None)
        if value is not None:
            self.inner.show_value(value)

    def _on_toggled(self, is_automatic: bool) -> None:
        self.inner.setVisible(not is_automatic)
        self.changed.emit()


class _WheelGuard(QObject):
    """Lets the wheel scroll the page unless a field has the focus."""

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        is_wheel = event.type() == QEvent.Type.Wheel
        if is_wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return super().eventFilter(watched, event)


def _leave_wheel(widget: QWidget) -> None:
    widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    widget.installEventFilter(_WheelGuard(widget))


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None


def _words(choice: enum.Enum) -> str:
    """A choice as it is read: `every-frame` is two words, `tf-trt` is one."""
    known = {
        "openvino": "OpenVINO",
        "tensorflow": "TensorFlow",
        "tensorrt": "TensorRT",
        "tf-trt": "TF-TRT",
        "onnxruntime": "ONNX Runtime",
        "reference": "Reference (no network)",
    }
    value = str(choice.value)
    return known.get(value, value.replace("-", " ").capitalize())
