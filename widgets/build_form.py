"""A form that becomes an order to build an engine."""

from __future__ import annotations

import os
from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.build_order import BuildOrder
from app.errors import ConsoleError
from app.paths import SAMPLE_CLIP
from engines.base import Precision
from engines.convert.__main__ import size_px
from engines.convert.ends import shape_text
from engines.convert.meaning import Meaning, Pixels
from engines.convert.request import PRECISIONS, Target
from engines.manifest import Activation, Colour
from widgets.build_help import FORM, NVIDIA
from widgets.icons import icon
from widgets.nvidia_form import NvidiaForm
from widgets.overrides import override
from widgets.theme import FIELD_PX, GAP_PX

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from app.hardware.memory_guard import MemoryOutlook

_TARGETS = {
    Target.OPENVINO: "OpenVINO: fastest on processors without an NVIDIA GPU",
    Target.TENSORRT: "TensorRT plan: fastest on this machine's NVIDIA GPU",
    Target.TF_TRT: "TF-TRT: TensorFlow with its segments in TensorRT",
    Target.ONNXRUNTIME: "ONNX Runtime: where the others are not to be had",
    Target.TENSORFLOW: "TensorFlow: the smallest equal graph, the reference",
    Target.ONNX: "ONNX: a file for other programs",
}
_PRECISIONS = {
    Precision.FP32: "fp32: as trained",
    Precision.FP16: "fp16: half the memory, about twice as fast on a GPU",
    Precision.BF16: "bf16: where the processor has it; coarser steps, the same range",
    Precision.INT8: "int8: fastest; layers that suffer stay in full precision",
}
_UNSAID = "as its manifest or graph tells"
_TOLD, _ASSUMED = "as its manifest tells: ", "assumed from the graph: "
# Whoever chooses these means the folder that they are in.
_FILES_OF_FOLDERS = ("saved_model.pb", "checkpoint")
_NO_INPUT = "no input that is found: type its name above, as the graph calls it"
_NO_OUTPUT = "no output that is found: type its name above, too"
_COLOURS = {
    Colour.GREY: "grey frames, oldest first",
    Colour.RGB: "colour frames, RGB",
    Colour.BGR: "colour frames, BGR",
}
_PIXELS = {
    Pixels.UNIT: "0 to 1",
    Pixels.SIGNED: "-1 to 1",
    Pixels.BYTE: "0 to 255",
}
_ACTIVATIONS = {
    Activation.PROBABILITY: "probability of an object",
    Activation.LOGIT: "logit: before the sigmoid",
    Activation.CLASS_PROBABILITIES: "a probability for each class",
    Activation.CLASS_LOGITS: "logits for each class: before the softmax",
}
_MODELS = "Networks (*.pb *.onnx *.keras *.h5 *.meta *.index);;All files (*)"


