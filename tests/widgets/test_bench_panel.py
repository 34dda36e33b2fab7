"""Results of benches, ticked and drawn side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QUndoStack

from app.bench_run import BenchStatus
from app.bench_store import BenchStore
from tests.fakes.benches import DOCUMENT
from widgets.bench_desk import BenchDesk
from widgets.bench_panel import BenchPanel
from widgets.theme import Colour

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot


@pytest.fixture
def store(tmp_path: Path) -> BenchStore:
    store = BenchStore(tmp_path / "benches")
    store.save(DOCUMENT)
    slow = {**DOCUMENT["engine"], "name": "slow"}
    store.save({**DOCUMENT, "engine": slow, "when": "2025-01-01T10:00:00"})
    return store


@pytest.fixture
def panel(store: BenchStore, qtbot: QtBot) -> BenchPanel:
    panel = BenchPanel()
    qtbot.addWidget(panel)
    panel.resize(800, 700)
    panel.show()
    panel.show_benches(store.benches())
    return panel


@pytest.fixture
def edits() -> QUndoStack:
    return QUndoStack()


@pytest.fixture
def desk(store: BenchStore, edits: QUndoStack) -> Iterator[BenchDesk]:
    desk = BenchDesk(store, edits)
    yield desk
    desk.close()


def test_what_is_ticked_is_drawn_side_by_side(panel: BenchPanel) -> None:
    for at in range(2):
        item = panel.list.topLevelItem(at)
        assert item is not None
        item.setCheckState(0, Qt.CheckState.Checked)

    rows = panel.charts.speed.rows
    assert [row.label for row in rows] == ["fast, Board X", "slow, Board X"]
    assert rows[0].values == (200.0, 90.0)
    assert panel.charts.latency.rows[0].texts == ("11.0", "15.0", "19.0")
    assert panel.charts.memory.rows[0].texts == ("400",)
    assert panel.charts.temperature.rows[0].values == (40.0, 55.0)


def test_the_boards_are_one_click_and_name_their_sources(
    panel: BenchPanel, qtbot: QtBot
) -> None:
    qtbot.mouseClick(panel.boards, Qt.MouseButton.LeftButton)

    machines = {bench.machine for bench in panel.compared}
    assert {"Jetson TX2", "Jetson AGX Xavier", "Jetson Xavier NX"} <= machines
    assert len(panel.charts.speed.rows) == len(panel.compared)
    assert "README" in panel.charts.note.text()
    assert panel.charts.memory.rows == ()


def test_the_comparison_is_exported(panel: BenchPanel, tmp_path: Path) -> None:
    panel.tick(lambda bench: not bench.is_published)

    for kind in ("png", "csv", "html"):
        panel.export_to(tmp_path / f"engines.{kind}")

    picture = QImage(str(tmp_path / "engines.png"))
    assert picture.width() > 300
    assert picture.pixelColor(3, 3) == Colour.SURFACE.qcolor
    assert "fast" in (tmp_path / "engines.csv").read_text()
    assert "<svg" in (tmp_path / "engines.html").read_text()


@pytest.mark.parametrize("kind", ["png", "csv"])
def test_a_folder_that_takes_no_export_is_told(
    panel: BenchPanel, qtbot: QtBot, tmp_path: Path, kind: str
) -> None:
    with qtbot.waitSignal(panel.failed) as told:
        panel.export_to(tmp_path / "none" / f"engines.{kind}")

    assert "cannot write" in told.args[0].message


def test_only_own_results_can_be_deleted(
    panel: BenchPanel, desk: BenchDesk, qtbot: QtBot
) -> None:
    panel.deleted.connect(desk.delete)
    desk.benches_changed.connect(panel.show_benches)
    last = panel.list.topLevelItem(panel.list.topLevelItemCount() - 1)
    panel.list.setCurrentItem(last)
    assert not panel.delete.isEnabled()
    panel.list.setCurrentItem(panel.list.topLevelItem(0))

    qtbot.mouseClick(panel.delete, Qt.MouseButton.LeftButton)

    assert _own(panel) == ["slow"]


def test_a_deleted_result_comes_back_as_it_was(
    panel: BenchPanel, desk: BenchDesk, edits: QUndoStack, store: BenchStore
) -> None:
    desk.benches_changed.connect(panel.show_benches)
    before = store.benches()

    assert desk.delete(before[0])
    assert _own(panel) == ["slow"]
    edits.undo()

    assert _own(panel) == ["fast", "slow"]
    assert store.benches() == before


def _own(panel: BenchPanel) -> list[str]:
    return [bench.engine for bench in panel._benches if not bench.is_published]


def test_a_file_that_is_no_result_is_told(
    desk: BenchDesk, qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "odd.json").write_text("{")

    with qtbot.waitSignal(desk.failed) as told:
        desk.take_in(tmp_path / "odd.json")

    assert "no result of a bench" in told.args[0].message


def test_a_bench_that_runs_shows_how_far_it_is(panel: BenchPanel) -> None:
    panel.show_status(BenchStatus(activity="the whole solution", done_ratio=0.5))

    assert panel.progress.value() == 500
    assert panel.activity.text() == "the whole solution"
    assert panel.cancel.isVisible()
    assert not panel.bench.isEnabled()
    panel.show_status(None)
    assert panel.bench.isEnabled()
