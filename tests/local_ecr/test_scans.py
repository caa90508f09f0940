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


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({"findings": 7}, "findings must be a list"),
        ({"findings": [7]}, "each of findings must be an object"),
        ({"findings": [{"severity": ["HIGH"]}]}, "severity must be a text"),
        ({"findings": [{"severity": "HIGH", "packages": [{}]}]}, "a package's name must be a text"),
        ({"severities": {"HIGH": "x"}}, "HIGH must be a number"),
        ({"polls": -1}, "polls must be a number"),
        ({"repository": 7}, "repository must be a text"),
    ],
)
def test_a_findings_file_of_other_types_is_named(
    ecr: LocalEcr, api: Any, image: dict[str, Any], rule: Any, problem: str
) -> None:
    (ecr.root / "findings.json").write_text(json.dumps([rule]))
    code, message = refused(api.start_image_scan, **image)[:2]
    assert (code, f"findings.json of the local ECR: {problem}" in message) == ("ServerException", True), message


def test_an_unsupported_image_is_not_said_to_be_scanned(ecr: LocalEcr, api: Any, image: dict[str, Any]) -> None:
    ecr.set_findings([{"status": "UNSUPPORTED_IMAGE"}])
    api.start_image_scan(**image)
    status = api.describe_image_scan_findings(**image)["imageScanStatus"]
    assert status["description"].startswith("UnsupportedImageError")


def test_a_failed_scan_says_by_itself_what_ecrs_says(ecr: LocalEcr, api: Any, image: dict[str, Any]) -> None:
    ecr.set_findings([{"status": "FAILED"}])
    api.start_image_scan(**image)
    told = api.describe_image_scan_findings(**image)["imageScanStatus"]["description"]
    assert told == "UnsupportedImageError: The operating system and/or package manager are not supported."


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


