"""Scanned images as SARIF 2.1.0, the format in which code hosts take findings (OASIS, sarif-v2.1.0)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from ecr_tasks.model.severity import LEVELS, Level
from ecr_tasks.plan.scanned_image import FindingRow, ScannedImage, finding_rows

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_SEVERITIES: Mapping[Level, tuple[str, str]] = {
    "critical": ("error", "9.5"),
    "high": ("error", "8.0"),
    "medium": ("warning", "5.5"),
    "low": ("note", "2.0"),
    "informational": ("note", "0.0"),
    "undefined": ("note", "0.0"),
}
"""SARIF's level and GitHub's ``security-severity`` of each severity: over 9.0 is critical, 7.0 to 8.9 high, 4.0 to
6.9 medium (GitHub Docs, "SARIF support for code scanning").
"""


def sarif(
    images: Sequence[ScannedImage], files: Mapping[str, str], version: str, *, compares: bool = False
) -> dict[str, Any]:
    """Return a SARIF log with a run for each image.

    ``files`` are what the images are built from, by name, relative to the checkout: code hosts show a finding only at
    a file. With ``compares`` each finding is new or unchanged, as it is against the other image.
    """
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [_run(image, files.get(image.name, image.repository.name), version, compares) for image in images],
    }


def _run(image: ScannedImage, file: str, version: str, compares: bool) -> dict[str, Any]:
    rows = finding_rows([image])
    worst: dict[str, FindingRow] = {}
    for row in sorted(rows, key=lambda row: row.finding.rank):
        worst.setdefault(row.finding.name, row)
    rules = {name: number for number, name in enumerate(worst)}
    return {
        "tool": {
            "driver": {"name": "ecr-tasks", "version": version, "rules": [_rule(row) for row in worst.values()]}
        },
        "automationDetails": {"id": f"ecr-tasks-scan/{image.repository.name}/"},
        "invocations": [_invocation(image)],
        "results": [_result(image, row, file, rules[row.finding.name], compares) for row in rows],
        "properties": {"image": image.reference},
    }


def _rule(row: FindingRow) -> dict[str, Any]:
    finding = row.finding
    text = finding.description or finding.name
    level, score = _SEVERITIES[LEVELS[finding.rank]]
    rule: dict[str, Any] = {
        "id": finding.name,
        "shortDescription": {"text": finding.name},
        "fullDescription": {"text": text[:1000]},
        "help": {"text": text + (f"\n{finding.uri}" if finding.uri else "")},
        "defaultConfiguration": {"level": level},
        "properties": {"security-severity": score, "tags": ["security", "vulnerability", finding.severity.lower()]},
    }
    return {**rule, "helpUri": finding.uri} if finding.uri.startswith(("https://", "http://")) else rule


def _result(image: ScannedImage, row: FindingRow, file: str, rule: int, compares: bool) -> dict[str, Any]:
    package = row.package
    where = f"{package.name} {package.version}".strip() or "the image"
    platforms = f" ({', '.join(row.platforms)})" if row.platforms else ""
    fix = f" Fixed in {package.fixed}." if package.fixed else ""
    text = f"{row.finding.name} ({row.finding.severity.lower()}) in {where} of {image.reference}{platforms}.{fix}"
    result: dict[str, Any] = {
        "ruleId": row.finding.name,
        "ruleIndex": rule,
        "level": _SEVERITIES[LEVELS[row.finding.rank]][0],
        "message": {"text": text},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": file}, "region": {"startLine": 1}},
                "logicalLocations": [{"name": package.name or image.name, "kind": "package"}],
                "message": {"text": package.path or image.reference},
            }
        ],
        # By this GitHub tells apart alerts of one rule at one line (Docs, "Data for preventing duplicated alerts").
        "partialFingerprints": {"primaryLocationLineHash": f"{_fingerprint(image, row)}:1"},
        "properties": {
            "severity": row.finding.severity.lower(),
            "state": row.state,
            "fixed_in": package.fixed or None,
            "fix_available": row.has_fix,
            "exploit_available": row.finding.exploit,
            "platforms": list(row.platforms),
        },
    }
    if row.state == "accepted":
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": row.reason}]
    if compares:
        result["baselineState"] = "unchanged" if row.state == "known" else "new"
    return result


def _invocation(image: ScannedImage) -> dict[str, Any]:
    """Return whether all scans ended with findings, and why not."""
    notices = [
        {"level": "error", "message": {"text": f"{failure.cause} {failure.remedy}"}} for failure in image.unread
    ]
    invocation: dict[str, Any] = {"executionSuccessful": not notices}
    return {**invocation, "toolExecutionNotifications": notices} if notices else invocation


def _fingerprint(image: ScannedImage, row: FindingRow) -> str:
    parts = (image.repository.name, row.finding.name, row.package.name, row.package.version, row.package.path)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:16]
