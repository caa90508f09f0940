"""The Evidence port on ECR Public, which scans and signs nothing: when an image was pushed is all that it tells."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.public_limits import not_in_public
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.scan import Scanning, ScanResult, StartRefusal
from ecr_tasks.model.signing import Signing


class PublicEvidence:
    """What is known of public images besides their manifests and artifacts; ``image`` looks for one."""

    def __init__(self, image: Callable[[Repository, str], StoredImage | None]) -> None:
        self._image = image

    def scan(self, repository: Repository, digest: str) -> ScanResult | None:
        """Raise Refused: there are no scans."""
        raise not_in_public("scan")

    def start_scan(self, repository: Repository, digest: str) -> StartRefusal | None:
        """Raise Refused: there are no scans."""
        raise not_in_public("scan")

    def scanning(self, repository: Repository) -> Scanning:
        """Raise Refused: there are no scans."""
        raise not_in_public("scan")

    def push_time(self, repository: Repository, digest: str) -> datetime | None:
        """Return when an image was pushed."""
        image = self._image(repository, digest)
        return image.pushed if image is not None else None

    def signing_statuses(self, repository: Repository, digest: str) -> tuple[Signing, ...]:
        """Return none: ECR signs no public images by itself."""
        return ()

    def signing_profiles(self, repository: Repository) -> tuple[str, ...]:
        """Return none: ECR signs no public images by itself."""
        return ()
