"""API operations on image scans and on scanning configurations."""

from __future__ import annotations

from ..errors import EcrError, invalid
from .images import as_text, get, image_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..registry import Registry
    from ..store.images import Image
    from ..store.repositories import Repository
    from .params import Params

# API model: ScanningRepositoryFilterValue.
_FILTER = r"[a-z0-9*]([._\-/a-z0-9*]?[a-z0-9*])*"


def put_image_scanning_configuration(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer PutImageScanningConfiguration."""
    repository = params.repository(registry)
    on_push = params.structure("imageScanningConfiguration", required=True).flag("scanOnPush")
    registry.store.repositories.update(repository, scan_on_push=on_push)
    return {**repository.members, "imageScanningConfiguration": {"scanOnPush": on_push}}


def get_registry_scanning_configuration(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer GetRegistryScanningConfiguration."""
    return {"registryId": registry.account, "scanningConfiguration": registry.scanner.configuration()}


def put_registry_scanning_configuration(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer PutRegistryScanningConfiguration."""
    scan_type = params.optional_text("scanType", choices=("BASIC", "ENHANCED")) or "BASIC"
    rules = []
    for rule in params.structures("rules", 0, 2):
        frequency = rule.text("scanFrequency", choices=("SCAN_ON_PUSH", "CONTINUOUS_SCAN", "MANUAL"))
        # API model, RegistryScanningRule: the frequencies that each type has.
        if frequency == ("CONTINUOUS_SCAN" if scan_type == "BASIC" else "MANUAL"):
            raise invalid("scanFrequency", f"scanType {scan_type} has no {frequency}")
        filters = []
        for item in rule.structures("repositoryFilters", 0, 100, required=True):
            text = item.text("filter", minimum=1, maximum=255, pattern=_FILTER)
            filters.append({"filter": text, "filterType": item.text("filterType", choices=("WILDCARD",))})
        rules.append({"scanFrequency": frequency, "repositoryFilters": filters})
    configuration = {"scanType": scan_type, "rules": rules}
    registry.scanner.configure(configuration)
    return {"registryScanningConfiguration": configuration}


def batch_get_repository_scanning_configuration(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer BatchGetRepositoryScanningConfiguration."""
    configurations, failures = [], []
    for name in params.repository_names(1, 25):
        repository = registry.store.repositories.find(name)
        if repository is None:
            reason = registry.store.repositories.not_found(name).message
            failures.append({"repositoryName": name, "failureCode": "REPOSITORY_NOT_FOUND", "failureReason": reason})
            continue
        frequency, filters = registry.scanner.frequency(repository)
        configurations.append(
            {
                "repositoryArn": registry.arn(name),
                "repositoryName": name,
                "scanOnPush": frequency == "SCAN_ON_PUSH" or repository.scan_on_push,
                "scanFrequency": frequency,
                "appliedScanFilters": filters,
            }
        )
    return {"scanningConfigurations": configurations, "failures": failures}


def start_image_scan(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer StartImageScan."""
    repository = params.repository(registry)
    image, tag = get(registry, repository, params.structure("imageId"))
    registry.scanner.start(repository, image)
    return {
        **repository.members,
        "imageId": image_id(image.digest, tag),
        "imageScanStatus": {"status": "IN_PROGRESS"},  # without a description (aws CLI's example of start-image-scan)
    }


def scan_status(scan: dict[str, Any]) -> dict[str, str]:
    """Return an ImageScanStatus, in the shape of the API model."""
    return {"status": scan["status"], "description": scan["description"]}


def has_result(scan: dict[str, Any]) -> bool:
    """Return whether the scan has ended and has its findings."""
    return scan["status"] in ("COMPLETE", "ACTIVE")


def scan_summary(scan: dict[str, Any]) -> dict[str, Any]:
    """Return an ImageScanFindingsSummary, in the shape of the API model."""
    counts: dict[str, int] = {}
    for finding in scan["findings"]:
        severity = finding.get("severity", "UNDEFINED")
        counts[severity] = counts.get(severity, 0) + 1
    return {
        "imageScanCompletedAt": round(scan["completed"], 3),
        "vulnerabilitySourceUpdatedAt": round(scan["completed"], 3),
        "findingSeverityCounts": counts,
    }


def describe_image_scan_findings(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer DescribeImageScanFindings."""
    repository = params.repository(registry)
    image, tag = get(registry, repository, params.structure("imageId"))
    scan = registry.scanner.result(repository, image, poll=not params.has("nextToken"))
    if scan is None:
        raise EcrError(
            "ScanNotFoundException",
            f"Image scan does not exist for the image with '{as_text(params.structure('imageId'))}' "
            f"in the {repository.sentence}",
        )
    response: dict[str, Any] = {
        **repository.members,
        "imageId": image_id(image.digest, tag),
        "imageScanStatus": scan_status(scan),
    }
    if not has_result(scan):
        return response
    numbered = list(enumerate(scan["findings"]))
    page_findings, token = params.page(numbered, lambda item: [item[0]], key_types=(int,))
    findings: dict[str, Any] = scan_summary(scan)
    if registry.scanner.is_enhanced:
        findings["enhancedFindings"] = [
            _enhanced(registry, repository, image, scan, finding) for _, finding in page_findings
        ]
    else:
        findings["findings"] = [_basic(finding) for _, finding in page_findings]
    return {**response, "imageScanFindings": findings, **token}


def _basic(finding: dict[str, Any]) -> dict[str, Any]:
    attributes = {"package_name": finding.get("package"), "package_version": finding.get("version")}
    return {
        "name": finding.get("name", "CVE-0000-0000"),
        "severity": finding.get("severity", "UNDEFINED"),
        "attributes": [{"key": key, "value": str(value)} for key, value in attributes.items() if value],
        **{key: finding[key] for key in ("description", "uri") if finding.get(key)},
    }


def _enhanced(
    registry: Registry, repository: Repository, image: Image, scan: dict[str, Any], finding: dict[str, Any]
) -> dict[str, Any]:
    name = finding.get("name", "CVE-0000-0000")
    details: dict[str, Any] = {"vulnerabilityId": name, "source": "LOCAL"}
    if finding.get("uri"):
        details["sourceUrl"] = finding["uri"]
    packages = finding.get("packages") or (
        [{**finding, "name": finding["package"]}] if finding.get("package") else []
    )
    if packages:
        details["vulnerablePackages"] = [_package(package) for package in packages]
    scan_time = round(scan["completed"], 3)
    arn = registry.arn(repository.name)
    image_details = {
        "imageHash": image.digest,
        "imageTags": image.tags,
        "pushedAt": round(image.pushed, 3),
        "registry": registry.account,
        "repositoryName": repository.name,
    }
    return {
        "awsAccountId": registry.account,
        "description": finding.get("description", ""),
        "findingArn": f"{arn.replace(':ecr:', ':inspector2:').partition(':repository/')[0]}:finding/{name}",
        "firstObservedAt": scan_time,
        "lastObservedAt": scan_time,
        "updatedAt": scan_time,
        "packageVulnerabilityDetails": details,
        "resources": [
            {
                "details": {"awsEcrContainerImage": image_details},
                "id": f"{arn}/{image.digest}",
                "type": "AWS_ECR_CONTAINER_IMAGE",
            }
        ],
        "severity": finding.get("severity", "UNDEFINED"),
        "status": finding.get("status", "ACTIVE"),
        "title": f"{name} - {', '.join(str(package['name']) for package in packages)}" if packages else name,
        "type": "PACKAGE_VULNERABILITY",
        "fixAvailable": _fix_available(packages),
        "exploitAvailable": finding.get("exploit", "NO"),
    }


def _package(package: dict[str, Any]) -> dict[str, Any]:
    """Return a VulnerablePackage; one that no version mends has ``NotAvailable`` (Inspector's findings in ECR)."""
    document = {
        "name": str(package["name"]),
        "version": str(package.get("version", "")),
        "fixedInVersion": str(package.get("fixed") or "NotAvailable"),
    }
    return {**document, "filePath": str(package["path"])} if package.get("path") else document


def _fix_available(packages: list[dict[str, Any]]) -> str:
    """Return EnhancedImageScanFinding's ``fixAvailable`` (API model): PARTIAL if some of the packages have a fix."""
    fixed = sum(bool(package.get("fixed")) for package in packages)
    return "NO" if fixed == 0 else "YES" if fixed == len(packages) else "PARTIAL"
