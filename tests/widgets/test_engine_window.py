"""The engines window on a converter that is a few lines of Python."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QAbstractButton, QInputDialog, QLabel

from app.bench_store import BenchStore
from app.build_order import BuildOrder
from app.build_queue import BuildQueue
from app.build_times import BuildTimes
from app.conversion_job import ConversionState
from app.engine_choice import EngineChoice
from app.engine_store import EngineStore
from app.engine_trial import EngineFigures, TrialPhase, TrialStatus
from app.errors import ConsoleError
from app.hardware.memory_guard import MemoryOutlook
from engines.base import Precision
from engines.convert.meaning import Meaning, Pixels
from engines.convert.nvidia_parameters import NvidiaParameters
from engines.convert.request import Target
from engines.manifest import Activation, Colour
from tests.app.test_build_queue import _CONVERTER
from tests.app.test_engine_store import _make
from tests.fakes.benches import DOCUMENT
from widgets.bench_desk import BenchDesk
from widgets.engine_desk import EngineDesk
from widgets.engine_jobs import EngineJobs
from widgets.engine_window import EnginePanels, EngineWindow
from widgets.message_bar import Remedy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot

    from app.engine_store import StoredEngine

_PATIENCE_MS = 20_000


@pytest.fixture
def store(tmp_path: Path) -> EngineStore:
    return EngineStore(tmp_path / "engines")


@pytest.fixture
def desk(store: EngineStore, tmp_path: Path) -> Iterator[EngineDesk]:
    code = tmp_path / "converter.py"
    code.write_text(_CONVERTER)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} {code} "$@"\n')
    python.chmod(0o755)
    desk = EngineDesk(store, BuildQueue(python, BuildTimes(tmp_path / "times.json")))
    yield desk
    desk.close()


@pytest.fixture
def benches(desk: EngineDesk, tmp_path: Path) -> Iterator[BenchDesk]:
    benches = BenchDesk(BenchStore(tmp_path / "benches"), desk.edits)
    yield benches
    benches.close()


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[EngineJobs]:
    jobs = EngineJobs(tmp_path / "python")
    yield jobs
    jobs.close()


@pytest.fixture
def window(
    desk: EngineDesk, jobs: EngineJobs, benches: BenchDesk, qtbot: QtBot
) -> EngineWindow:
    window = EngineWindow(desk, jobs, benches, EnginePanels())
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()
    qtbot.waitUntil(lambda: _names(window) == ["bundled"])
    return window


def _wait_for(qtbot: QtBot, window: EngineWindow, *names: str) -> None:
    qtbot.waitUntil(lambda: _names(window) == list(names), timeout=_PATIENCE_MS)


def _names(window: EngineWindow) -> list[str]:
    cells = (window.table.item(row, 0) for row in range(window.table.rowCount()))
    names = [cell.text() for cell in cells if cell is not None]
    # The larger networks that come with the console are not the matter here.
    return [name for name in names if not name.startswith("bundled ")]


def _engine(window: EngineWindow) -> StoredEngine:
    assert window.table.chosen is not None
    return window.table.chosen


def _states(window: EngineWindow) -> list[ConversionState | None]:
    boxes = window.builds._boxes.values()
    return [box.build.status.state if box.build.status else None for box in boxes]


def _fill(window: EngineWindow, tmp_path: Path, name: str) -> None:
    model = tmp_path / "net.keras"
    model.touch()
    form = window.form
    form.show_model(model)
    form.target.setCurrentIndex(form.target.findData(Target.ONNX))
    form.name.setText(name)


def test_a_network_is_built_by_the_button(
    window: EngineWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    _fill(window, tmp_path, "mine")

    qtbot.mouseClick(window.form.build, Qt.MouseButton.LeftButton)

    assert window.tabs.currentWidget() is window.builds
    qtbot.waitUntil(
        lambda: _states(window) == [ConversionState.DONE], timeout=_PATIENCE_MS
    )
    assert "built" in (window.message_bar.message or "").text  # type: ignore[union-attr]


def test_a_build_is_cancelled_and_built_again(
    window: EngineWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    _fill(window, tmp_path, "slow")
    window.form.submit()
    [box] = window.builds._boxes.values()

    qtbot.mouseClick(box.cancel, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(
        lambda: _states(window) == [ConversionState.CANCELLED], timeout=_PATIENCE_MS
    )
    assert box.again.isVisible()
    qtbot.mouseClick(box.again, Qt.MouseButton.LeftButton)

    assert _states(window) == [ConversionState.RUNNING]


def test_a_failed_build_says_why(
    window: EngineWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    _fill(window, tmp_path, "bad")

    window.form.submit()

    qtbot.waitUntil(
        lambda: _states(window) == [ConversionState.FAILED], timeout=_PATIENCE_MS
    )
    message = window.message_bar.message
    assert message is not None
    assert "too odd" in message.text.lower()


def test_a_failed_build_offers_the_next_thing_to_try(
    window: EngineWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    _fill(window, tmp_path, "bad")
    window.form.submit()
    qtbot.waitUntil(
        lambda: _states(window) == [ConversionState.FAILED], timeout=_PATIENCE_MS
    )
    box = window.builds.boxes[-1]
    assert box is not None
    window.form.name.clear()

    assert box.next.text() == "Give the size…"
    qtbot.mouseClick(box.next, Qt.MouseButton.LeftButton)

    assert window.form.name.text() == "bad"
    assert window.form.focusWidget() is window.form.input_size


def test_the_log_of_a_build_is_shown(
    window: EngineWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    _fill(window, tmp_path, "bad")
    window.form.submit()
    qtbot.waitUntil(
        lambda: _states(window) == [ConversionState.FAILED], timeout=_PATIENCE_MS
    )
    box = window.builds.boxes[-1]
    assert box is not None

    qtbot.mouseClick(box.log, Qt.MouseButton.LeftButton)

    assert window.tabs.currentWidget() is window.log
    assert "too odd" in window.log.toPlainText()


def test_each_step_shows_how_long_it_took_and_takes(
    window: EngineWindow, desk: EngineDesk, qtbot: QtBot, tmp_path: Path
) -> None:
    desk._queue._times.learn(
        BuildOrder(tmp_path / "x", Target.ONNX), {"loading": 4.0, "freeze": 6.0}
    )
    _fill(window, tmp_path, "slow")
    window.form.submit()
    box = window.builds.boxes[-1]
    assert box is not None

    qtbot.waitUntil(lambda: "✓" in box._table._cells[0][0].text(), timeout=_PATIENCE_MS)

    assert "of about 10 s" in box._time.text()
    assert box._table._cells[1][0].text() == "▶ freeze"
    assert box._table._cells[1][2].text() == "of about 6.0 s"


def test_the_first_build_of_a_kind_tells_what_steps_took_in_others(
    window: EngineWindow, desk: EngineDesk, qtbot: QtBot, tmp_path: Path
) -> None:
    other = BuildOrder(tmp_path / "x", Target.OPENVINO)
    desk._queue._times.learn(other, {"loading": 4.0})
    _fill(window, tmp_path, "slow")
    window.form.submit()
    box = window.builds.boxes[-1]

    qtbot.waitUntil(lambda: bool(box._table._cells), timeout=_PATIENCE_MS)

    assert "the first build of this kind here" in box._time.text()
    assert box._table._cells[0][2].text() == "of about 4.0 s"


def test_a_network_dropped_on_the_window_is_put_into_the_form(
    window: EngineWindow, jobs: EngineJobs, qtbot: QtBot, tmp_path: Path
) -> None:
    model = tmp_path / "dropped.keras"
    model.touch()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(model))])
    drop = QDropEvent(
        QPointF(10, 10),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )

    with qtbot.waitSignal(jobs.look_begun):
        window.dropEvent(drop)

    assert window.form.model.text() == str(model)


def test_what_is_no_network_is_told_in_place_of_the_ends_before(
    window: EngineWindow, tmp_path: Path
) -> None:
    notes = tmp_path / "notes.txt"
    notes.touch()
    window.form.show_ends([{"name": "a", "dtype": "float32", "shape": [1]}], ())

    window.form.show_model(notes)

    assert window.form.found.text().startswith("notes.txt is no network")
    assert ".onnx" in window.form.found.text()
    assert window.form.input_name.count() == 0


def test_a_graph_without_an_input_asks_for_its_name(window: EngineWindow) -> None:
    window.form.show_ends((), ())

    assert "type its name" in window.form.found.text()


@pytest.mark.parametrize("name", ["saved_model.pb", "checkpoint"])
def test_a_file_that_stands_for_its_folder_names_the_folder(
    window: EngineWindow, tmp_path: Path, name: str
) -> None:
    window.form.show_model(tmp_path / name)

    assert window.form.model.text() == str(tmp_path)


def test_inputs_and_outputs_are_shown_to_choose_from(window: EngineWindow) -> None:
    ends = [{"name": name, "dtype": "float32", "shape": [1, None, 8]} for name in "ab"]

    window.form.show_ends(ends, ends[:1])

    assert window.form.found.text() == (
        "Takes a (float32, (1, ?, 8)); b (float32, (1, ?, 8))\n"
        "Gives a (float32, (1, ?, 8))"
    )
    assert [window.form.input_name.itemText(at) for at in range(2)] == ["a", "b"]


def test_what_a_graph_does_not_tell_is_asked_and_kept(
    window: EngineWindow, tmp_path: Path
) -> None:
    form = window.form
    _fill(window, tmp_path, "mine")
    assert form.order is not None
    assert form.order.meaning == Meaning()

    form.colour.setCurrentIndex(form.colour.findData(Colour.GREY))
    form.pixels.setCurrentIndex(form.pixels.findData(Pixels.SIGNED))
    form.activation.setCurrentIndex(form.activation.findData(Activation.LOGIT))

    order = form.order
    assert order.meaning == Meaning(Colour.GREY, Pixels.SIGNED, Activation.LOGIT)
    assert order.to_request(tmp_path).meaning == order.meaning
    form.colour.setCurrentIndex(0)
    form.show_order(order, "again", "colour")
    assert form.order == order
    assert form.focusWidget() is form.colour


def test_what_is_left_open_says_what_becomes_of_it(window: EngineWindow) -> None:
    form = window.form
    found: dict[str, object] = {"colour": "rgb", "frames": 1, "pixels": "unit"}
    found |= {"activation": "probability", "is_told": False}

    form.show_ends((), (), meaning=found)

    assert form.colour.itemText(0) == "assumed from the graph: one frame, RGB"
    assert form.pixels.itemText(0) == "assumed from the graph: 0 to 1"
    assert form.activation.itemText(0).endswith("probability of an object")
    told = {**found, "colour": "grey", "frames": 3, "pixels": "", "is_told": True}
    form.show_ends((), (), meaning=told)
    assert form.colour.itemText(0) == "as its manifest tells: 3 frames, grey"
    assert form.pixels.itemText(0) == "as its manifest tells: a range of its own"
    form.show_looking()
    assert form.colour.itemText(0) == "as its manifest or graph tells"


def test_paths_are_written_from_the_home_folder_on(
    window: EngineWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "net.keras").touch()

    window.form.show_model(tmp_path / "net.keras")

    assert window.form.model.text() == "~/net.keras"
    order = window.form.order
    assert order is not None
    assert order.model == tmp_path / "net.keras"


def test_a_savedmodel_is_chosen_by_the_file_in_it(
    window: EngineWindow, tmp_path: Path
) -> None:
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "saved_model.pb").touch()

    window.form.show_model(folder / "saved_model.pb")

    order = window.form.order
    assert order is not None
    assert order.model == folder


def test_a_build_that_would_take_too_much_memory_is_refused_with_the_figure(
    window: EngineWindow, tmp_path: Path
) -> None:
    _fill(window, tmp_path, "mine")
    assert window.form.build.isEnabled()

    window.form.show_memory(MemoryOutlook(4096.0, 5000.0, 1024.0))

    assert not window.form.build.isEnabled()
    assert "About 4.0 GB at its peak; 4.9 GB are free" in window.form.memory.text()
    assert "1.00 GB must stay" in window.form.memory.text()


def test_every_parameter_is_explained_where_it_is_set(window: EngineWindow) -> None:
    form = window.form
    form.target.setCurrentIndex(form.target.findData(Target.TF_TRT))

    form.nvidia.workspace.setFocus()

    assert "Larger admits faster kernels" in form.help.text()
    assert form.nvidia.isVisible()
    form.nvidia.workspace.setValue(128)
    form.nvidia.segment.setValue(7)
    parameters = form.nvidia.parameters(Target.TF_TRT)
    assert (parameters.workspace_mib, parameters.minimum_segment_size) == (128, 7)
    assert form.nvidia.parameters(Target.OPENVINO) == NvidiaParameters()


def test_a_network_that_is_not_there_is_refused(window: EngineWindow) -> None:
    window.form.show_model(Path("none.pb"))

    window.form.submit()

    message = window.message_bar.message
    assert message is not None
    assert "there is no" in message.text.lower()
    assert _states(window) == []


def test_a_size_that_is_none_is_refused(window: EngineWindow, tmp_path: Path) -> None:
    _fill(window, tmp_path, "mine")
    window.form.input_size.setText("big")

    window.form.submit()

    assert window.message_bar.message is not None
    assert _states(window) == []


def test_precisions_are_those_of_the_target(window: EngineWindow) -> None:
    form = window.form

    form.target.setCurrentIndex(form.target.findData(Target.OPENVINO))
    form.precision.setCurrentIndex(form.precision.findData(Precision.INT8))
    form.target.setCurrentIndex(form.target.findData(Target.ONNX))

    assert form.precision.count() == 1
    assert form.precision.currentData() is Precision.FP32


def test_engines_are_listed_renamed_and_deleted(
    window: EngineWindow, store: EngineStore, desk: EngineDesk, qtbot: QtBot
) -> None:
    _make(store, "mine")
    desk.refresh()
    _wait_for(qtbot, window, "bundled", "mine")
    window.table.choose("mine")

    qtbot.mouseClick(window.rename_button, Qt.MouseButton.LeftButton)
    dialog = window.findChild(QInputDialog)
    dialog.setTextValue("ours")
    dialog.accept()

    _wait_for(qtbot, window, "bundled", "ours")
    assert window.table.chosen is not None
    assert window.table.chosen.name == "ours"
    qtbot.mouseClick(window.delete_button, Qt.MouseButton.LeftButton)
    _wait_for(qtbot, window, "bundled")
    assert window.message_bar.message is not None
    assert window.message_bar.message.remedy is Remedy.UNDO


def test_a_deleted_engine_can_be_had_again_until_the_console_is_closed(
    window: EngineWindow, store: EngineStore, desk: EngineDesk, qtbot: QtBot
) -> None:
    for name in ("mine", "ours"):
        _make(store, name)
    desk.refresh()
    _wait_for(qtbot, window, "bundled", "mine", "ours")
    for name in ("mine", "ours"):
        window.table.choose(name)
        qtbot.mouseClick(window.delete_button, Qt.MouseButton.LeftButton)
    _wait_for(qtbot, window, "bundled")

    qtbot.mouseClick(window.message_bar._button, Qt.MouseButton.LeftButton)
    _wait_for(qtbot, window, "bundled", "ours")
    desk.close()

    assert [each.name for each in store.folder.iterdir()] == ["ours"]


def test_each_change_of_the_list_is_taken_back_and_made_again_by_keys(
    window: EngineWindow, store: EngineStore, desk: EngineDesk, qtbot: QtBot
) -> None:
    for name in ("mine", "ours"):
        _make(store, name)
    desk.refresh()
    _wait_for(qtbot, window, "bundled", "mine", "ours")
    window.table.choose("mine")
    window._take_name(_engine(window), "yours")
    _wait_for(qtbot, window, "bundled", "ours", "yours")
    for name in ("yours", "ours"):
        window.table.choose(name)
        qtbot.mouseClick(window.delete_button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda name=name: name not in _names(window))
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)

    control = Qt.KeyboardModifier.ControlModifier
    for names in (("ours",), ("ours", "yours"), ("mine", "ours")):
        qtbot.keyClick(window.table, Qt.Key.Key_Z, control)
        _wait_for(qtbot, window, "bundled", *names)
    assert not window.undo_button.isEnabled()

    for names in (("ours", "yours"), ("ours",), ()):
        shift = control | Qt.KeyboardModifier.ShiftModifier
        qtbot.keyClick(window.table, Qt.Key.Key_Z, shift)
        _wait_for(qtbot, window, "bundled", *names)
    assert window.undo_button.isEnabled()


def test_what_comes_back_beside_a_new_one_of_its_name_gets_another(
    window: EngineWindow, store: EngineStore, desk: EngineDesk, qtbot: QtBot
) -> None:
    _make(store, "old")
    desk.refresh()
    _wait_for(qtbot, window, "bundled", "old")
    window.table.choose("old")
    window._take_name(_engine(window), "net")
    _wait_for(qtbot, window, "bundled", "net")
    qtbot.mouseClick(window.delete_button, Qt.MouseButton.LeftButton)
    _wait_for(qtbot, window, "bundled")
    _make(store, "net")

    qtbot.mouseClick(window.undo_button, Qt.MouseButton.LeftButton)

    _wait_for(qtbot, window, "bundled", "net", "net 2")
    # The name that was given before is another engine's now: that is not taken back.
    assert not window.undo_button.isEnabled()


def test_a_change_that_fails_is_told_and_cannot_be_taken_back(
    window: EngineWindow, store: EngineStore, desk: EngineDesk, qtbot: QtBot
) -> None:
    _make(store, "mine")
    desk.refresh()
    _wait_for(qtbot, window, "bundled", "mine")
    window.table.choose("mine")

    window._take_name(_engine(window), "a/b")

    assert window.message_bar.message is not None
    assert "cannot be the name" in window.message_bar.message.text
    assert not window.undo_button.isEnabled()


def test_what_is_outdated_is_rebuilt_in_its_place(
    window: EngineWindow,
    store: EngineStore,
    desk: EngineDesk,
    qtbot: QtBot,
    tmp_path: Path,
) -> None:
    model = tmp_path / "net.onnx"
    model.write_bytes(b"as it was")
    old = _make(store, "old", model)
    _make(store, "kept")
    desk.refresh()
    _wait_for(qtbot, window, "bundled", "kept", "old")
    assert not window.rebuild_outdated_button.isEnabled()
    model.write_bytes(b"as it is")
    desk.refresh()
    qtbot.waitUntil(window.rebuild_outdated_button.isEnabled)

    qtbot.mouseClick(window.rebuild_outdated_button, Qt.MouseButton.LeftButton)

    [box] = window.builds._boxes.values()
    assert box.build.folder == old
    assert window.tabs.currentWidget() is window.builds
    qtbot.waitUntil(
        lambda: _states(window) == [ConversionState.DONE], timeout=_PATIENCE_MS
    )
    assert _names(window) == ["bundled", "kept", "old"]


def test_an_engine_without_a_speed_shows_that_of_its_newest_bench_here(
    window: EngineWindow, benches: BenchDesk, tmp_path: Path
) -> None:
    def speed() -> tuple[str, str]:
        cells = (window.table.item(0, column) for column in (4, 5))
        fast, slow = (cell.text() for cell in cells if cell is not None)
        return fast, slow

    assert speed() == ("not measured", "-")
    store = BenchStore(tmp_path / "benches")
    engine = {**DOCUMENT["engine"], "name": "bundled"}
    old = {**DOCUMENT, "engine": engine, "machine": {"name": benches.machine}}
    new = {**old, "when": "2026-02-01T10:00:00", "alone": {"p50_ms": 4, "p99_ms": 8}}
    elsewhere = {**new, "machine": {"name": "far"}, "when": "2026-03-01T10:00:00"}
    elsewhere["alone"] = {"p50_ms": 1, "p99_ms": 1}
    for document in (elsewhere, old, new):
        store.save(document)

    benches.refresh()

    assert speed() == ("250", "125")


def test_no_two_things_that_are_seen_together_have_one_key(
    window: EngineWindow,
) -> None:
    form = window.form
    for target in (Target.OPENVINO, Target.TF_TRT):
        form.target.setCurrentIndex(form.target.findData(target))
        for page in range(window.tabs.count()):
            window.tabs.setCurrentIndex(page)
            widgets = [
                *window.findChildren(QLabel),
                *window.findChildren(QAbstractButton),
            ]
            texts = [each.text() for each in widgets if each.isVisibleTo(window)]
            keys = [key for text in texts for key in re.findall(r"&(\w)", text)]
            assert "T" in keys
            assert len(keys) == len({key.lower() for key in keys}), sorted(keys)


def test_a_name_that_is_taken_is_refused(
    window: EngineWindow, store: EngineStore, desk: EngineDesk
) -> None:
    _make(store, "mine")
    _make(store, "ours")
    desk.refresh()
    engine = next(each for each in store.engines() if each.name == "mine")

    assert not desk.rename(engine, "ours")

    message = window.message_bar.message
    assert message is not None
    assert "there is an engine" in message.text.lower()


def test_an_engine_is_tried_with_the_limits_of_the_form(
    window: EngineWindow, store: EngineStore, desk: EngineDesk, qtbot: QtBot
) -> None:
    _make(store, "mine")
    desk.refresh()
    _wait_for(qtbot, window, "bundled", "mine")
    window.table.choose("mine")
    window._is_feed_on = True
    window._enable()
    window.trial.iou.setValue(0.5)
    wanted: list[tuple[object, object]] = []
    desk.trial_wanted.connect(lambda *both: wanted.append(both))

    qtbot.mouseClick(window.try_button, Qt.MouseButton.LeftButton)

    [(choice, limits)] = wanted
    assert isinstance(choice, EngineChoice)
    assert choice.model == store.folder / "mine"
    assert limits.min_mask_iou == 0.5  # type: ignore[attr-defined]
    assert window.tabs.currentWidget() is window.trial


def test_without_a_feed_nothing_can_be_tried(window: EngineWindow) -> None:
    window.show_status(None)

    assert not window.try_button.isEnabled()


def test_the_trial_is_told_in_figures_and_words(window: EngineWindow) -> None:
    panel = window.trial
    trial = TrialStatus(
        1,
        TrialPhase.REJECTED,
        frames=40,
        running=EngineFigures(4.0, 5.0, 3),
        tried=EngineFigures(8.0, 9.0, 2),
        mask_iou=0.8,
        reason="its masks overlap by 0.8",
        hint="Lower the limit.",
    )

    panel.show_trial(trial)

    assert "rejected" in panel._headline.text()
    assert panel._reason.text() == "Its masks overlap by 0.8. Lower the limit."
    assert panel._cells[0][1].text() == "8.00 ms"
    assert panel._overlap.text() == "0.8000"
    assert not panel.cancel.isVisible()


@pytest.mark.parametrize(
    ("phase", "is_recorded", "is_noted"),
    [
        (TrialPhase.PROBATION, True, True),
        (TrialPhase.ACCEPTED, True, True),
        (TrialPhase.ACCEPTED, False, False),
        (TrialPhase.SHADOW, True, False),
        (TrialPhase.REJECTED, True, False),
        (TrialPhase.ROLLED_BACK, True, True),
    ],
)
def test_an_engine_that_takes_over_is_noted_in_the_recording_that_goes_on(
    window: EngineWindow, phase: TrialPhase, is_recorded: bool, is_noted: bool
) -> None:
    trial = TrialStatus(1, phase, frames=40)

    window.trial.show_trial(trial, is_recorded=is_recorded)

    text = window.trial._reason.text()
    assert ("The recording notes it" in text) is is_noted
    assert "40 frames compared" in text


def test_a_trial_that_goes_on_can_be_cancelled(
    window: EngineWindow, desk: EngineDesk, qtbot: QtBot
) -> None:
    window.tabs.setCurrentWidget(window.trial)
    window.trial.show_trial(TrialStatus(1, TrialPhase.SHADOW))

    assert window.trial.cancel.isVisible()

    with qtbot.waitSignal(desk.trial_cancelled):
        qtbot.mouseClick(window.trial.cancel, Qt.MouseButton.LeftButton)

    window.trial.show_trial(TrialStatus(1, TrialPhase.REJECTED))
    assert not window.trial.cancel.isVisible()


def test_an_unexpected_name_is_said(window: EngineWindow) -> None:
    window.show_error(ConsoleError("the disk is full", hint="Make room."))

    message = window.message_bar.message
    assert message is not None
    assert message.text == "The disk is full."
