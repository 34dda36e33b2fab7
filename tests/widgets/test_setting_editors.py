"""Each type of setting has an editor that keeps to the bounds of the model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QFileDialog

from app.settings.model import (
    SECTIONS,
    DisplaySettings,
    EngineSettings,
    Settings,
    SourceSettings,
    ThresholdSettings,
    TrackingSettings,
    section_type,
)
from app.sources.base import FrameMode
from engines.base import EngineKind, Precision
from widgets.setting_editors import (
    ChoiceEditor,
    Editor,
    GroupEditor,
    NumberEditor,
    OptionalEditor,
    PathEditor,
    TextEditor,
    ToggleEditor,
    make_editor,
)

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

OTHER_VALUES = [
    (SourceSettings, "start_uri", "a.mp4"),
    (SourceSettings, "mode", FrameMode.EVERY_FRAME),
    (EngineSettings, "model", Path("/models/mine")),
    (EngineSettings, "kind", EngineKind.TF_TRT),
    (EngineSettings, "precision", Precision.FP16),
    (EngineSettings, "threads", 5),
    (TrackingSettings, "thresholds", ThresholdSettings(low=0.2, high=0.3)),
    (TrackingSettings, "false_tracks_per_frame", 1.25e-7),
    (TrackingSettings, "lost_after_s", 0.333),
    (DisplaySettings, "shows_mask", False),
    (DisplaySettings, "picture_rate_hz", 24.0),
]


def editor_of(qtbot: QtBot, section: type[Any], name: str) -> Any:
    editor = make_editor(section.model_fields[name])
    qtbot.addWidget(editor)
    editor.show_value(section.model_fields[name].default)
    editor.show()
    qtbot.waitExposed(editor)
    return editor


def type_into(qtbot: QtBot, widget: Any, text: str) -> None:
    widget.setFocus()
    widget.selectAll()
    qtbot.keyClicks(widget, text)
    qtbot.keyClick(widget, Qt.Key.Key_Tab)


def test_every_setting_has_an_editor_that_shows_its_default(qtbot: QtBot) -> None:
    for section in SECTIONS:
        default = Settings().section(section)
        for name, field in section_type(section).model_fields.items():
            editor = make_editor(field)
            qtbot.addWidget(editor)

            editor.show_value(getattr(default, name))

            assert editor.value == getattr(default, name), (section, name)


@pytest.mark.parametrize(("section", "name", "value"), OTHER_VALUES)
def test_a_shown_value_is_the_value_and_no_change(
    qtbot: QtBot, section: type[Any], name: str, value: object
) -> None:
    editor: Editor = editor_of(qtbot, section, name)
    told: list[object] = []
    editor.changed.connect(lambda: told.append(editor.value))

    editor.show_value(value)

    assert editor.value == value
    assert type(editor.value) is type(value)
    assert told == []


def test_the_bounds_are_those_of_the_model(qtbot: QtBot) -> None:
    threads: NumberEditor = editor_of(qtbot, EngineSettings, "threads")
    agility: NumberEditor = editor_of(qtbot, TrackingSettings, "agility")

    assert (threads.box.minimum(), threads.box.maximum()) == (1, 64)
    assert (agility.box.minimum(), agility.box.maximum()) == (0.01, 100)


def test_a_click_toggles(qtbot: QtBot) -> None:
    editor: ToggleEditor = editor_of(qtbot, DisplaySettings, "shows_mask")

    with qtbot.waitSignal(editor.changed):
        qtbot.mouseClick(
            editor.box,
            Qt.MouseButton.LeftButton,
            pos=QPoint(8, editor.box.height() // 2),
        )

    assert editor.value is False


def test_keys_choose(qtbot: QtBot) -> None:
    editor: ChoiceEditor = editor_of(qtbot, EngineSettings, "precision")
    assert editor.box.currentText() == "Automatic (the fastest that keeps the masks)"

    with qtbot.waitSignal(editor.changed):
        qtbot.keyClick(editor.box, Qt.Key.Key_Down)

    assert editor.value is Precision.FP32


@pytest.mark.parametrize(
    ("typed", "value"),
    [("1e-5", 1e-5), ("0,25", 0.25), ("3E-4", 3e-4), (".5", 0.5), ("x", 1e-3)],
)
def test_a_number_can_be_typed_in_any_way(
    qtbot: QtBot, typed: str, value: float
) -> None:
    editor: NumberEditor = editor_of(qtbot, TrackingSettings, "false_tracks_per_frame")
    editor.show_value(1e-3)

    type_into(qtbot, editor.box, typed)

    assert editor.value == value


def test_a_number_out_of_bounds_cannot_be_entered(qtbot: QtBot) -> None:
    editor: NumberEditor = editor_of(qtbot, TrackingSettings, "lost_after_s")

    type_into(qtbot, editor.box, "900")

    assert 0 <= editor.value <= 60


def test_a_unit_stays_where_it_is(qtbot: QtBot) -> None:
    editor: NumberEditor = editor_of(qtbot, TrackingSettings, "lost_after_s")

    type_into(qtbot, editor.box, "2.5")

    assert editor.value == 2.5
    assert editor.box.text() == "2.5 s"


def test_a_step_of_a_wide_range_multiplies(qtbot: QtBot) -> None:
    editor: NumberEditor = editor_of(qtbot, TrackingSettings, "false_tracks_per_frame")
    editor.show_value(1e-6)

    qtbot.keyClick(editor.box, Qt.Key.Key_Up)
    assert editor.value == 1.1e-6
    qtbot.keyClick(editor.box, Qt.Key.Key_Down)
    assert editor.value == 1e-6


def test_automatic_hides_the_value_until_it_is_wanted(qtbot: QtBot) -> None:
    editor: OptionalEditor = editor_of(qtbot, DisplaySettings, "picture_rate_hz")
    assert not editor.inner.isVisible()

    qtbot.keyClick(editor.box, Qt.Key.Key_Space)

    assert editor.inner.isVisible()
    assert editor.value == 5.0
    qtbot.keyClick(editor.box, Qt.Key.Key_Space)
    assert editor.value is None


@pytest.mark.parametrize(
    ("section", "name"), [(SourceSettings, "start_uri"), (EngineSettings, "model")]
)
def test_a_text_that_is_wanted_and_not_given_is_wrong(
    qtbot: QtBot, section: type[Any], name: str
) -> None:
    editor: OptionalEditor = editor_of(qtbot, section, name)

    qtbot.keyClick(editor.box, Qt.Key.Key_Space)

    with pytest.raises(ValueError, match=name):
        section(**{name: editor.value})


def test_a_text_is_typed(qtbot: QtBot) -> None:
    editor: OptionalEditor = editor_of(qtbot, SourceSettings, "start_uri")
    qtbot.keyClick(editor.box, Qt.Key.Key_Space)
    assert isinstance(editor.inner, TextEditor)

    qtbot.keyClicks(editor.inner.line, "clip.mp4")

    assert editor.value == "clip.mp4"


def test_a_path_is_typed_or_found(qtbot: QtBot, tmp_path: Path) -> None:
    editor: OptionalEditor = editor_of(qtbot, EngineSettings, "model")
    qtbot.keyClick(editor.box, Qt.Key.Key_Space)
    inner = editor.inner
    assert isinstance(inner, PathEditor)
    qtbot.keyClicks(inner.line, "~/net")
    assert editor.value == Path.home() / "net"

    qtbot.mouseClick(inner.button, Qt.MouseButton.LeftButton)
    [dialog] = inner.window().findChildren(QFileDialog)
    dialog.fileSelected.emit(str(tmp_path))
    dialog.close()

    assert editor.value == tmp_path


def test_values_of_a_group_go_together(qtbot: QtBot) -> None:
    editor: OptionalEditor = editor_of(qtbot, TrackingSettings, "thresholds")
    qtbot.keyClick(editor.box, Qt.Key.Key_Space)
    group = editor.inner
    assert isinstance(group, GroupEditor)
    assert editor.value == ThresholdSettings()

    type_into(qtbot, group.editors["low"].box, "0.9")

    assert editor.value == {"low": 0.9, "high": 0.7}
    type_into(qtbot, group.editors["high"].box, "0.95")
    assert editor.value == ThresholdSettings(low=0.9, high=0.95)


def test_the_wheel_scrolls_past_a_field_without_the_focus(qtbot: QtBot) -> None:
    editor: NumberEditor = editor_of(qtbot, EngineSettings, "threads")
    editor.box.clearFocus()

    def turn() -> None:
        middle = QPointF(editor.box.rect().center())
        turned = QWheelEvent(
            middle,
            editor.box.mapToGlobal(middle),
            QPoint(),
            QPoint(0, 120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(editor.box, turned)

    turn()
    assert editor.value == 1
    editor.activateWindow()
    editor.box.setFocus()
    qtbot.waitUntil(editor.box.hasFocus)
    turn()
    assert editor.value == 2
