"""Every action once: what it is called, its keys, its icon, what it does."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction, QKeySequence

from widgets.icons import icon, toggle_icon

if TYPE_CHECKING:
    from PySide6.QtCore import QObject


class ActionId(enum.Enum):
    """Names of the actions."""

    OPEN_VIDEO = "open-video"
    OPEN_FOLDER = "open-folder"
    OPEN_SYNTHETIC = "open-synthetic"
    OPEN_ADDRESS = "open-address"
    CAMERAS = "cameras"
    SETTINGS = "settings"
    QUIT = "quit"
    START = "start"
    PAUSE = "pause"
    STEP = "step"
    STOP = "stop"
    RECORD = "record"
    MARK = "mark"
    SESSIONS = "sessions"
    LIVE = "live"
    EVERY_FRAME = "every-frame"
    ENGINES = "engines"
    SHOW_MASK = "show-mask"
    SHOW_OUTLINES = "show-outlines"
    SHOW_IDS = "show-ids"
    SHOW_TRAILS = "show-trails"
    SHOW_PREDICTION = "show-prediction"
    SHOW_CROPS = "show-crops"
    LESS_OPAQUE = "less-opaque"
    MORE_OPAQUE = "more-opaque"
    ZOOM_IN = "zoom-in"
    ZOOM_OUT = "zoom-out"
    ZOOM_FIT = "zoom-fit"
    ZOOM_ACTUAL = "zoom-actual"
    SHOW_TELEMETRY = "show-telemetry"
    SHOW_OVERLAY = "show-overlay"
    SHOW_RECORDING = "show-recording"
    FULL_SCREEN = "full-screen"
    RESET_LAYOUT = "reset-layout"
    SHORTCUTS = "shortcuts"
    ABOUT = "about"


class ActionGroup(enum.Enum):
    """Headings of the list of shortcuts."""

    SOURCE = "Source"
    RUN = "Run"
    OVERLAY = "Overlay"
    PICTURE = "Picture"
    WINDOW = "Window"


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """What the operator sees of an action."""

    id: ActionId
    group: ActionGroup
    text: str
    """As menus and buttons show it; `&` before the letter that chooses it."""
    keys: tuple[str, ...]
    """Any of them triggers it."""
    tip: str
    """What it does, in one sentence."""
    icon: str = ""
    """Name of the icon; empty for none."""
    is_checkable: bool = False

    @property
    def plain_text(self) -> str:
        """The text without the mark of its letter and without dots."""
        return self.text.replace("&", "").removesuffix("…")

    @property
    def shown_keys(self) -> str:
        """The keys as the operator reads them."""
        native = QKeySequence.SequenceFormat.NativeText
        return "  or  ".join(QKeySequence(key).toString(native) for key in self.keys)


_ID, _GROUP = ActionId, ActionGroup
ACTIONS: tuple[ActionSpec, ...] = (
    ActionSpec(
        _ID.OPEN_VIDEO,
        _GROUP.SOURCE,
        "Open &video…",
        ("Ctrl+O",),
        "Track what moves in a video file",
        "video",
    ),
    ActionSpec(
        _ID.OPEN_FOLDER,
        _GROUP.SOURCE,
        "Open image &folder…",
        ("Ctrl+Shift+O",),
        "Track what moves in a folder of numbered images",
        "folder",
    ),
    ActionSpec(
        _ID.OPEN_SYNTHETIC,
        _GROUP.SOURCE,
        "Open s&ynthetic scene…",
        ("Ctrl+G",),
        "Track rendered objects whose true positions are known",
        "synthetic",
    ),
    ActionSpec(
        _ID.OPEN_ADDRESS,
        _GROUP.SOURCE,
        "Open &address…",
        ("Ctrl+U",),
        "Track a stream or a camera by its address, as rtsp://HOST/STREAM or csi://0",
        "live",
    ),
    ActionSpec(
        _ID.CAMERAS,
        _GROUP.SOURCE,
        "&Cameras…",
        ("Ctrl+K",),
        "Choose a camera, set its exposure and gain, and see its real rate",
        "camera",
    ),
    ActionSpec(
        _ID.START,
        _GROUP.RUN,
        "&Start",
        ("F5",),
        "Start the source from its beginning",
        "start",
    ),
    ActionSpec(
        _ID.PAUSE,
        _GROUP.RUN,
        "&Pause",
        ("P",),
        "Hold the feed, or go on (Space on the picture does the same)",
        "pause",
        is_checkable=True,
    ),
    ActionSpec(
        _ID.STEP,
        _GROUP.RUN,
        "S&tep",
        (".",),
        "Pause, then take one frame at a time",
        "step",
    ),
    ActionSpec(
        _ID.STOP,
        _GROUP.RUN,
        "St&op",
        ("Shift+F5",),
        "Stop the source and release it",
        "stop",
    ),
    ActionSpec(
        _ID.RECORD,
        _GROUP.RUN,
        "&Record",
        ("R",),
        "Record every frame with its tracks, or stop doing so",
        "record",
        is_checkable=True,
    ),
    ActionSpec(
        _ID.MARK,
        _GROUP.RUN,
        "Mar&k",
        ("K",),
        "Note this moment in the recording",
        "mark",
    ),
    ActionSpec(
        _ID.SESSIONS,
        _GROUP.SOURCE,
        "Sessio&ns…",
        ("Ctrl+R",),
        "Look at what was recorded",
        "recent",
    ),
    ActionSpec(
        _ID.LIVE,
        _GROUP.RUN,
        "&Live",
        ("Ctrl+L",),
        "Keep to the source's time: the newest frame wins, older ones are replaced",
        "live",
        is_checkable=True,
    ),
    ActionSpec(
        _ID.EVERY_FRAME,
        _GROUP.RUN,
        "&Every frame",
        ("Ctrl+E",),
        "Infer every frame, as fast as that goes: the source waits",
        "every-frame",
        is_checkable=True,
    ),
    ActionSpec(
        _ID.ENGINES,
        _GROUP.RUN,
        "E&ngines…",
        ("Ctrl+B",),
        "Build engines, compare them, and try one on the feed while it goes on",
        "engine",
    ),
    ActionSpec(
        _ID.SHOW_MASK,
        _GROUP.OVERLAY,
        "&Mask",
        ("M",),
        "Tint what the network takes for foreground",
        "mask",
        is_checkable=True,
    ),
    ActionSpec(
        _ID.SHOW_OUTLINES,
        _GROUP.OVERLAY,
        "&Outlines",
        ("O",),
        "Draw the outline of every track",
        "outlines",
        is_checkable=True,
    ),
    ActionSpec(
        _ID.SHOW_IDS,
        _GROUP.OVERLAY,
        "&Ids",
        ("I",),
        "Write the number of every track beside it",
        "ids",
        is_checkable=True,
    ),
    ActionSpec(
        _ID.SHOW_TRAILS,
        _GROUP.OVERLAY,
        "&Trails",
        ("T",),
        "Draw where every track has been",
        "trails",
        is_checkable=True,
    ),
    ActionSpec(
        _ID.SHOW_PREDICTION,
        _GROUP.OVERLAY,
        "&Predictions",
        ("A",),
        "Draw a line to where every track should be when its picture is shown",
        "prediction",
        is_checkable=True,
    ),
    ActionSpec(
        _ID.SHOW_CROPS,
        _GROUP.OVERLAY,
        "&Second look",
        ("L",),
        "Draw the corners of the crops that the second look takes at full resolution",
        "crops",
        is_checkable=True,
    ),
    ActionSpec(
        _ID.LESS_OPAQUE,
        _GROUP.OVERLAY,
        "&Less opaque",
        ("[",),
        "Let more of the picture shine through the mask",
    ),
    ActionSpec(
        _ID.MORE_OPAQUE,
        _GROUP.OVERLAY,
        "Mo&re opaque",
        ("]",),
        "Let less of the picture shine through the mask",
    ),
    ActionSpec(
        _ID.ZOOM_FIT,
        _GROUP.PICTURE,
        "&Fit",
        ("F", "0"),
        "Show the whole frame",
        "fit",
    ),
    ActionSpec(
        _ID.ZOOM_ACTUAL,
        _GROUP.PICTURE,
        "&Actual size",
        ("1",),
        "Show one pixel of the frame as one pixel of the screen",
        "actual-size",
    ),
    ActionSpec(
        _ID.ZOOM_IN,
        _GROUP.PICTURE,
        "Zoom &in",
        ("+", "="),
        "Show less of the frame, larger",
        "zoom-in",
    ),
    ActionSpec(
        _ID.ZOOM_OUT,
        _GROUP.PICTURE,
        "Zoom &out",
        ("-",),
        "Show more of the frame, smaller",
        "zoom-out",
    ),
    ActionSpec(
        _ID.SHOW_TELEMETRY,
        _GROUP.WINDOW,
        "Te&lemetry",
        ("F2",),
        "Show the graphs of the last minute",
        is_checkable=True,
    ),
    ActionSpec(
        _ID.SHOW_OVERLAY,
        _GROUP.WINDOW,
        "O&verlay",
        ("F3",),
        "Show what is drawn over the picture, and the thresholds",
        is_checkable=True,
    ),
    ActionSpec(
        _ID.SHOW_RECORDING,
        _GROUP.WINDOW,
        "Re&cording",
        ("F4",),
        "Show what is recorded, and how",
        is_checkable=True,
    ),
    ActionSpec(
        _ID.FULL_SCREEN,
        _GROUP.WINDOW,
        "F&ull screen",
        ("F11",),
        "Use the whole screen, or stop doing so",
        "fullscreen",
        is_checkable=True,
    ),
    ActionSpec(
        _ID.RESET_LAYOUT,
        _GROUP.WINDOW,
        "&Reset layout",
        ("Ctrl+Shift+L",),
        "Put every panel back where it was at first",
        "reset",
    ),
    ActionSpec(
        _ID.SHORTCUTS,
        _GROUP.WINDOW,
        "&Keyboard shortcuts",
        ("F1", "?"),
        "List every action and its keys",
        "keyboard",
    ),
    ActionSpec(
        _ID.ABOUT,
        _GROUP.WINDOW,
        "&About",
        (),
        "Version and licence",
        "peregrine",
    ),
    ActionSpec(
        _ID.SETTINGS,
        _GROUP.WINDOW,
        "&Settings…",
        ("Ctrl+,",),
        "Set what is opened, which engine runs, how it tracks and what is drawn",
        "settings",
    ),
    ActionSpec(
        _ID.QUIT,
        _GROUP.WINDOW,
        "&Quit",
        ("Ctrl+Q",),
        "Stop and close the console",
        "quit",
    ),
)


def make_actions(parent: QObject) -> dict[ActionId, QAction]:
    """Make the actions of a window, unchecked and enabled.

    Parameters
    ----------
    parent : QObject
        Owns them; where it is a widget, the caller adds them so that keys work
        while their menus are closed.
    """
    made = {}
    for spec in ACTIONS:
        action = QAction(spec.text, parent)
        action.setObjectName(spec.id.value)
        action.setShortcuts([QKeySequence(key) for key in spec.keys])
        action.setCheckable(spec.is_checkable)
        keys = f"  ({spec.shown_keys})" if spec.keys else ""
        action.setToolTip(f"{spec.tip}{keys}")
        if spec.icon:
            is_toggle = spec.group is ActionGroup.OVERLAY
            action.setIcon(toggle_icon(spec.icon) if is_toggle else icon(spec.icon))
        made[spec.id] = action
    return made
