"""A graph that somebody else froze: built, tried on a feed, and it tracks."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from app.build_order import BuildOrder
from app.build_queue import BuildQueue
from app.build_times import BuildTimes
from app.conversion_job import ConversionState
from app.engine_choice import EngineChoice
from app.engine_store import EngineState, EngineStore
from app.engine_trial import TrialLimits, TrialPhase
from app.paths import ROOT, SAMPLE_CLIP
from app.pipeline import Pipeline
from app.sources.base import FrameMode
from app.sources.catalogue import open_source
from engines.base import Precision
from engines.convert.meaning import Meaning
from engines.convert.request import Target
from engines.manifest import Activation, Colour
from tests.benchmarks.identities import Identities

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONVERTER = ROOT / ".venv-engines" / "bin" / "python"
SOURCE = "synthetic://?objects=5&seed=5"
# No time decides: only what its masks are.
LIMITS = TrialLimits(
    min_mask_iou=0.5, max_time_ratio=1e6, shadow_s=0.2, probation_s=0.2
)


@pytest.mark.skipif(not os.access(CONVERTER, os.X_OK), reason="no .venv-engines here")
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_foreign_graph_is_built_in_int8_takes_over_and_tracks(tmp_path: Path) -> None:
    # given: a graph that does not tell what its three channels are
    model = tmp_path / "ball_net.pb"
    freeze = [str(CONVERTER), str(ROOT / "tools/foreign_graph.py"), str(model)]
    subprocess.run(freeze, check=True, capture_output=True)
    store = EngineStore(tmp_path / "engines")
    queue = BuildQueue(CONVERTER, BuildTimes(tmp_path / "times.json"))

    # when: it is told, built, and tried on a feed
    order = BuildOrder(
        model,
        Target.OPENVINO,
        Precision.INT8,
        clip=str(SAMPLE_CLIP),
        meaning=Meaning(Colour.GREY, None, Activation.PROBABILITY),
    )
    try:
        queue.add(order, store.folder_for("ball_net"))
        _until(lambda: not queue.poll() and queue.builds()[0].is_over, 840.0)
        status = queue.builds()[0].status
    finally:
        queue.close()
    assert status is not None
    assert status.state is ConversionState.DONE, status.error
    engine = next(each for each in store.engines() if not each.is_bundled)
    assert engine.state is EngineState.READY
    assert engine.mask_iou is not None
    assert engine.mask_iou > 0.95
    source = open_source(SOURCE, is_paced=False)
    pipeline = Pipeline(source, EngineChoice().factory(), FrameMode.EVERY_FRAME)
    results = pipeline.subscribe(limit=65536)
    pipeline.start()
    try:
        _until(lambda: pipeline.status().confirmed_tracks >= 3)
        pipeline.try_engine(engine.choice().factory(), LIMITS)
        _until(lambda: (trial := pipeline.status().trial) and trial.phase.is_over)
        inferred = pipeline.status().ledger.inferred
        _until(lambda: pipeline.status().ledger.inferred > inferred + 150)
        trial, spec = pipeline.status().trial, pipeline.status().engine
    finally:
        pipeline.stop()

    # then: it infers, and its tracks are where the objects are
    assert trial is not None
    assert trial.phase is TrialPhase.ACCEPTED, trial.reason
    assert spec is not None
    assert (spec.model.folder, spec.precision) == (engine.folder, Precision.INT8)
    identities = Identities(SOURCE)
    while (result := results.take(0)) is not None:
        identities.note(result)
    kept = identities.kept_over((at, at + 5) for at in range(inferred, inferred + 140))
    assert kept.followed > 200
    assert kept.kept > 0.9 * kept.followed


def _until(is_so: Callable[[], object], patience_s: float = 60.0) -> None:
    deadline_s = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < deadline_s, "waited in vain"
        time.sleep(0.01)
