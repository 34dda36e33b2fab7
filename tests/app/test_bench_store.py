"""Results of benches: measured here, kept, brought from elsewhere, exported."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from app.bench_html import html_of
from app.bench_run import BenchRun
from app.bench_store import BenchStore, csv_of, latency_ms, read_bench
from app.engine_bench import BenchOrder
from app.engine_choice import EngineChoice
from app.errors import ConsoleError
from app.paths import SAMPLE_CLIP
from engines.base import EngineKind, Precision
from tests.fakes.benches import DOCUMENT

if TYPE_CHECKING:
    from pathlib import Path


def test_an_order_survives_its_way_to_the_process(tmp_path: Path) -> None:
    choice = EngineChoice(
        kind=EngineKind.TENSORFLOW,
        model=tmp_path,
        precision=Precision.FP16,
        threads=3,
        host=tmp_path / "python",
    )
    order = BenchOrder("mine", choice, "clip.mp4", seconds=2.0, is_beside_feed=True)

    assert BenchOrder.of_json(order.to_json()) == order


def test_an_engine_is_measured_alone_and_in_the_whole_solution() -> None:
    choice = EngineChoice(kind=EngineKind.REFERENCE)
    run = BenchRun(BenchOrder("none", choice, str(SAMPLE_CLIP), seconds=3.0))
    run.start()
    run._worker.join(55.0)

    status = run.status()
    assert status.error is None
    result = status.result
    assert result is not None
    for part in ("alone", "whole"):
        figures = result[part]
        assert figures["fps"] > 1
        assert 0 < figures["p50_ms"] <= figures["p95_ms"] <= figures["p99_ms"]
    assert result["alone"]["fps"] > result["whole"]["fps"]
    assert result["memory_mb"] > 50
    assert result["engine"]["kind"] == "reference"
    assert len(result["telemetry"]) >= 2


def test_an_engine_that_does_not_open_is_told(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    order = BenchOrder("bad", EngineChoice(model=tmp_path), str(SAMPLE_CLIP))
    run = BenchRun(order)
    run.start()
    run._worker.join(55.0)

    assert isinstance(run.status().error, ConsoleError)
    assert run.status().result is None


def test_a_cancelled_bench_keeps_nothing() -> None:
    run = BenchRun(BenchOrder("bundled", EngineChoice(), str(SAMPLE_CLIP)))
    run.start()

    run.close()

    assert run.status().is_over
    assert run.status().result is None
    assert run.status().error is None


def test_results_are_kept_newest_first_before_published_ones(tmp_path: Path) -> None:
    store = BenchStore(tmp_path)
    for when in ("2026-01-01T10:00:00", "2026-01-02T10:00:00"):
        store.save({**DOCUMENT, "when": when})
    (tmp_path / "other.json").write_text("{}")

    found = store.benches()

    own = [each for each in found if not each.is_published]
    assert [each.document["when"][:10] for each in own] == ["2026-01-02", "2026-01-01"]
    published = found[2:]
    assert all(each.document["source"] for each in published)
    machines = " ".join(each.machine for each in published)
    assert "TX2" in machines
    assert "Xavier" in machines
    store.delete(own[0])
    store.delete(published[0])
    assert len(store.benches()) == len(found) - 1


def test_a_result_of_another_machine_is_taken_in(tmp_path: Path) -> None:
    path = tmp_path / "theirs.json"
    path.write_text(json.dumps(DOCUMENT))
    store = BenchStore(tmp_path / "mine")

    taken = store.take_in(path)

    assert read_bench(taken.path).document == DOCUMENT
    assert taken.title == "fast, Board X"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"schema_version": 9}, "has version 9"),
        ({"engine": None}, "no result of a bench"),
        ({"alone": {"fps": "quick"}}, "no result of a bench"),
        ({"whole": 3}, "no result of a bench"),
    ],
)
def test_what_is_no_result_is_refused(
    tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    path = tmp_path / "odd.json"
    path.write_text(json.dumps({**DOCUMENT, **changes}))

    with pytest.raises(ConsoleError, match=told):
        BenchStore(tmp_path / "mine").take_in(path)


def test_the_comparison_is_a_table_and_a_page(tmp_path: Path) -> None:
    store = BenchStore(tmp_path)
    own = store.save(DOCUMENT)
    published = store.benches()[-1]

    [row, other] = csv.DictReader(io.StringIO(csv_of([own, published])))
    page = html_of([own, published])

    assert (row["machine"], row["alone_fps"], row["whole_p99_ms"]) == (
        "Board X",
        "200.0",
        "19.0",
    )
    assert other["whole_fps"] == ""
    assert other["source"] == published.document["source"]
    assert "Board X" in page
    assert published.machine in page
    assert page.count("<svg") == 4
    assert page.count("<tr>") == 3
    assert latency_ms(own, "p50_ms") == 11.0


def test_what_another_machine_wrote_is_text_on_the_page(tmp_path: Path) -> None:
    engine = {**DOCUMENT["engine"], "name": "<script>fast"}
    odd = BenchStore(tmp_path).save({**DOCUMENT, "engine": engine, "source": "<b>"})

    page = html_of([odd])

    assert "<script>" not in page
    assert "&lt;script&gt;fast" in page
    assert "&lt;b&gt;" in page
