import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("openvino", reason="OpenVINO has no wheel for this Python")

_REPORT = """
import threading
from engines.openvino_library import import_openvino
import_openvino()
print([thread.name for thread in threading.enumerate()])
"""


def test_importing_openvino_starts_no_thread_that_reports_usage():
    printed = subprocess.run(
        [sys.executable, "-c", _REPORT],
        cwd=str(Path(__file__).parents[2]),
        stdout=subprocess.PIPE,
        check=True,
    ).stdout.decode()

    assert printed.strip() == "['MainThread']"
