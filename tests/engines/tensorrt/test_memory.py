import pytest

from engines.convert.memory import available_bytes, default_workspace_bytes


def test_available_memory_is_what_the_system_says(tmp_path):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(
        "MemTotal:        8038788 kB\nMemFree:          100000 kB\n"
        "MemAvailable:    2097152 kB\n"
    )

    assert available_bytes(meminfo) == 2 << 30


@pytest.mark.parametrize(
    ("free_mb", "workspace_mb"), [(8000, 512), (1200, 300), (100, 64)]
)
def test_a_workspace_takes_a_quarter_within_bounds(free_mb, workspace_mb):
    assert default_workspace_bytes(free_mb << 20) == workspace_mb << 20
