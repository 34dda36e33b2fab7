import os
import socket
import stat
import subprocess
import sys

import pytest

from engines.host import channel, rendezvous
from engines.host.channel import Peer
from engines.host.errors import HostStartError, PeerRefusedError
from engines.host.process import ROOT
from engines.host.rendezvous import (
    Rendezvous,
    open_ring,
    remove_stale,
    runtime_folder,
)

pytestmark = pytest.mark.usefixtures("shared_memory")


@pytest.fixture
def shared_memory(tmp_path, monkeypatch):
    """Folders of the test's own instead of the system's."""
    for name in ("shm", "run"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(rendezvous, "SHARED_MEMORY", tmp_path / "shm")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    return tmp_path / "shm"


@pytest.fixture
def meeting():
    place = Rendezvous()
    yield place
    place.close()


def _mode(path):
    return stat.S_IMODE(os.lstat(str(path)).st_mode)


def test_socket_and_ring_are_the_users_alone(meeting):
    assert _mode(meeting.socket_path) == 0o600
    assert _mode(meeting.ring_path) == 0o600
    assert _mode(meeting.socket_path.parent) == 0o700


def test_nothing_is_left_after_closing(meeting, shared_memory):
    meeting.close()

    assert list(shared_memory.iterdir()) == []
    assert list(runtime_folder().iterdir()) == []


def test_closing_twice_does_nothing(meeting):
    meeting.close()
    meeting.close()

    assert meeting.ring_descriptor == -1


def test_without_a_runtime_folder_the_temporary_one_serves(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "gone"))
    monkeypatch.setattr(rendezvous.tempfile, "gettempdir", lambda: str(tmp_path))

    folder = runtime_folder()

    assert folder == tmp_path / f"peregrine-{os.getuid()}"
    assert _mode(folder) == 0o700


def test_a_runtime_folder_that_others_can_enter_is_refused():
    runtime_folder().chmod(0o755)

    with pytest.raises(HostStartError, match="mode 755") as caught:
        runtime_folder()
    assert "chmod 700" in caught.value.hint


def test_a_link_in_place_of_the_runtime_folder_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "run" / "peregrine").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(HostStartError, match="not a folder of this user alone"):
        runtime_folder()


def test_a_path_too_long_for_a_socket_is_refused_in_words(
    tmp_path, monkeypatch, shared_memory
):
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))

    with pytest.raises(HostStartError, match="too long for a socket"):
        Rendezvous()
    assert list(shared_memory.iterdir()) == []


def test_the_host_is_accepted(meeting):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as host:
        host.connect(str(meeting.socket_path))

        connection = meeting.accept(1.0)

        with connection:
            connection.sendall(b"hello")
            assert host.recv(5) == b"hello"


def test_waiting_for_nobody_gives_nothing(meeting):
    assert meeting.accept(0.0) is None


def test_another_users_process_is_not_accepted(meeting, monkeypatch):
    stranger = Peer(4711, os.getuid() + 1)
    monkeypatch.setattr(channel, "peer_of", lambda _connection: stranger)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as host:
        host.connect(str(meeting.socket_path))

        with pytest.raises(PeerRefusedError):
            meeting.accept(1.0)

        assert host.recv(1) == b""


def test_the_host_opens_the_ring_that_was_made_for_it(meeting):
    descriptor = open_ring(meeting.ring_path)

    same = os.path.sameopenfile(descriptor, meeting.ring_descriptor)
    os.close(descriptor)
    assert same


def test_a_ring_that_others_can_open_is_refused(meeting):
    meeting.ring_path.chmod(0o644)

    with pytest.raises(PeerRefusedError, match="mode 644"):
        open_ring(meeting.ring_path)


def test_a_link_in_place_of_the_ring_is_refused(meeting, tmp_path):
    (tmp_path / "link").symlink_to(meeting.ring_path)

    with pytest.raises(HostStartError, match="cannot open the ring"):
        open_ring(tmp_path / "link")


def test_what_a_killed_client_left_is_removed_by_the_next(shared_memory):
    # Given a client that made its files and was killed.
    code = (
        "import os, pathlib, signal\n"
        "from engines.host import rendezvous\n"
        f"rendezvous.SHARED_MEMORY = pathlib.Path({str(shared_memory)!r})\n"
        "rendezvous.Rendezvous()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.call(
        [sys.executable, "-c", code], env=dict(os.environ, PYTHONPATH=str(ROOT))
    )
    folder = runtime_folder()
    assert len(list(shared_memory.iterdir())) == 1
    assert len(list(folder.iterdir())) == 1

    # When the next client comes.
    with_what_remains = Rendezvous()

    # Then only its own files are there.
    assert list(shared_memory.iterdir()) == [with_what_remains.ring_path]
    assert list(folder.iterdir()) == [with_what_remains.socket_path]
    with_what_remains.close()


def test_what_a_living_client_uses_is_left_alone(meeting):
    assert remove_stale(runtime_folder()) == []
    assert meeting.socket_path.exists()
    assert meeting.ring_path.exists()


def test_a_system_without_shared_memory_is_told_so(tmp_path, monkeypatch):
    monkeypatch.setattr(rendezvous, "SHARED_MEMORY", tmp_path / "none")

    with pytest.raises(rendezvous.EngineUnavailableError, match=r"no .*none"):
        Rendezvous()
