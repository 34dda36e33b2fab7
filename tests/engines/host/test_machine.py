import json
import sys

import pytest

from engines.base import Precision
from engines.host import machine
from engines.host.machine import (
    Gpu,
    capabilities_from,
    find_capabilities,
    find_cuda,
    find_gpu,
    find_jetson_linux,
    find_processor,
    find_tensorrt_library,
    installed_version,
    jetpack_of,
    precisions_of,
    tf_trt_obstacle,
)

TX2 = Gpu("GP10B of quill", (6, 2))
ORIN = Gpu("GA10B of NVIDIA Jetson Orin Nano", (8, 7))


@pytest.fixture
def board(tmp_path):
    """A writer of files below a root of its own."""

    def write(path, content):
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
        return tmp_path

    return write


def _obstacles(gpu, features=""):
    return {entry.precision: entry.reason for entry in precisions_of(gpu, features)}


def test_a_tx2_is_known_by_its_device_tree(board):
    board("proc/device-tree/model", "quill\0")
    root = board(
        "proc/device-tree/compatible", "nvidia,p2597-0000+p3310-1000\0nvidia,tegra186\0"
    )

    assert find_gpu(root) == TX2


def test_a_machine_without_nvidia_driver_has_no_gpu(tmp_path):
    assert find_gpu(tmp_path) is None


class FakeDriver:
    """The CUDA driver's enquiry functions, as `cuda.h` declares them."""

    def __init__(self, status=0):
        self._status = status

    def cuInit(self, _flags):  # noqa: N802  the driver's name
        return self._status

    def cuDeviceGet(self, device, ordinal):  # noqa: N802
        device._obj.value = 40 + ordinal
        return 0

    def cuDeviceGetName(self, name, length, device):  # noqa: N802
        assert (length, device.value) == (100, 40)
        name.value = b"NVIDIA RTX 4090"
        return 0

    def cuDeviceGetAttribute(self, value, attribute, device):  # noqa: N802
        assert device.value == 40
        value._obj.value = {75: 8, 76: 9}[attribute]
        return 0


def test_a_desktops_gpu_is_asked_of_the_driver(board, monkeypatch):
    root = board("proc/driver/nvidia/version", "NVRM version: 560")
    monkeypatch.setattr(machine.ctypes, "CDLL", lambda _name: FakeDriver())

    assert find_gpu(root) == Gpu("NVIDIA RTX 4090", (8, 9))


def test_a_driver_that_fails_means_no_gpu(board, monkeypatch):
    root = board("proc/driver/nvidia/version", "NVRM version: 560")
    monkeypatch.setattr(machine.ctypes, "CDLL", lambda _name: FakeDriver(status=100))

    assert find_gpu(root) is None


def test_a_driver_that_cannot_be_loaded_means_no_gpu(board, monkeypatch):
    def refuse(name):
        raise OSError(name)

    root = board("proc/driver/nvidia/version", "NVRM version: 560")
    monkeypatch.setattr(machine.ctypes, "CDLL", refuse)

    assert find_gpu(root) is None


def test_int8_is_absent_on_a_tx2_and_the_reason_is_named():
    obstacles = _obstacles(TX2)

    assert obstacles["fp16"] == ""
    assert "GP10B of quill (compute capability 6.2)" in obstacles["int8"]
    assert "int8" in obstacles["int8"]


def test_an_orin_has_every_precision():
    assert not any(_obstacles(ORIN).values())


@pytest.mark.parametrize(
    ("capability", "present"),
    [
        ((5, 3), {"fp32", "fp16"}),
        ((6, 1), {"fp32", "int8"}),
        ((7, 2), {"fp32", "fp16", "int8"}),
        ((9, 0), {"fp32", "fp16", "bf16", "int8"}),
    ],
)
def test_precisions_follow_the_compute_capability(capability, present):
    obstacles = _obstacles(Gpu("a GPU", capability))

    assert {name for name, reason in obstacles.items() if not reason} == present


def test_without_a_gpu_the_processor_decides():
    assert not _obstacles(None, "fma avx2 avx512_bf16")["bf16"]
    assert "no bf16" in _obstacles(None, "fma avx2")["bf16"]
    assert "no fast int8" in _obstacles(None, "sse2")["int8"]


def test_the_processor_is_read_from_the_kernels_list(board):
    root = board(
        "proc/cpuinfo", "processor\t: 0\nmodel name\t: Fast CPU\nflags\t\t: fma avx2\n"
    )

    assert find_processor(root) == ("Fast CPU", "fma avx2")


