from __future__ import annotations

from typing import TYPE_CHECKING

from widgets.elided_label import ElidedLabel

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


def test_a_long_text_does_not_widen_the_window(qtbot: QtBot) -> None:
    label = ElidedLabel()
    qtbot.addWidget(label)
    before = label.minimumSizeHint()

    label.show_text("a very long name of a very long video file" * 5)

    assert label.minimumSizeHint() == before


def test_what_does_not_fit_is_in_the_tool_tip(qtbot: QtBot) -> None:
    label = ElidedLabel()
    qtbot.addWidget(label)
    label.resize(80, 20)

    label.show_text("2026-05-03 volleyball serve.mp4", "/data/volleyball")

    assert label.toolTip() == "2026-05-03 volleyball serve.mp4\n/data/volleyball"


def test_a_text_that_is_too_long_is_painted_shorter(qtbot: QtBot) -> None:
    label = ElidedLabel()
    qtbot.addWidget(label)
    label.resize(80, 20)
    label.show_text("a long name, first ending")
    first = label.grab().toImage()

    label.show_text("a long name, second ending")

    assert label.grab().toImage() == first
