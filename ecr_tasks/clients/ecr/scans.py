"""The Evidence port on ECR's API: what scans found in an image, and whether it is signed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.ecr.errors import error_code, translated
from ecr_tasks.clients.ecr.listing import referrers
from ecr_tasks.model.inventory import artifact_kind
from ecr_tasks.model.ports import Signing
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.scan import Finding, ScanResult

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_ecr.client import ECRClient
    from mypy_boto3_ecr.type_defs import DescribeImageScanFindingsResponseTypeDef

PAGE = 1000
"""The most findings that one page holds (API model, MaxResults)."""

_SETTLED = ("SUPPRESSED", "CLOSED")
"""Enhanced findings that somebody has put aside in Inspector or that are gone (inspector2's API model,
FindingStatus)."""

_TELLING = ("imageScanCompletedAt", "findingSeverityCounts", "enhancedFindings")


class EcrEvidence:
    """Scans and signatures of images, in the region of a client."""

    def __init__(self, client: Callable[[], ECRClient]) -> None:
        self._client = client

    def scan(self, repository: Repository, digest: str) -> ScanResult | None:
        """DescribeImageScanFindings, a thousand findings a page; None where there is no scan."""
        from botocore.exceptions import ClientError

        pager = self._client().get_paginator("describe_image_scan_findings")
        with translated(f"read the scan of {repository.name}@{digest} (ecr:DescribeImageScanFindings)"):
            try:
                return scan_result(pager.paginate(**_image(repository, digest), PaginationConfig={"PageSize": PAGE}))
            except ClientError as error:
                if error_code(error) != "ScanNotFoundException":
                    raise
        return None

    def pushed(self, repository: Repository, digest: str) -> datetime | None:
        """When the image was pushed (DescribeImages); None without that permission, which promoting does not need."""
        from botocore.exceptions import ClientError

        with translated(f"look when {repository.name}@{digest} was pushed (ecr:DescribeImages)"):
            try:
                answer = self._client().describe_images(
                    registryId=repository.account,
                    repositoryName=repository.name,
                    imageIds=[{"imageDigest": digest}],
                )
            except ClientError as error:
                if error_code(error) != "AccessDeniedException":
                    raise
                return None
        return next((item.get("imagePushedAt") for item in answer["imageDetails"]), None)

    def signatures(self, repository: Repository, digest: str) -> tuple[str, ...]:
        """The digests of the signatures that have the image as their subject (ListImageReferrers)."""
        with translated(f"list what refers to {repository.name}@{digest} (ecr:ListImageReferrers)"):
            found = referrers(self._client(), repository, digest)
        return tuple(item["digest"] for item in found if artifact_kind(item.get("artifactType")) == "signature")

    def signing(self, repository: Repository, digest: str) -> tuple[Signing, ...]:
        """How far ECR's managed signing is with the image, by signing profile; SDKs from before it know of none."""
        if not hasattr(self._client(), "describe_image_signing_status"):
            return ()
        with translated(f"ask whether {repository.name}@{digest} is signed (ecr:DescribeImageSigningStatus)"):
            answer = self._client().describe_image_signing_status(**_image(repository, digest))
        return tuple(
            Signing(item.get("status", ""), item.get("failureReason") or item.get("failureCode") or "")
            for item in answer.get("signingStatuses", [])
        )


def scan_result(pages: Iterable[DescribeImageScanFindingsResponseTypeDef]) -> ScanResult:
    """One result of all pages.

    A basic scan's counts are the whole image's and on every page; an enhanced one's are counted from the findings,
    since ECR's own would hold those that are settled.
    """
    status: Any = {}
    said: dict[str, int] = {}
    basic: list[Finding] = []
    enhanced: list[Finding] = []
    told = False  # whether more than the status says that there is a result
    listed = 0
    for page in pages:
        status = status or page.get("imageScanStatus", {})
        found = page.get("imageScanFindings", {})
        told = told or not found.keys().isdisjoint(_TELLING)
        said = {str(name): count for name, count in found.get("findingSeverityCounts", {}).items()} or said
        basic += [Finding(item.get("severity", ""), item.get("name", "")) for item in found.get("findings", [])]
        for item in found.get("enhancedFindings", []):
            listed += 1
            name = item.get("packageVulnerabilityDetails", {}).get("vulnerabilityId") or item.get("title", "")
            if item.get("status") not in _SETTLED:
                enhanced.append(Finding(item.get("severity", ""), name))
    counts = Counter(finding.severity for finding in (*basic, *enhanced))
    if not listed:
        counts |= Counter(said)
    return ScanResult(
        status=status.get("status", ""),
        description=status.get("description", "").strip().rstrip("."),
        counts=dict(counts),
        findings=(*basic, *enhanced),
        complete=told or bool(basic),
    )


def _image(repository: Repository, digest: str) -> Any:
    return {
        "registryId": repository.account,
        "repositoryName": repository.name,
        "imageId": {"imageDigest": digest},
    }
