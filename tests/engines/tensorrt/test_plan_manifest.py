import json

import pytest

from engines.base import Precision
from engines.errors import ManifestError, PlanMismatchError
from engines.manifest import sha256_of_file
from engines.plan_manifest import (
    PlanManifest,
    PlanPlace,
    load_plan_manifest,
    manifest_path,
    require_plan_fits,
    save_plan_manifest,
)

TX2 = PlanPlace("tensorrt", "8.2.1.8", "NVIDIA Tegra X2", "6.2")


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "model.plan"
    path.write_bytes(b"a plan")
    return path


def manifest_of(plan, **changes):
    manifest = PlanManifest(
        library="tensorrt",
        version="8.2.1.8",
        gpu="NVIDIA Tegra X2",
        compute_capability="6.2",
        precision="fp16",
        source_sha256="00",
        plan_sha256=sha256_of_file(plan),
        workspace_bytes=1 << 28,
        layers=45,
    )
    return manifest._replace(**changes)


def fits(manifest, plan, place, precision=None):
    try:
        require_plan_fits(manifest, plan, place, precision)
    except PlanMismatchError:
        return False
    return True


def test_a_manifest_is_read_as_it_was_written(plan):
    manifest = manifest_of(plan)

    save_plan_manifest(manifest, plan)

    assert load_plan_manifest(plan) == manifest


def test_a_plan_fits_where_it_was_built(plan):
    assert fits(manifest_of(plan), plan, TX2, Precision.FP16)
    assert not fits(manifest_of(plan), plan, TX2, Precision.FP32)


def test_a_plan_without_a_gpu_in_its_manifest_fits_every_gpu(plan):
    anywhere = manifest_of(plan, gpu="", compute_capability="")
    orin = TX2._replace(gpu="Orin", compute_capability="8.7")

    assert fits(anywhere, plan, TX2)
    assert fits(anywhere, plan, orin)
    assert not fits(manifest_of(plan), plan, orin)


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (
            TX2._replace(version="8.0.1.6"),
            "built with tensorrt 8.2.1.8, here is tensorrt 8.0.1.6",
        ),
        (TX2._replace(library="tensorrt-rtx"), "here is tensorrt-rtx 8.2.1.8"),
        (
            TX2._replace(gpu="Xavier", compute_capability="7.2"),
            "built for NVIDIA Tegra X2, here is Xavier; "
            "it was built for compute capability 6.2, this GPU has 7.2",
        ),
        (TX2._replace(gpu="", compute_capability=""), "here is no NVIDIA GPU"),
    ],
)
def test_a_plan_is_refused_elsewhere_with_the_reason(plan, place, reason):
    with pytest.raises(PlanMismatchError, match=reason):
        require_plan_fits(manifest_of(plan), plan, place)


def test_a_plan_of_another_precision_is_refused(plan):
    with pytest.raises(PlanMismatchError, match="built in fp16, wanted is fp32"):
        require_plan_fits(manifest_of(plan), plan, TX2, Precision.FP32)


def test_a_plan_that_was_changed_is_refused(plan):
    manifest = manifest_of(plan)
    plan.write_bytes(b"another plan")

    with pytest.raises(PlanMismatchError, match="not the file that was built"):
        require_plan_fits(manifest, plan, TX2)


def test_a_plan_that_is_gone_is_told_so(plan):
    manifest = manifest_of(plan)
    plan.unlink()

    with pytest.raises(PlanMismatchError, match="it is not there"):
        require_plan_fits(manifest, plan, TX2)


def test_a_plan_without_manifest_is_refused(plan):
    with pytest.raises(ManifestError, match="cannot read"):
        load_plan_manifest(plan)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is not JSON"),
        ("[]", "is no JSON object"),
        ('{"schema_version": 2}', "schema version 2"),
        ('{"schema_version": 1}', "lacks or has too many fields"),
    ],
)
def test_a_manifest_that_is_something_else_is_refused(plan, content, reason):
    manifest_path(plan).write_text(content)

    with pytest.raises(ManifestError, match=reason):
        load_plan_manifest(plan)


def test_a_field_of_another_type_is_refused(plan):
    save_plan_manifest(manifest_of(plan), plan)
    document = json.loads(manifest_path(plan).read_text())
    document["layers"] = "many"
    manifest_path(plan).write_text(json.dumps(document))

    with pytest.raises(ManifestError, match="layers 'many'"):
        load_plan_manifest(plan)
