"""Asks which source to open."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QFileDialog

from widgets.synthetic_dialog import SyntheticDialog

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

_VIDEO_FILTERS = (
    "Videos (*.mp4 *.mkv *.avi *.mov *.m4v *.webm *.mpg *.mpeg *.ts)",
    "All files (*)",
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

    def _file_dialog(self, title: str) -> QFileDialog:
        dialog = QFileDialog(self._window, title, self._folder)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._on_file_selected)
        return dialog

    def _on_file_selected(self, path: str) -> None:
        self._folder = str(Path(path).parent)
        self.folder_changed.emit(self._folder)
        self.uri_chosen.emit(path)

    def _on_scene_chosen(self, uri: str) -> None:
        self._scene_uri = uri
        self.uri_chosen.emit(uri)
