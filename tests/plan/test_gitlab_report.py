"""GitLab's report of a container scan: what its schema asks for, and a stable id for each finding in each package."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import jsonschema  # type: ignore[import-untyped]

from ecr_tasks.model.scan import AcceptedFinding, ScanResult, ScanRules
from ecr_tasks.plan.gates import Failed, Passed
from ecr_tasks.plan.gitlab_report import gitlab_report
from tests.plan.test_sarif import FINDINGS, scanned

NOW = datetime(2026, 11, 27, 3, 4, 5, 6, timezone.utc)

TEXT = {"type": "string", "minLength": 1}
TIME = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$"}
URL = {"type": "string", "pattern": "^(https?|ftp)://.+"}


def need(**properties: Any) -> dict[str, Any]:
    """Return the schema of an object with these properties, all of which it must have."""
    return {"type": "object", "required": list(properties), "properties": properties}


PROGRAM = need(id=TEXT, name=TEXT, version=TEXT, vendor=need(name=TEXT))
IDENTIFIER = need(type=TEXT, name=TEXT, value=TEXT)
IDENTIFIER["properties"]["url"] = URL
VULNERABILITY = need(
    id=TEXT,
    identifiers={"type": "array", "minItems": 1, "items": IDENTIFIER},
    location=need(
        dependency=need(package=need(name={"type": "string"}), version={"type": "string"}),
        operating_system=TEXT,
        image=TEXT,
    ),
)
VULNERABILITY["properties"] |= {
    "name": {"type": "string", "maxLength": 255},
    "description": {"type": "string", "maxLength": 1048576},
    "solution": {"type": "string", "maxLength": 7000},
    "severity": {"enum": ["Info", "Unknown", "Low", "Medium", "High", "Critical"]},
    "links": {"type": "array", "items": need(url=URL)},
}
SCAN = need(
    analyzer=PROGRAM,
    scanner=PROGRAM,
    start_time=TIME,
    end_time=TIME,
    status={"enum": ["success", "failure"]},
    type={"const": "container_scanning"},
)
SCAN["properties"]["messages"] = {
    "type": "array",
    "items": need(level={"enum": ["info", "warn", "fatal"]}, value=TEXT),
}
SCHEMA = need(
    scan=SCAN,
    version={"type": "string", "pattern": r"^[0-9]+\.[0-9]+\.[0-9]+$"},
    vulnerabilities={"type": "array", "items": VULNERABILITY},
)
"""What the schema 15.0.7 asks of what we write (GitLab, container-scanning-report-format.json)."""


def checked(document: Any) -> Any:
    """Return the document, if the schema allows it."""
    jsonschema.validate(json.loads(json.dumps(document)), SCHEMA)
    return document


def test_each_finding_in_each_package_has_an_id_of_its_own_that_stays() -> None:
    result = ScanResult("COMPLETE", findings=FINDINGS, completed=NOW)
    image = scanned(("linux/amd64", result, Passed("fine")), ("linux/arm64", result, Passed("fine")))
    report = checked(gitlab_report([image], "1.2.3", NOW))
    found = report["vulnerabilities"]
    assert [
        (item["name"], item["location"]["dependency"]["package"]["name"], item["severity"]) for item in found
    ] == [
        ("CVE-1", "libssl", "Critical"),
        ("CVE-1", "openssl", "Critical"),
        ("CVE-2", "curl", "Low"),
        ("A title of Inspector's", "", "Unknown"),
    ]
    assert found[1]["solution"] == "Upgrade openssl to 2."
    assert "solution" not in found[0]
    assert [item["identifiers"][0]["type"] for item in found] == ["cve", "cve", "cve", "ecr"]
    assert found[0]["identifiers"][0]["url"] == "https://example.com/CVE-1"
    assert found[2]["links"] == []
    assert {item["location"]["image"] for item in found} == {image.reference}
    assert len({item["id"] for item in found}) == 4
    assert report == gitlab_report([image], "1.2.3", NOW)
    assert (report["scan"]["status"], report["scan"]["end_time"]) == ("success", "2026-11-27T03:04:05")


def test_accepted_findings_are_left_out() -> None:
    rules = ScanRules("high", accepted=(AcceptedFinding("CVE-1", "not loaded"),))
    image = scanned(("linux/amd64", ScanResult("COMPLETE", findings=FINDINGS), Passed("fine")), rules=rules)
    found = checked(gitlab_report([image], "1", NOW))["vulnerabilities"]
    assert {item["name"] for item in found} == {"CVE-2", "A title of Inspector's"}


def test_a_scan_without_findings_to_read_is_a_failure() -> None:
    image = scanned(("linux/amd64", None, Failed("There is no scan.", "Start one.")))
    scan = checked(gitlab_report([image], "1", NOW))["scan"]
    assert (scan["status"], scan["messages"]) == (
        "failure",
        [{"level": "fatal", "value": "There is no scan. Start one."}],
    )
