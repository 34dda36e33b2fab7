"""The parameters of a build for an NVIDIA GPU."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QFormLayout, QWidget

from engines.convert.nvidia_parameters import NvidiaParameters
from engines.convert.request import Target
from widgets.build_help import NVIDIA
from widgets.spin_boxes import SpinBox
from widgets.theme import GAP_PX

_DEFAULTS = NvidiaParameters()


class NvidiaForm(QWidget):
    """Chooses what TensorRT and TF-TRT take beside the precision."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.workspace = _box(0, 65_536, "as much as fits", " MiB")
        self.calibration = _box(0, 100_000, "all of the clip's", " frames")
        self.segment = _box(1, 1_000, "", " operations")
        self.segment.setValue(_DEFAULTS.minimum_segment_size)
        self.search = QCheckBox("Search for the fastest parameters")
        self.form = QFormLayout(self)
        self.form.setContentsMargins(0, 0, 0, 0)
        self.form.setVerticalSpacing(GAP_PX)
        self.form.addRow("&Workspace", self.workspace)
        self.form.addRow("&Calibration", self.calibration)
        self.form.addRow("&Least segment", self.segment)
        self.form.addRow("", self.search)
        for name, text in NVIDIA.items():
            getattr(self, name).setToolTip(text)
        for box in (self.workspace, self.calibration, self.segment):
            box.valueChanged.connect(self.changed)
        self.search.toggled.connect(self.changed)

    def show_target(self, target: Target) -> None:
        """Offer what this target has."""
        is_tf_trt = target is Target.TF_TRT
        self.form.setRowVisible(self.segment, is_tf_trt)
        self.form.setRowVisible(self.search, is_tf_trt)

    def show_parameters(self, parameters: NvidiaParameters) -> None:
        """Fill in what was chosen before."""
        self.workspace.setValue(parameters.workspace_mib or 0)
        self.calibration.setValue(parameters.calibration_frames or 0)
        self.segment.setValue(parameters.minimum_segment_size)
        self.search.setChecked(parameters.is_searched)

    def parameters(self, target: Target) -> NvidiaParameters:
        """What is chosen for a target."""
        if not target.needs_gpu:
            return _DEFAULTS
        chosen = _DEFAULTS._replace(
            workspace_mib=self.workspace.value() or None,
            calibration_frames=self.calibration.value() or None,
        )
        if target is Target.TENSORRT:
            return chosen
        return chosen._replace(
            minimum_segment_size=self.segment.value(),
            is_searched=self.search.isChecked(),
        )


def _box(least: int, most: int, automatic: str, suffix: str) -> SpinBox:
    box = SpinBox()
    box.setRange(least, most)
    box.setSuffix(suffix)
    box.setSpecialValueText(automatic if least == 0 else "")
    box.setSingleStep(64 if "MiB" in suffix else 1)
    return box
