"""The Evidence port on ECR's API: an image's scan, its managed signing and when it was pushed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

from ecr_tasks.clients.ecr.errors import DENIED_CODES, error_code, error_message, result_or_none, translate_errors
from ecr_tasks.clients.ecr.reader import PARALLEL
from ecr_tasks.clients.parallel import map_parallel
from ecr_tasks.errors import Denied
from ecr_tasks.model.inventory import ScanSummary
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.scan import (
    ENHANCED,
    Finding,
    Known,
    Scanning,
    ScanResult,
    StartRefusal,
    VulnerablePackage,
)
from ecr_tasks.model.signing import Signing

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient
    from mypy_boto3_ecr.type_defs import (
        DescribeImageScanFindingsResponseTypeDef,
        EnhancedImageScanFindingTypeDef,
        ImageScanFindingTypeDef,
        VulnerablePackageTypeDef,
    )

    from ecr_tasks.clients.retry import Retrier

PAGE = 1000
"""The maximal number of findings on one page (API model, MaxResults)."""

_INACTIVE = ("SUPPRESSED", "CLOSED")
"""The statuses of inactive enhanced findings: suppressed in Inspector, or fixed (inspector2's API model,
FindingStatus)."""

_START_REFUSALS: Mapping[str, Literal["unsupported", "limit", "enhanced", "archived"]] = {
    "UnsupportedImageTypeException": "unsupported",
    "LimitExceededException": "limit",
    "ImageArchivedException": "archived",
    "ValidationException": "enhanced",
}
"""Why ECR starts no scan, by its error (API model, StartImageScan). The last one has the words "This feature is
disabled" where the registry has enhanced scanning (alexjurkiewicz/ecr-scan-image#44)."""

_NO_FIX = ("", "notavailable")
"""What Inspector says for a package that no version mends (inspector2's API model, VulnerablePackage)."""

_ANSWERS: Mapping[str, Known] = {"YES": "yes", "NO": "no", "PARTIAL": "partial"}
"""``fixAvailable`` and ``exploitAvailable`` (ECR's API model, EnhancedImageScanFinding)."""

_RESULT_KEYS = ("imageScanCompletedAt", "findingSeverityCounts", "enhancedFindings")
"""The keys that a response has only when the scan has a result."""