@pytest.mark.parametrize(
    ("line", "release", "jetpack"),
    [
        (
            "# R32 (release), REVISION: 7.6, GCID: 38171779, BOARD: t186ref",
            "32.7.6",
            "4.6.6",
        ),
        (
            "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic",
            "36.4.3",
            "6.2",
        ),
        ("# R99 (release), REVISION: 1.0, GCID: 1, BOARD: none", "99.1.0", None),
        ("", None, None),
    ],
)
def test_the_release_file_tells_jetson_linux_and_jetpack(board, line, release, jetpack):
    root = board("etc/nv_tegra_release", line + "\n")

    assert find_jetson_linux(root) == release
    assert jetpack_of(release) == jetpack


def test_cuda_is_read_from_its_old_and_its_new_version_file(board):
    new = board(
        "usr/local/cuda/version.json", json.dumps({"cuda": {"version": "12.6.68"}})
    )
    assert find_cuda(new) == "12.6.68"

    old = board("usr/local/cuda/version.txt", "CUDA Version 10.2.300\n")
    assert find_cuda(old) == "10.2.300"


def test_tensorrts_version_is_in_the_name_of_its_library(board):
    board("usr/lib/aarch64-linux-gnu/libnvinfer.so.8", "")
    root = board("usr/lib/aarch64-linux-gnu/libnvinfer.so.8.2.1", "")

    assert find_tensorrt_library(root, ()) == "8.2.1"


def test_tensorrt_is_found_where_the_loader_is_told_to_look(board, tmp_path):
    board("own/libnvinfer.so.10.3.0", "")

    assert find_tensorrt_library(tmp_path / "none", [str(tmp_path / "own")]) == "10.3.0"


@pytest.mark.parametrize(
    ("tensorflow", "build_info", "tensorrt", "gpu", "obstacle"),
    [
        (None, "", "8.2.1", TX2, "TensorFlow is not installed"),
        ("2.21.0", "'is_tensorrt_build', True", "10.3.0", ORIN, "2.17 was the last"),
        ("2.17.1", "('is_tensorrt_build', False)", "8.6.1", ORIN, "built without"),
        ("1.15.5", "is_cuda_build = False", "8.2.1", TX2, "built without"),
        ("1.15.5+nv22.1", "is_cuda_build = True", None, TX2, "libnvinfer"),
        ("2.17.1", "('is_tensorrt_build', True)", "8.6.1", None, "no NVIDIA GPU"),
        ("1.15.5+nv22.1", "is_cuda_build = True", "8.2.1", TX2, ""),
        ("2.16.1+nv24.08", "('is_tensorrt_build', True)", "10.3.0", ORIN, ""),
    ],
)
def test_what_stands_in_the_way_of_tf_trt_is_named(
    board, monkeypatch, tensorflow, build_info, tensorrt, gpu, obstacle
):
    root = board("tensorflow/__init__.py", "")
    board("tensorflow/python/platform/build_info.py", build_info)
    monkeypatch.setattr(sys, "path", [str(root)])
    for package in ("tensorflow", "tensorflow_core"):
        monkeypatch.delitem(sys.modules, package, raising=False)

    found = tf_trt_obstacle(tensorflow, tensorrt, gpu)

    assert found == obstacle if not obstacle else obstacle in found


def test_a_package_is_found_by_its_metadata_folder(board, monkeypatch):
    root = board("tensorflow-1.15.5+nv22.1.dist-info/METADATA", "")
    monkeypatch.setattr(sys, "path", [str(root)])

    assert installed_version("tensorflow_cpu", "tensorflow") == "1.15.5+nv22.1"
    assert installed_version("numpy") is None


def test_this_interpreters_capabilities_survive_the_journey_as_json():
    capabilities = find_capabilities()

    document = json.loads(json.dumps(capabilities.to_document()))

    assert capabilities_from(document) == capabilities
    assert capabilities.python.startswith("3.")
    assert capabilities.numpy is not None
    assert [entry.precision for entry in capabilities.precisions] == [
        precision.value for precision in Precision
    ]


@pytest.mark.parametrize("document", [{}, {"python": "3.6"}])
def test_what_are_no_capabilities_is_refused(document):
    with pytest.raises(ValueError, match="not the capabilities"):
        capabilities_from(document)


def test_looking_imports_no_inference_library():
    find_capabilities()

    # OpenVINO may have come with another test; these two cost seconds or abort.
    assert machine.__name__ in sys.modules
    assert "tensorrt" not in sys.modules
