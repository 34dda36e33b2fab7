from __future__ import annotations

import re
from pathlib import Path

import pytest

REQUIREMENTS = Path(__file__).parents[2] / "requirements"
LOCKS = sorted(REQUIREMENTS.glob("*.txt"))


def _versions(lock: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in lock.read_text().splitlines():
        match = re.match(r"^([A-Za-z0-9._-]+)==([^\s;]+)", line)
        if match:
            found.setdefault(match[1].lower(), []).append(match[2])
    return found


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_no_wheel_with_its_own_qt_is_locked(lock: Path) -> None:
    assert not {"opencv-python", "opencv-contrib-python"} & _versions(lock).keys()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_requirement_is_one_version_from_the_registry(lock: Path) -> None:
    lines = [
        line
        for line in lock.read_text().splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]

    assert all(re.match(r"^[A-Za-z0-9._-]+==\S+", line) for line in lines)


def test_the_console_has_no_pyside6_that_aborts() -> None:
    (version,) = _versions(REQUIREMENTS / "console.txt")["pyside6-essentials"]

    assert tuple(map(int, version.split(".")[:2])) < (6, 12)


def test_the_engines_have_the_last_tensorflow_with_tf_trt() -> None:
    versions = _versions(REQUIREMENTS / "engines.txt")

    assert versions["tensorflow"] == ["2.17.1"]
    assert versions["onnx"] == ["1.18.0"]
    assert all(version.startswith("1.") for version in versions["numpy"])


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_nothing_that_reports_usage_is_locked(lock: Path) -> None:
    assert "openvino-telemetry" not in _versions(lock)
