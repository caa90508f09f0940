"""Tests of the gates of promote: the verdict on scans, signatures and branches."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.clients.ecr.scans import parse_scan
from ecr_tasks.errors import SettingsError
from ecr_tasks.local_ecr.findings_file import STATUSES
from ecr_tasks.model.inventory import artifact_kind
from ecr_tasks.model.manifest import REVISION, VERSION, StoredImage
from ecr_tasks.model.scan import Finding, ScanResult, ScanRules, describe_counts
from ecr_tasks.model.severity import LEVELS, Level
from ecr_tasks.plan.branch_gate import judge_branch
from ecr_tasks.plan.gates import Failed, Passed, Pending
from ecr_tasks.plan.scan_gate import APPEARS_SECONDS, NEW_SECONDS, judge_scan, scan_level
from ecr_tasks.plan.scannable_parts import Part, scannable_parts
from tests.support.build import REVISION_A, digest, index, manifest, repository

REPOSITORY = repository()
IMAGE = manifest("image")
PART = Part(REPOSITORY, IMAGE.digest, "linux/arm64")
SEVERITIES = [level.upper() for level in LEVELS]


@given(st.dictionaries(st.sampled_from([*SEVERITIES, "UNTRIAGED"]), st.integers(0, 9)), st.sampled_from(LEVELS))
def test_a_scan_passes_if_no_finding_has_the_level_or_a_worse_one(counts: dict[str, int], level: Level) -> None:
    failing_severities = SEVERITIES[: LEVELS.index(level) + 1] + (["UNTRIAGED"] if level == "undefined" else [])
    verdict = judge_scan(PART, ScanResult("COMPLETE", counts=counts), ScanRules(level))
    assert isinstance(verdict, Failed if any(counts.get(name) for name in failing_severities) else Passed)


def test_a_refusal_names_the_platform_the_counts_and_the_first_names_the_worst_first() -> None:
    findings = [Finding("HIGH", f"CVE-{number}") for number in range(4)]
    scan = ScanResult(
        "ACTIVE", counts={"HIGH": 4, "CRITICAL": 1, "LOW": 3}, findings=(*findings, Finding("CRITICAL", "X"))
    )
    verdict = judge_scan(PART, scan, ScanRules("high"))
    assert isinstance(verdict, Failed)
    assert (
        f"team/app@{IMAGE.digest} (linux/arm64) found 1 critical, 4 high (X, CVE-0, CVE-1 and 2 more)"
        in verdict.cause
    )
    assert "low" not in verdict.cause


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_of_the_api_has_a_verdict(status: str) -> None:
    verdict = judge_scan(PART, ScanResult(status, "as ECR says it"), ScanRules("critical"))
    expected = {"COMPLETE": Passed, "ACTIVE": Passed, "IN_PROGRESS": Pending, "PENDING": Pending}
    assert type(verdict) is expected.get(status, Failed)
    if isinstance(verdict, Failed):
        assert f"(ECR says {status}: as ECR says it)." in verdict.cause
        assert "has no result" not in verdict.cause


def test_an_unknown_scan_status_fails() -> None:
    assert isinstance(judge_scan(PART, ScanResult("PAUSED"), ScanRules("critical")), Failed)


@pytest.mark.parametrize(
    ("age", "expected"), [(None, Pending), (1.0, Pending), (NEW_SECONDS, Pending), (NEW_SECONDS + 1, Failed)]
)
def test_a_missing_scan_of_a_new_image_is_pending(age: float | None, expected: type) -> None:
    verdict = judge_scan(PART, None, ScanRules("critical"), age)
    assert type(verdict) is expected
    failed = verdict.otherwise if isinstance(verdict, Pending) else verdict
    assert isinstance(failed, Failed)
    assert f"`inv scan {IMAGE.digest}`" in failed.remedy
    assert "inv repo.ensure" in failed.remedy
    assert not isinstance(verdict, Pending) or verdict.within == APPEARS_SECONDS


def test_a_complete_scan_without_counts_is_pending() -> None:
    without_counts: Any = {"imageScanStatus": {"status": "COMPLETE"}, "imageScanFindings": {"findings": []}}
    assert isinstance(judge_scan(PART, parse_scan([without_counts]), ScanRules("critical")), Pending)
    with_counts: Any = {**without_counts, "imageScanFindings": {"findings": [], "findingSeverityCounts": {}}}
    assert isinstance(judge_scan(PART, parse_scan([with_counts]), ScanRules("critical")), Passed)


def test_the_counts_of_basic_pages_are_not_added() -> None:
    def page(name: str) -> Any:
        findings = [{"name": name, "severity": "HIGH"}]
        counts = {"HIGH": 2, "LOW": 5}
        return {
            "imageScanStatus": {"status": "COMPLETE", "description": "done."},
            "imageScanFindings": {"findings": findings, "findingSeverityCounts": counts},
        }

    result = parse_scan([page("CVE-1"), page("CVE-2")])
    assert result.counts == {"HIGH": 2, "LOW": 5}
    assert [finding.name for finding in result.findings] == ["CVE-1", "CVE-2"]
    assert (result.status, result.description) == ("COMPLETE", "done")


def test_enhanced_findings_are_counted_without_suppressed_and_closed_ones() -> None:
    def page(*findings: tuple[str, str, str]) -> Any:
        listed = [
            {"severity": severity, "status": status, "packageVulnerabilityDetails": {"vulnerabilityId": name}}
            for severity, status, name in findings
        ]
        findings_json = {"enhancedFindings": listed, "findingSeverityCounts": {"CRITICAL": 9}}
        return {"imageScanStatus": {"status": "ACTIVE"}, "imageScanFindings": findings_json}

    result = parse_scan(
        [
            page(("CRITICAL", "SUPPRESSED", "A"), ("HIGH", "ACTIVE", "B")),
            page(("HIGH", "ACTIVE", "C"), ("LOW", "CLOSED", "D")),
        ]
    )
    assert result.counts == {"HIGH": 2}
    assert [finding.name for finding in result.findings] == ["B", "C"]


def test_counts_without_any_finding_listed_still_count() -> None:
    findings: Any = {"findings": [], "enhancedFindings": [], "findingSeverityCounts": {"CRITICAL": 1}}
    page: Any = {"imageScanStatus": {"status": "ACTIVE"}, "imageScanFindings": findings}
    assert isinstance(judge_scan(PART, parse_scan([page]), ScanRules("critical")), Failed)


def test_every_child_of_an_index_but_attestations_is_scanned() -> None:
    amd = ({"os": "linux", "architecture": "amd64"}, digest("amd"))
    unknown = ({"os": "unknown", "architecture": "unknown"}, digest("attestation"))
    nameless = (None, digest("nameless"))
    parts = scannable_parts(REPOSITORY, index([amd, unknown, nameless]))
    assert [(part.platform, part.digest) for part in parts] == [("linux/amd64", amd[1]), ("", nameless[1])]
    assert scannable_parts(REPOSITORY, IMAGE) == (Part(REPOSITORY, IMAGE.digest),)


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
def test_the_level_of_the_flag_or_the_setting(
    given: str | bool | None, configured: Level | None, expected: str | None
) -> None:
    assert scan_level(given, configured) == expected


@pytest.mark.parametrize("wrong", ["", "foo", "criticall", "high,low"])
def test_an_unknown_level_is_an_error_that_names_the_levels(wrong: str) -> None:
    with pytest.raises(SettingsError, match="critical, high, medium, low, informational or undefined"):
        scan_level(wrong, "high")


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
def test_which_artifact_types_are_signatures(artifact_type: str | None, signature: bool) -> None:
    assert (artifact_kind(artifact_type) == "signature") is signature


def annotated(**annotations: str) -> StoredImage:
    """Return an image with these annotations."""
    image = manifest("annotated", None)
    text = image.manifest[:-1] + f', "annotations": {str(annotations).replace(chr(39), chr(34))}}}'
    return StoredImage(digest(text), text, image.media_type)


@pytest.mark.parametrize("has", ["yes", "no", "unknown", "shallow"])
def test_the_verdict_on_the_branch_of_a_commit(has: Any) -> None:
    verdict = judge_branch(REPOSITORY, annotated(**{REVISION: REVISION_A}), "main (origin/main)", has)
    assert isinstance(verdict, Passed if has == "yes" else Failed)
    if isinstance(verdict, Failed):
        assert REVISION_A in verdict.cause
        assert ("main (origin/main)" in verdict.cause) is (has != "unknown")
        assert ("--unshallow" in verdict.remedy) is (has == "shallow")


def test_an_image_without_a_revision_or_with_uncommitted_changes_fails() -> None:
    without = judge_branch(REPOSITORY, annotated(), "main", None)
    assert isinstance(without, Failed)
    assert REVISION in without.cause
    dirty = judge_branch(REPOSITORY, annotated(**{REVISION: REVISION_A, VERSION: "sha-a1b2c3d-dirty"}), "main", "yes")
    assert isinstance(dirty, Failed)
    assert "uncommitted" in dirty.cause


def test_counts_are_described_from_worst_to_least() -> None:
    assert describe_counts({"LOW": 2, "CRITICAL": 1, "HIGH": 0}) == "1 critical, 2 low"
    assert describe_counts({}) == "no findings"
