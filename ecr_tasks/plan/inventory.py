"""Folds a repository's manifests: platforms under their index, signatures under their image. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ecr_tasks.model.inventory import CACHE, ImageDetail, Kind, ListedImage, Platform, Referrer
from ecr_tasks.model.manifest import StoredImage, platform_name

_ATTESTATION = {"vnd.docker.reference.type": "attestation-manifest"}
"""BuildKit, docs/attestations/attestation-storage.md: how an index marks a child that is no platform."""


def group_manifests(details: Sequence[ImageDetail], indexes: Mapping[str, StoredImage]) -> tuple[ListedImage, ...]:
    """What there is, newest first; ``indexes`` are the indexes' manifests by digest, as far as they could be read.

    A platform, an attestation or a signature has a line of its own only when it has a tag of its own or when what
    it belongs to is gone: each manifest appears at least once.
    """
    return _Folder(details, indexes).rows()


class _Folder:
    """The relations between one repository's manifests."""

    def __init__(self, details: Sequence[ImageDetail], indexes: Mapping[str, StoredImage]) -> None:
        self.details = {detail.digest: detail for detail in details}
        documents = {digest: index.document for digest, index in indexes.items() if digest in self.details}
        self.children = {digest: tuple(_descriptors(document)) for digest, document in documents.items()}
        self.members = {child["digest"] for children in self.children.values() for child in children}
        self.referrers: dict[str, list[ImageDetail]] = {}
        for detail in details:
            if detail.about is not None and detail.about != detail.digest:
                self.referrers.setdefault(detail.about, []).append(detail)
        self.covered: set[str] = set()

    def rows(self) -> tuple[ListedImage, ...]:
        found = [self._held(detail) for detail in self.details.values() if not self._belongs(detail)]
        for detail in self.details.values():  # two that name each other belong to nothing that is shown
            if detail.digest not in self.covered:
                found.append(self._held(detail))
        return tuple(sorted(found, key=_newest_first))

    def _belongs(self, detail: ImageDetail) -> bool:
        if detail.own_tags:
            return False
        return detail.digest in self.members or (detail.about != detail.digest and detail.about in self.details)

    def _held(self, detail: ImageDetail) -> ListedImage:
        platforms, attestations, seen = list[Platform](), list[str](), {detail.digest}
        for child in self._leaves(detail.digest):
            digest = str(child["digest"])
            if digest in seen or detail.kind == "referrers":
                continue
            seen.add(digest)
            name = platform_name(child.get("platform"))
            if _is_attestation(child, name):
                attestations.append(digest)
            elif child.get("mediaType") != CACHE:
                known = self.details.get(digest)
                platforms.append(
                    Platform(name or "unknown", digest, known.size if known else None, known.scan if known else None)
                )
        pulls = [self.details[digest].pulled for digest in seen if digest in self.details]
        pulled = max((time for time in pulls if time is not None), default=None)
        referrers = tuple(self._referrers(list(seen), seen))
        self.covered |= seen
        return ListedImage(detail, self._kind(detail), tuple(platforms), tuple(attestations), referrers, pulled)

    def _leaves(self, digest: str) -> Iterator[Mapping[str, Any]]:
        """What an index lists, and what an index in it lists; digests can't form a circle."""
        for child in self.children.get(digest, ()):
            if child["digest"] in self.children:
                self.covered.add(str(child["digest"]))
                yield from self._leaves(str(child["digest"]))
            else:
                yield child

    def _referrers(self, about: list[str], seen: set[str]) -> Iterator[Referrer]:
        """What is about these, and what is about that (an SBOM's signature); ``seen`` learns them.

        ``about`` grows as it is walked. A list of referrers lists more of them.
        """
        for digest in about:
            listed = [self.details.get(str(child["digest"])) for child in self.children.get(digest, ())]
            for detail in (*self.referrers.get(digest, ()), *filter(None, listed)):
                if detail.digest not in seen:
                    seen.add(detail.digest)
                    about.append(detail.digest)
                    yield Referrer(self._kind(detail), detail)

    def _kind(self, detail: ImageDetail) -> Kind:
        """Also an index that holds a cache, as BuildKit wrote it before ``image-manifest=true``."""
        if any(child.get("mediaType") == CACHE for child in self.children.get(detail.digest, ())):
            return "cache"
        return detail.kind


def _descriptors(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    listed = document.get("manifests")
    for child in listed if isinstance(listed, list) else ():
        if isinstance(child, dict) and isinstance(child.get("digest"), str):
            yield child


def _is_attestation(child: Mapping[str, Any], platform: str) -> bool:
    annotations = child.get("annotations") or {}
    marked = all(annotations.get(key) == value for key, value in _ATTESTATION.items())
    return marked or platform == "unknown/unknown"


def _newest_first(held: ListedImage) -> tuple[float, str]:
    pushed = held.detail.pushed
    return (-pushed.timestamp() if pushed else 0.0, held.detail.digest)
