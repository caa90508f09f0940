"""Scanned images as GitLab's report of a container scan, which its merge requests and policies read.

See gitlab-org/security-products/security-report-schemas, container-scanning-report-format.json.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ecr_tasks.model.severity import LEVELS, Level
from ecr_tasks.plan.scanned_image import FindingRow, ScannedImage, finding_rows

SCHEMA_VERSION = "15.0.7"
"""Of the schema; GitLab 16 and later read it."""

_SEVERITIES: Mapping[Level, str] = {
    "critical": "Critical",
    "high": "High",
    "medium": "Medium",
    "low": "Low",
    "informational": "Info",
    "undefined": "Unknown",
}
_MOST_OF_NAME, _MOST_OF_TEXT, _MOST_OF_SOLUTION = 255, 1_048_576, 7000


def gitlab_report(images: Sequence[ScannedImage], version: str, now: datetime) -> dict[str, Any]:
    """Return one report on all images; findings that are accepted are not in it, as GitLab has no word for that.

    ``version`` is that of ecr-tasks. The scan is a failure where one has no findings to read.
    """
    ends = [part.scan.completed for image in images for part in image.parts if part.scan and part.scan.completed]
    messages = [
        {"level": "fatal", "value": f"{failure.cause} {failure.remedy}"}
        for image in images
        for failure in image.unread
    ]
    return {
        "version": SCHEMA_VERSION,
        "scan": {
            "analyzer": _program("ecr-tasks", "ecr-tasks", version, "ecr-tasks"),
            "scanner": _program("amazon-ecr", "Amazon ECR", "unknown", "AWS"),
            "start_time": _time(min(ends, default=now)),
            "end_time": _time(max(ends, default=now)),
            "status": "failure" if messages else "success",
            "type": "container_scanning",
            **({"messages": messages} if messages else {}),
        },
        "vulnerabilities": [
            _vulnerability(image, row) for image in images for row in finding_rows([image]) if row.state != "accepted"
        ],
    }


def _vulnerability(image: ScannedImage, row: FindingRow) -> dict[str, Any]:
    finding, package = row.finding, row.package
    name = finding.name or "unknown"
    kind = next((kind for kind in ("CVE", "GHSA") if re.match(rf"{kind}-\w", name)), "ecr").lower()
    identifier = {"type": kind, "name": name, "value": name}
    links = [{"url": finding.uri}] if re.match(r"https?://.", finding.uri) else []
    parts = (image.repository.uri, name, package.name, package.version, package.path, ",".join(row.platforms))
    vulnerability: dict[str, Any] = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, "\0".join(parts).encode("utf-8", "backslashreplace").decode())),
        "name": name[:_MOST_OF_NAME],
        "severity": _SEVERITIES[LEVELS[finding.rank]],
        "identifiers": [{**identifier, **link} for link in links] or [identifier],
        "links": links,
        "location": {
            "dependency": {"package": {"name": package.name}, "version": package.version},
            "operating_system": "Unknown",
            "image": image.reference,
        },
    }
    if finding.description:
        vulnerability["description"] = finding.description[:_MOST_OF_TEXT]
    if package.fixed:
        vulnerability["solution"] = f"Upgrade {package.name} to {package.fixed}."[:_MOST_OF_SOLUTION]
    return vulnerability


def _program(name: str, title: str, version: str, vendor: str) -> dict[str, Any]:
    return {"id": name, "name": title, "version": version, "vendor": {"name": vendor}}


def _time(time: datetime) -> str:
    return time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