class BuildForm(QWidget):
    """Chooses a model, a target and its parameters."""

    order_made = Signal(object, str)  # BuildOrder, and the engine's name
    failed = Signal(object)  # ConsoleError: what is wrong with the form
    model_chosen = Signal(object)  # Path to look into for inputs and outputs
    changed = Signal()  # `order` is another one

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = QLineEdit()
        self.model.setPlaceholderText("Drop a network here, or choose one")
        self.model.setClearButtonEnabled(True)
        self.input_name = _ends_box()
        self.output_name = _ends_box()
        self.found = QLabel()
        self.found.setProperty("role", "muted")
        self.found.setWordWrap(True)
        self.colour = _meaning_box(_COLOURS)
        self.pixels = _meaning_box(_PIXELS)
        self.activation = _meaning_box(_ACTIVATIONS)
        self.target = QComboBox()
        for target, text in _TARGETS.items():
            self.target.addItem(text, target)
        self.precision = QComboBox()
        self.clip = QLineEdit()
        self.clip.setPlaceholderText("the bundled clip; better: a video of your camera")
        self.input_size = QLineEdit()
        self.input_size.setPlaceholderText("as in the network; else e.g. 320x240")
        self.pads = QCheckBox("Write pads before skips as concatenations")
        self.nvidia = NvidiaForm()
        self.name = QLineEdit()
        self.name.setPlaceholderText("made from model, target and precision")
        self.memory = QLabel()
        self.memory.setWordWrap(True)
        self.help = QLabel(FORM["model"])
        self.help.setWordWrap(True)
        self.help.setProperty("role", "muted")
        self.help.setMinimumHeight(3 * self.help.fontMetrics().lineSpacing())
        self.build = QPushButton("&Build")
        self.build.setToolTip("Queue the build; the feed goes on (Ctrl+Return)")
        self._fits = True
        self._form = QFormLayout()
        self._lay_out()
        self._connect()
        self._offer_precisions()
        self.show_memory(None)

    def show_model(self, path: Path) -> None:
        """Fill in a model, and ask for what is in it."""
        path = path.parent if path.name in _FILES_OF_FOLDERS else path
        self.model.setText(_short(path))
        self._tell_model()

    def show_order(self, order: BuildOrder, name: str, field: str = "") -> None:
        """Fill in an order that was made before, and go to a field of it."""
        self.show_model(order.model)
        self.target.setCurrentIndex(self.target.findData(order.target))
        self.precision.setCurrentIndex(self.precision.findData(order.precision))
        is_bundled = order.clip == str(SAMPLE_CLIP)
        self.clip.setText("" if is_bundled else _short(order.clip))
        self.input_size.setText("{}x{}".format(*order.size_px) if order.size_px else "")
        self.input_name.setEditText(order.input_name)
        self.output_name.setEditText(order.output_name)
        for field_name, told in order.meaning._asdict().items():
            box: QComboBox = getattr(self, field_name)
            box.setCurrentIndex(box.findData(told))
        self.pads.setChecked(order.rewrites_pads)
        self.nvidia.show_parameters(order.nvidia)
        self.name.setText(name)
        if field:
            getattr(self, field).setFocus()

    def show_looking(self) -> None:
        """Say that the model is being looked into."""
        self._show_meaning(None)
        self._show_found("Looking into the network for its inputs and outputs…")

    def show_ends(
        self,
        inputs: Sequence[dict[str, Any]],
        outputs: Sequence[dict[str, Any]],
        problem: str = "",
        meaning: Mapping[str, Any] | None = None,
    ) -> None:
        """Offer the inputs and outputs of the model, or say why there are none.

        Parameters
        ----------
        inputs, outputs : sequence of dict
            As a look into the network tells them.
        problem : str
            What went wrong with that look.
        meaning : mapping, optional
            What they seem to mean; None where nothing tells it.
        """
        self._show_meaning(meaning)
        self._show_found(problem, is_fault=bool(problem))
        for box, ends in ((self.input_name, inputs), (self.output_name, outputs)):
            chosen = box.currentText()
            box.clear()
            for end in ends:
                box.addItem(str(end["name"]))
            box.setEditText(chosen)
            box.setEnabled(True)
        if not problem:
            takes = "; ".join(map(_end_text, inputs)) or _NO_INPUT
            gives = "; ".join(map(_end_text, outputs)) or _NO_OUTPUT
            self._show_found(f"Takes {takes}\nGives {gives}")

    def _show_found(self, text: str, *, is_fault: bool = False) -> None:
        self.found.setText(text)
        self.found.setProperty("role", "fault" if is_fault else "muted")
        self.found.style().unpolish(self.found)
        self.found.style().polish(self.found)

    def _show_meaning(self, meaning: Mapping[str, Any] | None) -> None:
        """Say what becomes of the questions that are left open."""
        texts = ["", "", ""]
        if meaning is not None:
            frames, colour = meaning["frames"], Colour(meaning["colour"])
            count = "one frame" if frames == 1 else f"{frames} frames"
            kind = "grey" if colour is Colour.GREY else colour.value.upper()
            pixels = meaning["pixels"]
            texts = [
                f"{count}, {kind}",
                _PIXELS[Pixels(pixels)] if pixels else "a range of its own",
                _ACTIVATIONS[Activation(meaning["activation"])],
            ]
            lead = _TOLD if meaning["is_told"] else _ASSUMED
            texts = [lead + each for each in texts]
        boxes = self.colour, self.pixels, self.activation
        for box, text in zip(boxes, texts, strict=True):
            box.setItemText(0, text or _UNSAID)

    def show_memory(self, outlook: MemoryOutlook | None) -> None:
        """Say what the build would take; None where that is not known."""
        self._fits = outlook is None or outlook.fits
        self.memory.setText("" if outlook is None else outlook.text)
        self.memory.setProperty("role", "muted" if self._fits else "fault")
        self.memory.style().unpolish(self.memory)
        self.memory.style().polish(self.memory)
        self._enable()

    @property
    def order(self) -> BuildOrder | None:
        """What is chosen; None where it is no order yet."""
        try:
            return self._order()
        except ConsoleError:
            return None

    def submit(self) -> None:
        """Make the order, or say what is wrong with the form."""
        try:
            order = self._order()
        except ConsoleError as error:
            self.failed.emit(error)
            return
        self.order_made.emit(order, self.name.text().strip() or _name_of(order))

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusIn:
            self.help.setText(str(watched.property("help")))
        return super().eventFilter(watched, event)

    # --- making it

    def _order(self) -> BuildOrder:
        text = self.input_size.text().strip()
        try:
            size = size_px(text) if text else None
        except (ValueError, ArgumentTypeError) as error:
            raise ConsoleError(
                f"{text!r} is not a size: {error}",
                hint="Write width x height in pixels, as 320x240.",
            ) from error
        model = Path(self.model.text().strip()).expanduser()
        if not model.exists() and not model.with_suffix(".meta").exists():
            raise ConsoleError(
                f"there is no {model}", hint="Choose the network as trained."
            )
        target = self.target.currentData()
        return BuildOrder(
            model=model,
            target=target,
            precision=self.precision.currentData(),
            size_px=size,
            clip=_expanded(self.clip.text().strip()) or str(SAMPLE_CLIP),
            input_name=self.input_name.currentText().strip(),
            output_name=self.output_name.currentText().strip(),
            meaning=Meaning(
                self.colour.currentData(),
                self.pixels.currentData(),
                self.activation.currentData(),
            ),
            rewrites_pads=self.pads.isChecked(),
            nvidia=self.nvidia.parameters(target),
        )

    def _lay_out(self) -> None:
        form = self._form
        form.setVerticalSpacing(GAP_PX)
        model = _with_button(self.model, "open", "Choose a network", self._choose_model)
        clip = _with_button(self.clip, "video", "Choose a video", self._choose_clip)
        rows: tuple[tuple[str, str, QWidget], ...] = (
            ("&Model", "model", model),
            ("&Input", "input_name", self.input_name),
            ("&Output", "output_name", self.output_name),
            ("&Takes", "colour", self.colour),
            ("Pi&xels", "pixels", self.pixels),
            ("&Gives", "activation", self.activation),
            ("&Runs on", "target", self.target),
            ("&Precision", "precision", self.precision),
            ("&Frames", "clip", clip),
            ("&Size", "input_size", self.input_size),
            ("", "pads", self.pads),
            ("&Name", "name", self.name),
        )
        for label, name, row in rows:
            field: QWidget = getattr(self, name)
            self._explain(field, FORM[name])
            caption = QLabel(label)
            caption.setBuddy(field)
            caption.setToolTip(FORM[name])
            form.addRow(caption, row)
            if name == "output_name":
                form.addRow("", self.found)
            if name == "precision":
                form.addRow(self.nvidia)
        for name, text in NVIDIA.items():
            self._explain(getattr(self.nvidia, name), text)
        last = QHBoxLayout()
        last.addWidget(self.memory, 1)
        last.addWidget(self.build)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, GAP_PX, 0)
        column.addLayout(form)
        column.addWidget(self.help)
        column.addLayout(last)
        column.addStretch(1)

    def _explain(self, field: QWidget, text: str) -> None:
        field.setToolTip(text)
        field.setMinimumHeight(FIELD_PX)
        if isinstance(field, QComboBox):
            # Its longest text would make the form wider than the window.
            field.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            field.setMinimumContentsLength(16)
        field.setProperty("help", text)
        field.installEventFilter(self)

    def _connect(self) -> None:
        self.target.currentIndexChanged.connect(self._offer_precisions)
        self.build.clicked.connect(self.submit)
        self.model.editingFinished.connect(self._tell_model)
        for line in (self.model, self.input_size):
            line.textChanged.connect(self.changed)
        for box in (self.target, self.precision):
            box.currentIndexChanged.connect(self.changed)
        self.nvidia.changed.connect(self.changed)
        self.changed.connect(self._enable)

    def _offer_precisions(self) -> None:
        wanted, target = self.precision.currentData(), self.target.currentData()
        self.precision.clear()
        for precision in PRECISIONS[target]:
            self.precision.addItem(_PRECISIONS[precision], precision)
        found = self.precision.findData(wanted)
        self.precision.setCurrentIndex(max(found, 0))
        self.nvidia.show_target(target)
        takes_pads = target in (Target.TENSORRT, Target.TF_TRT, Target.ONNX)
        self._form.setRowVisible(self.pads, takes_pads)
        self._form.setRowVisible(self.nvidia, target.needs_gpu)

    def _enable(self) -> None:
        self.build.setEnabled(bool(self.model.text().strip()) and self._fits)

    def _tell_model(self) -> None:
        text = self.model.text().strip()
        if text:
            self.model_chosen.emit(Path(text).expanduser())
        else:
            self._show_found("")
            self._show_meaning(None)

    def _choose_model(self) -> None:
        self._choose("Open a network", _MODELS, self.show_model)

    def _choose_clip(self) -> None:
        self._choose(
            "Frames to compare on",
            "All files (*)",
            lambda path: self.clip.setText(_short(path)),
        )

    def _choose(self, title: str, filters: str, take: Callable[[Path], None]) -> None:
        folder = Path(self.model.text()).expanduser().parent
        dialog = QFileDialog(self, title, str(folder), filters)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda path: take(Path(path)))
        dialog.open()


