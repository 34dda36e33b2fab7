"""Who runs before whom in the window's process."""

from __future__ import annotations

import pytest

from app import process


@pytest.fixture
def urgencies(monkeypatch: pytest.MonkeyPatch) -> list[int | str]:
    """What was asked of the system; this thread stays as it is."""
    asked: list[int | str] = []
    monkeypatch.setattr(process, "hurry_thread", asked.append)
    monkeypatch.setattr(process, "yield_thread", lambda: asked.append("yields"))
    return asked


def test_what_shares_the_windows_interpreter_is_as_urgent(
    urgencies: list[int | str],
) -> None:
    process.hurry_window(1)
    process.accompany_window()
    process.hurry_window(0)

    assert urgencies == [1, "yields", 1, 0]


def test_without_a_window_it_yields(urgencies: list[int | str]) -> None:
    process.accompany_window()

    assert urgencies == ["yields"]
