"""What a machine can record is found out while nothing is recorded."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from app.recording import feasibility
from app.recording.feasibility import FeasibilityWatch, check_feasibility
from app.recording.settings import RecordingSettings
from tests.fakes.recording import source_spec, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_encoder_and_disk_are_let_be_while_something_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feasibility, "_SETTLE_S", 0.0)
    monkeypatch.setattr(feasibility, "_WAIT_S", 0.01)
    is_recording = threading.Event()
    is_recording.set()
    looked = threading.Semaphore(0)

    def is_needed() -> bool:
        looked.release()
        return is_recording.is_set()

    watch = FeasibilityWatch(is_needed)

    watch.ask(source_spec(), RecordingSettings(tmp_path))
    for _ in range(3):
        looked.acquire()
    while_it_records = watch.text
    is_recording.clear()
    wait_until(lambda: bool(watch.text))
    watch.request_stop()
    watch._worker.join(5.0)

    assert while_it_records == ""
    assert "frames a second" in watch.text
    assert list(tmp_path.iterdir()) == []


def test_a_trial_of_the_disk_ends_when_a_recording_begins(tmp_path: Path) -> None:
    asked = []

    def is_needed() -> bool:
        asked.append(1)
        return True

    found = check_feasibility(source_spec(), RecordingSettings(tmp_path), is_needed)

    assert len(asked) <= 1
    assert found.disk_mb_s > 0
