"""Scans: none before one, basic and enhanced, findings that a test or a user chooses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecr_tasks.local_ecr.errors import EcrError
from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.conftest import refused
from tests.local_ecr.http_client import HttpClient

ID = {"imageTag": "v1"}
FINDING = {
    "name": "CVE-2024-0001",
    "severity": "CRITICAL",
    "description": "bad",
    "uri": "https://example.com/1",
    "package": "openssl",
    "version": "3.0.1",
    "fixed": "3.0.2",
}


@pytest.fixture
def image(http: HttpClient, repository: str) -> dict[str, Any]:
    http.push_image(repository, "v1", b"layer")
    return {"repositoryName": repository, "imageId": ID}


def test_there_are_no_findings_before_a_scan(api: Any, image: dict[str, Any]) -> None:
    name, text = refused(api.describe_image_scan_findings, **image)
    assert name == "ScanNotFoundException"
    assert text.startswith("Image scan does not exist for the image with")
    (detail,) = api.describe_images(repositoryName=image["repositoryName"])["imageDetails"]
    assert "imageScanStatus" not in detail


def test_a_basic_scan(ecr: LocalEcr, api: Any, image: dict[str, Any]) -> None:
    ecr.set_findings([{"repository": "team/*", "findings": [FINDING], "severities": {"LOW": 2}}])
    assert api.start_image_scan(**image)["imageScanStatus"]["status"] == "IN_PROGRESS"
    response = api.describe_image_scan_findings(**image)
    assert response["imageScanStatus"]["status"] == "COMPLETE"
    findings = response["imageScanFindings"]
    assert findings["findingSeverityCounts"] == {"CRITICAL": 1, "LOW": 2}
    assert findings["findings"][0] == {
        "name": "CVE-2024-0001",
        "severity": "CRITICAL",
        "description": "bad",
        "uri": "https://example.com/1",
        "attributes": [
            {"key": "package_name", "value": "openssl"},
            {"key": "package_version", "value": "3.0.1"},
        ],
    }
    (detail,) = api.describe_images(repositoryName=image["repositoryName"])["imageDetails"]
    assert detail["imageScanStatus"]["status"] == "COMPLETE"
    assert detail["imageScanFindingsSummary"]["findingSeverityCounts"] == {"CRITICAL": 1, "LOW": 2}
    assert refused(api.start_image_scan, **image)[0] == "LimitExceededException"


def test_no_rule_means_no_findings(api: Any, image: dict[str, Any]) -> None:
    api.start_image_scan(**image)
    assert api.describe_image_scan_findings(**image)["imageScanFindings"]["findings"] == []


def test_a_scan_can_take_its_time_and_fail(ecr: LocalEcr, api: Any, image: dict[str, Any]) -> None:
    ecr.set_findings([{"tag": "v*", "polls": 2, "status": "FAILED", "description": "UnsupportedImageError"}])
    api.start_image_scan(**image)
    answers = [api.describe_image_scan_findings(**image) for _ in range(3)]
    assert [answer["imageScanStatus"]["status"] for answer in answers] == ["IN_PROGRESS", "IN_PROGRESS", "FAILED"]
    assert all("imageScanFindings" not in answer for answer in answers)
    assert answers[2]["imageScanStatus"]["description"] == "UnsupportedImageError"


def test_pages_of_findings(ecr: LocalEcr, api: Any, image: dict[str, Any]) -> None:
    ecr.set_findings([{"severities": {"HIGH": 3, "LOW": 2}}])
    api.start_image_scan(**image)
    page = api.describe_image_scan_findings(**image, maxResults=3)
    assert page["imageScanFindings"]["findingSeverityCounts"] == {"HIGH": 3, "LOW": 2}
    rest = api.describe_image_scan_findings(**image, nextToken=page["nextToken"])
    names = [f["name"] for part in (page, rest) for f in part["imageScanFindings"]["findings"]]
    assert len(set(names)) == 5
    assert "nextToken" not in rest


def test_scan_on_push(api: Any, http: HttpClient, repository: str) -> None:
    response = api.put_image_scanning_configuration(
        repositoryName=repository, imageScanningConfiguration={"scanOnPush": True}
    )
    assert response["imageScanningConfiguration"] == {"scanOnPush": True}
    http.push_image(repository, "v1", b"layer")
    response = api.describe_image_scan_findings(repositoryName=repository, imageId=ID)
    assert response["imageScanStatus"]["status"] == "COMPLETE"


def test_what_cannot_be_scanned(api: Any, http: HttpClient, repository: str) -> None:
    child = http.push_image(repository, None, b"1")
    http.push_index(repository, "v1", [child])
    where = {"repositoryName": repository, "imageId": ID}
    assert refused(api.start_image_scan, **where)[0] == "UnsupportedImageTypeException"
    assert refused(api.describe_image_scan_findings, **where)[0] == "ScanNotFoundException"
    nothing = {"repositoryName": repository, "imageId": {"imageTag": "none"}}
    assert refused(api.start_image_scan, **nothing)[0] == "ImageNotFoundException"
    nothing["imageId"] = {}
    assert refused(api.start_image_scan, **nothing)[0] == "InvalidParameterException"


def enhance(api: Any, frequency: str, pattern: str) -> dict[str, Any]:
    rule = {"scanFrequency": frequency, "repositoryFilters": [{"filter": pattern, "filterType": "WILDCARD"}]}
    api.put_registry_scanning_configuration(scanType="ENHANCED", rules=[rule])
    return rule


def test_enhanced_scanning(ecr: LocalEcr, api: Any, http: HttpClient, repository: str) -> None:
    rule = enhance(api, "CONTINUOUS_SCAN", "team/*")
    assert api.get_registry_scanning_configuration()["scanningConfiguration"] == {
        "scanType": "ENHANCED",
        "rules": [rule],
    }
    ecr.set_findings([{"findings": [FINDING]}])
    http.push_image(repository, "v1", b"layer")
    where = {"repositoryName": repository, "imageId": ID}
    response = api.describe_image_scan_findings(**where)
    assert response["imageScanStatus"]["status"] == "ACTIVE"
    (finding,) = response["imageScanFindings"]["enhancedFindings"]
    assert "findings" not in response["imageScanFindings"]
    assert finding["severity"] == "CRITICAL"
    assert finding["fixAvailable"] == "YES"
    (package,) = finding["packageVulnerabilityDetails"]["vulnerablePackages"]
    assert package == {"name": "openssl", "version": "3.0.1", "fixedInVersion": "3.0.2"}
    assert finding["resources"][0]["details"]["awsEcrContainerImage"]["imageTags"] == ["v1"]
    ecr.set_findings([])  # enhanced findings are those of the moment
    assert api.describe_image_scan_findings(**where)["imageScanFindings"]["enhancedFindings"] == []
    assert refused(api.start_image_scan, **where) == ("ValidationException", "This feature is disabled")


def test_how_often_a_repository_is_scanned(api: Any, repository: str) -> None:
    def frequency() -> tuple[str, bool]:
        response = api.batch_get_repository_scanning_configuration(repositoryNames=[repository, "none"])
        assert [item["failureCode"] for item in response["failures"]] == ["REPOSITORY_NOT_FOUND"]
        (configuration,) = response["scanningConfigurations"]
        return configuration["scanFrequency"], bool(configuration["appliedScanFilters"])

    assert frequency() == ("MANUAL", False)
    enhance(api, "SCAN_ON_PUSH", "team/*")
    assert frequency() == ("SCAN_ON_PUSH", True)
    enhance(api, "CONTINUOUS_SCAN", "*")
    assert frequency() == ("CONTINUOUS_SCAN", True)
    enhance(api, "CONTINUOUS_SCAN", "other")
    assert frequency() == ("MANUAL", False)
    api.put_registry_scanning_configuration(scanType="BASIC", rules=[])
    api.put_image_scanning_configuration(repositoryName=repository, imageScanningConfiguration={"scanOnPush": True})
    assert frequency() == ("SCAN_ON_PUSH", False)


@pytest.mark.parametrize(
    "rule",
    [
        {"scanFrequency": "CONTINUOUS_SCAN", "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}]},
        {"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "A", "filterType": "WILDCARD"}]},
        {"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "a", "filterType": "REGEX"}]},
        {"scanFrequency": "NEVER", "repositoryFilters": []},
        {"scanFrequency": "SCAN_ON_PUSH"},
    ],
)
def test_registry_scanning_rules_are_checked(api: Any, rule: dict[str, Any]) -> None:
    name, _ = refused(api.put_registry_scanning_configuration, scanType="BASIC", rules=[rule])
    assert name == "InvalidParameterException"


@pytest.mark.parametrize(
    "rules",
    [{}, ["x"], [{"severity": "HIGH"}], [{"severities": {"BAD": 1}}], [{"findings": [{}]}], [{"status": "DONE"}]],
)
def test_a_mistake_in_the_findings_is_said(ecr: LocalEcr, api: Any, image: dict[str, Any], rules: Any) -> None:
    with pytest.raises(EcrError, match=r"findings\.json"):
        ecr.set_findings(rules)
    (ecr.root / "findings.json").write_text(json.dumps(rules))
    name, text = refused(api.start_image_scan, **image)
    assert (name, "findings.json" in text) == ("ServerException", True)


def test_findings_that_are_no_json(ecr: LocalEcr, api: Any, image: dict[str, Any]) -> None:
    (ecr.root / "findings.json").write_text("{")
    assert refused(api.start_image_scan, **image)[0] == "ServerException"
