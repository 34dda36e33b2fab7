"""Sets up what Peregrine needs on a bare machine: system libraries and environments.

    python3 tools/bootstrap.py console   # .venv with what the console needs
    python3 tools/bootstrap.py tests     # the same and what the checks need
    python3 tools/bootstrap.py engines   # .venv-engines with TensorFlow
    python3 tools/bootstrap.py engines36 # .venv-engines36, where a Python 3.6 is found
    python3 tools/bootstrap.py tracking  # .venv-tracking with other trackers

Only the standard library is used, because nothing else is there yet. An environment
is made anew only when its lock file or its interpreter has changed.
"""

from __future__ import annotations

import argparse
import ctypes.util
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"

# Library as the loader knows it, and the Debian package that brings it. PySide6's
# wheels need these; Qt blames xcb-cursor whichever of the xcb ones is missing.
WINDOW_LIBRARIES = {
    "EGL": "libegl1",
    "GL": "libgl1",
    "glib-2.0": "libglib2.0-0",
    "fontconfig": "libfontconfig1",
    "freetype": "libfreetype6",
    "dbus-1": "libdbus-1-3",
    "xkbcommon": "libxkbcommon0",
    "xkbcommon-x11": "libxkbcommon-x11-0",
    "xcb-cursor": "libxcb-cursor0",
    "xcb-icccm": "libxcb-icccm4",
    "xcb-keysyms": "libxcb-keysyms1",
    "xcb-shape": "libxcb-shape0",
}

# Without one font file, Qt shows no text at all.
FONTS = Path("/usr/share/fonts")


class SetupError(Exception):
    """Something the set-up cannot put right by itself."""


def main() -> int:
    """Set up what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "what", choices=("console", "tests", "engines", "engines36", "tracking")
    )
    what = parser.parse_args().what
    try:
        {
            "console": set_up_console,
            "tests": set_up_tests,
            "engines": set_up_engines,
            "engines36": set_up_engines36,
            "tracking": set_up_tracking,
        }[what]()
    except SetupError as error:
        print(f"peregrine: {error}", file=sys.stderr)
        return 1
    return 0


def set_up_console() -> None:
    """Make `.venv` and install what the window and the command line need."""
    _need_system_libraries(WINDOW_LIBRARIES, programs={})
    # What the checks have installed includes all of this.
    if not _is_made(ROOT / ".venv", "tests.txt", sys.executable):
        _make_environment(ROOT / ".venv", "console.txt", sys.executable)


def set_up_tests() -> None:
    """Make `.venv` with the checks' tools too, and a screen that is not there."""
    _need_system_libraries(WINDOW_LIBRARIES, programs={"Xvfb": "xvfb"})
    _make_environment(ROOT / ".venv", "tests.txt", sys.executable)


def set_up_engines() -> None:
    """Make `.venv-engines`, where TensorFlow and the converters live."""
    _make_environment(ROOT / ".venv-engines", "engines.txt", _engines_python())


def set_up_engines36() -> None:
    """Make `.venv-engines36` with TensorFlow 1.15, as on a Jetson TX2."""
    python = find_python36()
    if python is None:
        print(
            "peregrine: no CPython 3.6 found, so what runs on a Jetson TX2 is not"
            " tested here. Install one (pyenv install 3.6.15) to test it too."
        )
        return
    _make_environment(ROOT / ".venv-engines36", "engines36.txt", python)


def set_up_tracking() -> None:
    """Make `.venv-tracking`, where the tracker meets those of others."""
    if sys.version_info < (3, 11):
        raise SetupError("the other trackers need Python 3.11 or newer")
    lock_name = "tracking-benchmark.txt"
    _make_environment(ROOT / ".venv-tracking", lock_name, sys.executable)


