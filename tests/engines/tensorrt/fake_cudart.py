"""Compiles and steers `fake_cudart.c`."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest

from engines.cuda_runtime import CudaRuntime

_SOURCE = Path(__file__).with_name("fake_cudart.c")


class FakeCudart:
    """The compiled library, with what the real one does not tell."""

    def __init__(self, path):
        self.path = path
        self._library = ctypes.CDLL(path)
        self._library.fake_launch.argtypes = [ctypes.c_void_p] * 3
        self._kept = []

    def runtime(self):
        return CudaRuntime(self.path)

    def set_device(self, name="Fake GPU", capability=(8, 7), is_integrated=False):
        self._library.fake_set_device(name.encode(), *capability, int(is_integrated))

    def set_device_count(self, count):
        self._library.fake_set_count(count)

    def fail(self, function, code=1):
        """Let the next call of a function fail."""
        self._library.fake_fail(function.encode(), code)

    def launch(self, stream, work):
        """Queue a Python function, as a kernel would be."""
        function = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: work())
        self._kept.append(function)  # the library calls it later
        self._library.fake_launch(stream, ctypes.cast(function, ctypes.c_void_p), None)

    @property
    def outstanding(self):
        """What was opened and not closed."""
        return self._library.fake_outstanding()

    @property
    def graph_launches(self):
        return self._library.fake_launches()

    @property
    def copies(self):
        return self._library.fake_copies()

    @property
    def last_error(self):
        return self._library.fake_last_error()


def compile_fake_cudart(folder, version=12040):
    """Build the library; skips the test where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler to build the fake CUDA runtime with")
    # A name of its own, or the loader gives the library of an earlier test.
    path = str(folder / f"libcudart-{folder.name}-{version}.so")
    options = ["-shared", "-fPIC", "-O1", "-Wall", "-Werror"]
    options.append(f"-DCUDA_VERSION={version}")
    subprocess.check_call([compiler, *options, str(_SOURCE), "-o", path])
    return FakeCudart(path)
