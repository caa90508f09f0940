"""SARIF: valid by the standard's schema, an alert for each finding in each package, accepted ones suppressed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from ecr_tasks.model.scan import AcceptedFinding, Finding, ScanResult, ScanRules, VulnerablePackage
from ecr_tasks.plan.gates import Failed, Passed
from ecr_tasks.plan.sarif import sarif
from ecr_tasks.plan.scan_gate import judge_findings
from ecr_tasks.plan.scannable_parts import Part
from ecr_tasks.plan.scanned_image import ScannedImage, ScannedPart
from tests.support.build import digest, index, repository

SCHEMA = json.loads((Path(__file__).parents[1] / "data" / "sarif-2.1.0.schema.json").read_text(encoding="utf-8"))
FINDINGS = (
    Finding(
        "CRITICAL",
        "CVE-1",
        (VulnerablePackage("openssl", "1", "2"), VulnerablePackage("libssl", "1", "", "usr/lib/libssl.so")),
        "partial",
        "yes",
        "https://example.com/CVE-1",
        "A bug.",
    ),
    Finding("LOW", "CVE-2", (VulnerablePackage("curl", "7"),), uri="no address"),
    Finding("UNTRIAGED", "A title of Inspector's"),
)


HIGH = ScanRules("high")


def scanned(*parts: tuple[str, ScanResult | None, Passed | Failed], rules: ScanRules = HIGH) -> ScannedImage:
    return ScannedImage(
        "app",
        repository(),
        index([]),
        tuple(
            ScannedPart(
                Part(repository(), digest(platform), platform),
                scan,
                judge_findings(scan, rules, {("CVE-2", "curl"): 3}) if scan else (),
                verdict,
            )
            for platform, scan, verdict in parts
        ),
    )


def checked(document: Any) -> Any:
    """Return the document, if the schema of SARIF 2.1.0 allows it."""
    jsonschema.validate(json.loads(json.dumps(document)), SCHEMA)
    return document["runs"][0]


def test_each_finding_in_each_package_is_a_result() -> None:
    scan = ScanResult("COMPLETE", findings=FINDINGS)
    accepted = (AcceptedFinding("CVE-1", "not loaded", "libssl"),)
    image = scanned(
        ("linux/amd64", scan, Failed("bad", "mend")),
        ("linux/arm64", scan, Failed("bad", "mend")),
        rules=ScanRules("high", accepted=accepted, than="prod"),
    )
    run = checked(sarif([image], {"app": "docker/app.Dockerfile"}, "1.2.3", compares=True))
    results = {(item["ruleId"], item["locations"][0]["logicalLocations"][0]["name"]): item for item in run["results"]}
    assert set(results) == {
        ("CVE-1", "openssl"),
        ("CVE-1", "libssl"),
        ("CVE-2", "curl"),
        ("A title of Inspector's", "app"),
    }
    assert len(run["results"]) == 4, "the same on both platforms is one"
    openssl, libssl, curl = results["CVE-1", "openssl"], results["CVE-1", "libssl"], results["CVE-2", "curl"]
    assert openssl["level"] == "error"
    assert openssl["properties"]["platforms"] == ["linux/amd64", "linux/arm64"]
    assert (openssl["properties"]["fix_available"], libssl["properties"]["fix_available"]) == ("yes", "no")
    assert openssl["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "docker/app.Dockerfile"
    assert libssl["suppressions"] == [{"kind": "external", "status": "accepted", "justification": "not loaded"}]
    assert "suppressions" not in openssl
    assert (openssl["baselineState"], curl["baselineState"]) == ("new", "unchanged")
    assert len({item["partialFingerprints"]["primaryLocationLineHash"] for item in run["results"]}) == 4
    rules = run["tool"]["driver"]["rules"]
    assert [rules[item["ruleIndex"]]["id"] for item in run["results"]] == [item["ruleId"] for item in run["results"]]
    assert {rule["id"]: rule["properties"]["security-severity"] for rule in rules}["CVE-1"] == "9.5"
    assert ("helpUri" in rules[0], "helpUri" in rules[1]) == (True, False)
    assert run["invocations"] == [{"executionSuccessful": True}]


def test_the_same_scan_gives_the_same_alerts_whatever_the_digest() -> None:
    def fingerprints(name: str) -> set[str]:
        image = scanned((name, ScanResult("COMPLETE", findings=FINDINGS), Passed("")))
        return {
            item["partialFingerprints"]["primaryLocationLineHash"]
            for item in checked(sarif([image], {}, "1"))["results"]
        }

    assert fingerprints("linux/amd64") == fingerprints("linux/arm64")


@pytest.mark.parametrize("scan", [None, ScanResult("FAILED"), ScanResult("IN_PROGRESS")])
def test_a_scan_without_findings_to_judge_did_not_succeed(scan: ScanResult | None) -> None:
    run = checked(sarif([scanned(("linux/amd64", scan, Failed("No scan.", "Start one.")))], {}, "1"))
    assert run["invocations"][0]["executionSuccessful"] is False
    assert run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"] == "No scan. Start one."
    assert run["results"] == []