class EcrEvidence:
    """Reads the scans and signatures of images, in the region of a client."""

    def __init__(self, client: Callable[[], ECRClient]) -> None:
        self._client = client
        self._signing: tuple[Mapping[str, Any] | None] | None = None
        self._lock = Lock()

    def scan(self, repository: Repository, digest: str) -> ScanResult | None:
        """Return an image's scan with all findings (DescribeImageScanFindings), or None without a scan."""
        pager = self._client().get_paginator("describe_image_scan_findings")
        with translate_errors(f"read the scan of {repository.name}@{digest} (ecr:DescribeImageScanFindings)"):
            pages = pager.paginate(**_image(repository, digest), PaginationConfig={"PageSize": PAGE})
            return result_or_none(lambda: parse_scan(pages), "ScanNotFoundException")

    def start_scan(self, repository: Repository, digest: str) -> StartRefusal | None:
        """Start a basic scan of an image (StartImageScan); return why ECR starts none, or None when it did."""
        from botocore.exceptions import ClientError

        with translate_errors(f"start a scan of {repository.name}@{digest} (ecr:StartImageScan)"):
            try:
                self._client().start_image_scan(**_image(repository, digest))
            except ClientError as error:
                reason = _START_REFUSALS.get(error_code(error))
                if reason is None:
                    raise
                return StartRefusal(reason, error_message(error))
        return None

    def scanning(self, repository: Repository) -> Scanning:
        """Return how a repository's registry scans (GetRegistryScanningConfiguration).

        ECR tells it of the caller's own registry. Without that permission, its rules for the repository are read
        (BatchGetRepositoryScanningConfiguration); without either, nothing is known.
        """
        client = self._client()
        with translate_errors("read how images are scanned (ecr:GetRegistryScanningConfiguration)"):
            answer = result_or_none(client.get_registry_scanning_configuration, *DENIED_CODES)
        if answer is not None:
            if answer.get("registryId", repository.account) != repository.account:
                return Scanning("")
            scanning = parse_scanning(answer)
            return scanning if scanning.is_enhanced else replace(scanning, version=self._basic_version())
        with translate_errors("read how images are scanned (ecr:BatchGetRepositoryScanningConfiguration)"):
            batch = result_or_none(
                lambda: client.batch_get_repository_scanning_configuration(repositoryNames=[repository.name]),
                *DENIED_CODES,
            )
        configurations = batch.get("scanningConfigurations", []) if batch else []
        rules = tuple((item.get("scanFrequency", "MANUAL"), (repository.name,)) for item in configurations)
        continuous = any(frequency == "CONTINUOUS_SCAN" for frequency, _ in rules)  # which basic scanning has not
        return Scanning(ENHANCED if continuous else "", rules)

    def _basic_version(self) -> str:
        """Return the version of basic scanning (GetAccountSetting); empty without the permission."""
        with translate_errors("read the version of basic scanning (ecr:GetAccountSetting)"):
            answer = result_or_none(
                lambda: self._client().get_account_setting(name="BASIC_SCAN_TYPE_VERSION"),
                *DENIED_CODES,
                "ValidationException",
                "InvalidParameterException",
            )
        return str(answer.get("value", "")) if answer else ""

    def push_time(self, repository: Repository, digest: str) -> datetime | None:
        """Return when an image was pushed (DescribeImages); None without the permission: gates don't need it."""
        with translate_errors(f"look when {repository.name}@{digest} was pushed (ecr:DescribeImages)"):
            response = result_or_none(
                lambda: self._client().describe_images(
                    registryId=repository.account, repositoryName=repository.name, imageIds=[{"imageDigest": digest}]
                ),
                "AccessDeniedException",
            )
        return next((item.get("imagePushedAt") for item in response["imageDetails"]), None) if response else None

    def signing_statuses(self, repository: Repository, digest: str) -> tuple[Signing, ...]:
        """Return the state of ECR's managed signing of an image, one for each signing profile.

        Empty with an SDK that is older than managed signing.
        """
        if not hasattr(self._client(), "describe_image_signing_status"):
            return ()
        with translate_errors(f"ask whether {repository.name}@{digest} is signed (ecr:DescribeImageSigningStatus)"):
            response = self._client().describe_image_signing_status(**_image(repository, digest))
        return tuple(
            Signing(
                item.get("status", ""),
                item.get("failureReason", "").strip().rstrip("."),
                item.get("signingProfileArn", ""),
                item.get("failureCode", ""),
            )
            for item in response.get("signingStatuses", [])
        )

    def signing_profiles(self, repository: Repository) -> tuple[str, ...] | None:
        """Return the profiles that ECR signs a repository's new images with; None where it can't be known.

        It is asked once.
        """
        from ecr_tasks.clients.ecr.managed_signing import signing_configuration, signing_profiles

        with self._lock:
            self._signing = self._signing or (signing_configuration(self._client()),)
        return signing_profiles(self._signing[0], repository)


def scan_summaries(
    client: ECRClient, name: str, registry_id: Mapping[str, str], digests: Sequence[str], retrier: Retrier
) -> Mapping[str, ScanSummary] | None:
    """Return the summaries of images' scans by digest, or None without ecr:DescribeImageScanFindings.

    Each takes a call, as DescribeImages doesn't tell the results of basic scanning (API model, DescribeImages). The
    counts are ECR's own.
    """

    def read(digest: str) -> ScanSummary | None:
        with translate_errors(f"read the scan of {name}@{digest} (ecr:DescribeImageScanFindings)"):
            found = result_or_none(
                lambda: client.describe_image_scan_findings(
                    **registry_id, repositoryName=name, imageId={"imageDigest": digest}, maxResults=1
                ),
                *("ScanNotFoundException", "ImageNotFoundException"),
            )
        if found is None:
            return None
        counts = found.get("imageScanFindings", {}).get("findingSeverityCounts", {})
        return ScanSummary(
            found.get("imageScanStatus", {}).get("status", ""), {str(key): count for key, count in counts.items()}
        )

    try:
        summaries = map_parallel(read, digests, PARALLEL, retrier)
    except Denied:
        return None
    return {digest: summary for digest, summary in zip(digests, summaries, strict=True) if summary is not None}


