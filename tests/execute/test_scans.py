"""Scans are started where there are none, awaited up to a limit, and compared with another image's."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from ecr_tasks.errors import RegistryError
from ecr_tasks.execute.scan_images import scan_images
from ecr_tasks.execute.scans import image_parts
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.scan import Finding, Scanning, ScanResult, ScanRules, StartRefusal
from ecr_tasks.plan.gates import Failed, Waits
from ecr_tasks.plan.scanned_image import ScannedImage
from tests.support.build import digest, index, manifest, repository
from tests.support.fakes import FakeRegistry

REPOSITORY = repository()
AMD, ARM, SINGLE = manifest("amd64"), manifest("arm64"), manifest("single")
INDEX = index(
    [
        ({"os": "linux", "architecture": "amd64"}, AMD.digest),
        ({"os": "linux", "architecture": "arm64"}, ARM.digest),
        ({"os": "unknown", "architecture": "unknown"}, digest("attestation")),
    ]
)
HIGH = ScanResult("COMPLETE", counts={"HIGH": 1}, findings=(Finding("HIGH", "CVE-1"),))
CLEAN = ScanResult("COMPLETE")
RUNNING = ScanResult("IN_PROGRESS")
ENHANCED = Scanning("ENHANCED", (("CONTINUOUS_SCAN", ("*",)),))


@pytest.fixture
def registry() -> FakeRegistry:
    registry = FakeRegistry(None, REPOSITORY)
    for image, *tags in ((AMD,), (ARM,), (INDEX, "multi"), (SINGLE, "v1")):
        registry.put(REPOSITORY.name, image, *tags)
    return registry


def scanned(
    registry: FakeRegistry,
    image: StoredImage = SINGLE,
    rules: ScanRules = ScanRules("high"),  # noqa: B008 - a frozen value
    scanning: Scanning | None = Scanning("BASIC"),  # noqa: B008
    *,
    again: bool = False,
    limit: float = 300,
) -> tuple[ScannedImage, float]:
    """Return the scanned image and the seconds that it waited."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    waits = Waits(limit=limit, sleep=sleep, clock=lambda: now[0])
    known = {} if scanning is None else {"app": scanning}
    (result,) = scan_images(
        {"app": (REPOSITORY, image)}, rules, registry, registry.evidence, lambda line: None, waits, known, again=again
    )
    return result, now[0]


def causes(image: ScannedImage) -> str:
    return " ".join(f"{failure.cause} {failure.remedy}" for failure in image.failures)


def started(registry: FakeRegistry) -> list[str]:
    return [call[2] for call in registry.calls.named("start_scan")]


def test_a_missing_scan_is_started_and_awaited(registry: FakeRegistry) -> None:
    registry.scans[SINGLE.digest] = [None, None, RUNNING, CLEAN]
    image, waited = scanned(registry)
    assert not image.failures
    assert started(registry) == [SINGLE.digest]
    assert waited > 0


def test_every_platform_of_an_index_is_scanned_and_no_attestation(registry: FakeRegistry) -> None:
    registry.scans = {AMD.digest: [None, CLEAN], ARM.digest: [None, HIGH]}
    image, _ = scanned(registry, INDEX)
    assert started(registry) == [AMD.digest, ARM.digest]
    assert [part.part.platform for part in image.parts] == ["linux/amd64", "linux/arm64"]
    assert "(linux/arm64) found 1 high (CVE-1)" in causes(image)


def test_a_scan_that_is_there_is_not_started_again(registry: FakeRegistry) -> None:
    registry.scans[SINGLE.digest] = [HIGH]
    image, waited = scanned(registry)
    assert (started(registry), waited, len(image.failures)) == ([], 0, 1)


def test_a_dry_run_starts_nothing(registry: FakeRegistry) -> None:
    registry.pushed[SINGLE.digest] = datetime.now(timezone.utc) - timedelta(days=1)
    image, _ = scanned(registry, scanning=None)
    assert started(registry) == []
    assert "There is no scan of" in causes(image)


