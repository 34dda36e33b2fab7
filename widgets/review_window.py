"""A recorded session, looked at frame by frame, corrected and measured."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractButton,
    QMainWindow,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.errors import ConsoleError, WorkerStuckError
from app.overlay import OverlayOptions
from app.recording.corrections import Edit, EditKind
from app.review.clock import SPEEDS, Loop
from app.review.contents import Curve
from app.review.timescale import time_text
from widgets.export_dialog import ExportDialog
from widgets.message_bar import Message, MessageBar
from widgets.overrides import override
from widgets.review_actions import (
    ReviewAction,
    fill_review_menus,
    make_review_actions,
    review_key_lines,
)
from widgets.review_bridge import ReviewBridge
from widgets.review_events import ReviewEvents
from widgets.review_measure import ReviewMeasure
from widgets.review_scene import Chosen, ReviewScene
from widgets.review_timeline import ReviewTimeline
from widgets.review_tracks import ReviewTracks
from widgets.review_transport import TRAIL_S, ReviewTransport
from widgets.review_view import ReviewView, Tool
from widgets.review_zones import ReviewZones
from widgets.shortcuts_dialog import KeysDialog
from widgets.status_strip import count_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QCloseEvent

    from app.display import Picture
    from app.recording.zones import Point
    from app.review.analysis import Analysis
    from app.review.review import Review

log = logging.getLogger(__name__)

_SIZE_PX = (1360, 900)
_LEAP = 10
_REACH_PX = 14.0
"""How near to a track a click chooses it, in pixels of the desktop."""

_A = ReviewAction
_SHOWN = (
    _A.SHOW_MASK,
    _A.SHOW_OUTLINES,
    _A.SHOW_IDS,
    _A.SHOW_TRAILS,
    _A.SHOW_FUTURE,
    _A.SHOW_TELEMETRY,
    _A.SHOW_MOTION,
)
_BUTTONS = (
    _A.TO_START,
    _A.STEP_BACK,
    _A.SHUTTLE_BACK,
    _A.PLAY,
    _A.STEP_ON,
    _A.TO_END,
    _A.LOOP_TRACK,
)
_CORRECTIONS = (_A.SWAP, _A.MERGE, _A.SPLIT, _A.DELETE, _A.UNDO, _A.REDO)


class ReviewWindow(QMainWindow):
    """Plays a session, and lets the operator correct, zone and measure.

    Parameters
    ----------
    review : Review
        Started here, and stopped when the window is closed.
    """

    closed = Signal()

    def __init__(self, review: Review) -> None:
        super().__init__()
        self.setWindowTitle(f"{review.folder.name} - Review")
        self.resize(*_SIZE_PX)
        self._review = review
        self._chosen: list[int] = []
        self._shown_number = 0
        self._trail_s = TRAIL_S
        self.bridge = ReviewBridge(review)
        self.actions_by_id = make_review_actions(self)
        self.message_bar = MessageBar()
        self.view = ReviewView()
        self.timeline = ReviewTimeline()
        self.transport = ReviewTransport([self.actions_by_id[i] for i in _BUTTONS])
        self.tracks = ReviewTracks([self.actions_by_id[i] for i in _CORRECTIONS])
        self.zones = ReviewZones()
        self.measure = ReviewMeasure()
        self.events = ReviewEvents()
        self.tabs = QTabWidget()
        self._lay_out()
        fill_review_menus(self.menuBar(), self.actions_by_id)
        self.addActions(list(self.actions_by_id.values()))
        for id_ in _SHOWN:
            self.actions_by_id[id_].setChecked(True)
        self._connect()
        self._enable()
        self.view.show_note("Reading the session…")
        self.bridge.set_trail(self._trail_s)
        self.bridge.start()

    # --- what is chosen

    @property
    def chosen(self) -> tuple[int, ...]:
        """Ids of the chosen tracks: none, one or two."""
        return tuple(self._chosen)

    def choose(self, track_id: int, *, is_added: bool = False) -> None:
        """Choose a track, or a second one beside the first."""
        if not is_added or not self._chosen:
            self._show_chosen([track_id])
        elif track_id in self._chosen:
            self._show_chosen([each for each in self._chosen if each != track_id])
        else:
            self._show_chosen([self._chosen[0], track_id])

    def _show_chosen(self, ids: list[int]) -> None:
        if ids == self._chosen:
            return
        self._chosen = ids
        self.timeline.show_chosen(ids)
        self.tracks.show_chosen(ids)
        self._show_curves()
        self._show_scene()
        self._enable()

    # --- what is shown

    def _on_loaded(self, ratio: float) -> None:
        self.view.show_note(f"Reading the session… {ratio:.0%}")

    def _on_opened(self, analysis: Analysis) -> None:
        has_frames = len(analysis.contents.frames) > 0
        self.view.show_note("" if has_frames else "No frame was recorded.")
        manifest = analysis.contents.manifest
        self.setWindowTitle(f"{manifest.name} - Review")
        self.view.set_frame_size(manifest.width_px, manifest.height_px)
        self.events.show_analysis(analysis)

    def _on_analysis_changed(self, analysis: Analysis) -> None:
        self.timeline.show_analysis(analysis)
        self.tracks.show_analysis(analysis)
        self.zones.show_analysis(analysis)
        self.measure.show_ground(analysis.layers.ground)
        known = set(analysis.believed.ids.tolist())
        self._chosen = [each for each in self._chosen if each in known]
        self.timeline.show_chosen(self._chosen)
        self.tracks.show_chosen(self._chosen)
        self._show_curves()
        self._show_scene()
        self._show_position()
        self._enable()

    def _on_picture_taken(self, picture: Picture) -> None:
        self._shown_number = picture.frame_index
        self._show_scene()
        self.view.show_picture(picture)

    def _on_number_changed(self, number: int) -> None:
        analysis = self.bridge.analysis
        if analysis is not None and len(analysis.contents.frames):
            self.timeline.show_time(float(analysis.contents.frames.time_s[number]))
        self._show_position()

    def _on_rate_changed(self, rate: float) -> None:
        play = self.actions_by_id[_A.PLAY]
        self.transport.show_play_icon(play, is_playing=rate != 0)
        self.transport.show_speed(self.bridge.clock.speed)

    def _on_failed(self, fault: Exception) -> None:
        text = str(fault)
        if isinstance(fault, ConsoleError):
            text = f"{fault.message}\n{fault.hint}"
        else:
            log.error("review of %s failed", self._review.folder, exc_info=fault)
        self.view.show_note(f"This session cannot be reviewed:\n{text}".strip())
        self._enable()

    def _on_problem_found(self, problem: ConsoleError) -> None:
        self.message_bar.show_message(Message.of_problem(problem))

    def _show_position(self) -> None:
        analysis = self.bridge.analysis
        if analysis is None or not len(analysis.contents.frames):
            return
        frames, number = analysis.contents.frames, self.bridge.number
        text = (
            f"{time_text(float(frames.time_s[number]))}    frame {count_text(number)}"
            f" of {count_text(len(frames) - 1)}    source"
            f" {count_text(int(frames.source_index[number]))}"
        )
        if not analysis.is_inferred(number):
            text += "    not inferred"
        self.transport.show_position(text)

    def _show_scene(self) -> None:
        analysis = self.bridge.analysis
        if analysis is None or not len(analysis.contents.frames):
            return
        number = min(self._shown_number, len(analysis.contents.frames) - 1)
        chosen = []
        for track_id in self._chosen:
            place = analysis.position_at(track_id, number)
            if place is not None:
                chosen.append(Chosen(track_id, *place))
        shapes = [*self.zones.shapes(), *self.measure.shapes()]
        futures = self._futures(analysis, number)
        self.view.show_scene(ReviewScene(tuple(shapes), tuple(chosen), futures))

    def _futures(
        self, analysis: Analysis, number: int
    ) -> tuple[tuple[int, np.ndarray], ...]:
        if not self.actions_by_id[_A.SHOW_FUTURE].isChecked():
            return ()
        now_s = float(analysis.contents.frames.time_s[number])
        until_s = now_s + self._trail_s
        ways = [
            (track_id, analysis.way(track_id, now_s, until_s))
            for track_id in analysis.ids_between(now_s, until_s)
        ]
        return tuple((track_id, way) for track_id, way in ways if len(way) > 1)

    def _show_curves(self) -> None:
        analysis = self.bridge.analysis
        if analysis is None:
            return
        curves: list[Curve] = []
        if self._chosen and self.actions_by_id[_A.SHOW_MOTION].isChecked():
            time_s, motion, unit = analysis.motion(self._chosen[0])
            curves += [
                Curve("speed", f"{unit}/s", time_s, motion.speed),
                Curve("acceleration", f"{unit}/s²", time_s, motion.acceleration),
                Curve("heading", "°", time_s, motion.heading_deg),
            ]
        if self.actions_by_id[_A.SHOW_TELEMETRY].isChecked():
            curves += analysis.contents.telemetry
        self.timeline.show_curves(curves)

    def _show_options(self) -> None:
        is_on = {id_: self.actions_by_id[id_].isChecked() for id_ in _SHOWN}
        options = OverlayOptions(
            shows_mask=is_on[_A.SHOW_MASK],
            shows_outlines=is_on[_A.SHOW_OUTLINES],
            shows_ids=is_on[_A.SHOW_IDS],
            shows_trails=is_on[_A.SHOW_TRAILS],
        )
        self.bridge.set_options(options)
        self._show_curves()
        self._show_scene()

    def _enable(self) -> None:
        analysis = self.bridge.analysis
        count = len(self._chosen)
        actions = self.actions_by_id
        actions[_A.SWAP].setEnabled(count == 2)
        actions[_A.MERGE].setEnabled(count == 2)
        actions[_A.SPLIT].setEnabled(count == 1)
        actions[_A.DELETE].setEnabled(count > 0)
        actions[_A.LOOP_TRACK].setEnabled(count > 0)
        edits = analysis.layers.edits if analysis else ()
        undone = analysis.layers.undone if analysis else ()
        for id_, name, last in (
            (_A.UNDO, "Undo", edits[-1:]),
            (_A.REDO, "Redo", undone[-1:]),
        ):
            actions[id_].setEnabled(bool(last))
            actions[id_].setStatusTip(last[0].text() if last else "")
            tip = f"{name}: {last[0].text()}" if last else f"Nothing to {name.lower()}"
            actions[id_].setToolTip(tip)
        for id_ in (_A.DRAW_ZONE, _A.DRAW_LINE, _A.DISTANCE, _A.EXPORT):
            actions[id_].setEnabled(analysis is not None)
        self.tabs.setEnabled(analysis is not None)

    # --- what the operator did

    def _on_play(self) -> None:
        focused = self.focusWidget()
        # Whoever goes from button to button by Tab presses them with Space.
        if isinstance(focused, QAbstractButton) and focused.isEnabled():
            focused.click()
        else:
            self.bridge.toggle_play()

    def _on_faster(self, direction: int) -> None:
        at = SPEEDS.index(self.bridge.clock.speed) + direction
        if 0 <= at < len(SPEEDS):
            self.bridge.set_speed(SPEEDS[at])
            self.transport.show_speed(SPEEDS[at])

    def _on_event_wanted(self, direction: int) -> None:
        analysis = self.bridge.analysis
        if analysis is None or not len(analysis.contents.frames):
            return
        time_s = analysis.contents.frames.time_s
        numbers = sorted(
            {
                int(np.searchsorted(time_s, each + 1e-9, side="right")) - 1
                for each in self.events.times_s
            }
        )
        now = self.bridge.number
        ahead = [each for each in numbers if (each - now) * direction > 0]
        if ahead:
            self.bridge.seek(ahead[0] if direction > 0 else ahead[-1])

    def _on_loop_from(self) -> None:
        clock = self.bridge.clock
        self._repeat(lambda: clock.loop_from(clock.number))

    def _on_loop_to(self) -> None:
        clock = self.bridge.clock
        self._repeat(lambda: clock.loop_to(clock.number))

    def _on_no_loop(self) -> None:
        clock = self.bridge.clock
        self._repeat(lambda: clock.set_loop(None))

    def _on_loop_track(self) -> None:
        analysis = self.bridge.analysis
        if analysis is None or not self._chosen:
            return
        clock = self.bridge.clock
        numbers = analysis.believed.number[analysis.believed.rows_of(self._chosen[0])]
        if len(numbers):
            loop = Loop(int(numbers[0]), int(numbers[-1]))
            self._repeat(lambda: clock.set_loop(loop))
            self.bridge.seek(int(numbers[0]))

    def _repeat(self, change: Callable[[], None]) -> None:
        """Change what is repeated, and show it."""
        change()
        analysis, loop = self.bridge.analysis, self.bridge.clock.loop
        if analysis is None or loop is None or not len(analysis.contents.frames):
            self.timeline.show_loop(None)
            return
        time_s = analysis.contents.frames.time_s
        self.timeline.show_loop((float(time_s[loop.first]), float(time_s[loop.last])))

    def _on_point_clicked(self, x_px: float, y_px: float, is_added: bool) -> None:
        analysis, view = self.bridge.analysis, self.view.view
        if analysis is None or view is None:
            return
        reach_px = _REACH_PX * view.device_pixel_ratio / view.scale
        number = self._shown_number
        track_id = analysis.track_near(number, x_px, y_px, reach_px)
        if track_id is not None:
            self.choose(track_id, is_added=is_added)
        elif not is_added:
            self._show_chosen([])

    def _on_drawn(self, tool: Tool, points: tuple[Point, ...]) -> None:
        if tool in (Tool.ZONE, Tool.LINE):
            self.zones.add(tool, points)
            self.tabs.setCurrentWidget(self.zones)
        else:
            self.measure.take(tool, points)
            self.tabs.setCurrentWidget(self.measure)
        self._show_scene()

    def _on_escape(self) -> None:
        if self.message_bar.message is not None:
            self.message_bar.clear()
        elif not self.view.give_up():
            self._show_chosen([])

    def _correct(self, kind: EditKind) -> None:
        analysis = self.bridge.analysis
        if analysis is None or not self._chosen:
            return
        number = self.bridge.number
        first, *others = self._chosen
        if kind is EditKind.DELETE:
            for track_id in self._chosen:
                self._review.correct(Edit(kind, track_id))
        elif kind is EditKind.SPLIT:
            self._review.correct(Edit(kind, first, analysis.free_id(), number))
        elif others:
            from_number = number if kind is EditKind.SWAP else 0
            self._review.correct(Edit(kind, first, others[0], from_number))

    def _on_track_opened(self, track_id: int) -> None:
        analysis = self.bridge.analysis
        if analysis is not None:
            own = analysis.believed.rows_of(track_id)
            if own.stop > own.start:
                self.bridge.seek(int(analysis.believed.number[own.start]))

    def _on_moment_chosen(self, time_s: float, track_id: int) -> None:
        self.bridge.seek_time(time_s)
        self.choose(track_id)

    def _on_trail_chosen(self, length_s: float) -> None:
        self._trail_s = length_s
        self.bridge.set_trail(length_s)
        self._show_scene()

    def _on_export(self) -> None:
        dialog = ExportDialog(self._review.folder, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()

    def _on_keys(self) -> None:
        KeysDialog(review_key_lines(), self).open()

    @override
    def closeEvent(self, event: QCloseEvent) -> None:
        for dialog in self.findChildren(ExportDialog):
            dialog.close()
        try:
            self.bridge.close()
        except WorkerStuckError as error:
            log.warning("%s %s", error, error.hint)
        self.closed.emit()
        super().closeEvent(event)

    # --- making it

    def _lay_out(self) -> None:
        picture = QWidget()
        column = QVBoxLayout(picture)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.message_bar)
        column.addWidget(self.view, 1)
        column.addWidget(self.transport)
        left = QSplitter(Qt.Orientation.Vertical)
        left.addWidget(picture)
        left.addWidget(self.timeline)
        left.setSizes([520, 360])
        left.setStretchFactor(0, 1)
        self.tabs.addTab(self.tracks, "Tracks")
        self.tabs.addTab(self.zones, "Zones")
        self.tabs.addTab(self.measure, "Measure")
        self.tabs.addTab(self.events, "Events")
        self.tabs.setDocumentMode(True)
        whole = QSplitter(Qt.Orientation.Horizontal)
        whole.addWidget(left)
        whole.addWidget(self.tabs)
        whole.setSizes([880, 480])
        whole.setStretchFactor(0, 1)
        for splitter in (left, whole):
            splitter.setChildrenCollapsible(False)
        self.setCentralWidget(whole)
        # A click on a button leaves the keys with the picture.
        for button in self.findChildren(QAbstractButton):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def _connect(self) -> None:
        bridge, review = self.bridge, self._review
        for id_, slot in {
            _A.EXPORT: self._on_export,
            _A.CLOSE: self.close,
            _A.PLAY: self._on_play,
            _A.SHUTTLE_BACK: lambda: bridge.shuttle(-1),
            _A.STAND: bridge.pause,
            _A.SHUTTLE_ON: lambda: bridge.shuttle(1),
            _A.STEP_ON: lambda: bridge.step(1),
            _A.STEP_BACK: lambda: bridge.step(-1),
            _A.LEAP_ON: lambda: bridge.step(_LEAP),
            _A.LEAP_BACK: lambda: bridge.step(-_LEAP),
            _A.TO_START: lambda: bridge.seek(0),
            _A.TO_END: lambda: bridge.seek(1 << 62),
            _A.NEXT_EVENT: lambda: self._on_event_wanted(1),
            _A.LAST_EVENT: lambda: self._on_event_wanted(-1),
            _A.SLOWER: lambda: self._on_faster(-1),
            _A.FASTER: lambda: self._on_faster(1),
            _A.LOOP_FROM: self._on_loop_from,
            _A.LOOP_TO: self._on_loop_to,
            _A.NO_LOOP: self._on_no_loop,
            _A.LOOP_TRACK: self._on_loop_track,
            _A.SWAP: lambda: self._correct(EditKind.SWAP),
            _A.MERGE: lambda: self._correct(EditKind.MERGE),
            _A.SPLIT: lambda: self._correct(EditKind.SPLIT),
            _A.DELETE: lambda: self._correct(EditKind.DELETE),
            _A.UNDO: review.undo,
            _A.REDO: review.redo,
            _A.CHOOSE_NONE: self._on_escape,
            _A.DRAW_ZONE: lambda: self.view.use(Tool.ZONE),
            _A.DRAW_LINE: lambda: self.view.use(Tool.LINE),
            _A.DISTANCE: lambda: self.view.use(Tool.DISTANCE),
            _A.WHOLE_TIME: self.timeline.zoom_all,
            _A.KEYS: self._on_keys,
            **dict.fromkeys(_SHOWN, self._show_options),
        }.items():
            self.actions_by_id[id_].triggered.connect(slot)
        bridge.picture_taken.connect(self._on_picture_taken)
        bridge.number_changed.connect(self._on_number_changed)
        bridge.rate_changed.connect(self._on_rate_changed)
        bridge.loaded.connect(self._on_loaded)
        bridge.opened.connect(self._on_opened)
        bridge.analysis_changed.connect(self._on_analysis_changed)
        bridge.picture_problem_changed.connect(self.view.show_note)
        bridge.problem_found.connect(self._on_problem_found)
        bridge.failed.connect(self._on_failed)
        self.view.view_changed.connect(bridge.set_view)
        self.view.point_clicked.connect(self._on_point_clicked)
        self.view.drawn.connect(self._on_drawn)
        self.view.point_moved.connect(self.zones.move_point)
        self.view.point_left.connect(self.zones.keep_points)
        self.timeline.sought.connect(bridge.seek_time)
        self.timeline.track_clicked.connect(self._on_track_chosen)
        self.transport.speed_chosen.connect(bridge.set_speed)
        self.transport.trail_chosen.connect(self._on_trail_chosen)
        self.tracks.track_chosen.connect(self._on_track_chosen)
        self.tracks.track_opened.connect(self._on_track_opened)
        self.zones.tool_wanted.connect(self.view.use)
        self.zones.plan_changed.connect(review.set_plan)
        self.zones.moment_chosen.connect(self._on_moment_chosen)
        self.zones.choice_changed.connect(self._show_scene)
        self.measure.tool_wanted.connect(self.view.use)
        self.measure.ground_changed.connect(review.set_ground)
        self.events.moment_chosen.connect(bridge.seek_time)

    def _on_track_chosen(self, track_id: int, is_added: bool) -> None:
        self.choose(track_id, is_added=is_added)
