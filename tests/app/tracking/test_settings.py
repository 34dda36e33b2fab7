"""Bounds of the tracker's settings."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, replace

import pytest

from app.errors import ConsoleError
from app.tracking.settings import TrackerSettings

_NAMES = [each.name for each in fields(TrackerSettings)]


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("value", [-1.0, 1e9, float("nan"), float("inf")])
def test_a_value_out_of_bounds_is_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(ConsoleError, match=name) as caught:
        replace(TrackerSettings(), **{name: value})

    assert caught.value.hint.startswith("Set it to a value from")


@pytest.mark.parametrize("name", _NAMES)
def test_the_default_is_within_bounds(name: str) -> None:
    value = getattr(TrackerSettings(), name)

    assert getattr(replace(TrackerSettings(), **{name: value}), name) == value


def test_settings_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        TrackerSettings().lost_after_s = 1.0  # type: ignore[misc]  # what is tested
