import numpy as np
import pytest

from engines.cuda_runtime import CudaError, CudaMemoryError, Stream
from engines.device_buffers import CopiedBuffer, MappedBuffer, close_all, new_buffer

OUT_OF_MEMORY = 2
SHAPE = (1, 3, 4, 1)


def pattern():
    return np.arange(12, dtype=np.float32).reshape(SHAPE)


def test_a_copied_buffer_brings_a_tensor_to_the_gpu_and_back(cudart):
    cuda = cudart.runtime()
    stream, buffer = Stream(cuda), CopiedBuffer(cuda, SHAPE, np.float32)
    buffer.array[...] = pattern()

    buffer.upload(stream)
    stream.wait()
    buffer.array[...] = 0
    buffer.download(stream)
    stream.wait()

    np.testing.assert_array_equal(buffer.array, pattern())
    close_all([stream, buffer])


def test_a_copy_is_not_there_before_the_stream_was_waited_for(cudart):
    cuda = cudart.runtime()
    stream, buffer = Stream(cuda), CopiedBuffer(cuda, SHAPE, np.float32)
    buffer.array[...] = pattern()
    buffer.upload(stream)
    stream.wait()
    buffer.array[...] = 0

    buffer.download(stream)

    assert not buffer.array.any()
    stream.wait()
    assert buffer.array.any()
    close_all([stream, buffer])


def test_a_mapped_buffer_copies_nothing(cudart):
    cuda = cudart.runtime()
    stream, buffer = Stream(cuda), MappedBuffer(cuda, SHAPE, np.float32)
    before = cudart.copies

    buffer.upload(stream)
    buffer.download(stream)
    stream.wait()

    assert cudart.copies == before
    close_all([stream, buffer])


@pytest.mark.parametrize(
    ("is_integrated", "kind"), [(True, MappedBuffer), (False, CopiedBuffer)]
)
def test_the_kind_of_buffer_suits_the_gpu(cudart, is_integrated, kind):
    cudart.set_device(is_integrated=is_integrated)

    buffer = new_buffer(cudart.runtime(), SHAPE, np.float32)

    assert isinstance(buffer, kind)
    buffer.close()


@pytest.mark.parametrize("kind", [MappedBuffer, CopiedBuffer])
def test_closing_a_buffer_twice_frees_it_once(cudart, kind):
    buffer = kind(cudart.runtime(), SHAPE, np.float32)
    before = cudart.outstanding

    buffer.close()
    freed = before - cudart.outstanding
    buffer.close()

    assert freed in (1, 2)
    assert before - cudart.outstanding == freed


def test_memory_that_runs_out_is_its_own_error(cudart):
    cuda = cudart.runtime()
    cudart.fail("cudaMalloc", OUT_OF_MEMORY)

    with pytest.raises(CudaMemoryError, match="cudaMalloc failed: out of memory"):
        CopiedBuffer(cuda, SHAPE, np.float32)


def test_a_mapping_that_fails_leaves_no_memory_behind(cudart):
    cuda = cudart.runtime()
    cudart.fail("cudaHostGetDevicePointer")

    with pytest.raises(CudaError, match="cudaHostGetDevicePointer"):
        MappedBuffer(cuda, SHAPE, np.float32)


def test_an_error_that_was_raised_is_not_reported_again(cudart):
    cuda = cudart.runtime()
    cudart.fail("cudaHostAlloc")

    with pytest.raises(CudaError):
        CopiedBuffer(cuda, SHAPE, np.float32)

    assert cudart.last_error == 0


def test_everything_is_closed_although_one_fails(cudart):
    cuda = cudart.runtime()
    first = CopiedBuffer(cuda, SHAPE, np.float32)
    second = Stream(cuda)
    cudart.fail("cudaStreamSynchronize")

    class Stubborn:
        def close(self):
            second.wait()

    resources = [first, second, Stubborn()]
    with pytest.raises(CudaError, match="cudaStreamSynchronize"):
        close_all(resources)

    assert resources == []
