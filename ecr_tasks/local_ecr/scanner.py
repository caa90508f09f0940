"""The scanner: when an image is scanned, and its findings, which the data folder's findings.json lists."""

from __future__ import annotations

import json
import time

from .errors import EcrError
from .findings_file import FILE, SEVERITIES, check_rules
from .json_text import parse_json
from .store.database import stored_json
from .wildcard import matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from .store import Store
    from .store.images import Image
    from .store.repositories import Repository

QUOTA_SECONDS = 24 * 3600
"""ECR scans an image once in 24 hours, a scan on push included."""

RECOGNIZED_SECONDS = 30 * 24 * 3600
"""How old an image may be that Inspector scans when enhanced scanning is turned on (ECR user guide, "Troubleshooting
image scanning issues")."""

_SETTING = "scanning"
_COMPLETE = "The scan was completed successfully."
_UNSUPPORTED = "UnsupportedImageError: The operating system and/or package manager are not supported."
_DESCRIPTIONS = {"COMPLETE": _COMPLETE, "FAILED": _UNSUPPORTED, "UNSUPPORTED_IMAGE": _UNSUPPORTED}
"""What ECR says of a basic scan of a status (ECR user guide, "Troubleshooting image scanning issues"; of the status
FAILED in aws-observability/aws-otel-collector#2193)."""


class Scanner:
    """Scan images as the registry's scanning configuration says."""

    def __init__(self, root: Path, store: Store) -> None:
        self._file = root / FILE
        self._store = store

    def configuration(self) -> dict[str, Any]:
        """Return the registry's RegistryScanningConfiguration, in the shape of the API model."""
        text = self._store.db.setting(_SETTING)
        default: dict[str, Any] = {"scanType": "BASIC", "rules": []}
        return default if text is None else {**default, **stored_json(text)}

    def configure(self, configuration: dict[str, Any]) -> None:
        """Replace the registry's RegistryScanningConfiguration."""
        self._store.db.set(_SETTING, json.dumps(configuration))

    @property
    def is_enhanced(self) -> bool:
        """Return whether the registry has enhanced scanning."""
        return bool(self.configuration()["scanType"] == "ENHANCED")

    def frequency(self, repository: Repository) -> tuple[str, list[dict[str, str]]]:
        """Return how often a repository's images are scanned, and the registry's filters that match it."""
        configuration = self.configuration()
        pairs = [
            (rule["scanFrequency"], item) for rule in configuration["rules"] for item in rule["repositoryFilters"]
        ]
        matching_pairs = [(name, item) for name, item in pairs if _filter_matches(item["filter"], repository.name)]
        frequencies = {frequency for frequency, _ in matching_pairs}
        if configuration["scanType"] == "BASIC" and repository.scan_on_push:
            frequencies.add("SCAN_ON_PUSH")
        strongest = next((name for name in ("CONTINUOUS_SCAN", "SCAN_ON_PUSH") if name in frequencies), "MANUAL")
        return strongest, [item for _, item in matching_pairs]

    def on_push(self, repository: Repository, image: Image) -> None:
        """Scan an image that was just pushed, if its repository is scanned on push."""
        if self._stored(image) is None and self.frequency(repository)[0] != "MANUAL":
            self._scan(repository, image)

    def start(self, repository: Repository, image: Image) -> None:
        """Scan an image for StartImageScan.

        Raises ValidationException, UnsupportedImageTypeException, LimitExceededException.
        """
        if self.is_enhanced:
            raise EcrError("ValidationException", "This feature is disabled")
        if not image.is_image:
            raise EcrError(
                "UnsupportedImageTypeException",
                f"The image with digest '{image.digest}' has an image type that cannot be scanned",
            )
        stored = self._stored(image)
        if stored is not None and stored["started"] > time.time() - QUOTA_SECONDS:
            raise EcrError(
                "LimitExceededException", "The scan quota per image has been exceeded. Wait and try again."
            )
        self._scan(repository, image)

    def result(self, repository: Repository, image: Image, *, poll: bool) -> dict[str, Any] | None:
        """Return an image's scan: ``status``, ``description``, ``completed``, ``findings``; None if there is none.

        With ``poll`` this counts as one of the rule's ``polls``. Enhanced findings are read from the file now;
        basic ones were read from it at the time of the scan.
        """
        continuous = self.is_enhanced and self.frequency(repository)[0] == "CONTINUOUS_SCAN"
        if continuous and image.is_image and image.pushed > time.time() - RECOGNIZED_SECONDS:
            self.on_push(repository, image)  # unless it has been scanned already
        stored = self._stored(image)
        if stored is None:
            return None
        scan = dict(stored)
        if self.is_enhanced:
            rule = self._rule(repository, image)
            status, description = "COMPLETE", _COMPLETE
            if continuous:
                status, description = "ACTIVE", "Continuous scan is selected for image."
            scan["status"] = rule.get("status") or status
            scan["description"] = rule.get("description") or (description if scan["status"] == status else "")
            scan["findings"] = _findings(rule, enhanced=True)
        if scan["polls"] > 0:
            if poll:
                self._store_scan(image, {**stored, "polls": scan["polls"] - 1})
            status = "PENDING" if self.is_enhanced else "IN_PROGRESS"
            scan.update(status=status, description="The scan is in progress.", findings=[])
        return scan

    def _scan(self, repository: Repository, image: Image) -> None:
        now = time.time()
        rule = self._rule(repository, image)
        status = rule.get("status") or "COMPLETE"
        scan = {
            "started": now,
            "completed": now,
            "status": status,
            "description": rule.get("description") or _DESCRIPTIONS.get(status, ""),
            "polls": int(rule.get("polls", 0)),
            "findings": _findings(rule, enhanced=self.is_enhanced),
        }
        self._store_scan(image, scan)

    def _stored(self, image: Image) -> dict[str, Any] | None:
        """Return the image's scan of the registry's present scan type.

        Scans of the other type are not available until the registry has that type again (ECR user guide, "Scan images
        for software vulnerabilities").
        """
        scan = _by_type(image).get(self.configuration()["scanType"])
        return None if scan is None else dict(scan)

    def _store_scan(self, image: Image, scan: dict[str, Any]) -> None:
        scans = {**_by_type(image), self.configuration()["scanType"]: scan}
        image.scan = scans  # which the next reader of this image sees
        self._store.images.set_scan(image, scans)

    def _rule(self, repository: Repository, image: Image) -> dict[str, Any]:
        try:
            rules = parse_json(self._file.read_bytes())
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise EcrError("ServerException", f"{self._file} is not JSON: {error}", status=500) from None
        for rule in check_rules(rules):
            if (
                matches(rule.get("repository", "*"), repository.name)
                and rule.get("digest", image.digest) == image.digest
                and ("tag" not in rule or any(matches(rule["tag"], tag) for tag in image.tags))
            ):
                return rule
        return {}