def parse_scanning(answer: Any) -> Scanning:
    """Return the registry's scanning that GetRegistryScanningConfiguration answers."""
    found = answer.get("scanningConfiguration", {})
    rules = [
        (rule["scanFrequency"], tuple(item["filter"] for item in rule["repositoryFilters"]))
        for rule in found.get("rules", [])
    ]
    return Scanning(found.get("scanType", "BASIC"), tuple(rules))


def parse_scan(pages: Iterable[DescribeImageScanFindingsResponseTypeDef]) -> ScanResult:
    """Combine all pages into one result.

    For a basic scan, every page has the counts of the whole image. For an enhanced scan, the findings are counted
    here, because ECR's own counts include findings that are suppressed or closed.
    """
    pages = list(pages)
    contents = [page.get("imageScanFindings", {}) for page in pages]
    status: Any = next((page["imageScanStatus"] for page in pages if page.get("imageScanStatus")), {})
    basic = [item for content in contents for item in content.get("findings", [])]
    enhanced = [item for content in contents for item in content.get("enhancedFindings", [])]
    findings = (
        *(_basic(item) for item in basic),
        *(_enhanced(item) for item in enhanced if item.get("status") not in _INACTIVE),
    )
    totals = Counter(finding.severity for finding in findings)
    if not enhanced:
        for content in contents:
            counts = content.get("findingSeverityCounts", {})
            totals |= Counter({str(name): count for name, count in counts.items() if count})
    return ScanResult(
        status=status.get("status", ""),
        description=status.get("description", "").strip().rstrip("."),
        counts=dict(totals),
        findings=findings,
        complete=bool(basic) or any(key in content for content in contents for key in _RESULT_KEYS),
        completed=next(
            (content["imageScanCompletedAt"] for content in contents if "imageScanCompletedAt" in content), None
        ),
    )


def _basic(item: ImageScanFindingTypeDef) -> Finding:
    """Return a basic scan's finding. Whether there is a fix or an exploit, basic scans don't tell."""
    attributes = {each.get("key", ""): each.get("value", "") for each in item.get("attributes", [])}
    name = attributes.get("package_name", "")
    package = VulnerablePackage(name, attributes.get("package_version", ""))
    return Finding(
        item.get("severity", ""),
        item.get("name", ""),
        (package,) if name else (),
        uri=item.get("uri", ""),
        description=item.get("description", ""),
    )


def _enhanced(item: EnhancedImageScanFindingTypeDef) -> Finding:
    """Return an enhanced scan's finding, which is Inspector's."""
    details = item.get("packageVulnerabilityDetails", {})
    listed = details.get("vulnerablePackages", [])
    packages = tuple(dict.fromkeys(map(_package, listed)))
    fixed = [bool(package.fixed) for package in packages]
    is_said = bool(fixed) and all(each.get("fixedInVersion") for each in listed)
    without: Known = "no" if is_said else "unknown"
    from_packages: Known = without if not any(fixed) else "yes" if all(fixed) else "partial"
    return Finding(
        item.get("severity", ""),
        details.get("vulnerabilityId") or item.get("title", ""),
        packages,
        _ANSWERS.get(item.get("fixAvailable", ""), from_packages),
        _ANSWERS.get(item.get("exploitAvailable", ""), "unknown"),
        details.get("sourceUrl", ""),
        item.get("description", ""),
    )


def _package(item: VulnerablePackageTypeDef) -> VulnerablePackage:
    epoch, release = item.get("epoch", 0), item.get("release", "")
    version = f"{f'{epoch}:' if epoch else ''}{item.get('version', '')}{f'-{release}' if release else ''}"
    fixed = item.get("fixedInVersion", "").removeprefix("0:")  # no epoch, as in the version
    return VulnerablePackage(
        item.get("name", ""), version, "" if fixed.lower() in _NO_FIX else fixed, item.get("filePath", "")
    )


def _image(repository: Repository, digest: str) -> Any:
    """Return the parameters that name an image."""
    return {
        "registryId": repository.account,
        "repositoryName": repository.name,
        "imageId": {"imageDigest": digest},
    }
