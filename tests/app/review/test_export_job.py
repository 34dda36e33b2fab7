"""Exports beside the window: whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.errors import OutputError
from app.recording.exports.formats import ExportFormat
from app.review.export_job import ExportJob, ExportPhase
from tests.app.review.sessions import record
from tests.fakes.recording import wait_until

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def session(tmp_path: Path) -> Path:
    return record(tmp_path, {1: lambda at: (at * 0.5, 20.0)}, 100)


@pytest.mark.parametrize("to", [ExportFormat.CSV, ExportFormat.MOT, ExportFormat.PNG])
def test_an_export_says_how_far_it_is_and_what_it_wrote(
    session: Path, tmp_path: Path, to: ExportFormat
) -> None:
    job = ExportJob(session, to, tmp_path / "out")

    job.start()
    wait_until(lambda: job.status().phase is not ExportPhase.RUNNING, 50)
    job.stop()
    status = job.status()

    assert status.phase is ExportPhase.DONE
    assert status.total == 100
    assert status.paths
    assert all(path.exists() for path in status.paths)
    assert not list((tmp_path / "out").glob(".*"))


def test_a_cancelled_export_leaves_what_was_there(
    session: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (out / "frames").mkdir(parents=True)
    (out / "frames" / "mine.txt").write_text("mine")
    job = ExportJob(session, ExportFormat.PNG, out)
    job._worker.request_stop()

    job.start()
    wait_until(lambda: job.status().phase is not ExportPhase.RUNNING, 50)
    job.stop()

    assert job.status().phase is ExportPhase.CANCELLED
    assert [path.name for path in out.rglob("*")] == ["frames", "mine.txt"]


def test_a_folder_that_cannot_be_made_is_told(session: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    job = ExportJob(session, ExportFormat.CSV, tmp_path / "file" / "out")

    job.start()
    wait_until(lambda: job.status().phase is not ExportPhase.RUNNING, 50)
    job.stop()

    fault = job.status().fault
    assert job.status().phase is ExportPhase.FAILED
    assert isinstance(fault, OutputError)
    assert fault.hint
