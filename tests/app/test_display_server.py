"""Which process shows the window, and that it is let alone again."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from app import display_server
from app.display_server import DisplayServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere a socket does not tell who listens"
)

# Listens where it is told, says so, and ends with its input.
_LISTEN = """
import os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.bind(os.fsencode(sys.argv[1]).replace(b"@", b"\\0", 1))
    server.listen()
    print("listens", flush=True)
    sys.stdin.read()
"""


@contextmanager
def _server_at(address: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", _LISTEN, address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "listens\n"
        yield server


@pytest.fixture
def urgencies(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What was asked of the system, and for which process; all stay as they are."""
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(
        display_server, "hurry_thread", lambda *order: asked.append(order)
    )
    return asked


def test_an_x_server_is_found_by_its_display() -> None:
    # Far above the displays that are in use; ours alone by the number of the process.
    display = f"9{os.getpid()}"
    with _server_at(f"@/tmp/.X11-unix/X{display}") as server:
        for text in (f":{display}", f":{display}.0", f"unix:{display}"):
            assert DisplayServer("xcb", {"DISPLAY": text}).pid == server.pid


def test_a_compositor_is_found_by_its_socket(tmp_path: Path) -> None:
    environment = {"XDG_RUNTIME_DIR": str(tmp_path), "WAYLAND_DISPLAY": "w-1"}
    with _server_at(str(tmp_path / "w-1")) as server:
        assert DisplayServer("wayland", environment).pid == server.pid
        environment["WAYLAND_DISPLAY"] = str(tmp_path / "w-1")
        assert DisplayServer("wayland-egl", environment).pid == server.pid


@pytest.mark.parametrize(
    ("platform_name", "environment"),
    [
        ("offscreen", {"DISPLAY": ":0"}),
        ("xcb", {"DISPLAY": "localhost:10.0"}),
        ("xcb", {"DISPLAY": ":999999999"}),
        ("xcb", {"HOME": "/"}),
        ("wayland", {"XDG_RUNTIME_DIR": "/nowhere"}),
    ],
)
def test_one_that_is_not_here_is_not_hurried(
    platform_name: str,
    environment: dict[str, str],
    urgencies: list[tuple[int, int]],
) -> None:
    server = DisplayServer(platform_name, environment)

    server.hurry(3)
    server.release()

    assert server.pid is None
    assert urgencies == []


def test_it_is_as_urgent_as_it_is_told_until_it_is_released(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    urgencies: list[tuple[int, int]],
) -> None:
    monkeypatch.setattr(os, "sched_getscheduler", lambda _pid: os.SCHED_OTHER)
    with _server_at(str(tmp_path / "w")) as process:
        server = DisplayServer("wayland", {"WAYLAND_DISPLAY": str(tmp_path / "w")})

        server.hurry(3)
        server.release()
        server.release()

    assert urgencies == [(3, process.pid), (0, process.pid)]


def test_one_that_is_urgent_by_itself_stays_as_it_is(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    urgencies: list[tuple[int, int]],
) -> None:
    own = os.SCHED_RR | os.SCHED_RESET_ON_FORK
    monkeypatch.setattr(os, "sched_getscheduler", lambda _pid: own)
    with _server_at(str(tmp_path / "w")):
        server = DisplayServer("wayland", {"WAYLAND_DISPLAY": str(tmp_path / "w")})

        server.hurry(3)
        server.release()

    assert urgencies == []
