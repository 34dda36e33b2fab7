"""Where a client waits for its host: a socket and a ring file, the user's alone.

Both have a name only until the host has opened them. From then on nothing can be
left behind, however the two processes end. What a client killed before that moment
has left is removed by the next one.
"""

import fcntl
import os
import secrets
import select
import socket
import stat
import tempfile
from pathlib import Path
from typing import List, Optional, Tuple

from engines.errors import EngineUnavailableError
from engines.host.channel import check_peer
from engines.host.errors import HostStartError, PeerRefusedError

SHARED_MEMORY = Path("/dev/shm")
# The kernel's limit, its final zero left out.
_MAX_SOCKET_PATH_BYTES = 107

# vermin takes these for union types of Python 3.10.
_OPEN = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW  # novermin
_MAKE = _OPEN | os.O_CREAT | os.O_EXCL  # novermin
_LOCK_AT_ONCE = fcntl.LOCK_EX | fcntl.LOCK_NB  # novermin


def runtime_folder() -> Path:
    """Folder for sockets, which is made: only its user can look into it.

    Raises
    ------
    HostStartError
        If it cannot be made, or is not the user's alone.
    """
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    if base and Path(base).is_dir():
        folder = Path(base) / "peregrine"
    else:
        folder = Path(tempfile.gettempdir()) / f"peregrine-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = os.lstat(str(folder))
    except OSError as error:
        raise HostStartError(
            f"cannot make the folder {folder} for the host's socket: {error.strerror}"
        ) from error
    is_private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
    if not is_private or found.st_uid != os.getuid():
        raise HostStartError(
            f"{folder} is not a folder of this user alone"
            f" (user {found.st_uid}, mode {stat.S_IMODE(found.st_mode):o})",
            hint=f"Remove it, or run 'chmod 700 {folder}' if it is yours.",
        )
    return folder


class Rendezvous:
    """A listening socket and an empty ring file, until the host has come.

    Raises
    ------
    EngineUnavailableError
        If this system has no shared memory folder.
    HostStartError
        If the socket or the file cannot be made.
    """

    def __init__(self) -> None:
        folder = runtime_folder()
        if not SHARED_MEMORY.is_dir():
            raise EngineUnavailableError(
                f"this system has no {SHARED_MEMORY}, which a hosted engine needs"
            )
        remove_stale(folder)
        token, self.ring_descriptor = _make_ring()
        self.ring_path = _ring_path_of(token)
        self.socket_path = folder / f"{token}.socket"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            _listen(self._listener, self.socket_path)
        except HostStartError:
            self.close()
            raise

    def accept(self, timeout_s: float) -> Optional[socket.socket]:
        """Wait for the host to connect; None if it has not in time.

        Raises
        ------
        PeerRefusedError
            If it is another user's process; the host may still come.
        """
        if not select.select([self._listener], [], [], timeout_s)[0]:
            return None
        connection, _ = self._listener.accept()
        try:
            check_peer(connection)
        except PeerRefusedError:
            connection.close()
            raise
        return connection

    def remove_names(self) -> None:
        """Remove both names: the host has opened what they stood for."""
        # The socket first: a socket without a ring counts as stale.
        remove(self.socket_path)
        remove(self.ring_path)

    def close(self) -> None:
        """Remove both names and close both files. Calling it again does nothing."""
        self.remove_names()
        self._listener.close()
        if self.ring_descriptor >= 0:
            os.close(self.ring_descriptor)
            self.ring_descriptor = -1


def open_ring(path: Path) -> int:
    """Open the ring's file in the host; gives its descriptor.

    Raises
    ------
    PeerRefusedError
        If the file is not this user's alone.
    HostStartError
        If it cannot be opened.
    """
    try:
        descriptor = os.open(str(path), _OPEN)
    except OSError as error:
        raise HostStartError(
            f"cannot open the ring {path}: {error.strerror}"
        ) from error
    found = os.fstat(descriptor)
    is_private = stat.S_ISREG(found.st_mode) and not found.st_mode & 0o077
    if not is_private or found.st_uid != os.getuid():
        os.close(descriptor)
        raise PeerRefusedError(
            f"the ring {path} is not a file of this user alone"
            f" (user {found.st_uid}, mode {stat.S_IMODE(found.st_mode):o})"
        )
    return descriptor


def remove_stale(folder: Path) -> List[Path]:
    """Remove what killed clients of this user have left; gives what it removed."""
    removed = []
    for ring_path in SHARED_MEMORY.glob(_ring_path_of("*").name):
        if _is_abandoned(ring_path):
            remove(ring_path)
            removed.append(ring_path)
    for socket_path in folder.glob("*.socket"):
        if not _ring_path_of(socket_path.stem).exists():
            remove(socket_path)
            removed.append(socket_path)
    return removed


def remove(path: Path) -> None:
    """Remove a file that may be gone already."""
    try:
        path.unlink()
    except FileNotFoundError:
        return


def _make_ring() -> Tuple[str, int]:
    """Make a locked ring file; gives its token and descriptor."""
    while True:
        token = secrets.token_hex(8)
        path = _ring_path_of(token)
        try:
            descriptor = os.open(str(path), _MAKE, 0o600)
        except OSError as error:
            raise HostStartError(
                f"cannot make the ring {path}: {error.strerror}"
            ) from error
        # The lock says that its client lives. Another client may have taken the file
        # for a stale one just before: then it has no name any more.
        if _lock(descriptor) and path.exists():
            return token, descriptor
        os.close(descriptor)


def _listen(listener: socket.socket, path: Path) -> None:
    if len(os.fsencode(str(path))) > _MAX_SOCKET_PATH_BYTES:
        raise HostStartError(
            f"the path {path} is too long for a socket",
            hint="Set XDG_RUNTIME_DIR to a folder with a shorter name.",
        )
    try:
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(1)
    except OSError as error:
        raise HostStartError(
            f"cannot make the host's socket {path}: {error.strerror}"
        ) from error


def _is_abandoned(ring_path: Path) -> bool:
    try:
        descriptor = os.open(str(ring_path), _OPEN)
    except OSError:
        # Gone in the meantime, or a name that somebody else has taken.
        return False
    try:
        return _lock(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, _LOCK_AT_ONCE)
    except BlockingIOError:
        return False
    return True


def _ring_path_of(token: str) -> Path:
    return SHARED_MEMORY / f"peregrine-{os.getuid()}-{token}.ring"
