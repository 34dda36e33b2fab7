import errno
import os

import numpy as np
import pytest

from engines.errors import EngineLoadError
from engines.host import ring as ring_module
from engines.host.errors import HostProtocolError
from engines.host.ring import (
    MAX_SLOTS,
    Ring,
    RingLayout,
    TensorLayout,
    allocate,
    checked_layout,
)

INPUT = TensorLayout((1, 5, 7, 3), "float32")
OUTPUT = TensorLayout((1, 5, 7, 1), "uint8")


@pytest.fixture
def ring_file(tmp_path):
    with (tmp_path / "ring").open("w+b") as file:
        yield file.fileno()


def test_what_one_end_writes_the_other_reads(ring_file):
    layout = RingLayout(3, INPUT, OUTPUT)
    allocate(ring_file, layout)
    client, host = Ring(ring_file, layout), Ring(ring_file, layout)

    for index, slot in enumerate(client.slots):
        slot.input[...] = index + 0.5
        slot.output[...] = 200 + index

    for index, slot in enumerate(host.slots):
        assert (slot.input.shape, slot.input.dtype) == (INPUT.shape, np.float32)
        assert (slot.output.shape, slot.output.dtype) == (OUTPUT.shape, np.uint8)
        assert (slot.input == index + 0.5).all()
        assert (slot.output == 200 + index).all()


def test_every_tensor_starts_on_a_cache_line(ring_file):
    layout = RingLayout(2, INPUT, OUTPUT)
    allocate(ring_file, layout)

    slots = Ring(ring_file, layout).slots

    starts = [array.ctypes.data % 64 for slot in slots for array in slot]
    assert starts == [0, 0, 0, 0]


def test_an_output_outlives_its_ring(ring_file):
    layout = RingLayout(1, INPUT, OUTPUT)
    allocate(ring_file, layout)
    ring = Ring(ring_file, layout)
    output = ring.slots[0].output
    output[...] = 9

    del ring

    assert (output == 9).all()


def test_a_file_shorter_than_its_layout_is_refused(ring_file):
    allocate(ring_file, RingLayout(1, INPUT, OUTPUT))

    with pytest.raises(HostProtocolError, match="are needed"):
        Ring(ring_file, RingLayout(2, INPUT, OUTPUT))


@pytest.mark.parametrize(
    ("layout", "fault"),
    [
        (RingLayout(0, INPUT, OUTPUT), "0 slots"),
        (RingLayout(MAX_SLOTS + 1, INPUT, OUTPUT), "65 slots"),
        (RingLayout(2, TensorLayout((2,), "object"), OUTPUT), "dtype 'object'"),
        (RingLayout(2, INPUT, TensorLayout((2,), "f4")), "dtype 'f4'"),
        (RingLayout(2, TensorLayout((2**40, 2**40), "int8"), OUTPUT), "bytes"),
    ],
)
def test_a_layout_that_no_honest_end_asks_for_is_refused(layout, fault):
    with pytest.raises(HostProtocolError, match=fault):
        checked_layout(layout)


def test_full_shared_memory_is_an_error_and_no_crash(ring_file, monkeypatch):
    def refuse(_descriptor, _offset, _length):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(ring_module.os, "posix_fallocate", refuse)

    with pytest.raises(EngineLoadError, match="No space left") as caught:
        allocate(ring_file, RingLayout(1, INPUT, OUTPUT))
    assert "/dev/shm" in caught.value.hint