def _short(path: Path | str) -> str:
    """A path as people write it: from the home folder on."""
    text, home = str(path), str(Path.home())
    return f"~{text[len(home) :]}" if text.startswith(f"{home}{os.sep}") else text


def _expanded(clip: str) -> str:
    """A file's whole path; a clip may also be any other source."""
    return str(Path(clip).expanduser()) if clip.startswith("~") else clip


def _with_button(field: QLineEdit, sign: str, tip: str, act: object) -> QWidget:
    """A field with a button behind it."""
    button = QToolButton()
    button.setIcon(icon(sign))
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.clicked.connect(act)
    whole = QWidget()
    row = QHBoxLayout(whole)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(GAP_PX // 2)
    row.addWidget(field, 1)
    row.addWidget(button)
    return whole


def _ends_box() -> QComboBox:
    box = QComboBox()
    box.setEditable(True)
    box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
    line = box.lineEdit()
    assert line is not None, "it is editable"
    line.setPlaceholderText("the only one")
    return box


def _meaning_box(choices: Mapping[Any, str]) -> QComboBox:
    """A choice that leaves it to the network, too."""
    box = QComboBox()
    box.addItem(_UNSAID, None)
    for each, text in choices.items():
        box.addItem(text, each)
    return box


def _end_text(end: dict[str, Any]) -> str:
    return f"{end['name']} ({end['dtype']}, {shape_text(end['shape'])})"


def _name_of(order: BuildOrder) -> str:
    return f"{order.model.stem} {order.target.value} {order.precision.value}"