def _by_type(image: Image) -> dict[str, Any]:
    """Return the image's scans by type; a data folder of an earlier version has one, without its type."""
    scan = image.scan or {}
    return {"BASIC": scan, "ENHANCED": scan} if "started" in scan else scan


def _filter_matches(pattern: str, name: str) -> bool:
    """Return whether a scanning filter matches a repository's name; one without a wildcard does if it is in the name.

    See the ECR user guide, "Filters to choose which repositories are scanned in Amazon ECR".
    """
    return matches(pattern, name) if "*" in pattern else pattern in name


def _findings(rule: dict[str, Any], *, enhanced: bool) -> list[dict[str, Any]]:
    """Return the findings of a rule; in a basic scan each is in one package at most (API model, ImageScanFinding)."""
    counts = rule.get("severities", {})
    severities = [severity for severity in SEVERITIES for _ in range(int(counts.get(severity, 0)))]
    invented = [{"name": f"CVE-0000-{n:04d}", "severity": severity} for n, severity in enumerate(severities, 1)]
    findings = rule.get("findings", [])
    if not enhanced:
        findings = [each for finding in findings for each in _by_package(finding)]
    return [*findings, *invented]


def _by_package(finding: dict[str, Any]) -> list[dict[str, Any]]:
    packages = finding.get("packages") or []
    own = [{**finding, **package, "name": finding.get("name"), "package": package["name"]} for package in packages]
    return own or [finding]
