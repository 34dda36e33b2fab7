"""`main.py bench`: its command line, its table, and the job behind it."""

from __future__ import annotations

import argparse
import os

import pytest

from app.bench_job import BenchFailedError, BenchJob, BenchRequest
from app.commands import bench
from app.paths import DEFAULT_MODEL, ROOT, engine_cache_folder
from engines.convert.errors import SourceFormatError

ENGINES_PYTHON = ROOT / ".venv-engines" / "bin" / "python"
RESULT_KEYS = {
    *("engine", "precision", "threads", "ms_p50", "ms_p95", "fps"),
    *("ratio_to_reference", "mask_iou"),
}


def parse(*words):
    parser = argparse.ArgumentParser()
    bench.add_parser(parser.add_subparsers())
    return parser.parse_args(["bench", *words])


@pytest.fixture
def report():
    return {
        "model": "small",
        "reference": "tensorflow",
        "results": [
            {
                "engine": "openvino:int8",
                "precision": "int8",
                "threads": 2,
                "ms_p50": 4.0,
                "ms_p95": 6.0,
                "fps": 250.0,
                "ratio_to_reference": None,
                "mask_iou": 0.9912,
                "fps_by_round": [240.0, 260.0],
            }
        ],
        "skipped": [{"engine": "openvino:bf16", "reason": "no bf16 arithmetic"}],
        "machine": {
            "cpu": "A Processor",
            "peak_gflops": 100.0,
            "peak_gflops_by_threads": {"1": 60.0, "2": 100.0},
            "peak_how": "fp32 matrix product",
        },
        "gflop": 0.2,
        "samples": "4 made-up pictures",
        "rounds": 2,
        "versions": [],
    }


def test_without_arguments_the_bundled_network_is_measured_on_every_engine():
    arguments = parse()

    assert arguments.model == DEFAULT_MODEL
    assert arguments.engines == tuple(bench.CHOICES)


@pytest.mark.parametrize(
    "words", [("--engines", "opnvino"), ("--threads", "0"), ("--seconds", "0")]
)
def test_a_wrong_value_is_refused_by_the_command_line(words, capsys):
    with pytest.raises(SystemExit):
        parse(*words)

    assert words[0] in capsys.readouterr().err


def test_the_json_has_the_agreed_fields_of_every_result(report):
    figures = bench.figures_of(report)

    assert set(figures["results"][0]) == RESULT_KEYS
    assert {"cpu", "peak_gflops"} <= set(figures["machine"])
    assert figures["skipped"] == report["skipped"]


def test_the_share_of_the_peak_is_of_the_peak_on_as_many_threads(report):
    # 250 times 0.2 GFLOP are 50 GFLOP/s of 100 on two threads.
    assert bench.share_of_peak(report["results"][0], report) == pytest.approx(0.5)


def test_the_table_tells_what_was_left_out_and_why(report):
    text = bench.text_of(report)

    assert "openvino:bf16: left out, no bf16 arithmetic" in text
    assert "50%" in text


def test_the_cache_is_where_the_user_wants_caches(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert engine_cache_folder() == tmp_path / "peregrine" / "engines"


def request(tmp_path, **changes):
    fields = {
        "model": DEFAULT_MODEL,
        "engines": ("tensorflow",),
        "python": ENGINES_PYTHON,
        "cache": tmp_path / "cache",
    }
    return BenchRequest(**{**fields, **changes})


def test_a_model_that_is_not_there_is_told_before_anything_starts(tmp_path):
    job = BenchJob(request(tmp_path, model=tmp_path / "none.pb"), lambda _: None)

    with pytest.raises(SourceFormatError, match=r"none\.pb"):
        job.run()


def test_a_python_that_makes_no_engine_is_told_with_the_reason(tmp_path):
    # It ends at once and says nothing, as a crashing library would.
    mute = tmp_path / "python"
    mute.write_text("#!/bin/sh\nexit 3\n")
    mute.chmod(0o755)

    with pytest.raises(BenchFailedError, match=r"tensorflow: .* status 3"):
        BenchJob(request(tmp_path, python=mute), lambda _: None).run()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(
    not os.access(ENGINES_PYTHON, os.X_OK), reason="'make engines' was not run"
)
def test_engines_are_made_once_and_found_the_next_time(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    words = ("--engines", "tensorflow-folded", "--threads", "1", "--seconds", "0.01")
    page = tmp_path / "bench.html"
    assert bench.run(parse(*words, "--json", "--html", str(page))) == 0
    (made,) = engine_cache_folder().iterdir()
    written_ns = (made / "engine.json").stat().st_mtime_ns

    assert bench.run(parse(*words)) == 0

    (found,) = engine_cache_folder().iterdir()
    assert (found / "engine.json").stat().st_mtime_ns == written_ns
    assert "tensorflow-folded" in capsys.readouterr().out
    assert "tensorflow-folded" in page.read_text(encoding="utf-8")