def test_a_scan_that_never_ends_is_waited_for_as_long_as_said(registry: FakeRegistry) -> None:
    registry.scans[SINGLE.digest] = [RUNNING]
    image, waited = scanned(registry, limit=42)
    assert "did not end while we waited (ECR says IN_PROGRESS)" in causes(image)
    assert waited == pytest.approx(42, abs=1)


def test_a_started_scan_of_an_old_image_is_awaited_too(registry: FakeRegistry) -> None:
    registry.pushed[SINGLE.digest] = datetime.now(timezone.utc) - timedelta(days=400)
    registry.scans[SINGLE.digest] = [None, None, None, CLEAN]
    assert not scanned(registry)[0].failures


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("unsupported", "ECR does not scan images of this kind"),
        ("archived", "the image is archived"),
    ],
)
def test_an_image_that_cannot_be_scanned_fails_at_once(registry: FakeRegistry, reason: str, words: str) -> None:
    registry.start_refusals[SINGLE.digest] = StartRefusal(reason, "so it is")  # type: ignore[arg-type]
    image, waited = scanned(registry)
    assert words in causes(image)
    assert waited == 0


def test_enhanced_scanning_starts_nothing_and_is_awaited(registry: FakeRegistry) -> None:
    registry.scans[SINGLE.digest] = [None, ScanResult("PENDING"), ScanResult("ACTIVE")]
    image, waited = scanned(registry, scanning=ENHANCED)
    assert not image.failures
    assert started(registry) == []
    assert waited > 0


def test_where_nobody_says_that_scanning_is_enhanced_it_is_awaited_all_the_same(registry: FakeRegistry) -> None:
    registry.start_refusals[SINGLE.digest] = StartRefusal("enhanced", "This feature is disabled")
    registry.scans[SINGLE.digest] = [None, None, ScanResult("PENDING"), ScanResult("ACTIVE")]
    assert not scanned(registry, scanning=Scanning(""))[0].failures
    assert len(started(registry)) == 1
    registry.scans[SINGLE.digest] = [None]
    image, waited = scanned(registry, scanning=Scanning(""))
    assert "nobody can start one: Amazon Inspector scans by itself" in causes(image)
    assert waited == pytest.approx(60, abs=10)
    registry.pushed[SINGLE.digest] = datetime.now(timezone.utc) - timedelta(days=1)
    assert scanned(registry, scanning=Scanning(""))[1] == 0, "an old image is not awaited"


def test_a_repository_that_enhanced_scanning_leaves_out_is_not_awaited(registry: FakeRegistry) -> None:
    image, waited = scanned(registry, scanning=Scanning("ENHANCED", (("SCAN_ON_PUSH", ("other",)),)))
    assert "no rule of the registry's enhanced scanning has the repository" in causes(image)
    assert waited == 0


def test_again_takes_only_the_scan_that_it_started(registry: FakeRegistry) -> None:
    old = ScanResult("COMPLETE", completed=datetime(2024, 1, 1, tzinfo=timezone.utc))
    new = ScanResult(**{**HIGH.__dict__, "completed": datetime(2024, 1, 2, tzinfo=timezone.utc)})
    registry.scans[SINGLE.digest] = [old, old, RUNNING, new]
    image, _ = scanned(registry, again=True)
    assert started(registry) == [SINGLE.digest]
    assert "found 1 high" in causes(image)


def test_again_within_a_day_is_refused_although_a_scan_is_there(registry: FakeRegistry) -> None:
    registry.scans[SINGLE.digest] = [CLEAN]
    registry.start_refusals[SINGLE.digest] = StartRefusal("limit", "The scan quota per image has been exceeded")
    image, _ = scanned(registry, again=True)
    assert "ECR scans an image once in 24 hours" in causes(image)
    assert "Leave out --again" in causes(image)


def test_again_within_a_day_shows_the_older_scan_and_asks_nobody(registry: FakeRegistry) -> None:
    lately = datetime.now(timezone.utc) - timedelta(hours=1)
    registry.scans[SINGLE.digest] = [replace(HIGH, completed=lately)]
    image, waited = scanned(registry, again=True)
    assert (started(registry), waited) == ([], 0)
    assert "ECR scans an image once in 24 hours" in causes(image)
    assert [judged.finding.name for judged in image.parts[0].findings] == ["CVE-1"]
    assert not image.parts[0].is_unread


