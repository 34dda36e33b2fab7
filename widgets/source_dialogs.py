"""Asks which source to open."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QInputDialog

from widgets.synthetic_dialog import SyntheticDialog

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

_VIDEO_FILTERS = (
    "Videos (*.mp4 *.mkv *.avi *.mov *.m4v *.webm *.mpg *.mpeg *.ts)",
    "All files (*)",
)


_ADDRESS_PX = 520
_ADDRESS_TEXT = (
    "rtsp://HOST/STREAM  a stream of a camera or a server\n"
    "rtp://@:5000  a stream that is sent to this machine\n"
    "csi://0?size=1280x720&fps=120  a camera of a Jetson\n"
    "v4l2:///dev/video0?fps=120  a USB camera\n"
    "gst://PIPELINE  anything that GStreamer reads"
)


class SourceDialogs(QObject):
    """One dialog for each way to open a source; none of them blocks.

    Parameters
    ----------
    window : QWidget
        They stand in front of it.
    folder : str
        Where files are looked for at first; empty for the current one.
    """

    uri_chosen = Signal(str)  # the source's address
    folder_changed = Signal(str)  # where the operator found it

    def __init__(self, window: QWidget, folder: str = "") -> None:
        super().__init__(window)
        self._window = window
        self._folder = folder
        self._scene_uri = ""
        self._address = "rtsp://"

    def ask_video(self) -> None:
        """Ask for a video file."""
        dialog = self._file_dialog("Open video")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters(list(_VIDEO_FILTERS))
        dialog.open()

    def ask_folder(self) -> None:
        """Ask for a folder of images."""
        dialog = self._file_dialog("Open image folder")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly, False)
        dialog.open()

    def ask_synthetic(self) -> None:
        """Ask what a synthetic scene looks like, starting at the last one."""
        dialog = SyntheticDialog(self._scene_uri, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.uri_chosen.connect(self._on_scene_chosen)
        dialog.open()

    def ask_address(self) -> None:
        """Ask for the address of a stream or a camera, starting at the last one."""
        dialog = QInputDialog(self._window)
        dialog.setWindowTitle("Open address")
        dialog.setLabelText(_ADDRESS_TEXT)
        dialog.setTextValue(self._address)
        dialog.setOkButtonText("Open")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.resize(_ADDRESS_PX, dialog.sizeHint().height())
        dialog.textValueSelected.connect(self._on_address_typed)
        dialog.open()

    def _file_dialog(self, title: str) -> QFileDialog:
        dialog = QFileDialog(self._window, title, self._folder)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._on_file_selected)
        return dialog

    def _on_file_selected(self, path: str) -> None:
        self._folder = str(Path(path).parent)
        self.folder_changed.emit(self._folder)
        self.uri_chosen.emit(path)

    def _on_address_typed(self, text: str) -> None:
        if text.strip():
            self._address = text.strip()
            self.uri_chosen.emit(self._address)

    def _on_scene_chosen(self, uri: str) -> None:
        self._scene_uri = uri
        self.uri_chosen.emit(uri)
