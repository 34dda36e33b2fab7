"""The cameras of this machine: what they offer, their controls, and their real rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from widgets.control_form import ControlForm
from widgets.icons import icon
from widgets.message_bar import Message, MessageBar
from widgets.mode_chooser import ModeChooser
from widgets.rate_panel import RatePanel
from widgets.theme import GAP_PX, MARGIN_PX, Colour

if TYPE_CHECKING:
    from app.errors import ConsoleError
    from app.pipeline import PipelineStatus
    from app.sources.controls import Control
    from app.sources.v4l2.query import CameraDescription
    from widgets.camera_desk import CameraDesk

_SIZE_PX = (980, 720)
_LEFT_PX = 360
_NO_CAMERA = (
    "No camera of Video4Linux is plugged in. Cameras on the CSI connector of a Jetson"
    " open as csi://0, streams as rtsp://HOST/STREAM: choose File, Open address."
)


class CameraWindow(QDialog):
    """Chooses a camera, sets its controls while it runs, and shows its real rate.

    Not modal: the feed goes on behind it.

    Parameters
    ----------
    desk : CameraDesk
    parent : QWidget, optional
    """

    source_requested = Signal(str)  # the address of a camera

    def __init__(self, desk: CameraDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Cameras")
        self._desk = desk
        self._listed: tuple[CameraDescription, ...] = ()
        self.message_bar = MessageBar()
        self.cameras = QListWidget()
        self.cameras.setAccessibleName("Cameras")
        self.cameras.setWordWrap(True)
        self.cameras.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.empty = QLabel(_NO_CAMERA)
        self.refresh_button = QPushButton("&Look again")
        self.open_button = QPushButton("&Open")
        self.modes = ModeChooser()
        self.controls = ControlForm()
        self.presets = QComboBox()
        self.presets.setAccessibleName("Presets")
        self.load_button = QPushButton("L&oad")
        self.save_button = QPushButton("Sa&ve as…")
        self.remove_button = QPushButton("Re&move")
        self.defaults_button = QPushButton("&Defaults")
        self.rate = RatePanel()
        self._lay_out()
        self._connect()
        self._show_cameras(())
        self.resize(*_SIZE_PX)

    @property
    def camera(self) -> CameraDescription | None:
        """The one that is chosen."""
        row = self.cameras.currentRow()
        return self._listed[row] if 0 <= row < len(self._listed) else None

    def show_status(self, status: PipelineStatus | None) -> None:
        """Show how the running source fares; None while none does."""
        self.rate.show_status(status)

    def show_error(self, error: ConsoleError) -> None:
        """Say what could not be done."""
        self.message_bar.show_message(Message.of_problem(error))

    def look_again(self) -> None:
        """Ask which cameras there are."""
        self.refresh_button.setEnabled(False)
        self._desk.refresh()

    # --- what happens

    def _show_cameras(self, cameras: tuple[CameraDescription, ...]) -> None:
        chosen = self.camera
        self.refresh_button.setEnabled(True)
        self.cameras.blockSignals(True)
        self.cameras.clear()
        self._listed = cameras
        for camera in cameras:
            item = QListWidgetItem(
                icon("camera", Colour.MUTED),
                f"{camera.title}\n{camera.problem or _place(camera)}",
            )
            item.setToolTip(f"{camera.path}\n{camera.problem or camera.bus}")
            self.cameras.addItem(item)
        at = next(
            (
                row
                for row, each in enumerate(cameras)
                if chosen is not None and each.key == chosen.key
            ),
            0,
        )
        self.cameras.setCurrentRow(at if cameras else -1)
        self.cameras.blockSignals(False)
        self.cameras.setVisible(bool(cameras))
        self.empty.setVisible(not cameras)
        self._on_camera_chosen()

    def _on_camera_chosen(self) -> None:
        camera = self.camera
        self.modes.show_camera(camera)
        self.controls.show_controls(())
        self.open_button.setEnabled(bool(camera is not None and not camera.problem))
        self._show_presets()
        if camera is not None and not camera.problem:
            self._desk.read(camera)

    def _on_controls_read(
        self, camera: CameraDescription, controls: tuple[Control, ...]
    ) -> None:
        chosen = self.camera
        if chosen is not None and chosen.key == camera.key:
            self.controls.show_controls(controls)
            self._show_presets()

    def _show_presets(self) -> None:
        before = self.presets.currentText()
        self.presets.clear()
        if self.camera is not None:
            self.presets.addItems(sorted(self._desk.store.presets(self.camera.key)))
        self.presets.setCurrentIndex(max(0, self.presets.findText(before)))
        has_preset = self.presets.count() > 0
        has_controls = bool(self.controls.values())
        self.presets.setEnabled(has_preset)
        self.load_button.setEnabled(has_preset and has_controls)
        self.remove_button.setEnabled(has_preset)
        self.save_button.setEnabled(has_controls)
        self.defaults_button.setEnabled(has_controls)

    # --- what the operator does

    def _on_open_clicked(self) -> None:
        self.message_bar.clear()
        self.source_requested.emit(self.modes.uri)

    def _on_load_clicked(self) -> None:
        if self.camera is not None:
            presets = self._desk.store.presets(self.camera.key)
            self._desk.set_all(presets.get(self.presets.currentText(), {}))

    def _on_defaults_clicked(self) -> None:
        self._desk.set_all(self.controls.defaults())

    def _on_remove_clicked(self) -> None:
        self._desk.remove_preset(self.presets.currentText())
        self._show_presets()

    def _on_save_clicked(self) -> None:
        dialog = QInputDialog(self)
        dialog.setWindowTitle("Save as a preset")
        dialog.setLabelText("Name of these values:")
        dialog.setTextValue(self.presets.currentText())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.textValueSelected.connect(self.save_preset)
        dialog.open()

    def save_preset(self, name: str) -> None:
        """Keep the values as they stand under a name."""
        if not name.strip():
            return
        self._desk.save_preset(name.strip(), self.controls.values())
        self._show_presets()
        self.presets.setCurrentText(name.strip())

    # --- making it

    def _lay_out(self) -> None:
        self.empty.setWordWrap(True)
        self.empty.setProperty("role", "muted")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.open_button.setToolTip("Track what this camera sees, in this mode")
        self.defaults_button.setToolTip("Set every control as the driver has it first")
        top = QHBoxLayout()
        top.addWidget(_heading("Cameras"))
        top.addStretch(1)
        top.addWidget(self.refresh_button)
        left = QWidget()
        left_column = QVBoxLayout(left)
        left_column.setContentsMargins(0, 0, GAP_PX, 0)
        left_column.addLayout(top)
        left_column.addWidget(self.cameras, 1)
        left_column.addWidget(self.empty, 1)
        left_column.addWidget(_heading("How it is opened"))
        left_column.addWidget(self.modes)
        left_column.addWidget(self.open_button)
        presets = QHBoxLayout()
        presets.addWidget(QLabel("Preset"))
        presets.addWidget(self.presets, 1)
        for button in (
            self.load_button,
            self.save_button,
            self.remove_button,
            self.defaults_button,
        ):
            presets.addWidget(button)
        right = QWidget()
        right_column = QVBoxLayout(right)
        right_column.setContentsMargins(GAP_PX, 0, 0, 0)
        right_column.addWidget(_heading("Controls"))
        right_column.addLayout(presets)
        right_column.addWidget(self.controls, 3)
        right_column.addWidget(_heading("Real rate of what runs now"))
        right_column.addWidget(self.rate, 2)
        parts = QSplitter(Qt.Orientation.Horizontal)
        parts.addWidget(left)
        parts.addWidget(right)
        parts.setSizes([_LEFT_PX, _SIZE_PX[0] - _LEFT_PX])
        parts.setChildrenCollapsible(False)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX)
        whole.addWidget(self.message_bar)
        whole.addWidget(parts, 1)
        for each in self.findChildren(QPushButton):
            each.setAutoDefault(False)
        self.open_button.setDefault(True)

    def _connect(self) -> None:
        desk = self._desk
        desk.listed.connect(self._show_cameras)
        desk.controls_read.connect(self._on_controls_read)
        desk.failed.connect(self.show_error)
        self.cameras.currentRowChanged.connect(self._on_camera_chosen)
        self.cameras.itemActivated.connect(self._on_open_clicked)
        self.controls.control_set.connect(desk.set_control)
        self.controls.button_pressed.connect(
            lambda name: desk.set_control(name, 1, is_kept=False)
        )
        self.refresh_button.clicked.connect(self.look_again)
        self.open_button.clicked.connect(self._on_open_clicked)
        self.load_button.clicked.connect(self._on_load_clicked)
        self.save_button.clicked.connect(self._on_save_clicked)
        self.remove_button.clicked.connect(self._on_remove_clicked)
        self.defaults_button.clicked.connect(self._on_defaults_clicked)
        QShortcut(QKeySequence("F5"), self).activated.connect(self.look_again)


def _heading(text: str) -> QLabel:
    heading = QLabel(text)
    heading.setProperty("role", "heading")
    return heading


def _place(camera: CameraDescription) -> str:
    if camera.is_only_running:
        return f"{camera.bus}, runs now"
    fastest = max((mode.fastest_hz for mode in camera.modes), default=0.0)
    return f"{camera.path}, up to {fastest:g} fps"
