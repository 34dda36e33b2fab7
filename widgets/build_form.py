"""A form that becomes an order to build an engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
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
from engines.convert.request import PRECISIONS, Target
from widgets.icons import icon
from widgets.overrides import override
from widgets.theme import GAP_PX

if TYPE_CHECKING:
    from PySide6.QtGui import QDragEnterEvent, QDropEvent

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
_MODELS = "Networks (*.pb *.onnx *.keras *.h5 *.meta *.index);;All files (*)"


class BuildForm(QWidget):
    """Chooses a model, a target and its parameters; a network can be dropped on it."""

    order_made = Signal(object, str)  # BuildOrder, and the engine's name
    failed = Signal(object)  # ConsoleError: what is wrong with the form

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = QLineEdit()
        self.model.setPlaceholderText("Drop a network here, or choose one")
        self.model.setClearButtonEnabled(True)
        self.target = QComboBox()
        for target, text in _TARGETS.items():
            self.target.addItem(text, target)
        self.precision = QComboBox()
        self.clip = QLineEdit()
        self.clip.setPlaceholderText("the bundled clip; better: a video of your camera")
        self.input_size = QLineEdit()
        self.input_size.setPlaceholderText("as in the network; else e.g. 320x240")
        self.pads = QCheckBox("Write pads before skips as concatenations")
        self.name = QLineEdit()
        self.name.setPlaceholderText("made from model, target and precision")
        self.build = QPushButton("&Build")
        self.build.setToolTip("Queue the build; the feed goes on (Ctrl+Return)")
        self._lay_out()
        self.target.currentIndexChanged.connect(self._offer_precisions)
        self.build.clicked.connect(self.submit)
        self.model.textChanged.connect(self._enable)
        self.setAcceptDrops(True)
        self._offer_precisions()
        self._enable()

    def show_model(self, path: Path) -> None:
        """Fill in a model."""
        self.model.setText(str(path))

    def submit(self) -> None:
        """Make the order, or say what is wrong with the form."""
        text = self.input_size.text().strip()
        try:
            size = size_px(text) if text else None
        except Exception as error:  # noqa: BLE001  argparse's type, whatever it raises
            self.failed.emit(
                ConsoleError(
                    f"{text!r} is not a size: {error}",
                    hint="Write width x height in pixels, as 320x240.",
                )
            )
            self.input_size.setFocus()
            return
        model = Path(self.model.text().strip()).expanduser()
        if not model.exists() and not model.with_suffix(".meta").exists():
            self.failed.emit(
                ConsoleError(
                    f"there is no {model}", hint="Choose the network as trained."
                )
            )
            self.model.setFocus()
            return
        order = BuildOrder(
            model=model,
            target=self.target.currentData(),
            precision=self.precision.currentData(),
            size_px=size,
            clip=self.clip.text().strip() or str(SAMPLE_CLIP),
            rewrites_pads=self.pads.isChecked(),
        )
        self.order_made.emit(order, self.name.text().strip() or _name_of(order))

    # --- Qt

    @override
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    @override
    def dropEvent(self, event: QDropEvent) -> None:
        urls = [url for url in event.mimeData().urls() if url.isLocalFile()]
        event.acceptProposedAction()
        self.show_model(Path(urls[0].toLocalFile()))

    # --- making it

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setVerticalSpacing(GAP_PX)
        rows: tuple[tuple[str, QWidget, str], ...] = (
            (
                "&Model",
                _with_button(
                    self.model, "open", "Choose a network", self._choose_model
                ),
                "The network as trained: SavedModel, frozen .pb, Keras, checkpoint with"
                " its .meta file, ONNX, or a model folder",
            ),
            ("&Runs on", self.target, "What runs the engine"),
            ("&Precision", self.precision, "Less is faster, and less exact"),
            (
                "&Frames",
                _with_button(self.clip, "video", "Choose a video", self._choose_clip),
                "Video that the engine is compared on, and int8 takes its ranges from:"
                " the more like your camera's, the better",
            ),
            (
                "&Size",
                self.input_size,
                "Larger finds smaller objects, and takes longer",
            ),
            ("", self.pads, "For TensorRT's parsers, where odd sizes make pads"),
            ("&Name", self.name, "Of the engine in the list"),
        )
        for label, field, tip in rows:
            field.setToolTip(tip)
            caption = QLabel(label)
            caption.setBuddy(getattr(field, "field", field))
            caption.setToolTip(tip)
            form.addRow(caption, field)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(form)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.build)
        column.addLayout(row)
        column.addStretch(1)

    def _offer_precisions(self) -> None:
        wanted = self.precision.currentData()
        self.precision.clear()
        for precision in PRECISIONS[self.target.currentData()]:
            self.precision.addItem(_PRECISIONS[precision], precision)
        found = self.precision.findData(wanted)
        self.precision.setCurrentIndex(max(found, 0))

    def _enable(self) -> None:
        self.build.setEnabled(bool(self.model.text().strip()))

    def _choose_model(self) -> None:
        self._choose("Open a network", _MODELS, self.model)

    def _choose_clip(self) -> None:
        self._choose("Frames to compare on", "All files (*)", self.clip)

    def _choose(self, title: str, filters: str, field: QLineEdit) -> None:
        dialog = QFileDialog(self, title, str(Path(field.text()).parent), filters)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(field.setText)
        dialog.open()


class _WithButton(QWidget):
    """A field with a button behind it."""

    def __init__(self, field: QLineEdit, button: QToolButton) -> None:
        super().__init__()
        self.field = field
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP_PX // 2)
        row.addWidget(field, 1)
        row.addWidget(button)


def _with_button(field: QLineEdit, sign: str, tip: str, act: object) -> _WithButton:
    button = QToolButton()
    button.setIcon(icon(sign))
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.clicked.connect(act)
    return _WithButton(field, button)


def _name_of(order: BuildOrder) -> str:
    return f"{order.model.stem} {order.target.value} {order.precision.value}"