def test_each_scan_type_has_its_frequencies(api: Any) -> None:
    """API model, RegistryScanningRule: continuous scans are enhanced ones, and only basic ones are manual."""
    for scan_type, frequency in (("BASIC", "CONTINUOUS_SCAN"), ("ENHANCED", "MANUAL")):
        rule = {"scanFrequency": frequency, "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}]}
        code, message = refused(api.put_registry_scanning_configuration, scanType=scan_type, rules=[rule])
        assert (code, f"{scan_type} has no {frequency}" in message) == ("InvalidParameterException", True)


def test_only_enhanced_scans_are_told_with_the_image(
    ecr: LocalEcr, api: Any, http: HttpClient, repository: str
) -> None:
    """API model, DescribeImages: the present basic scanning doesn't use the attributes of the image."""
    image = {"repositoryName": repository, "imageId": ID}
    http.push_image(repository, "v1", b"layer")
    api.start_image_scan(**image)
    assert "imageScanStatus" not in api.describe_images(repositoryName=repository)["imageDetails"][0]
    enhance(api, "CONTINUOUS_SCAN", "team/*")
    ecr.set_findings([{"severities": {"LOW": 2}}])
    (detail,) = api.describe_images(repositoryName=repository)["imageDetails"]
    assert detail["imageScanStatus"]["status"] == "ACTIVE"
    assert detail["imageScanFindingsSummary"]["findingSeverityCounts"] == {"LOW": 2}


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


def shape_problems(value: Any, shape: Any, path: str = "") -> list[str]:
    """Return what an answer has that the API model has not, and what is of another type."""
    types: dict[str, Any] = {"string": str, "integer": int, "long": int, "double": (int, float), "boolean": bool}
    if shape.type_name == "structure":
        unknown = [f"{path}.{name} is not in {shape.name}" for name in value if name not in shape.members]
        known = [name for name in value if name in shape.members]
        return unknown + [
            each for name in known for each in shape_problems(value[name], shape.members[name], f"{path}.{name}")
        ]
    if shape.type_name == "list":
        return [each for item in value for each in shape_problems(item, shape.member, f"{path}[]")]
    if shape.type_name == "map":
        return [each for item in value.values() for each in shape_problems(item, shape.value, f"{path}{{}}")]
    if shape.type_name == "timestamp":
        return [] if isinstance(value, (int, float)) else [f"{path} is no time"]
    enum = getattr(shape, "enum", None)
    if enum and value not in enum:
        return [f"{path} is {value!r}, not one of {enum}"]
    return [] if isinstance(value, types[shape.type_name]) else [f"{path} is no {shape.type_name}"]


@pytest.mark.parametrize("scan_type", ["BASIC", "ENHANCED"])
def test_findings_have_the_shape_of_the_api_model(
    ecr: LocalEcr, api: Any, http: HttpClient, repository: str, scan_type: str
) -> None:
    if scan_type == "ENHANCED":
        enhance(api, "CONTINUOUS_SCAN", "*")
    several = {
        "name": "CVE-2",
        "severity": "LOW",
        "packages": [{"name": "a", "fixed": "2"}, {"name": "b", "path": "x"}],
    }
    ecr.set_findings([{"findings": [FINDING, several], "severities": {"UNDEFINED": 1}}])
    http.push_image(repository, "v1", b"layer")
    where = {"repositoryName": repository, "imageId": ID}
    if scan_type == "BASIC":
        api.start_image_scan(**where)
    raw: list[bytes] = []
    api.meta.events.register(
        "before-parse.ecr.DescribeImageScanFindings", lambda response_dict, **_: raw.append(response_dict["body"])
    )
    api.describe_image_scan_findings(**where)
    answer = json.loads(raw[0])
    shape = api.meta.service_model.operation_model("DescribeImageScanFindings").output_shape
    assert shape_problems(answer, shape) == []
    names = [
        item.get("name") or item["packageVulnerabilityDetails"]["vulnerabilityId"]
        for key in ("findings", "enhancedFindings")
        for item in answer["imageScanFindings"].get(key, [])
    ]
    assert (
        names == ["CVE-2024-0001", "CVE-2", "CVE-0000-0001"]
        if scan_type == "ENHANCED"
        else ["CVE-2024-0001", "CVE-2", "CVE-2", "CVE-0000-0001"]
    )


def test_a_fix_for_some_packages_is_partial(ecr: LocalEcr, api: Any, http: HttpClient, repository: str) -> None:
    enhance(api, "CONTINUOUS_SCAN", "*")
    packages = [{"name": "a", "fixed": "2"}, {"name": "b"}]
    ecr.set_findings([{"findings": [{"name": "CVE-1", "severity": "LOW", "packages": packages, "exploit": "YES"}]}])
    http.push_image(repository, "v1", b"layer")
    response = api.describe_image_scan_findings(repositoryName=repository, imageId=ID)
    (finding,) = response["imageScanFindings"]["enhancedFindings"]
    assert (finding["fixAvailable"], finding["exploitAvailable"]) == ("PARTIAL", "YES")
    fixed = [package["fixedInVersion"] for package in finding["packageVulnerabilityDetails"]["vulnerablePackages"]]
    assert fixed == ["2", "NotAvailable"]


@pytest.mark.parametrize(
    ("pattern", "scanned"),
    [
        ("team/app", True),
        ("eam", True),
        ("team*", True),
        ("*app", True),
        ("app*", False),
        ("*team", False),
        ("x", False),
    ],
)
def test_a_filter_without_a_wildcard_is_somewhere_in_the_name(
    api: Any, repository: str, pattern: str, scanned: bool
) -> None:
    enhance(api, "SCAN_ON_PUSH", pattern)
    (found,) = api.batch_get_repository_scanning_configuration(repositoryNames=[repository])["scanningConfigurations"]
    assert (found["scanFrequency"] == "SCAN_ON_PUSH") is scanned


def test_scans_of_the_other_type_come_back_with_it(api: Any, image: dict[str, Any]) -> None:
    api.start_image_scan(**image)
    api.put_registry_scanning_configuration(scanType="ENHANCED", rules=[])
    assert refused(api.describe_image_scan_findings, **image)[0] == "ScanNotFoundException"
    api.put_registry_scanning_configuration(scanType="BASIC", rules=[])
    assert api.describe_image_scan_findings(**image)["imageScanStatus"]["status"] == "COMPLETE"


def test_continuous_scanning_recognizes_the_images_that_are_there(api: Any, image: dict[str, Any]) -> None:
    enhance(api, "SCAN_ON_PUSH", "*")
    assert refused(api.describe_image_scan_findings, **image)[0] == "ScanNotFoundException"
    enhance(api, "CONTINUOUS_SCAN", "*")
    assert api.describe_image_scan_findings(**image)["imageScanStatus"]["status"] == "ACTIVE"


def test_an_enhanced_scan_can_take_its_time_and_one_can_go_on_for_ever(
    ecr: LocalEcr, api: Any, http: HttpClient, repository: str
) -> None:
    enhance(api, "CONTINUOUS_SCAN", "*")
    ecr.set_findings([{"tag": "v1", "polls": 1}, {"status": "PENDING"}])
    for tag in ("v1", "v2"):
        http.push_image(repository, tag, tag.encode())

    def statuses(tag: str) -> list[str]:
        where = {"repositoryName": repository, "imageId": {"imageTag": tag}}
        return [api.describe_image_scan_findings(**where)["imageScanStatus"]["status"] for _ in range(3)]

    assert statuses("v1") == ["PENDING", "ACTIVE", "ACTIVE"]
    assert statuses("v2") == ["PENDING"] * 3
