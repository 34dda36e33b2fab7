"""Labels of charts have room, or are shortened."""

from __future__ import annotations

import re

from app.svg_charts import WIDTH_PX, Bar, bar_chart

# Of "M", the widest letter, at the 13 px of a label.
_WIDEST_LETTER_PX = 9.5


def _label_and_room(label: str) -> tuple[str, float]:
    chart = bar_chart("x", [(label, (Bar(1.0, "1", "first"),))])
    found = re.search(r'<text x="([\d.]+)"[^>]*text-anchor="end">([^<]*)<', chart)
    assert found is not None
    return found[2], float(found[1])


def test_a_label_in_capitals_has_room() -> None:
    label, room_px = _label_and_room("IR_HELICOPTER_034.MP4")

    assert label == "IR_HELICOPTER_034.MP4"
    capitals = sum(letter.isupper() or letter == "_" for letter in label)
    assert room_px >= capitals * _WIDEST_LETTER_PX


def test_a_label_that_would_leave_no_room_for_bars_is_shortened() -> None:
    label, room_px = _label_and_room("W" * 200)

    assert label.endswith("…")
    assert len(label) * _WIDEST_LETTER_PX <= room_px + _WIDEST_LETTER_PX
    assert room_px < WIDTH_PX / 2
