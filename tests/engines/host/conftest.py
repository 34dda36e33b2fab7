import pytest

from tests.engines.host.hosts import own_folders


@pytest.fixture
def runtime_folder():
    """A folder for sockets and rings of the test's own; none may be left."""
    with own_folders() as folder:
        yield folder
