"""Group a repository's manifests: platforms under their index, signatures under their image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ecr_tasks.model.inventory import CACHE, ImageDetail, Kind, ListedImage, Platform, Referrer
from ecr_tasks.model.manifest import INDEX_MEDIA_TYPES, StoredImage, platform_name

_ATTESTATION = {"vnd.docker.reference.type": "attestation-manifest"}
"""The annotations of an attestation in an index (BuildKit, docs/attestations/attestation-storage.md)."""


def group_manifests(
    details: Sequence[ImageDetail], indexes: Mapping[str, StoredImage], platforms: Mapping[str, str] | None = None
) -> tuple[ListedImage, ...]:
    """Return the manifests of a repository grouped by the image that they belong to, the newest first.

    ``indexes`` are the indexes' manifests by digest, as far as they are known; what has no tag and may belong to
    another index is a "part". ``platforms`` are those of single images, by digest. A platform, an attestation or a
    signature has an entry of its own only when it has a tag of its own or when its index or image is missing. Every
    manifest appears at least once.
    """
    return _Groups(details, indexes, platforms or {}).entries()


class _Groups:
    """The relations between one repository's manifests."""

    def __init__(
        self, details: Sequence[ImageDetail], indexes: Mapping[str, StoredImage], platforms: Mapping[str, str]
    ) -> None:
        self.details = {detail.digest: detail for detail in details}
        self.platforms = platforms
        self.unread = {
            detail.digest
            for detail in details
            if detail.media_type in INDEX_MEDIA_TYPES and detail.digest not in indexes
        }
        documents = {digest: index.document for digest, index in indexes.items() if digest in self.details}
        self.children = {digest: tuple(_descriptors(document)) for digest, document in documents.items()}
        self.members = {child["digest"] for children in self.children.values() for child in children}
        self.referrers: dict[str, list[ImageDetail]] = {}
        for detail in details:
            if detail.belongs_to is not None and detail.belongs_to != detail.digest:
                self.referrers.setdefault(detail.belongs_to, []).append(detail)
        self.covered: set[str] = set()

    def entries(self) -> tuple[ListedImage, ...]:
        entries = [self._entry(detail) for detail in self.details.values() if not self._has_parent(detail)]
        for detail in self.details.values():  # two manifests that name each other have no entry yet
            if detail.digest not in self.covered:
                entries.append(self._entry(detail))
        return tuple(sorted(entries, key=_newest_first))

    def _has_parent(self, detail: ImageDetail) -> bool:
        """Return whether a manifest without a tag of its own belongs to one that exists."""
        if detail.own_tags:
            return False
        parent = detail.belongs_to
        return detail.digest in self.members or (parent != detail.digest and parent in self.details)

    def _entry(self, detail: ImageDetail) -> ListedImage:
        platforms, attestations, digests = list[Platform](), list[str](), {detail.digest}
        for child in self._leaves(detail.digest):
            digest = str(child["digest"])
            if digest in digests or detail.kind == "referrers":
                continue
            digests.add(digest)
            name = platform_name(child.get("platform"))
            if _is_attestation(child, name):
                attestations.append(digest)
            elif child.get("mediaType") != CACHE:
                known = self.details.get(digest)
                platforms.append(
                    Platform(name or "unknown", digest, known.size if known else None, known.scan if known else None)
                )
        pulls = [self.details[digest].pulled for digest in digests if digest in self.details]
        pulled = max((time for time in pulls if time is not None), default=None)
        referrers = tuple(self._add_referrers(digests))
        self.covered |= digests
        return ListedImage(
            detail,
            self._kind(detail),
            tuple(platforms),
            tuple(attestations),
            referrers,
            pulled,
            self.platforms.get(detail.digest),
            unread=detail.digest in self.unread,
        )

    def _leaves(self, digest: str) -> Iterator[Mapping[str, Any]]:
        """Yield the descriptors of an index and of the indexes in it; digests can't form a cycle."""
        for child in self.children.get(digest, ()):
            if child["digest"] in self.children:
                self.covered.add(str(child["digest"]))
                yield from self._leaves(str(child["digest"]))
            else:
                yield child

    def _add_referrers(self, digests: set[str]) -> Iterator[Referrer]:
        """Yield the referrers of these digests and the referrers of those; add them to ``digests``.

        A manifest of the referrers tag schema lists further referrers.
        """
        queue = list(digests)
        for digest in queue:  # the loop body appends to it
            listed = [self.details.get(str(child["digest"])) for child in self.children.get(digest, ())]
            for detail in (*self.referrers.get(digest, ()), *filter(None, listed)):
                if detail.digest not in digests:
                    digests.add(detail.digest)
                    queue.append(detail.digest)
                    yield Referrer(self._kind(detail), detail)

    def _kind(self, detail: ImageDetail) -> Kind:
        """Return a manifest's kind, also for a cache that is an index (BuildKit without ``image-manifest=true``)."""
        if any(child.get("mediaType") == CACHE for child in self.children.get(detail.digest, ())):
            return "cache"
        may_be_part = self.unread and not detail.tags and detail.digest not in self.unread
        is_member = detail.digest in self.members or detail.belongs_to is not None
        if may_be_part and not is_member and detail.kind in ("image", "attestation"):
            return "part"
        return detail.kind


def _descriptors(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    manifests = document.get("manifests")
    for child in manifests if isinstance(manifests, list) else ():
        if isinstance(child, dict) and isinstance(child.get("digest"), str):
            yield child


def _is_attestation(child: Mapping[str, Any], platform: str) -> bool:
    annotations = child.get("annotations") or {}
    marked = all(annotations.get(key) == value for key, value in _ATTESTATION.items())
    return marked or platform == "unknown/unknown"


def _newest_first(entry: ListedImage) -> tuple[float, str]:
    pushed = entry.detail.pushed
    return (-pushed.timestamp() if pushed else 0.0, entry.detail.digest)