def test_a_refusal_of_ecrs_to_scan_again_shows_the_older_scan_too(registry: FakeRegistry) -> None:
    registry.scans[SINGLE.digest] = [HIGH]
    registry.start_refusals[SINGLE.digest] = StartRefusal("limit", "The scan quota per image has been exceeded")
    image, _ = scanned(registry, again=True)
    assert image.counts == {"HIGH": 1}


EMPTY = ScanResult("ACTIVE", complete=False)


def test_an_ended_scan_that_stays_empty_has_no_findings(registry: FakeRegistry) -> None:
    registry.scans[SINGLE.digest] = [EMPTY]
    image, waited = scanned(registry, scanning=ENHANCED)
    assert not image.failures
    assert 0 < waited < 60
    registry.pushed[SINGLE.digest] = datetime.now(timezone.utc) - timedelta(days=1)
    assert (scanned(registry, scanning=ENHANCED)[1], image.parts[0].is_unread) == (0, False), "an old one's is known"


def test_findings_that_come_late_are_awaited(registry: FakeRegistry) -> None:
    registry.scans[SINGLE.digest] = [EMPTY, EMPTY, replace(HIGH, status="ACTIVE")]
    assert "found 1 high" in causes(scanned(registry, scanning=ENHANCED)[0])
    registry.scans[SINGLE.digest] = [EMPTY, EMPTY, RUNNING, *[EMPTY] * 4, HIGH]
    assert "found 1 high" in causes(scanned(registry, scanning=ENHANCED)[0])


def test_a_manifest_that_is_listed_twice_or_in_an_index_within_counts_once(registry: FakeRegistry) -> None:
    amd, arm = ({"os": "linux", "architecture": name} for name in ("amd64", "arm64"))
    inner = index([(arm, ARM.digest)])
    twice = index([(amd, AMD.digest), (amd, AMD.digest)])
    nested = {"mediaType": INDEX.media_type, "digest": inner.digest, "size": 1}
    text = json.dumps({**twice.document, "manifests": [*twice.document["manifests"], nested]})
    outer = StoredImage(digest(text), text, INDEX.media_type)
    registry.put(REPOSITORY.name, inner)
    registry.put(REPOSITORY.name, outer, "outer")
    parts = image_parts(registry, REPOSITORY, outer)
    assert [part.platform for part in parts] == ["linux/amd64", "linux/arm64"]


def test_the_other_image_is_scanned_too_and_must_be_comparable(registry: FakeRegistry) -> None:
    rules = ScanRules("undefined", than="multi")
    registry.scans = {SINGLE.digest: [HIGH], AMD.digest: [None, HIGH], ARM.digest: [None, RUNNING, CLEAN]}
    image, _ = scanned(registry, rules=rules)
    assert not image.failures
    assert started(registry) == [AMD.digest, ARM.digest]
    assert [item.state for item in image.parts[0].findings] == ["known"]
    registry.scans = {SINGLE.digest: [CLEAN], AMD.digest: [ScanResult("FAILED")], ARM.digest: [CLEAN]}
    image, _ = scanned(registry, rules=rules)
    assert f"nothing to compare with (multi ({INDEX.digest[:19]}))" in causes(image)


def test_a_tag_that_is_not_there_is_an_error_before_anything_is_started(registry: FakeRegistry) -> None:
    with pytest.raises(RegistryError, match="There is no prod in the repository team/app to compare with"):
        scanned(registry, rules=ScanRules("high", than="prod"))
    assert started(registry) == []


def test_an_index_without_images_cannot_be_scanned(registry: FakeRegistry) -> None:
    empty = index([])
    registry.put(REPOSITORY.name, empty, "empty")
    image, _ = scanned(registry, empty)
    assert isinstance(image.whole, Failed)
    assert "holds no image that could be scanned" in causes(image)
