"""A manifest as a registry stores it, and the tags, annotation keys and media types of images."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from ecr_tasks.documents import parse_json
from ecr_tasks.errors import RegistryError
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.digest import sha256_digest

CACHE_TAG = "buildcache"
"""The tag of the default branch's build cache, in the image's own repository; other branches' begin with it."""

CACHE_TAGS = f"{CACHE_TAG}*"
"""The pattern of the tags of build caches, for ECR's filters and lifecycle policies."""

INDEX_MEDIA_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFEST_MEDIA_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)

OCI_KEYS = "org.opencontainers.image."
"""The beginning of the labels and annotations that the OCI image specification defines."""

VERSION = OCI_KEYS + "version"
REVISION = OCI_KEYS + "revision"

CREATED = OCI_KEYS + "created"
SOURCE = OCI_KEYS + "source"

BASE_NAME = OCI_KEYS + "base.name"
BASE_DIGEST = OCI_KEYS + "base.digest"
"""The image that an image stands on: its full name, and its digest at the build."""

SETTINGS = "io.ecr-tasks.settings"
"""The label and annotation with digests of the settings that an image was built with (``plan/build_settings.py``)."""

IGNORED_FILES = "io.ecr-tasks.ignored-files"
"""The label and annotation of an image that holds files that git ignores: it is not what its commit alone gives."""

INPUTS_TAG = "inputs-"
"""The beginning of the tag that contains the digest of an image's inputs (ECR_SKIP=content)."""

INPUTS_DIGITS = 40
"""The number of the digest's digits in that tag: 160 bits, as many as in a commit's id."""

INPUTS = "io.ecr-tasks.inputs.digest"
"""The annotation with the digest of all inputs that an image was built from (``source/inputs/``)."""

INPUTS_TRACKED = "io.ecr-tasks.inputs.tracked"
"""The annotation with the digest of the inputs in the commit: the context's tracked files and the Dockerfile."""


_PLATFORM = ("os", "architecture", "variant")

_COMMIT = r"(?<![0-9A-Za-z])(?P<says_so>sha-)?(?P<commit>[0-9a-f]{7,40})(?![0-9A-Za-z])"
"""The id of a commit in a tag. One of digits alone (one of 27 is) could be a date, and needs ``sha-`` before it."""

_TIME = r"([-._][0-9][-._0-9TZ]*)?"
"""What may follow a commit's id in any tag."""


