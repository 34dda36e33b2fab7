"""The result of a bench, as another machine would have saved it."""

from __future__ import annotations

from typing import Any

DOCUMENT: dict[str, Any] = {
    "schema_version": 1,
    "when": "2026-01-01T10:00:00+00:00",
    "engine": {"name": "fast", "kind": "openvino", "precision": "int8", "threads": 1},
    "machine": {"name": "Board X(R)", "cores": 4},
    "clip": "ball.mp4",
    "is_beside_feed": False,
    "alone": {"fps": 200.0, "p50_ms": 5.0, "p95_ms": 6.0, "p99_ms": 7.0},
    "whole": {"fps": 90.0, "p50_ms": 11.0, "p95_ms": 15.0, "p99_ms": 19.0},
    "memory_mb": 400.0,
    "temperature_before_c": 40.0,
    "temperature_after_c": 55.0,
    "source": "",
}
