"""The review of a session, driven by mouse and keys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication

from app.recording.corrections import Corrections, Edit, EditKind
from app.recording.exports.formats import ExportFormat
from app.recording.ground import load_ground
from app.recording.zones import load_zones
from app.review.review import Review
from tests.app.review.sessions import record
from widgets.export_dialog import ExportDialog
from widgets.review_actions import ReviewAction
from widgets.review_measure import GroundDialog
from widgets.review_view import Tool
from widgets.review_window import ReviewWindow
from widgets.shortcuts_dialog import KeysDialog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from app.review.analysis import Analysis

FRAMES = 100
CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
LEFT = Qt.MouseButton.LeftButton
WAYS = {
    1: lambda at: (at * 0.6, 10.0),
    2: lambda at: (60.0 - at * 0.6, 30.0),
    7: lambda at: (5.0, 40.0) if 20 <= at < 40 else None,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return record(tmp_path, WAYS, FRAMES, missing=(50, 51))


@pytest.fixture
def open_window(qtbot: QtBot) -> Iterator[Callable[[Path], ReviewWindow]]:
    made: list[ReviewWindow] = []

    def open_it(folder: Path) -> ReviewWindow:
        window = ReviewWindow(Review(folder))
        qtbot.addWidget(window)
        made.append(window)
        window.show()
        qtbot.waitActive(window)
        qtbot.waitUntil(lambda: not window.view.note.startswith("Reading"))
        return window

    yield open_it
    for window in made:
        window.close()


@pytest.fixture
def window(
    open_window: Callable[[Path], ReviewWindow], folder: Path, qtbot: QtBot
) -> ReviewWindow:
    opened = open_window(folder)
    _wait_shown(opened, qtbot, 0)
    opened.view.setFocus()
    return opened


def _wait_shown(window: ReviewWindow, qtbot: QtBot, number: int) -> None:
    """Until the picture of a frame is on the screen."""
    qtbot.waitUntil(
        lambda: (
            window.view.picture is not None
            and window.view.picture.frame_index == number
            and window.bridge.number == number
        )
    )


def _press(
    window: ReviewWindow, qtbot: QtBot, *keys: Qt.Key, **options: object
) -> None:
    for key in keys:
        qtbot.keyClick(window.view, key, **options)


def _click(
    window: ReviewWindow,
    qtbot: QtBot,
    x_px: float,
    y_px: float,
    modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
) -> None:
    """Click a point of the frame."""
    at = window.view._place(x_px, y_px).toPoint()
    qtbot.mouseClick(window.view, LEFT, modifier, at)


def _after(window: ReviewWindow, qtbot: QtBot, act: Callable[[], None]) -> Analysis:
    """What is found once something is done."""
    before = window.bridge.analysis
    act()
    qtbot.waitUntil(lambda: window.bridge.analysis is not before)
    assert window.bridge.analysis is not None
    return window.bridge.analysis


# --- playing


def test_keys_step_exactly(window: ReviewWindow, qtbot: QtBot) -> None:
    _press(window, qtbot, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Period)
    _wait_shown(window, qtbot, 3)
    _press(window, qtbot, Qt.Key.Key_Left, Qt.Key.Key_Comma)
    _wait_shown(window, qtbot, 1)
    _press(window, qtbot, Qt.Key.Key_Right, modifier=SHIFT)
    _wait_shown(window, qtbot, 11)
    _press(window, qtbot, Qt.Key.Key_End)
    _wait_shown(window, qtbot, 97)
    _press(window, qtbot, Qt.Key.Key_Left, modifier=SHIFT)
    _wait_shown(window, qtbot, 87)
    assert "frame 87 of 97" in window.transport.position_text
    assert "source 89" in window.transport.position_text
    _press(window, qtbot, Qt.Key.Key_Home)
    _wait_shown(window, qtbot, 0)


def test_the_picture_is_the_frame_that_was_asked_for(
    window: ReviewWindow, qtbot: QtBot
) -> None:
    for id_ in (ReviewAction.SHOW_IDS, ReviewAction.SHOW_TRAILS):
        window.actions_by_id[id_].trigger()
    first = window.view.picture
    assert first is not None
    window.bridge.seek(60)
    _wait_shown(window, qtbot, 60)

    assert window.view.picture is not None
    assert not np.array_equal(first.image, window.view.picture.image)


def test_space_plays_and_stands(window: ReviewWindow, qtbot: QtBot) -> None:
    _press(window, qtbot, Qt.Key.Key_Space)
    is_playing = window.bridge.clock.rate
    qtbot.waitUntil(lambda: window.bridge.number > 3)
    _press(window, qtbot, Qt.Key.Key_Space)

    assert is_playing == 1.0
    assert window.bridge.clock.rate == 0
    assert window.actions_by_id[ReviewAction.PLAY].text() == "Play"


def test_j_k_l_shuttle(window: ReviewWindow, qtbot: QtBot) -> None:
    window.bridge.seek(50)
    _press(window, qtbot, Qt.Key.Key_L, Qt.Key.Key_L)
    on = window.bridge.clock.rate
    _press(window, qtbot, Qt.Key.Key_J)
    back = window.bridge.clock.rate
    _press(window, qtbot, Qt.Key.Key_K)

    assert (on, back, window.bridge.clock.rate) == (2.0, -2.0, 0.0)
    assert window.transport.speed == 2.0


def test_speed_goes_down_to_a_hundredth_and_up_to_four(
    window: ReviewWindow, qtbot: QtBot
) -> None:
    _press(window, qtbot, *[Qt.Key.Key_BracketLeft] * 20)
    slowest = window.transport.speed
    _press(window, qtbot, *[Qt.Key.Key_BracketRight] * 20)

    assert slowest == 0.01
    assert window.transport.speed == 4.0


def test_i_and_o_make_a_loop(window: ReviewWindow, qtbot: QtBot) -> None:
    window.bridge.seek(30)
    _press(window, qtbot, Qt.Key.Key_I)
    window.bridge.seek(40)
    _press(window, qtbot, Qt.Key.Key_O, Qt.Key.Key_Space)
    seen: list[int] = []
    window.bridge.number_changed.connect(seen.append)
    qtbot.waitUntil(lambda: len(seen) > 12)
    _press(window, qtbot, Qt.Key.Key_Space)

    assert window.bridge.clock.loop == (30, 40)
    assert all(30 <= number <= 40 for number in seen)
    assert window.bridge.clock.rate == 0
    _press(window, qtbot, Qt.Key.Key_O, modifier=SHIFT)
    assert window.bridge.clock.loop is None


def test_page_keys_go_from_event_to_event(window: ReviewWindow, qtbot: QtBot) -> None:
    _press(window, qtbot, Qt.Key.Key_PageDown)

    # The gap after the fiftieth frame; before it there is the start alone.
    assert window.bridge.number == 49
    _press(window, qtbot, Qt.Key.Key_PageUp)
    assert window.bridge.number == 0


def test_a_button_reached_by_tab_is_pressed_by_space(
    window: ReviewWindow, qtbot: QtBot
) -> None:
    window.bridge.seek(20)
    buttons = [
        each
        for each in window.transport.findChildren(type(window.transport.children()[1]))
        if hasattr(each, "defaultAction")
        and each.defaultAction() is window.actions_by_id[ReviewAction.TO_START]
    ]
    buttons[0].setFocus(Qt.FocusReason.TabFocusReason)

    qtbot.keyClick(buttons[0], Qt.Key.Key_Space)

    assert window.bridge.number == 0
    assert window.bridge.clock.rate == 0


# --- the timeline


def test_a_click_on_the_timeline_goes_there_and_a_drag_searches(
    window: ReviewWindow, qtbot: QtBot
) -> None:
    timeline = window.timeline
    time_s = window.bridge.analysis.contents.frames.time_s

    def at(number: int) -> QPoint:
        return QPoint(round(timeline.x_of(time_s[number])) + 1, 10)

    qtbot.mouseClick(timeline, LEFT, pos=at(40))
    clicked = window.bridge.number
    qtbot.mousePress(timeline, LEFT, pos=at(10))
    qtbot.mouseMove(timeline, at(70))
    dragged = window.bridge.number
    qtbot.mouseRelease(timeline, LEFT, pos=at(70))

    assert (clicked, dragged) == (40, 70)
    _wait_shown(window, qtbot, 70)


def test_a_click_on_a_lane_chooses_its_track(
    window: ReviewWindow, qtbot: QtBot
) -> None:
    timeline = window.timeline
    window.actions_by_id[ReviewAction.SHOW_MOTION].trigger()
    assert timeline.lanes == (1, 2, 7)

    def lane(track_id: int) -> QPoint:
        return QPoint(20, round(timeline.y_of_lane(track_id)))

    qtbot.mouseClick(timeline, LEFT, pos=lane(2))
    one = window.chosen
    qtbot.mouseClick(timeline, LEFT, CONTROL, lane(7))
    two = window.chosen
    qtbot.mouseClick(timeline, LEFT, CONTROL, lane(7))

    assert (one, two, window.chosen) == ((2,), (2, 7), (2,))
    assert window.bridge.number == 0
    assert window.tracks.table.chosen == [1]


def test_the_mouse_over_the_timeline_tells_track_time_and_gap(
    window: ReviewWindow,
) -> None:
    timeline = window.timeline
    time_s = window.bridge.analysis.contents.frames.time_s
    x = timeline.x_of(float(time_s[30])) + 1

    on_lane = timeline.text_at(x, timeline.y_of_lane(7))
    late = timeline.text_at(timeline.x_of(float(time_s[80])), timeline.y_of_lane(7))
    on_gap = timeline.text_at(timeline.x_of(float(time_s[49])) + 2, 30)

    assert on_lane.startswith("track 7, seen")
    assert "frame 30" in on_lane
    assert late.startswith("track 7, not there")
    assert "2 frames are missing" in on_gap


def test_the_chosen_tracks_motion_is_on_the_same_axis(
    window: ReviewWindow,
) -> None:
    window.choose(1)

    curves = {curve.name: curve for curve in window.timeline._curves}
    assert list(curves)[:3] == ["speed", "acceleration", "heading"]
    assert np.nanmedian(curves["speed"].values) == pytest.approx(72.0, rel=0.03)
    assert curves["speed"].unit == "px/s"


# --- choosing and correcting


def test_clicks_on_the_picture_choose_tracks(
    window: ReviewWindow, qtbot: QtBot
) -> None:
    window.bridge.seek(25)
    _wait_shown(window, qtbot, 25)

    _click(window, qtbot, 15.0, 10.0)
    one = window.chosen
    _click(window, qtbot, 45.0, 30.0, CONTROL)
    two = window.chosen
    _click(window, qtbot, 32.0, 45.0)

    assert (one, two, window.chosen) == ((1,), (1, 2), ())


def test_corrections_by_keys_are_seen_stored_and_undone(
    window: ReviewWindow, qtbot: QtBot, folder: Path
) -> None:
    window.bridge.seek(25)
    _wait_shown(window, qtbot, 25)
    _click(window, qtbot, 15.0, 10.0)
    _click(window, qtbot, 45.0, 30.0, CONTROL)

    swapped = _after(window, qtbot, lambda: _press(window, qtbot, Qt.Key.Key_S))
    assert swapped.position_at(2, 25) == pytest.approx((15.0, 10.0))
    assert swapped.position_at(2, 24) == pytest.approx((45.6, 30.0))
    merged = _after(window, qtbot, lambda: _press(window, qtbot, Qt.Key.Key_M))
    assert window.timeline.lanes == (1, 7)
    assert [row[0] for row in window.tracks.table.texts] == ["1", "7"]
    assert merged.layers.edits[-1] == Edit(EditKind.MERGE, 1, 2)
    undone = _after(
        window, qtbot, lambda: _press(window, qtbot, Qt.Key.Key_Z, modifier=CONTROL)
    )
    assert [edit.kind for edit in undone.layers.edits] == [EditKind.SWAP]
    redo = CONTROL | SHIFT
    _after(window, qtbot, lambda: _press(window, qtbot, Qt.Key.Key_Z, modifier=redo))
    assert len(Corrections(folder).edits) == 2


def test_a_track_is_split_and_deleted(window: ReviewWindow, qtbot: QtBot) -> None:
    window.choose(1)
    window.bridge.seek(60)

    split = _after(window, qtbot, lambda: _press(window, qtbot, Qt.Key.Key_C))
    window.choose(8)
    deleted = _after(window, qtbot, lambda: _press(window, qtbot, Qt.Key.Key_Delete))

    assert split.seen.ids.tolist() == [1, 2, 7, 8]
    assert split.position_at(8, 59) is None
    assert deleted.seen.ids.tolist() == [1, 2, 7]
    assert window.chosen == ()
    assert "delete 8" in window.actions_by_id[ReviewAction.UNDO].toolTip()


def test_only_what_can_be_done_is_offered(window: ReviewWindow) -> None:
    def offered() -> set[str]:
        return {
            id_.value
            for id_ in (
                ReviewAction.SWAP,
                ReviewAction.MERGE,
                ReviewAction.SPLIT,
                ReviewAction.DELETE,
                ReviewAction.UNDO,
                ReviewAction.REDO,
            )
            if window.actions_by_id[id_].isEnabled()
        }

    none = offered()
    window.choose(1)
    one = offered()
    window.choose(2, is_added=True)

    assert none == set()
    assert one == {"split", "delete"}
    assert offered() == {"swap", "merge", "delete"}


# --- zones and measures


def test_a_zone_and_a_line_are_drawn_counted_and_kept(
    window: ReviewWindow, qtbot: QtBot, folder: Path
) -> None:
    def draw_zone() -> None:
        _press(window, qtbot, Qt.Key.Key_Z)
        for corner in ((20, 2), (40, 2), (40, 20), (30, 30), (20, 20)):
            _click(window, qtbot, *corner)
        _press(window, qtbot, Qt.Key.Key_Backspace, Qt.Key.Key_Backspace)
        _click(window, qtbot, 20, 20)
        _press(window, qtbot, Qt.Key.Key_Return)

    def draw_line() -> None:
        _press(window, qtbot, Qt.Key.Key_X)
        _click(window, qtbot, 30, 46)
        _click(window, qtbot, 30, 2)

    _after(window, qtbot, draw_zone)
    _after(window, qtbot, draw_line)

    plan = load_zones(folder)
    assert [len(zone.corners_px) for zone in plan.zones] == [4]
    assert plan.lines[0].start_px == pytest.approx((30, 46), abs=0.5)
    assert window.zones.texts == ["zone 1", "line 1"]
    tracks, dwell = window.zones.count_text("zone 1").split(", ")
    # 20 px at 72 px a second.
    assert tracks == "1 track"
    assert float(dwell.removesuffix(" s")) == pytest.approx(0.28, abs=0.02)
    assert window.zones.count_text("line 1") == "1 with the arrow, 1 against"
    assert len(window.zones.table.texts) == 3
    assert window.view.tool is Tool.CHOOSE
    window.zones._list.setCurrentRow(0)
    after = _after(window, qtbot, window.zones._delete.click)
    assert (after.layers.plan.zones, len(after.crossings)) == ((), 2)


def test_a_corner_is_dragged_and_kept(window: ReviewWindow, qtbot: QtBot) -> None:
    corners = ((10.0, 10.0), (40.0, 10.0), (40.0, 40.0))
    _after(window, qtbot, lambda: window.zones.add(Tool.ZONE, corners))
    view = window.view

    def drag() -> None:
        start = view._place(40.0, 40.0).toPoint()
        end = view._place(50.0, 30.0).toPoint()
        qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=start)
        qtbot.mouseMove(view, end)
        qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=end)

    analysis = _after(window, qtbot, drag)

    [zone] = analysis.layers.plan.zones
    assert zone.corners_px[:2] == corners[:2]
    assert zone.corners_px[2] == pytest.approx((50.0, 30.0), abs=0.5)
    assert load_zones(window._review.folder).zones == (zone,)


def test_choosing_a_crossing_goes_there(window: ReviewWindow, qtbot: QtBot) -> None:
    _after(
        window,
        qtbot,
        lambda: window.zones.add(Tool.LINE, ((30.0, 46.0), (30.0, 2.0))),
    )

    window.zones.table.selectRow(0)

    crossing = window.bridge.analysis.crossings[0]
    assert window.bridge.number == crossing.number
    assert window.chosen == (crossing.track_id,)


def test_escape_gives_up_drawing_then_the_choice(
    window: ReviewWindow, qtbot: QtBot
) -> None:
    window.choose(1)
    _press(window, qtbot, Qt.Key.Key_Z)
    _click(window, qtbot, 20, 2)

    _press(window, qtbot, Qt.Key.Key_Escape)
    tool, chosen = window.view.tool, window.chosen
    _press(window, qtbot, Qt.Key.Key_Escape)

    assert (tool, chosen) == (Tool.CHOOSE, (1,))
    assert window.chosen == ()
    assert window.zones.texts == []


def test_a_known_length_turns_pixels_into_metres(
    window: ReviewWindow, qtbot: QtBot, folder: Path
) -> None:
    window.tabs.setCurrentWidget(window.measure)
    window.measure._scale.click()
    _click(window, qtbot, 10, 10)
    _click(window, qtbot, 50, 10)
    dialog = window.measure.findChild(GroundDialog)
    dialog.fields[0].setValue(0.0)
    is_refused = not dialog._buttons.buttons()[0].isEnabled()
    dialog.fields[0].setValue(4.0)

    measured = _after(window, qtbot, dialog._on_accepted)
    window.measure._measure.click()
    _click(window, qtbot, 0, 40)
    _click(window, qtbot, 20, 40)

    assert is_refused
    ground = load_ground(folder)
    assert ground is not None
    assert ground.distance_m((0, 0), (10, 0)) == pytest.approx(1.0, rel=0.02)
    assert measured.unit == "m"
    assert measured.statistics[0].mean_speed == pytest.approx(7.2, rel=0.03)
    assert re.fullmatch(r"Distance: (1\.9|2\.0)\d+ m", window.measure.distance_text)
    after = _after(window, qtbot, window.measure._remove.click)
    assert after.unit == "px"
    assert window.measure.distance_text.endswith("px")


def test_four_points_of_the_ground_are_asked_for(
    window: ReviewWindow, qtbot: QtBot, folder: Path
) -> None:
    window.view.use(Tool.PLANE)
    for corner in ((10, 10), (50, 10), (60, 40), (5, 40)):
        _click(window, qtbot, *corner)
    dialog = window.measure.findChild(GroundDialog)
    for field, value in zip(dialog.fields, (0, 0, 9, 0, 9, 18, 0, 18), strict=True):
        field.setValue(value)

    measured = _after(window, qtbot, dialog._on_accepted)

    ground = measured.layers.ground
    assert ground is not None
    assert ground.points_m == ((0, 0), (9, 0), (9, 18), (0, 18))
    assert load_ground(folder) == ground


# --- what is wrong with a session


def test_a_missing_video_is_told_and_the_tracks_stay(
    open_window: Callable[[Path], ReviewWindow], folder: Path, qtbot: QtBot
) -> None:
    (folder / "video_000.mp4").unlink()
    window = open_window(folder)
    _wait_shown(window, qtbot, 0)
    qtbot.waitUntil(lambda: "video_000.mp4" in window.view.note)

    assert window.timeline.lanes == (1, 2, 7)
    assert len(window.tracks.table.texts) == 3


def test_what_cannot_be_read_is_told_in_the_pictures_place(
    open_window: Callable[[Path], ReviewWindow], folder: Path
) -> None:
    (folder / "session.db").write_bytes(b"nothing")

    window = open_window(folder)

    assert "cannot be reviewed" in window.view.note
    assert not window.tabs.isEnabled()
    window.bridge.step(1)
    window.choose(1)


def test_corrections_that_cannot_be_read_are_told(
    open_window: Callable[[Path], ReviewWindow], folder: Path, qtbot: QtBot
) -> None:
    (folder / "corrections.json").write_text("nonsense")

    window = open_window(folder)
    qtbot.waitUntil(lambda: window.message_bar.message is not None)

    assert "corrections.json cannot be read" in window.message_bar.message.text
    assert window.message_bar.message.hint


def test_a_session_without_tracks_is_played(
    open_window: Callable[[Path], ReviewWindow], tmp_path: Path, qtbot: QtBot
) -> None:
    window = open_window(record(tmp_path, {}, 5, name="empty"))
    _wait_shown(window, qtbot, 0)
    window.view.setFocus()

    _press(window, qtbot, Qt.Key.Key_End)
    _wait_shown(window, qtbot, 4)

    assert window.timeline.lanes == ()
    assert window.tracks.table.texts == []
    window.view.zoom_in()
    window.timeline.zoom(3)


# --- out


def test_an_export_runs_beside_the_window(
    window: ReviewWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window.actions_by_id[ReviewAction.EXPORT].trigger()
    dialog = window.findChild(ExportDialog)
    dialog.choose(ExportFormat.PNG, tmp_path / "out")

    qtbot.mouseClick(dialog._start, LEFT)
    qtbot.waitUntil(lambda: dialog._job is None, timeout=50_000)

    assert dialog.state_text == "Written: frames"
    assert len(list((tmp_path / "out" / "frames").iterdir())) == 98
    dialog.close()


def test_an_export_is_given_up(
    window: ReviewWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window.actions_by_id[ReviewAction.EXPORT].trigger()
    dialog = window.findChild(ExportDialog)
    dialog.choose(ExportFormat.PNG, tmp_path / "out")

    qtbot.mouseClick(dialog._start, LEFT)
    qtbot.mouseClick(dialog._cancel, LEFT)
    qtbot.waitUntil(lambda: dialog._job is None, timeout=50_000)

    assert dialog.state_text.startswith("Given up")
    assert list((tmp_path / "out").iterdir()) == []
    dialog.close()


def test_figures_are_copied(window: ReviewWindow, qtbot: QtBot) -> None:
    qtbot.mouseClick(window.tracks._copy, LEFT)

    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0].split("\t")[:2] == ["Track", "From s"]
    assert [line.split("\t")[0] for line in lines[1:]] == ["1", "2", "7"]


def test_the_list_of_keys_names_each_once(window: ReviewWindow) -> None:
    window.actions_by_id[ReviewAction.KEYS].trigger()
    dialog = window.findChild(KeysDialog)

    assert dialog.isVisible()
    dialog.close()
    keys = [
        key.toString()
        for action in window.actions_by_id.values()
        for key in action.shortcuts()
    ]
    assert len(keys) == len(set(keys))
