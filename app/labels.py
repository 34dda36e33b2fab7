"""Labelled frames of a clip: where its objects are, told by a person.

Three forms are read:

* a recorded session: its tracks with the operator's corrections. A frame counts where
  a confirmed track is, and where one was until it was deleted as none;
* a file of the MOT Challenge: frame, id, left, top, width, height, confidence; frames
  count from 1, and a confidence of 0 takes a line out;
* a table with a header: `frame` from 0, the centre `x`, `y`, and `width`, `height` if
  they are known. A row without a centre says that nothing is in the frame.
"""

from __future__ import annotations

import csv
import math
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from app.detection_score import Object
from app.errors import ConsoleError
from app.frames import TrackState
from app.mot_files import read_detections
from app.recording.corrections import Corrections
from app.recording.session import Session

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from app.recording.session import TrackRows

_UNSAID_SIZE_PX = 8.0
"""Extent of an object of which only the centre is known."""
_HINT = (
    "A table has a header with frame, x, y and perhaps width, height; a file of the"
    " MOT Challenge has frame, id, left, top, width, height, confidence."
)
_COLUMNS = {
    "frame": "frame",
    "x": "x",
    "x_px": "x",
    "y": "y",
    "y_px": "y",
    "width": "width",
    "width_px": "width",
    "height": "height",
    "height_px": "height",
}


class LabelsError(ConsoleError):
    """Labels cannot be read, or are not what they should be."""


class Label(NamedTuple):
    """One object in one frame, as an ellipse; px of the full frame."""

    x_px: float
    y_px: float
    length_px: float
    """Along `angle_rad`: the whole of it, not half."""
    breadth_px: float
    angle_rad: float = 0.0
    """From the x axis to the length."""

    @staticmethod
    def of_box(left: float, top: float, width: float, height: float) -> Label:
        """The ellipse in a box of the MOT Challenge."""
        return Label(left + width / 2, top + height / 2, width, height)

    def as_object(self) -> Object:
        """For scoring: a box is as long as its diagonal, a streak as itself."""
        is_box = self.angle_rad == 0.0
        extent = math.hypot(self.length_px, self.breadth_px)
        return Object(self.x_px, self.y_px, extent if is_box else self.length_px)


Labels = dict[int, list[Label]]
"""By the frame's place in its clip, from 0; an empty list where nothing is."""


def is_session(path: Path) -> bool:
    """Whether a path is a recorded session, which is clip and labels in one."""
    return (path / "session.json").is_file()


def read_labels(path: Path) -> Labels:
    """Read labels of any form.

    Raises
    ------
    ConsoleError
        If there are none, or a line is no label.
    """
    if is_session(path):
        labels = _of_session(path)
    elif _has_header(path):
        labels = _of_table(path)
    else:
        labels = _of_mot(path)
    if not labels:
        raise LabelsError(f"{path} labels no frame", hint=_HINT)
    return labels


def _of_session(path: Path) -> Labels:
    with closing(Session(path)) as session:
        recorded = session.tracks()
    corrected = Corrections(path).applied(recorded)
    # Where somebody deleted all there was, nothing is.
    labels: Labels = {
        number: [] for number in recorded.number[_is_seen(recorded)].tolist()
    }
    columns, is_seen = corrected.columns, _is_seen(corrected)
    # A track may have no axes; its box is always there.
    has_axes = np.isfinite(columns["length_px"]) & (columns["length_px"] > 0)
    length_px = np.where(has_axes, columns["length_px"], columns["width_px"])
    breadth_px = np.where(has_axes, columns["breadth_px"], columns["height_px"])
    angle_rad = np.where(has_axes, columns["angle_rad"], 0.0)
    shape = (columns["x_px"], columns["y_px"], length_px, breadth_px, angle_rad)
    for number, *numbers in zip(
        corrected.number[is_seen].tolist(),
        *(column[is_seen].tolist() for column in shape),
        strict=True,
    ):
        labels.setdefault(number, []).append(Label(*numbers))
    return labels


def _is_seen(tracks: TrackRows) -> NDArray[np.bool_]:
    seen: NDArray[np.bool_] = tracks.columns["state"] == TrackState.CONFIRMED
    return seen


def _of_mot(path: Path) -> Labels:
    labels: Labels = {}
    for frame, left, top, width, height, confidence in read_detections(path).tolist():
        if frame < 1:
            raise LabelsError(
                f"{path} has a frame {frame:g}",
                hint="Files of the MOT Challenge count frames from 1.",
            )
        if confidence > 0:
            label = Label.of_box(left, top, width, height)
            labels.setdefault(int(frame) - 1, []).append(label)
    return labels


def _has_header(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8") as file:
            return any(letter.isalpha() for letter in file.readline())
    except (OSError, UnicodeDecodeError) as error:
        raise LabelsError(f"cannot read {path}: {error}", hint=_HINT) from error


def _of_table(path: Path) -> Labels:
    labels: Labels = {}
    with path.open(newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            named = {
                _COLUMNS[name.strip()]: (cell or "").strip()
                for name, cell in row.items()
                if name is not None and name.strip() in _COLUMNS
            }
            try:
                frame = int(named["frame"])
                found = labels.setdefault(frame, [])
                if named["x"] or named["y"]:
                    found.append(_label_of(named))
            except (KeyError, ValueError) as error:
                raise LabelsError(
                    f"line {number} of {path} is no label: {error}", hint=_HINT
                ) from error
            if frame < 0:
                raise LabelsError(f"line {number} of {path} has frame {frame}")
    return labels


def _label_of(named: dict[str, str]) -> Label:
    x_px, y_px = float(named["x"]), float(named["y"])
    width_px = float(named.get("width") or _UNSAID_SIZE_PX)
    height_px = float(named.get("height") or width_px)
    numbers = (x_px, y_px, width_px, height_px)
    if not np.isfinite(numbers).all() or min(width_px, height_px) <= 0:
        raise ValueError("centre and size have to be numbers, the size above 0")
    return Label(*numbers)
