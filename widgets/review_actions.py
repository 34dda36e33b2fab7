"""Every action of a review once: what it is called, its keys, its icon, its menu."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction, QKeySequence

from widgets.icons import icon

if TYPE_CHECKING:
    from PySide6.QtCore import QObject
    from PySide6.QtWidgets import QMenuBar


class ReviewAction(enum.Enum):
    """Names of the actions."""

    EXPORT = "export"
    CLOSE = "close"
    PLAY = "play"
    SHUTTLE_BACK = "shuttle-back"
    STAND = "stand"
    SHUTTLE_ON = "shuttle-on"
    STEP_ON = "step-on"
    STEP_BACK = "step-back"
    LEAP_ON = "leap-on"
    LEAP_BACK = "leap-back"
    TO_START = "to-start"
    TO_END = "to-end"
    NEXT_EVENT = "next-event"
    LAST_EVENT = "last-event"
    SLOWER = "slower"
    FASTER = "faster"
    LOOP_FROM = "loop-from"
    LOOP_TO = "loop-to"
    NO_LOOP = "no-loop"
    LOOP_TRACK = "loop-track"
    SWAP = "swap"
    MERGE = "merge"
    SPLIT = "split"
    DELETE = "delete"
    UNDO = "undo"
    REDO = "redo"
    CHOOSE_NONE = "choose-none"
    DRAW_ZONE = "draw-zone"
    DRAW_LINE = "draw-line"
    DISTANCE = "distance"
    SHOW_MASK = "show-mask"
    SHOW_OUTLINES = "show-outlines"
    SHOW_IDS = "show-ids"
    SHOW_TRAILS = "show-trails"
    SHOW_FUTURE = "show-future"
    SHOW_TELEMETRY = "show-telemetry"
    SHOW_MOTION = "show-motion"
    WHOLE_TIME = "whole-time"
    KEYS = "keys"


@dataclass(frozen=True, slots=True)
class _Spec:
    id: ReviewAction
    menu: str
    text: str
    keys: tuple[str, ...]
    tip: str
    icon: str = ""
    is_checkable: bool = False


_A = ReviewAction
_SPECS = (
    _Spec(
        _A.EXPORT, "&Session", "&Export…", ("Ctrl+E",), "Write it for other programs"
    ),
    _Spec(_A.CLOSE, "&Session", "&Close", ("Ctrl+W",), "Close this review"),
    _Spec(_A.PLAY, "&Play", "&Play", ("Space",), "Play on, or stand", "start"),
    _Spec(
        _A.SHUTTLE_BACK,
        "&Play",
        "Play &back",
        ("J",),
        "Play back; again, faster",
        "play-back",
    ),
    _Spec(_A.STAND, "&Play", "Stan&d", ("K",), "Stand where it is", "pause"),
    _Spec(_A.SHUTTLE_ON, "&Play", "Play &on", ("L",), "Play on; again, faster"),
    _Spec(_A.STEP_ON, "&Play", "Next &frame", ("Right", "."), "One frame on", "step"),
    _Spec(
        _A.STEP_BACK,
        "&Play",
        "Pre&vious frame",
        ("Left", ","),
        "One frame back",
        "step-back",
    ),
    _Spec(_A.LEAP_ON, "&Play", "10 frames on", ("Shift+Right",), "Ten frames on"),
    _Spec(_A.LEAP_BACK, "&Play", "10 frames back", ("Shift+Left",), "Ten frames back"),
    _Spec(
        _A.TO_START, "&Play", "To the &start", ("Home",), "The first frame", "to-start"
    ),
    _Spec(_A.TO_END, "&Play", "To the &end", ("End",), "The last frame", "to-end"),
    _Spec(
        _A.NEXT_EVENT,
        "&Play",
        "&Next event",
        ("PgDown",),
        "The next mark, event or gap",
    ),
    _Spec(
        _A.LAST_EVENT,
        "&Play",
        "Previo&us event",
        ("PgUp",),
        "The mark, event or gap before",
    ),
    _Spec(_A.SLOWER, "&Play", "Slo&wer", ("[",), "Down to 1/100 of the true speed"),
    _Spec(_A.FASTER, "&Play", "F&aster", ("]",), "Up to four times the true speed"),
    _Spec(
        _A.LOOP_FROM, "&Play", "Loop f&rom here", ("I",), "Repeat from this frame on"
    ),
    _Spec(_A.LOOP_TO, "&Play", "Loop &to here", ("O",), "Repeat up to this frame"),
    _Spec(
        _A.LOOP_TRACK,
        "&Play",
        "Loop the trac&k",
        ("Shift+L",),
        "Repeat the life of the chosen track",
        "loop",
    ),
    _Spec(_A.NO_LOOP, "&Play", "No loo&p", ("Shift+O",), "Repeat nothing"),
    _Spec(
        _A.SWAP,
        "&Track",
        "&Swap",
        ("S",),
        "From this frame on, the two chosen tracks change their ids",
    ),
    _Spec(
        _A.MERGE,
        "&Track",
        "&Merge",
        ("M",),
        "The two chosen tracks are one: the first one chosen",
    ),
    _Spec(
        _A.SPLIT,
        "&Track",
        "S&plit",
        ("C",),
        "From this frame on, the chosen track is another one",
    ),
    _Spec(_A.DELETE, "&Track", "&Delete", ("Del",), "The chosen tracks are nothing"),
    _Spec(_A.UNDO, "&Track", "&Undo", ("Ctrl+Z",), "Take the last correction back"),
    _Spec(
        _A.REDO,
        "&Track",
        "&Redo",
        ("Ctrl+Shift+Z", "Ctrl+Y"),
        "Make the correction again that was taken back",
    ),
    _Spec(
        _A.CHOOSE_NONE,
        "&Track",
        "Choose &none",
        ("Esc",),
        "Give up drawing, or choose no track",
    ),
    _Spec(
        _A.DRAW_ZONE,
        "&Measure",
        "Draw a &zone",
        ("Z",),
        "Count who is in a polygon, and for how long",
        "zone",
    ),
    _Spec(
        _A.DRAW_LINE,
        "&Measure",
        "Draw a &line",
        ("X",),
        "Count who crosses a line, and which way",
        "line",
    ),
    _Spec(
        _A.DISTANCE,
        "&Measure",
        "Measure a &distance",
        ("D",),
        "From one point of the picture to another",
        "distance",
    ),
    _Spec(
        _A.SHOW_MASK,
        "&View",
        "&Mask",
        ("Ctrl+1",),
        "Tint what was foreground, where masks were recorded",
        is_checkable=True,
    ),
    _Spec(
        _A.SHOW_OUTLINES,
        "&View",
        "&Outlines",
        ("Ctrl+2",),
        "Of the mask",
        is_checkable=True,
    ),
    _Spec(
        _A.SHOW_IDS, "&View", "&Ids", ("Ctrl+3",), "Write the ids", is_checkable=True
    ),
    _Spec(
        _A.SHOW_TRAILS,
        "&View",
        "&Trails",
        ("Ctrl+4",),
        "Where tracks were",
        is_checkable=True,
    ),
    _Spec(
        _A.SHOW_FUTURE,
        "&View",
        "Trails &ahead",
        ("Ctrl+5",),
        "Where tracks will be",
        is_checkable=True,
    ),
    _Spec(
        _A.SHOW_TELEMETRY,
        "&View",
        "T&elemetry",
        ("Ctrl+6",),
        "Rates, latency and temperature in the timeline",
        is_checkable=True,
    ),
    _Spec(
        _A.SHOW_MOTION,
        "&View",
        "Motion of the &chosen track",
        ("Ctrl+7",),
        "Its speed, acceleration and heading in the timeline",
        is_checkable=True,
    ),
    _Spec(
        _A.WHOLE_TIME,
        "&View",
        "&Whole session",
        ("Ctrl+0",),
        "Show all of it in the timeline",
    ),
    _Spec(_A.KEYS, "&Help", "&Keyboard shortcuts", ("F1", "?"), "List all keys"),
)


def make_review_actions(parent: QObject) -> dict[ReviewAction, QAction]:
    """Make the actions of a review; the caller adds them to its window."""
    made = {}
    for spec in _SPECS:
        action = QAction(spec.text, parent)
        action.setObjectName(spec.id.value)
        action.setShortcuts([QKeySequence(key) for key in spec.keys])
        action.setCheckable(spec.is_checkable)
        action.setToolTip(f"{spec.tip}  ({_keys_text(spec)})")
        if spec.icon:
            action.setIcon(icon(spec.icon))
        made[spec.id] = action
    return made


def fill_review_menus(bar: QMenuBar, actions: dict[ReviewAction, QAction]) -> None:
    """Put the actions into the menus they belong to."""
    menus = {}
    for spec in _SPECS:
        if spec.menu not in menus:
            menus[spec.menu] = bar.addMenu(spec.menu)
        menus[spec.menu].addAction(actions[spec.id])


def review_key_lines() -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Menus with their keys, texts and tips, for a list of keys."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for spec in _SPECS:
        line = _keys_text(spec), spec.text.replace("&", "").strip("…"), spec.tip
        found.setdefault(spec.menu.replace("&", ""), []).append(line)
    return list(found.items())


def _keys_text(spec: _Spec) -> str:
    native = QKeySequence.SequenceFormat.NativeText
    return "  or  ".join(QKeySequence(key).toString(native) for key in spec.keys)
