import pytest

from engines.cuda_runtime import CapturedGraph, CudaError, CudaRuntime, Stream
from engines.device_buffers import close_all
from engines.errors import EngineUnavailableError, InferenceError
from tests.engines.tensorrt.fake_cudart import compile_fake_cudart


def test_the_device_is_described_by_name_and_capability(cudart):
    cudart.set_device("NVIDIA Tegra X2", (6, 2), is_integrated=True)

    device = cudart.runtime().device

    assert device == ("NVIDIA Tegra X2", (6, 2), True)


def test_the_version_is_written_as_people_write_it(cudart):
    assert cudart.runtime().version == "12.4"


def test_a_missing_library_is_named(tmp_path):
    with pytest.raises(EngineUnavailableError, match=r"nowhere\.so"):
        CudaRuntime(str(tmp_path / "nowhere.so"))


def test_a_machine_without_a_gpu_is_told_so(cudart):
    cudart.set_device_count(0)

    with pytest.raises(EngineUnavailableError, match="no CUDA-capable device"):
        cudart.runtime()


def _doubling_graph(cudart, cuda, stream, value):
    def double():
        value[0] *= 2

    return CapturedGraph(cuda, stream, lambda: cudart.launch(stream.handle, double))


def test_capturing_records_the_work_and_does_none_of_it(cudart):
    cuda = cudart.runtime()
    stream, value = Stream(cuda), [1]

    graph = _doubling_graph(cudart, cuda, stream, value)
    stream.wait()

    assert value == [1]
    close_all([stream, graph])


def test_a_graph_does_its_work_at_every_launch(cudart):
    cuda = cudart.runtime()
    stream, value = Stream(cuda), [1]
    graph = _doubling_graph(cudart, cuda, stream, value)

    for _ in range(3):
        graph.launch(stream)
    stream.wait()

    assert value == [8]
    close_all([stream, graph])


def test_a_graph_runs_on_cuda_10_which_lacks_the_newer_call(tmp_path):
    old = compile_fake_cudart(tmp_path, version=10020)
    cuda = old.runtime()
    stream, value = Stream(cuda), [1]

    graph = _doubling_graph(old, cuda, stream, value)
    graph.launch(stream)
    stream.wait()

    assert value == [2]
    close_all([stream, graph])


def test_work_that_fails_in_a_capture_ends_the_capture(cudart):
    cuda = cudart.runtime()
    stream, value = Stream(cuda), [1]

    def fail():
        raise InferenceError("TensorRT failed")

    with pytest.raises(InferenceError, match="TensorRT failed"):
        CapturedGraph(cuda, stream, fail)

    # The stream runs again at once: it has left the capture.
    cudart.launch(stream.handle, lambda: value.append(2))
    stream.wait()
    assert value == [1, 2]
    stream.close()


def test_a_capture_that_fails_leaves_nothing_behind(cudart):
    cuda = cudart.runtime()
    stream = Stream(cuda)
    cudart.fail("cudaGraphInstantiateWithFlags")

    with pytest.raises(CudaError, match="cudaGraphInstantiateWithFlags"):
        CapturedGraph(cuda, stream, lambda: None)

    stream.close()
