"""The operator's corrections of identities: a layer over what was recorded."""

from __future__ import annotations

import enum
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from app.recording.layer import layer_error, load_layer, save_layer

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from app.recording.session import TrackRows

NAME = "corrections.json"


class EditKind(enum.Enum):
    """What a correction does."""

    SWAP = "swap"
    """From a frame on, two tracks change their ids."""
    MERGE = "merge"
    """The second track is the first one."""
    SPLIT = "split"
    """From a frame on, a track is another one."""
    DELETE = "delete"
    """A track is none."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One correction."""

    kind: EditKind
    id: int
    other: int = 0
    """The second track; of a split, the id from the frame on."""
    from_number: int = 0
    """Place in the recording of the first frame it holds for."""

    def text(self) -> str:
        """For a person."""
        if self.kind is EditKind.SWAP:
            return f"swap {self.id} and {self.other} from frame {self.from_number} on"
        if self.kind is EditKind.MERGE:
            return f"merge {self.other} into {self.id}"
        if self.kind is EditKind.SPLIT:
            return f"split {self.id} at frame {self.from_number}: {self.other}"
        return f"delete {self.id}"


class Corrections:
    """Corrections of one session, in order, each of which can be undone.

    What was recorded is never changed: `applied` gives corrected rows.

    Parameters
    ----------
    folder : Path
        Of the session.

    Raises
    ------
    SessionError
        If the stored corrections cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._edits: list[Edit] = []
        self._undone: list[Edit] = []
        document = load_layer(self._path)
        try:
            self._edits = [_edit(each) for each in document.get("edits", ())]
            self._undone = [_edit(each) for each in document.get("undone", ())]
        except (AttributeError, ValueError, KeyError, TypeError) as error:
            raise layer_error(self._path, error) from error

    @property
    def edits(self) -> tuple[Edit, ...]:
        """Those in force, in order."""
        return tuple(self._edits)

    @property
    def undone(self) -> tuple[Edit, ...]:
        """Those taken back, the next to be made again last."""
        return tuple(self._undone)

    def add(self, edit: Edit) -> None:
        """Make a correction; what was undone is gone then."""
        self._edits.append(edit)
        self._undone.clear()
        self._save()

    def undo(self) -> Edit | None:
        """Take the last correction back."""
        if not self._edits:
            return None
        edit = self._edits.pop()
        self._undone.append(edit)
        self._save()
        return edit

    def redo(self) -> Edit | None:
        """Make the correction again that was undone last."""
        if not self._undone:
            return None
        edit = self._undone.pop()
        self._edits.append(edit)
        self._save()
        return edit

    def applied(self, tracks: TrackRows) -> TrackRows:
        """The rows with corrected ids."""
        ids = tracks.id.copy()
        keep = np.ones(len(ids), bool)
        for edit in self._edits:
            _apply(edit, ids, tracks.number, keep)
        order = np.lexsort((ids[keep], tracks.number[keep]))
        columns = {name: column[keep][order] for name, column in tracks.columns.items()}
        columns["id"] = ids[keep][order].astype(np.float64)
        return replace(tracks, number=tracks.number[keep][order], columns=columns)

    def _save(self) -> None:
        save_layer(
            self._path,
            {
                "edits": [_plain(edit) for edit in self._edits],
                "undone": [_plain(edit) for edit in self._undone],
            },
        )


def _apply(
    edit: Edit,
    ids: NDArray[np.int64],
    number: NDArray[np.int64],
    keep: NDArray[np.bool_],
) -> None:
    is_first, is_second = ids == edit.id, ids == edit.other
    is_later = number >= edit.from_number
    if edit.kind is EditKind.SWAP:
        ids[is_first & is_later] = edit.other
        ids[is_second & is_later] = edit.id
    elif edit.kind is EditKind.MERGE:
        # Where both are seen the first one stays.
        is_twice = is_second & np.isin(number, number[is_first])
        keep[is_twice] = False
        ids[is_second] = edit.id
    elif edit.kind is EditKind.SPLIT:
        ids[is_first & is_later] = edit.other
    else:
        keep[is_first] = False


def _edit(values: dict[str, object]) -> Edit:
    kind = EditKind(values.pop("kind"))
    return Edit(kind, **{name: int(str(value)) for name, value in values.items()})


def _plain(edit: Edit) -> dict[str, object]:
    return asdict(edit) | {"kind": edit.kind.value}
