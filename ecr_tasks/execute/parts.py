"""Join the parts of an image that several runners have pushed, each for one platform."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ecr_tasks.clients.parallel import map_parallel
from ecr_tasks.documents import parse_json
from ecr_tasks.errors import Refused, RegistryError
from ecr_tasks.execute.attestations import ANOTHER_RUN_SECONDS
from ecr_tasks.execute.from_builder import in_index, make_index
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.attestation import IN_TOTO, PREDICATE_TYPE, MadeDocument, Wanted, attached
from ecr_tasks.model.image import BuildDefinition, Image
from ecr_tasks.model.manifest import BASE_DIGEST, BASE_NAME, SETTINGS, VERSION, StoredImage, short_digest
from ecr_tasks.model.platform import parse_platform
from ecr_tasks.model.ports import Registry
from ecr_tasks.model.receipt import Built
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.wording import join_words
from ecr_tasks.plan.build_settings import other_settings
from ecr_tasks.plan.images import with_ignored_files
from ecr_tasks.plan.parts import part_prefix, part_tags, parts_of_other_revisions

_BASE_KEYS = rf"(manifest\[.*\]:)?({re.escape(BASE_NAME)}|{re.escape(BASE_DIGEST)})"
"""The annotations that a definition has by what this runner builds on; those of other levels are a user's own."""

PARALLEL = 8
"""How many parts are looked at at once."""

OTHERS = 4
"""How many parts of other settings are looked at; each one's configuration takes requests of its own."""


@dataclass(frozen=True)
class Parts:
    """The parts of an image that the registry has, with their manifests, by platform, and the platforms of the
    missing ones."""

    present: Mapping[str, StoredImage]
    missing: tuple[str, ...]


@dataclass(frozen=True)
class OtherPart:
    """A part that was built otherwise, in words, and whether it is of an image of the same version; none if empty."""

    words: str = ""
    is_same_version: bool = False


def find_parts(image: Image, revision: str, repository: Repository, registry: Registry) -> Parts:
    """Return the parts of an image of all platforms, in one API call.

    Where none is missing, raises Refused for one that isn't what its tag says: of another commit, or for another
    platform.
    """
    tags = part_tags(image, revision)
    stored = registry.tagged(repository, [*tags.values()])
    present = {platform: stored[tag] for platform, tag in tags.items() if tag in stored}
    missing = tuple(platform for platform in tags if platform not in present)

    def checked(platform: str) -> StoredImage:
        name = f"{tags[platform]} in {repository.uri}"
        return _checked_part(present[platform], platform, revision, name, repository, registry)

    if not missing:  # each one's configuration takes requests of its own
        present = dict(zip(present, map_parallel(checked, [*present], PARALLEL, None), strict=True))
    return Parts(present, missing)


def join_parts(image: Image, parts: Parts, registry: Registry) -> Built:
    """Return the index of all parts, as a build that the registry keeps.

    Equal parts give equal bytes: runners that join them at the same moment set the same image. So the parts say
    whether it holds files that git ignores, and what they stand on, and not what this runner has.
    """
    definition = with_ignored_files(image, any(part.has_ignored_files for part in parts.present.values())).definition
    definition = _on_bases(definition, {platform: part.bases for platform, part in parts.present.items()})
    entries = [entry for platform, part in parts.present.items() for entry in _entries(platform, part, definition)]
    index = make_index(entries, definition)
    registry.remember(index.manifest)
    manifests = {
        platform: next((digest for _, digest in part.children), part.digest)
        for platform, part in parts.present.items()
    }
    built = Built(image.name, None, index.digest, None, definition.platforms, "registry", 0.0, manifests=manifests)
    return replace(built, joined=index)


def _on_bases(definition: BuildDefinition, bases: Mapping[str, Sequence[tuple[str, str]]]) -> BuildDefinition:
    """Return a definition with the annotations of the bases that the parts name; as it is where none names any."""
    if not any(bases.values()):
        return definition
    others = {key: text for key, text in definition.annotations.items() if not re.fullmatch(_BASE_KEYS, key)}
    is_common = len(set(map(tuple, bases.values()))) == 1
    told: dict[str, str] = {}
    for platform, [(name, digest), *_] in ((key, found) for key, found in bases.items() if found):
        level = "" if is_common else f"manifest-descriptor[{platform}]:"
        told |= {f"{level}{BASE_NAME}": name, f"{level}{BASE_DIGEST}": digest}
    return replace(definition, annotations={**told, **others})


def bases_that_differ(parts: Parts) -> str | None:
    """Return the base image that the parts have with several digests, in words; None without one.

    One of them was built when the base had moved.
    """
    by_name: dict[str, dict[str, str]] = {}
    for platform, part in parts.present.items():
        for name, digest in part.bases:
            by_name.setdefault(name, {})[platform] = digest
    for name, digests in by_name.items():
        if len(set(digests.values())) > 1:
            of_each = ", ".join(f"{platform}: {short_digest(digest)}" for platform, digest in digests.items())
            return f"{name} ({of_each})"
    return None


