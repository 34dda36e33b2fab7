import shutil
import tempfile
from pathlib import Path

import pytest


@pytest.fixture
def short_folder():
    """A folder whose name leaves room for a socket's path."""
    folder = Path(tempfile.mkdtemp(prefix="host-"))
    yield folder
    shutil.rmtree(str(folder))
