"""The manifests of an image that a registry scans: a single image, or the platforms of an index."""

from __future__ import annotations

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.manifest import INDEX_MEDIA_TYPES, StoredImage, platform_name
from ecr_tasks.model.registry import Repository


@dataclass(frozen=True)
class Part:
    """One manifest to check: a single image, or an index's child with its platform, if it names one."""

    repository: Repository
    digest: str
    platform: str = ""
    is_index: bool = False

    def __str__(self) -> str:
        return f"{self.repository.name}@{self.digest}{f' ({self.platform})' if self.platform else ''}"

    @property
    def short(self) -> str:
        """The part with a short digest, for messages about waiting."""
        return str(self).replace(self.digest, self.digest[:19])


def scannable_parts(repository: Repository, image: StoredImage) -> tuple[Part, ...]:
    """Return the manifests that ECR scans: the image itself, or each child of an index.

    Attestations, whose platform is unknown, are left out; a child without a platform is included.
    """
    if not image.is_index:
        return (Part(repository, image.digest),)
    listed = [(platform_name(child.get("platform")), child) for child in image.document.get("manifests", ())]
    return tuple(
        Part(repository, child["digest"], name, child.get("mediaType") in INDEX_MEDIA_TYPES)
        for name, child in listed
        if name != "unknown/unknown"
    )