def documents_of_parts(
    image: Image, parts: Parts, repository: Repository, registry: Registry, waits: Wanted
) -> tuple[MadeDocument, ...]:
    """Return the SBOMs and the provenance that the runners have attached to their parts, as the index's documents.

    A runner attaches them a moment after its push. Raises RegistryError where they don't come.
    """
    return tuple(
        document
        for platform, part in parts.present.items()
        for document in _documents_of(platform, part, image.referrer_kinds, repository, registry, waits)
    )


def other_part(image: Image, missing: str, revision: str, repository: Repository, registry: Registry) -> OtherPart:
    """Return what the registry has in place of a missing part: one of the commit built otherwise.

    It is one of the image's own version where there is such a part. Nothing where tags may not be listed.
    """
    end = f"-{missing.replace('/', '-')}"
    tags = registry.list_tags(repository) or ()
    revisions = parts_of_other_revisions(image, missing, revision)
    there = [tag for tag in tags if tag.startswith(part_prefix(revision)) and tag.endswith(end)]
    others = [tag for tag in there if tag not in revisions][-OTHERS:]
    found = OtherPart()
    for tag, part in registry.tagged(repository, others).items() if others else ():
        labels = registry.labels(repository, part)
        differ = list(other_settings(labels.get(SETTINGS), image.definition.labels.get(SETTINGS)))
        is_same_version = labels.get(VERSION) == image.definition.labels.get(VERSION)
        how = [f"built with other {join_words(differ)}"] if differ else []
        how += [] if is_same_version else ["of another version, as where a clone lacks a git tag"]
        words = f"{tag} is of this commit, {' and '.join(how) or 'built with other inputs, tags or ECR_ATTEST'}"
        if is_same_version or not found.words:
            found = OtherPart(words, is_same_version)
    return found


def _checked_part(
    part: StoredImage, platform: str, revision: str, name: str, repository: Repository, registry: Registry
) -> StoredImage:
    """Return a part, with its labels where its annotations don't name its commit. Raises Refused for a wrong one."""
    if part.revision is None:
        part = replace(part, labels=registry.labels(repository, part))
    actual = part.revision
    if actual not in (None, revision):
        raise Refused(
            f"{name} is the part for {platform} of the commit {revision}, and it was built from {actual}.",
            f"Delete that tag in ECR, and run the runner for {platform} again; nothing of this image was tagged.",
        )
    names = [child for child, _ in part.children] if part.is_index else [registry.platform(repository, part)]
    wrong = [one for one in names if one and parse_platform(one) != platform]
    if wrong or (part.is_index and len(names) != 1):
        found = join_words(wrong or names) or "no platform"
        raise Refused(
            f"{name} is the part for {platform}, and it has an image for {found}.",
            f"Delete that tag in ECR, and run the runner for {platform} again; nothing of this image was tagged.",
        )
    return part


def _entries(platform: str, part: StoredImage, definition: BuildDefinition) -> Iterator[Mapping[str, Any]]:
    """Yield the descriptors of a part: its image's, or of an index of its own those of its image and attestations."""
    if part.is_index:
        for child in part.document["manifests"]:
            yield in_index(child, definition)
        return
    os, architecture, *variant = platform.split("/")
    described = {"architecture": architecture, "os": os, **({"variant": variant[0]} if variant else {})}
    descriptor = {
        "mediaType": part.media_type,
        "digest": part.digest,
        "size": len(part.manifest.encode()),
        "platform": described,
    }
    yield in_index(descriptor, definition)


def _documents_of(
    platform: str,
    part: StoredImage,
    kinds: tuple[str, ...],
    repository: Repository,
    registry: Registry,
    waits: Wanted,
) -> Iterator[MadeDocument]:
    end = waits.clock() + ANOTHER_RUN_SECONDS
    while True:
        there = list(registry.artifacts.list(repository, part.digest))
        found = {attached(item, part.digest).kind for item in there}
        if all(kind in found for kind in kinds):
            break
        if waits.clock() >= end:
            raise RegistryError(
                f"The part for {platform} in {repository.uri}, {part.digest}, lacks what ECR_ATTEST=referrers asks "
                f"for ({join_words([kind for kind in kinds if kind not in found])}).",
                f"Run the runner for {platform} again, which attaches it, then this one.",
            )
        waits.sleep(2.0)
    for item in there:
        if attached(item, part.digest).kind not in kinds:
            continue
        for document in registry.artifacts.read(repository, item.digest).documents:
            content = parse_json(document.content.decode())
            predicate_type = item.annotations.get(PREDICATE_TYPE, "")
            predicate = content.get("predicate", {}) if document.media_type == IN_TOTO else content
            yield MadeDocument(predicate_type, predicate, platform=platform)
