"""Interpreters that make a host with something special, and what tests ask of it."""

import os
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np

from engines.host import rendezvous
from engines.reference import REFERENCE_MANIFEST

# What the first pixel tells the engine of `obedient_python` to do.
INFER, DIE, HANG, FAIL, PRINT, LOG, BUG = range(7)

_OBEDIENT_ENGINE = """
import logging, os, signal, sys, time
import engines.catalogue
from engines.errors import InferenceError
from engines.reference import ReferenceEngine

class ObedientEngine(ReferenceEngine):
    def infer(self, tensor):
        order = int(tensor.flat[0])
        if order == 1:
            sys.stderr.write("about to die\\n")
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        if order == 2:
            time.sleep(60)
        if order == 3:
            raise InferenceError("the network refused", hint="Feed it something else.")
        if order == 4:
            print("a library speaks", flush=True)
        if order == 5:
            logging.getLogger("engines.obedient").warning("the engine %s", "is warm")
        if order == 6:
            raise ZeroDivisionError("a bug")
        return super().infer(tensor)

engines.catalogue.open_engine = lambda *order: ObedientEngine()
"""


def write_python(folder, code, before="", after=""):
    """Make a program that takes an interpreter's arguments and runs code first.

    `before` and `after` are shell commands around it.
    """
    script = folder / "host.py"
    script.write_text(
        code
        + "\nimport sys\nfrom engines.host.__main__ import main\nsys.exit(main())\n"
    )
    program = folder / "python"
    run = "exec" if not after else ""
    command = f"{run} '{sys.executable}' '{script}' \"$@\""
    program.write_text(f"#!/bin/sh\n{before}\nshift 2\n{command}\n{after}\n")
    program.chmod(0o755)
    return program


def obedient_python(folder):
    """Make an interpreter whose engine does what the first pixel says."""
    return write_python(folder, _OBEDIENT_ENGINE)


def order(what=INFER):
    """Make an input with an order in its first pixel."""
    random = np.random.RandomState(what)
    tensor = random.rand(*REFERENCE_MANIFEST.input.shape).astype(np.float32)
    tensor.flat[0] = what
    return tensor


@contextmanager
def own_folders():
    """Put sockets and rings where no other run has its own; none may be left.

    Gives the folder, whose name leaves room for a socket's path.
    """
    folder = Path(tempfile.mkdtemp(prefix="host-", dir=str(rendezvous.SHARED_MEMORY)))
    (folder / "shm").mkdir()
    with mock.patch.dict(os.environ, XDG_RUNTIME_DIR=str(folder)), mock.patch.object(
        rendezvous, "SHARED_MEMORY", folder / "shm"
    ):
        yield folder
    left = left_behind(folder)
    shutil.rmtree(str(folder))
    assert left == []


def left_behind(folder):
    """Name every socket and ring in one of `own_folders`."""
    found = [*folder.glob("shm/*"), *folder.glob("peregrine/*")]
    return sorted(str(path) for path in found)


def is_running(process_id):
    """Tell whether a process exists; one that ended and was not waited for does."""
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def this_python():
    """Give the interpreter that runs the tests."""
    return Path(sys.executable)
