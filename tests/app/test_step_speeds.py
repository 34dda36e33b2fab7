from __future__ import annotations

from typing import Any

from app.step_speeds import fps_by_step


def _report(*between: dict[str, Any]) -> dict[str, Any]:
    ends = {"engine": "a", "fps": 50.0}, {"engine": "b", "fps": 200.0}
    names = "freeze", "prune", "fold", "clean", "openvino"
    return {
        "steps": [{"name": name} for name in names],
        "speed": {"results": [ends[0], *between, ends[1]]},
    }


def test_a_step_that_changed_nothing_is_as_fast_as_the_one_before() -> None:
    found = fps_by_step(_report({"fps": 55.0, "step": "fold"}))

    assert found == {
        "freeze": 50.0,
        "prune": 50.0,
        "fold": 55.0,
        "clean": 55.0,
        "openvino": 200.0,
    }


def test_a_report_of_an_older_console_has_the_ends_alone() -> None:
    assert fps_by_step(_report())["fold"] == 50.0


def test_what_was_not_timed_has_no_speeds() -> None:
    assert fps_by_step({"steps": [{"name": "freeze"}], "speed": None}) == {}
    assert fps_by_step({}) == {}