def find_python36() -> str | None:
    """Path of a CPython 3.6, from PATH or pyenv; None where there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [shutil.which("python3.6")]
    candidates += [str(path) for path in pyenv.glob("versions/3.6.*/bin/python")]
    for candidate in filter(None, candidates):
        # A pyenv shim exists for versions that are not active, and fails.
        found = subprocess.run(
            [candidate, "-c", "import sys; print(sys.version_info[:2])"],
            capture_output=True,
            text=True,
            check=False,
        )
        if found.stdout.strip() == "(3, 6)":
            return candidate
    return None


def _engines_python() -> str:
    """Interpreter for TensorFlow 2.17: this one, or the newest that has wheels."""
    if (3, 10) <= sys.version_info[:2] <= (3, 12):
        return sys.executable
    for minor in (12, 11, 10):
        path = shutil.which(f"python3.{minor}")
        if path is not None:
            return path
    raise SetupError(
        "TensorFlow 2.17.1 has no wheels for this Python"
        f" {sys.version_info.major}.{sys.version_info.minor}, and no Python 3.10 to"
        " 3.12 is on the PATH. Install one of them."
    )


def _need_system_libraries(libraries: dict[str, str], programs: dict[str, str]) -> None:
    missing = {
        package
        for library, package in libraries.items()
        if ctypes.util.find_library(library) is None
    }
    missing |= {
        package for program, package in programs.items() if not shutil.which(program)
    }
    if libraries and not any(FONTS.rglob("*.ttf")) and not any(FONTS.rglob("*.otf")):
        missing.add("fonts-dejavu-core")
    if not _has_venv():
        missing.add(f"python{sys.version_info.major}.{sys.version_info.minor}-venv")
    if not missing:
        return
    _install_packages(sorted(missing))


def _has_venv() -> bool:
    found = subprocess.run(
        [sys.executable, "-c", "import ensurepip"], capture_output=True, check=False
    )
    return found.returncode == 0


def _install_packages(packages: list[str]) -> None:
    install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if shutil.which("apt-get") is None:
        raise SetupError(
            "these system packages are missing (Debian's names): " + " ".join(packages)
        )
    if os.geteuid() != 0:
        raise SetupError(
            "system libraries are missing. Install them with:\n"
            f"    sudo apt-get update && sudo {' '.join(install)}"
        )
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], install):
        print("peregrine:", " ".join(command), flush=True)
        done = subprocess.run(
            command,
            env=environment,
            stdout=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode:
            raise SetupError(f"{' '.join(command)} failed; see its message above")


def _is_made(folder: Path, lock_name: str, python: str) -> bool:
    stamp = folder / "peregrine-lock"
    return stamp.is_file() and stamp.read_text() == _stamp_of(lock_name, python)


def _stamp_of(lock_name: str, python: str) -> str:
    digest = hashlib.sha256((REQUIREMENTS / lock_name).read_bytes()).hexdigest()
    return f"{lock_name} {digest} {Path(python).resolve()}\n"


def _make_environment(folder: Path, lock_name: str, python: str) -> None:
    if _is_made(folder, lock_name, python):
        return
    print(f"peregrine: setting up {folder.name} (once; minutes)", flush=True)
    if python == sys.executable:
        venv.create(folder, with_pip=True, clear=True)
    else:
        subprocess.run([python, "-m", "venv", "--clear", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    if lock_name == "engines36.txt":
        # The pip that came with Python 3.6 does not know today's wheels.
        _install(pip, ["pip==21.3.1"])
    # The lock file names everything that is wanted, and leaves out what is not.
    _install(pip, ["--no-deps", "-r", str(REQUIREMENTS / lock_name)])
    (folder / "peregrine-lock").write_text(_stamp_of(lock_name, python))


def _install(pip: list[str], what: list[str]) -> None:
    done = subprocess.run([*pip, "install", "--quiet", *what], check=False)
    if done.returncode:
        raise SetupError(
            f"pip could not install {' '.join(what)}; see its message above."
            " Check the connection and run the same command again."
        )


if __name__ == "__main__":
    sys.exit(main())
