"""The Evidence port on ECR's API: an image's scan, its signatures and when it was pushed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.ecr.errors import result_or_none, translate_errors
from ecr_tasks.clients.ecr.listing import referrers
from ecr_tasks.model.inventory import artifact_kind
from ecr_tasks.model.ports import Signing
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.scan import Finding, ScanResult

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient
    from mypy_boto3_ecr.type_defs import DescribeImageScanFindingsResponseTypeDef, EnhancedImageScanFindingTypeDef

PAGE = 1000
"""The most findings on one page (API model, MaxResults)."""

_SETTLED = ("SUPPRESSED", "CLOSED")
"""The statuses of enhanced findings that were suppressed in Inspector or are gone (inspector2's API model,
FindingStatus)."""

_RESULT_KEYS = ("imageScanCompletedAt", "findingSeverityCounts", "enhancedFindings")
"""What only an answer with a result has."""


class EcrEvidence:
    """The scans and signatures of images, in the region of a client."""

    def __init__(self, client: Callable[[], ECRClient]) -> None:
        self._client = client

    def scan(self, repository: Repository, digest: str) -> ScanResult | None:
        """Return an image's scan (DescribeImageScanFindings, a thousand findings a page), or None without one."""
        pager = self._client().get_paginator("describe_image_scan_findings")
        with translate_errors(f"read the scan of {repository.name}@{digest} (ecr:DescribeImageScanFindings)"):
            pages = pager.paginate(**_image(repository, digest), PaginationConfig={"PageSize": PAGE})
            return result_or_none(lambda: parse_scan(pages), "ScanNotFoundException")

    def pushed(self, repository: Repository, digest: str) -> datetime | None:
        """Return when an image was pushed (DescribeImages), or None without that permission, which no gate needs."""
        with translate_errors(f"look when {repository.name}@{digest} was pushed (ecr:DescribeImages)"):
            answer = result_or_none(
                lambda: self._client().describe_images(
                    registryId=repository.account, repositoryName=repository.name, imageIds=[{"imageDigest": digest}]
                ),
                "AccessDeniedException",
            )
        return next((item.get("imagePushedAt") for item in answer["imageDetails"]), None) if answer else None

    def signatures(self, repository: Repository, digest: str) -> tuple[str, ...]:
        """Return the digests of the signatures that have an image as subject (ListImageReferrers)."""
        with translate_errors(f"list what refers to {repository.name}@{digest} (ecr:ListImageReferrers)"):
            items = referrers(self._client(), repository, digest)
        return tuple(item["digest"] for item in items if artifact_kind(item.get("artifactType")) == "signature")

    def signing(self, repository: Repository, digest: str) -> tuple[Signing, ...]:
        """Return the state of ECR's managed signing of an image, one for each signing profile.

        Empty with an SDK that is older than managed signing.
        """
        if not hasattr(self._client(), "describe_image_signing_status"):
            return ()
        with translate_errors(f"ask whether {repository.name}@{digest} is signed (ecr:DescribeImageSigningStatus)"):
            answer = self._client().describe_image_signing_status(**_image(repository, digest))
        return tuple(
            Signing(item.get("status", ""), item.get("failureReason") or item.get("failureCode") or "")
            for item in answer.get("signingStatuses", [])
        )


def parse_scan(pages: Iterable[DescribeImageScanFindingsResponseTypeDef]) -> ScanResult:
    """Return one result for all pages.

    A basic scan's counts are the whole image's and on every page. An enhanced scan's are counted from its findings,
    since ECR's own counts include findings that are settled.
    """
    pages = list(pages)
    contents = [page.get("imageScanFindings", {}) for page in pages]
    status: Any = next((page["imageScanStatus"] for page in pages if page.get("imageScanStatus")), {})
    basic = [item for content in contents for item in content.get("findings", [])]
    enhanced = [item for content in contents for item in content.get("enhancedFindings", [])]
    findings = (
        *(Finding(item.get("severity", ""), item.get("name", "")) for item in basic),
        *(Finding(item.get("severity", ""), _name(item)) for item in enhanced if item.get("status") not in _SETTLED),
    )
    totals = Counter(finding.severity for finding in findings)
    if not enhanced:
        for content in contents:
            totals |= Counter({str(name): count for name, count in content.get("findingSeverityCounts", {}).items()})
    return ScanResult(
        status=status.get("status", ""),
        description=status.get("description", "").strip().rstrip("."),
        counts=dict(totals),
        findings=findings,
        complete=bool(basic) or any(key in content for content in contents for key in _RESULT_KEYS),
    )


def _name(finding: EnhancedImageScanFindingTypeDef) -> str:
    return finding.get("packageVulnerabilityDetails", {}).get("vulnerabilityId") or finding.get("title", "")


def _image(repository: Repository, digest: str) -> Any:
    """Return the parameters that name an image."""
    return {
        "registryId": repository.account,
        "repositoryName": repository.name,
        "imageId": {"imageDigest": digest},
    }
