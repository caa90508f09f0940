"""The gates' verdicts: each scan status and level, signatures, commits; decided from data alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.clients.ecr.scans import parse_scan
from ecr_tasks.errors import SettingsError
from ecr_tasks.local_ecr.scanner import STATUSES
from ecr_tasks.model.inventory import artifact_kind
from ecr_tasks.model.manifest import REVISION, VERSION, StoredImage
from ecr_tasks.model.ports import Signing
from ecr_tasks.model.scan import LEVELS, Finding, Level, ScanResult, describe_counts
from ecr_tasks.plan.branch_gate import judge_branch
from ecr_tasks.plan.gates import Failed, Passed, Pending
from ecr_tasks.plan.scan_gate import APPEARS_SECONDS, NEW_SECONDS, Part, judge_scan, scan_level, scannable_parts
from ecr_tasks.plan.signature_gate import judge_signature
from tests.support.build import REVISION_A, digest, index, manifest, repository

HELD_IN = repository()
IMAGE = manifest("image")
PART = Part(HELD_IN, IMAGE.digest, "linux/arm64")
SEVERITIES = [level.upper() for level in LEVELS]


@given(st.dictionaries(st.sampled_from([*SEVERITIES, "UNTRIAGED"]), st.integers(0, 9)), st.sampled_from(LEVELS))
def test_a_scan_passes_exactly_when_nothing_is_as_bad_as_the_level(counts: dict[str, int], level: Level) -> None:
    as_bad = SEVERITIES[: LEVELS.index(level) + 1] + (["UNTRIAGED"] if level == "undefined" else [])
    verdict = judge_scan(PART, ScanResult("COMPLETE", counts=counts), level)
    assert isinstance(verdict, Failed if any(counts.get(name) for name in as_bad) else Passed)


def test_a_refusal_names_the_platform_the_counts_and_the_first_names_the_worst_first() -> None:
    found = [Finding("HIGH", f"CVE-{number}") for number in range(4)]
    scan = ScanResult(
        "ACTIVE", counts={"HIGH": 4, "CRITICAL": 1, "LOW": 3}, findings=(*found, Finding("CRITICAL", "X"))
    )
    verdict = judge_scan(PART, scan, "high")
    assert isinstance(verdict, Failed)
    assert (
        f"team/app@{IMAGE.digest} (linux/arm64) found 1 critical, 4 high (X, CVE-0, CVE-1 and 2 more)"
        in verdict.cause
    )
    assert "low" not in verdict.cause


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_of_the_api_has_a_verdict(status: str) -> None:
    verdict = judge_scan(PART, ScanResult(status, "as ECR says it"), "critical")
    expected = {"COMPLETE": Passed, "ACTIVE": Passed, "IN_PROGRESS": Pending, "PENDING": Pending}
    assert type(verdict) is expected.get(status, Failed)
    if isinstance(verdict, Failed):
        assert f"(ECR says {status}: as ECR says it)." in verdict.cause
        assert "has no result" not in verdict.cause


def test_a_status_of_tomorrow_does_not_let_an_image_through() -> None:
    assert isinstance(judge_scan(PART, ScanResult("PAUSED"), "critical"), Failed)


@pytest.mark.parametrize(
    ("age", "expected"), [(None, Pending), (1.0, Pending), (NEW_SECONDS, Pending), (NEW_SECONDS + 1, Failed)]
)
def test_a_scan_may_still_appear_for_an_image_that_is_new(age: float | None, expected: type) -> None:
    verdict = judge_scan(PART, None, "critical", age)
    assert type(verdict) is expected
    failed = verdict.otherwise if isinstance(verdict, Pending) else verdict
    assert isinstance(failed, Failed)
    assert f"imageDigest={IMAGE.digest}" in failed.remedy
    assert "inv repo.ensure" in failed.remedy
    assert not isinstance(verdict, Pending) or verdict.within == APPEARS_SECONDS


def test_a_scan_that_is_complete_and_has_no_result_yet_is_waited_for() -> None:
    early: Any = {"imageScanStatus": {"status": "COMPLETE"}, "imageScanFindings": {"findings": []}}
    assert isinstance(judge_scan(PART, parse_scan([early]), "critical"), Pending)
    clean: Any = {**early, "imageScanFindings": {"findings": [], "findingSeverityCounts": {}}}
    assert isinstance(judge_scan(PART, parse_scan([clean]), "critical"), Passed)


def test_counts_of_basic_pages_are_the_images_and_not_added_up() -> None:
    def page(name: str) -> Any:
        findings = [{"name": name, "severity": "HIGH"}]
        counts = {"HIGH": 2, "LOW": 5}
        return {
            "imageScanStatus": {"status": "COMPLETE", "description": "done."},
            "imageScanFindings": {"findings": findings, "findingSeverityCounts": counts},
        }

    found = parse_scan([page("CVE-1"), page("CVE-2")])
    assert found.counts == {"HIGH": 2, "LOW": 5}
    assert found.worst("high") == ("CVE-1", "CVE-2")
    assert (found.status, found.description) == ("COMPLETE", "done")


def test_enhanced_findings_are_added_up_without_those_that_are_settled() -> None:
    def page(*findings: tuple[str, str, str]) -> Any:
        listed = [
            {"severity": severity, "status": status, "packageVulnerabilityDetails": {"vulnerabilityId": name}}
            for severity, status, name in findings
        ]
        found = {"enhancedFindings": listed, "findingSeverityCounts": {"CRITICAL": 9}}
        return {"imageScanStatus": {"status": "ACTIVE"}, "imageScanFindings": found}

    found = parse_scan(
        [
            page(("CRITICAL", "SUPPRESSED", "A"), ("HIGH", "ACTIVE", "B")),
            page(("HIGH", "ACTIVE", "C"), ("LOW", "CLOSED", "D")),
        ]
    )
    assert found.counts == {"HIGH": 2}
    assert found.worst("undefined") == ("B", "C")


def test_counts_without_any_finding_listed_still_count() -> None:
    found: Any = {"findings": [], "enhancedFindings": [], "findingSeverityCounts": {"CRITICAL": 1}}
    page: Any = {"imageScanStatus": {"status": "ACTIVE"}, "imageScanFindings": found}
    assert isinstance(judge_scan(PART, parse_scan([page]), "critical"), Failed)


def test_of_an_index_every_child_is_scanned_but_attestations() -> None:
    amd = ({"os": "linux", "architecture": "amd64"}, digest("amd"))
    unknown = ({"os": "unknown", "architecture": "unknown"}, digest("attestation"))
    nameless = (None, digest("nameless"))
    found = scannable_parts(HELD_IN, index([amd, unknown, nameless]))
    assert [(part.platform, part.digest) for part in found] == [("linux/amd64", amd[1]), ("", nameless[1])]
    assert scannable_parts(HELD_IN, IMAGE) == (Part(HELD_IN, IMAGE.digest),)


@pytest.mark.parametrize(
    ("given", "configured", "expected"),
    [
        (None, "low", None),
        (False, "low", None),
        (True, None, "critical"),
        (True, "medium", "medium"),
        ("HIGH", "low", "high"),
        (" Undefined ", None, "undefined"),
    ],
)
def test_the_level(given: str | bool | None, configured: Level | None, expected: str | None) -> None:
    assert scan_level(given, configured) == expected


@pytest.mark.parametrize("wrong", ["", "foo", "criticall", "high,low"])
def test_a_level_that_is_none_names_those_there_are(wrong: str) -> None:
    with pytest.raises(SettingsError, match="critical, high, medium, low, informational or undefined"):
        scan_level(wrong, "high")


@pytest.mark.parametrize(
    ("found", "statuses", "expected"),
    [
        (["sha256:1"], [], Passed),
        ([], [], Failed),
        ([], ["COMPLETE"], Passed),
        ([], ["FAILED", "COMPLETE"], Passed),
        ([], ["FAILED", "IN_PROGRESS"], Pending),
        ([], ["FAILED"], Failed),
    ],
)
def test_signatures(found: list[str], statuses: list[str], expected: type) -> None:
    signing = [Signing(status, "No permission" if status == "FAILED" else "") for status in statuses]
    verdict = judge_signature(HELD_IN, IMAGE, found, signing)
    assert type(verdict) is expected
    assert ("No permission" in str(verdict)) is (statuses == ["FAILED"])


@pytest.mark.parametrize(
    ("artifact_type", "signature"),
    [
        ("application/vnd.dev.cosign.artifact.sig.v1+json", True),
        ("application/vnd.dev.sigstore.bundle.v0.3+json", True),
        ("application/vnd.dev.sigstore.bundle.v0.4+json", True),
        ("application/vnd.dev.sigstore.bundle+json;version=0.2", True),
        ("application/vnd.cncf.notary.signature", True),
        ("application/spdx+json", False),
        ("application/vnd.in-toto+json", False),
        ("application/vnd.dev.sigstore.bundle", False),
        (None, False),
    ],
)
def test_which_types_are_signatures(artifact_type: str | None, signature: bool) -> None:
    assert (artifact_kind(artifact_type) == "signature") is signature


def annotated(**annotations: str) -> StoredImage:
    image = manifest("annotated", None)
    text = image.manifest[:-1] + f', "annotations": {str(annotations).replace(chr(39), chr(34))}}}'
    return StoredImage(digest(text), text, image.media_type)


@pytest.mark.parametrize("has", ["yes", "no", "unknown", "shallow"])
def test_commits(has: Any) -> None:
    verdict = judge_branch(HELD_IN, annotated(**{REVISION: REVISION_A}), "main (origin/main)", has)
    assert isinstance(verdict, Passed if has == "yes" else Failed)
    if isinstance(verdict, Failed):
        assert REVISION_A in verdict.cause
        assert ("main (origin/main)" in verdict.cause) is (has != "unknown")
        assert ("--unshallow" in verdict.remedy) is (has == "shallow")


def test_an_image_that_does_not_say_its_commit_or_was_built_of_more_is_refused() -> None:
    without = judge_branch(HELD_IN, annotated(), "main", None)
    assert isinstance(without, Failed)
    assert REVISION in without.cause
    dirty = judge_branch(HELD_IN, annotated(**{REVISION: REVISION_A, VERSION: "sha-a1b2c3d-dirty"}), "main", "yes")
    assert isinstance(dirty, Failed)
    assert "uncommitted" in dirty.cause


def test_counts_in_words() -> None:
    assert describe_counts({"LOW": 2, "CRITICAL": 1, "HIGH": 0}) == "1 critical, 2 low"
    assert describe_counts({}) == "no findings"
