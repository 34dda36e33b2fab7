"""Pixels become metres."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.errors import MeasureError, SessionError
from app.recording.ground import Ground, load_ground, save_ground

if TYPE_CHECKING:
    from pathlib import Path

# A camera that looks at a court of 9 by 18 m from one end.
COURT_M = ((0.0, 0.0), (9.0, 0.0), (9.0, 18.0), (0.0, 18.0))


def _seen_from_the_side(points_m: np.ndarray) -> np.ndarray:
    """Project the ground into a picture by a matrix that nobody is told."""
    matrix = np.array([[60.0, 4.0, 100.0], [2.0, -8.0, 600.0], [0.0005, 0.03, 1.0]])
    x, y, depth = matrix @ np.stack([*points_m.T, np.ones(len(points_m))])
    return np.stack([x / depth, y / depth], axis=1)


def test_a_line_of_known_length_is_a_scale() -> None:
    ground = Ground.scale((10.0, 10.0), (40.0, 50.0), length_m=2.0)

    x, y = ground.to_metres(np.array([0.0, 25.0]), np.array([0.0, 0.0]))

    assert (x[1] - x[0], y[1] - y[0]) == (pytest.approx(1.0), 0.0)
    assert ground.distance_m((10.0, 10.0), (40.0, 50.0)) == pytest.approx(2.0)


def test_four_points_of_a_plane_give_every_other() -> None:
    corners_px = [tuple(each) for each in _seen_from_the_side(np.array(COURT_M))]
    ground = Ground.plane(corners_px, COURT_M)
    true_m = np.random.default_rng(2).uniform((0, 0), (9, 18), (50, 2))

    found_m = np.stack(ground.to_metres(*_seen_from_the_side(true_m).T), axis=1)

    assert np.abs(found_m - true_m).max() < 1e-3


def test_beyond_the_horizon_nothing_is_measured() -> None:
    corners_px = [tuple(each) for each in _seen_from_the_side(np.array(COURT_M))]
    ground = Ground.plane(corners_px, COURT_M)

    x, y = ground.to_metres(np.array([300.0]), np.array([-5000.0]))

    assert np.isnan(x[0])
    assert np.isnan(y[0])


def test_what_gives_no_measure_is_refused_with_a_hint() -> None:
    flat = ((0.0, 0.0), (1.0, 1.0), (2.0, 2.0), (0.0, 5.0))

    with pytest.raises(MeasureError, match="no length"):
        Ground.scale((3.0, 3.0), (3.0, 3.0), 1.0)
    with pytest.raises(MeasureError, match="0 m") as refused:
        Ground.scale((0.0, 0.0), (9.0, 0.0), 0.0)
    with pytest.raises(MeasureError, match="in the picture lie on one line"):
        Ground.plane(flat, COURT_M)
    with pytest.raises(MeasureError, match="in metres lie on one line"):
        Ground.plane(COURT_M, flat)
    assert refused.value.hint


def test_it_is_kept_with_the_session(tmp_path: Path) -> None:
    ground = Ground.plane(((0, 0), (90, 0), (90, 180), (5, 180)), COURT_M)

    save_ground(tmp_path, ground)
    loaded = load_ground(tmp_path)
    save_ground(tmp_path, None)

    assert loaded == ground
    assert load_ground(tmp_path) is None
    assert [path.name for path in tmp_path.iterdir()] == ["ground.json"]


def test_a_damaged_file_is_told_and_left(tmp_path: Path) -> None:
    path = tmp_path / "ground.json"
    path.write_text('{"kind": "plane", "points_px": [[0, 0]], "points_m": []}')

    with pytest.raises(SessionError, match="cannot be read") as refused:
        load_ground(tmp_path)

    assert "away" in refused.value.hint
    assert path.exists()