@dataclass(frozen=True)
class StoredImage:
    """A manifest or an index of a registry.

    ``manifest`` has its bytes; it is empty where it was only looked at, because ECR counts reading one as a pull:
    then what the annotations would say is not known. ``labels`` are its configuration's, if they were read.
    ``tags``, ``pushed`` and ``listed_size`` (compressed bytes) are what ECR said of it when it was looked at.
    """

    digest: str
    manifest: str = field(repr=False, compare=False)
    media_type: str
    labels: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    tags: tuple[str, ...] = field(default=(), compare=False, repr=False)
    pushed: datetime | None = field(default=None, compare=False, repr=False)
    listed_size: int | None = field(default=None, compare=False, repr=False)

    @property
    def is_read(self) -> bool:
        """Whether the manifest's bytes are known."""
        return bool(self.manifest)

    def with_manifest(self, text: str) -> StoredImage:
        """Return the image with its bytes. Raises RegistryError when they have another digest."""
        if sha256_digest(text) != self.digest:
            raise RegistryError(
                f"What ECR gave as {self.digest} has another digest, so it can't be tagged unchanged.",
                "Run it again; if it stays so, push the image anew.",
            )
        return replace(self, manifest=text)

    @cached_property
    def document(self) -> Mapping[str, Any]:
        """The manifest, parsed; empty when it was not read.

        Raises RegistryError for one that no registry should have taken.
        """
        if not self.is_read:
            return {}
        try:
            return _checked(parse_json(self.manifest))
        except ValueError as error:
            raise RegistryError(
                f"The manifest of {self.digest} can't be read: {error}.",
                "Push that image again, or take its tag away.",
            ) from error

    @property
    def is_index(self) -> bool:
        """Whether this is an index of images rather than one image."""
        return self.media_type in INDEX_MEDIA_TYPES

    @property
    def manifests(self) -> int:
        """The number of manifests: itself, and for an index its children (attestations too)."""
        return 1 + (len(self.document.get("manifests", ())) if self.is_index else 0)

    @property
    def revision(self) -> str | None:
        """The commit that the image was built from, if its annotations or known labels name it."""
        return self._annotation(REVISION) or self.labels.get(REVISION)

    @property
    def names_own_commit(self) -> bool:
        """Whether the manifest, or a tag, names the commit: labels alone may be those of a base image."""
        beginning = (self.revision or "")[:7]
        named = any(beginning in tag for tag in self.tags if not tag.startswith(INPUTS_TAG))
        return bool(self._annotation(REVISION)) or (bool(beginning) and named)

    @property
    def commit(self) -> str | None:
        """The commit that the image was built from: the revision, else the beginning of it that its only tag of
        that kind has (``sha-1a2b3c4``)."""
        if self.is_read:
            return self.revision
        commits = self.tagged_commits
        return commits[0] if len(commits) == 1 else None

    @property
    def commits(self) -> tuple[str, ...]:
        """All the commits whose image it is: the one that it was built from, if that is known, and tagged ones."""
        first = self.commit
        others = (commit for commit in self.tagged_commits if first is None or not first.startswith(commit))
        return (*([first] if first else []), *others)

    @property
    def tagged_commits(self) -> tuple[str, ...]:
        """The beginnings of the commits that its tags name: of several, it is the image of each of them.

        One of digits alone is taken where the tag says that it is a commit: ``sha-1184964``. What follows it is a
        time, a revision's number, or a suffix that a tag without an id has, too, as a flavor's: ``main-1a2b3c4-x``
        is the commit's where ``main-x`` is there. Of one that has a short and a long tag, the longest is taken.
        """
        ids = {tag: list(re.finditer(_COMMIT, tag)) for tag in self.tags if not tag.startswith(INPUTS_TAG)}
        plain = [tag for tag, found in ids.items() if not found]

        def is_named(match: re.Match[str]) -> bool:
            rest = re.sub(rf"^{_TIME}", "", re.sub("-r[0-9]+$", "", match.string[match.end() :]))
            if match["says_so"] or match["commit"].isdecimal():
                return bool(match["says_so"])
            return not rest or any(tag.endswith(rest) for tag in plain)

        found = sorted({match["commit"] for matches in ids.values() for match in matches if is_named(match)})
        return tuple(one for one, after in zip(found, [*found, ""][1:], strict=True) if not after.startswith(one))

    @property
    def version(self) -> str | None:
        """The image's version, if its annotations name it."""
        return self._annotation(VERSION)

    @property
    def created(self) -> str | None:
        """The time of the image's commit, if its annotations or known labels name it."""
        return self._annotation(CREATED) or self.labels.get(CREATED)

    @property
    def settings(self) -> str | None:
        """The digest of the settings that the image was built with, if its annotations or known labels name it."""
        return self._annotation(SETTINGS) or self.labels.get(SETTINGS)

    @property
    def has_ignored_files(self) -> bool:
        """Whether its annotations or known labels say that it holds files that git ignores."""
        return bool(self._annotation(IGNORED_FILES) or self.labels.get(IGNORED_FILES))

    @property
    def inputs(self) -> str | None:
        """The digest of the image's inputs, if its annotations name it."""
        return self._annotation(INPUTS)

    @property
    def inputs_tracked(self) -> str | None:
        """The digest of the inputs in the commit, if its annotations name it."""
        return self._annotation(INPUTS_TRACKED)

    @property
    def bases(self) -> tuple[tuple[str, str], ...]:
        """The images that it stands on: full name and digest, where its annotations or an index's entries have both.

        An index has several where its platforms stand on different ones.
        """
        entries = self.document.get("manifests", ()) if self.is_index else ()
        told = [self.annotations, *(_texts(entry.get("annotations")) for entry in entries)]
        found = [(item.get(BASE_NAME, ""), item.get(BASE_DIGEST, "")) for item in told]
        return tuple(dict.fromkeys(base for base in found if all(base)))

    @property
    def config_digest(self) -> str | None:
        """The image configuration's digest, which is the image's id in a classic docker store."""
        config = self.document.get("config")
        return config.get("digest") if isinstance(config, dict) else None

    @property
    def size(self) -> int | None:
        """The compressed bytes of configuration and layers; None for an index."""
        if self.is_index or not self.is_read:
            return None if self.is_index else self.listed_size
        document = self.document
        parts = [document.get("config", {}), *document.get("layers", ())]
        return sum(int(part.get("size", 0)) for part in parts)

    @property
    def children(self) -> tuple[tuple[str, str], ...]:
        """An index's images as (platform, digest), attestations left out."""
        children = self.document.get("manifests", ()) if self.is_index else ()
        platforms = ((platform_name(child.get("platform")), child) for child in children)
        shown = ((name, child.get("digest", "")) for name, child in platforms)
        return tuple((name, digest) for name, digest in shown if name not in ("", "unknown/unknown"))

    @cached_property
    def annotations(self) -> Mapping[str, str]:
        """The manifest's annotations; none where it was not read."""
        return _texts(self.document.get("annotations"))

    def _annotation(self, key: str) -> str | None:
        return self.annotations.get(key)


