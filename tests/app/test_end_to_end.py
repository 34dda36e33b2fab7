from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app import end_to_end
from app.end_to_end import (
    EndToEndRequest,
    measure_end_to_end,
    run_whole,
    text_of_end_to_end,
)
from app.engine_choice import EngineChoice
from app.errors import ConsoleError
from app.paths import DEFAULT_MODEL, SAMPLE_CLIP
from engines.base import EngineKind
from engines.errors import EngineLoadError
from engines.manifest import load_manifest, save_manifest
from engines.reference import ReferenceEngine

if TYPE_CHECKING:
    from app.bench_job import BenchProgress

REQUEST = EndToEndRequest(
    model=DEFAULT_MODEL,
    python=Path("python"),
    clip=str(SAMPLE_CLIP),
    best=EngineChoice(kind=EngineKind.REFERENCE),
    seconds=1.0,
    rounds=1,
)


@pytest.fixture
def reference_for_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorFlow takes seconds to start, and is not installed here."""
    monkeypatch.setattr(end_to_end, "_trained", lambda *_: ReferenceEngine)


@pytest.mark.usefixtures("reference_for_tensorflow")
def test_both_run_the_whole_solution_and_are_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # How many frames a busy machine infers in a second is not what is tested.
    monkeypatch.setattr(end_to_end, "_FEWEST_FRAMES", 2)
    shown: list[BenchProgress] = []

    report = measure_end_to_end(REQUEST, shown.append)

    first, second = report["results"]
    assert report["ratio"] == pytest.approx(second["fps"] / first["fps"], abs=0.02)
    for each in (first, second):
        assert each["fps"] > 0
        assert each["recorded"] > 0
        assert each["display_hz"] > 0
        assert len(each["fps_by_round"]) == 1
    assert [each.done_ratio for each in shown] == [0.0, 0.5]
    assert "times as fast" in text_of_end_to_end(report)
    first_s, last_s = (report["telemetry"][at]["time_s"] for at in (0, -1))
    assert last_s > first_s


@pytest.mark.usefixtures("reference_for_tensorflow")
def test_too_short_a_clip_is_refused() -> None:
    request = replace(REQUEST, clip="synthetic://?frames=70&size=320x240")

    with pytest.raises(ConsoleError, match="too few to measure"):
        measure_end_to_end(request, lambda _: None)


def test_a_model_without_the_network_as_trained_is_refused(tmp_path: Path) -> None:
    manifest = load_manifest(DEFAULT_MODEL)
    files = {"onnx": "model.onnx"}
    (tmp_path / "model.onnx").write_bytes((DEFAULT_MODEL / "model.onnx").read_bytes())
    save_manifest(manifest._replace(files=files, sha256={}, folder=tmp_path), tmp_path)
    request = replace(REQUEST, model=tmp_path)

    with pytest.raises(EngineLoadError, match="as trained"):
        measure_end_to_end(request, lambda _: None)


def test_tensorflow_is_given_the_network_as_trained_alone(tmp_path: Path) -> None:
    end_to_end._trained(REQUEST, tmp_path)

    manifest = load_manifest(tmp_path / "trained")
    assert set(manifest.files) == {"saved-model"}
    assert manifest.path_of("saved-model").is_dir()
    assert manifest.input == load_manifest(DEFAULT_MODEL).input


def test_an_engine_that_is_slow_is_given_the_time_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(end_to_end, "_FEWEST_FRAMES", 120)

    whole = run_whole(str(SAMPLE_CLIP), ReferenceEngine, 0.01, tmp_path)

    assert whole["fps"] > 0
    assert whole["p99_ms"] >= whole["p50_ms"]


def test_an_engine_that_takes_too_long_is_refused_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(end_to_end, "_PATIENCE_S", 0.3)
    monkeypatch.setattr(end_to_end, "_FEWEST_FRAMES", 10**9)
    monkeypatch.setattr(end_to_end, "_WARM_UP_FRAMES", 1)

    with pytest.raises(ConsoleError, match="too few to measure") as raised:
        run_whole(str(SAMPLE_CLIP), ReferenceEngine, 0.01, tmp_path)

    assert "faster engine" in raised.value.hint
