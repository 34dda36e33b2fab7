import pytest

from tests.engines.tensorrt.fake_cudart import compile_fake_cudart


@pytest.fixture(scope="session")
def compiled_cudart(tmp_path_factory):
    return compile_fake_cudart(tmp_path_factory.mktemp("cudart"))


@pytest.fixture
def cudart(compiled_cudart):
    """A CUDA runtime with one GPU of its own memory; nothing may be left open."""
    compiled_cudart.set_device()
    compiled_cudart.set_device_count(1)
    compiled_cudart.fail("", 0)
    before = compiled_cudart.outstanding
    yield compiled_cudart
    assert compiled_cudart.outstanding == before, "memory or a handle is left"