def _texts(annotations: Any) -> Mapping[str, str]:
    pairs = annotations.items() if isinstance(annotations, dict) else ()
    return {key: value for key, value in pairs if isinstance(value, str)}


def _checked(document: Any) -> Mapping[str, Any]:
    """Return a manifest whose parts have the types of the OCI image specification. Raises ValueError."""
    descriptors = []
    for key in ("manifests", "layers"):
        entries = document.get(key) or [] if isinstance(document, dict) else None
        if not isinstance(entries, list):
            raise ValueError("it is no manifest")
        descriptors += entries
    if config := document.get("config"):
        descriptors.append(config)
    for entry in descriptors:
        fits = isinstance(entry, dict) and isinstance(entry.get("digest", ""), str)
        if not fits or not isinstance(entry.get("size", 0), int) or not _is_platform(entry.get("platform")):
            raise ValueError("it has a descriptor that is none")
    return {key: value for key, value in document.items() if value is not None}


def _is_platform(value: Any) -> bool:
    return value is None or (
        isinstance(value, dict) and all(isinstance(value.get(key, ""), str) for key in _PLATFORM)
    )


def platform_name(platform: Mapping[str, Any] | None) -> str:
    """Return a descriptor's platform as docker writes it, such as ``linux/arm/v7``; empty if it has none."""
    return "/".join(filter(None, ((platform or {}).get(key) for key in _PLATFORM)))


def short_tag(tag: str) -> str:
    """Return a tag for messages: a tag with the digest of inputs is shortened to twelve digits."""
    digits = tag.removeprefix(INPUTS_TAG)
    return f"{INPUTS_TAG}{digits[:12]}…" if digits != tag and len(digits) == INPUTS_DIGITS else tag


def short_ids(text: str) -> str:
    """Return a text for a person's eyes: of the commits and digests in it, the first twelve digits."""
    return re.sub(r"\b(?:sha256:)?([0-9a-f]{12})(?:[0-9a-f]{28}|[0-9a-f]{52})\b", r"\1", text)


def short_tags(tags: Sequence[str], most: int = 4) -> str:
    """Return tags for a person's eyes: the first few, and how many more there are."""
    more = f" +{len(tags) - most}" if len(tags) > most else ""
    return ", ".join(map(short_tag, tags[:most])) + more


def short_digest(digest: str | None) -> str:
    """Return a digest for messages: the algorithm and twelve digits, or ``none``."""
    return digest[:19] if digest else "none"
