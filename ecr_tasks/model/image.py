"""An image to build and publish, in buildx's terms."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import lru_cache
from typing import Any, Literal

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.manifest import BASE_DIGEST, BASE_NAME, INPUTS_DIGITS, INPUTS_TAG, VERSION
from ecr_tasks.model.option_fields import split_fields
from ecr_tasks.model.tag import MAX_LENGTH, Tag

Keep = Literal["store", "builder", "run", "registry"]
"""Where a build keeps its result: in the engine's image store, in the builder, which then pushes it, of a builder
that is the engine's own, in its store without a lasting name, until the run ends, or in the registry, to which
several runners have pushed its platforms."""

NO_ATTESTATIONS = ("type=provenance,disabled=true",)
"""The ``attest`` of a build without attestations; buildx adds provenance by default."""

Files = Mapping[str, tuple[str, str]]
"""A folder's files by path, each with its kind in git (file, exec, link) and the hash of its content."""

REVISIONS = range(2, 21)
"""The numbers of the revision tags, under which a published commit is published once more. All are looked up, and
one API call takes a hundred tags."""

_REVISION = rf"(.+)-r({'|'.join(map(str, REVISIONS))})"

_SPECIFICITY = ("schedule", "semver", "pep440", "match", "edge", "ref", "raw", "sha")
"""Tag rule types, the most specific first, in the order of docker/metadata-action's priorities."""

_LEVEL = r"^(?:manifest|index|manifest-descriptor|index-descriptor)(?:\[[^\]]*\])?(?:,[^:]*)?:"
"""The level before an annotation's key in buildx's syntax: ``index:``, ``manifest[linux/arm64]:`` or
``index,manifest:``."""


def revision_name(tag: str, number: int) -> str:
    """Return the revision tag of a commit's fixed tag: ``sha-1a2b3c4-r2``."""
    suffix = f"-r{number}"
    return f"{tag[: MAX_LENGTH - len(suffix)]}{suffix}"


@lru_cache(maxsize=1024)
def revision_names(tag: str) -> tuple[str, ...]:
    """Return all revision tags of a commit's fixed tag, in their order."""
    return tuple(revision_name(tag, number) for number in REVISIONS)


def split_revision(tag: str) -> tuple[str, int]:
    """Return the fixed tag whose revision a tag is, and the number; for any other tag, itself and 1."""
    match = re.fullmatch(_REVISION, tag)
    return (match[1], int(match[2])) if match else (tag, 1)


def releases_of(version: str | None, tags: Sequence[str]) -> list[str]:
    """Return what may name the release that an image is: its version, else its tags, without revisions' numbers."""
    return [version] if version else [split_revision(tag)[0] for tag in tags]


@dataclass(frozen=True)
class BuildDefinition:
    """The options of a build that decide an image's content, and its caches.

    ``args`` may hold values that must not be printed; ``secrets`` and ``ssh`` only name the sources of secrets.
    ``exporter`` holds options of the exporter (``compression=zstd``). ``linked`` holds the definitions of the other
    targets that ``contexts`` names as ``target:NAME``, by that name: they are built with this one. ``extra`` holds
    the other attributes of a bake target (``no-cache``, ``shm-size``, …), passed on unchanged. ``variables`` has the
    values of secrets that are read from variables of compose's own dotenv files. ``bases`` are named contexts that
    replace images of the Dockerfile, or those of ``contexts``, by the same ones at a digest, or in another registry.
    """

    context: str
    dockerfile: str | None = None
    target: str | None = None
    platforms: tuple[str, ...] = ()
    args: Mapping[str, str] = field(default_factory=dict, repr=False)
    contexts: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    ssh: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    attest: tuple[str, ...] = ()
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    exporter: tuple[str, ...] = ()
    linked: Mapping[str, BuildDefinition] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    bases: Mapping[str, str] = field(default_factory=dict)

    @property
    def all_contexts(self) -> Mapping[str, str]:
        """The named contexts, those that replace base images included."""
        return {**self.contexts, **self.bases}

    def with_links(self) -> Iterator[BuildDefinition]:
        """Yield this definition, then those that it links to, at every depth."""
        yield self
        for linked in self.linked.values():
            yield from linked.with_links()

    def without_caches(self) -> BuildDefinition:
        """Return the definition without its caches, which change only how long a build takes."""
        linked = {name: definition.without_caches() for name, definition in self.linked.items()}
        return replace(self, cache_from=(), cache_to=(), linked=linked)

    def without_fresh_options(self) -> BuildDefinition:
        """Return the definition without what its build takes anew (:data:`FRESH_OPTIONS`), and where from."""
        linked = {name: definition.without_fresh_options() for name, definition in self.linked.items()}
        extra = {name: value for name, value in self.extra.items() if name not in FRESH_OPTIONS}
        annotations = {
            key: value
            for key, value in self.annotations.items()
            if re.sub(_LEVEL, "", key) not in (BASE_NAME, BASE_DIGEST)
        }
        return replace(self, extra=extra, linked=linked, bases={}, annotations=annotations)

    @property
    def entitlements(self) -> tuple[str, ...]:
        """The privileges that the build and its linked targets ask for (``network.host``), each once."""
        asked = (name for item in self.with_links() for name in item.extra.get("entitlements", ()))
        return tuple(dict.fromkeys(asked))

    @property
    def attests(self) -> bool:
        """Whether the build makes attestations; an entry with ``disabled=true`` makes none."""
        return any("disabled=true" not in entry for entry in self.attest)

    @property
    def shows_arguments(self) -> bool:
        """Whether the image's provenance has all arguments, and the Dockerfile (BuildKit's ``mode=max``)."""
        entries = (entry.split(",") for entry in self.attest)
        return any("type=provenance" in entry and "mode=max" in entry for entry in entries)

    @property
    def makes_index(self) -> bool:
        """Whether the result is an index: several platforms, or attestations beside the image."""
        return len(self.platforms) > 1 or self.attests

    @property
    def manifests(self) -> int:
        """The number of manifests: one for each platform, one with attestations for each platform, and the index."""
        return max(1, len(self.platforms)) * (1 + self.attests) + self.makes_index

    @property
    def inline_caches(self) -> tuple[str, ...]:
        """The caches to write that are a part of the image itself."""
        return tuple(entry for entry in self.cache_to if "type=inline" in entry)

    @property
    def caches_after_export(self) -> int:
        """The number of caches that the build writes when the image is made."""
        return len(self.cache_to) - len(self.inline_caches)

    def for_platform(self, platform: str) -> BuildDefinition:
        """Return the definition of one platform's image; an empty ``platform`` means the builder's own.

        It has only the annotations of a manifest, because the index of all platforms has the others, and writes no
        cache outside the image: the caches of several platforms would replace each other under one name.
        """
        annotations = self.annotations_at("manifest", platform)
        return replace(
            self,
            platforms=(platform,) if platform else (),
            annotations={f"manifest:{key}": value for key, value in annotations.items()},
            cache_to=self.inline_caches,
            linked={
                name: item.for_platform(platform) if platform in item.platforms else item
                for name, item in self.linked.items()
            },
        )

    def annotations_at(self, level: str, platform: str = "") -> dict[str, str]:
        """Return the annotations of one level, such as ``index`` or ``manifest-descriptor``, without their levels.

        A level with a platform in brackets counts only for that ``platform``. A key without a level has both
        ``index`` and ``manifest``.
        """
        annotations = {}
        for key, value in self.annotations.items():
            match = re.match(_LEVEL, key)
            levels = match.group(0)[:-1].split(",") if match else ("index", "manifest")
            if level in levels or f"{level}[{platform}]" in levels:
                annotations[key[match.end() :] if match else key] = value
        return annotations

    def annotation_entries(self) -> tuple[str, ...]:
        """Return the annotations in buildx's syntax: on every manifest, and on the index where there is one.

        BuildKit refuses ``index:`` when it makes no index. A key with a level (``index:team``) keeps its level.
        """
        everywhere = "index,manifest:" if self.makes_index else "manifest:"
        return tuple(
            f"{'' if re.match(_LEVEL, key) else everywhere}{key}={value}" for key, value in self.annotations.items()
        )


@dataclass(frozen=True)
class Fresh:
    """What a build takes anew: base images from their registries (``--pull``), and every step (``--no-cache``)."""

    pull: bool = False
    no_cache: bool = False

    @property
    def flags(self) -> str:
        """The flags, as they are typed; empty without one."""
        return " ".join([*(["--pull"] if self.pull else []), *(["--no-cache"] if self.no_cache else [])])

    def applied_to(self, definition: BuildDefinition) -> BuildDefinition:
        """Return a definition, and those that it links to, with the options of the flags."""
        if not self.flags:
            return definition
        linked = {name: self.applied_to(item) for name, item in definition.linked.items()}
        options = {**({"pull": True} if self.pull else {}), **({"no-cache": True} if self.no_cache else {})}
        return replace(definition, linked=linked, extra={**definition.extra, **options})


NOTHING_FRESH = Fresh()

FRESH_OPTIONS = ("no-cache", "no-cache-filter", "pull")
"""Options of a bake target that say what its build takes anew, and not what it is built from."""


@dataclass(frozen=True)
class BakeTarget:
    """A target of a bake or compose file: its definition, and what the file says about its result.

    ``outputs`` are the options of its exporters, ``call`` is another method than to build (``check``).
    """

    definition: BuildDefinition
    tags: tuple[str, ...] = ()
    outputs: tuple[Mapping[str, str], ...] = ()
    call: str = "build"


@dataclass(frozen=True)
class BakeFile:
    """The targets of bake or compose files, and the names of those that the group ``default`` has."""

    targets: Mapping[str, BakeTarget]
    default: tuple[str, ...]


@dataclass(frozen=True)
class BuildInput:
    """One image to build: its definition, the references that name the result, and where the result is kept.

    With ``provenance`` the result says how the builder made it. ``layout`` is a folder that gets the result instead,
    with all that belongs to it (OCI image specification, image-layout.md).
    """

    name: str
    definition: BuildDefinition
    references: tuple[str, ...]
    keep: Keep = "store"
    push: bool = False
    provenance: bool = False
    layout: str = ""


@dataclass(frozen=True)
class Inputs:
    """The digests of an image's inputs.

    ``digest`` covers all inputs, ``tracked_digest`` only those that git tracks, ``local_digest`` those on this
    machine. ``unknown_reason`` says why there is no digest. ``unshared`` are files of the context that git ignores,
    so other machines may not have them. ``files`` are the files of the context.
    """

    digest: str | None = None
    tracked_digest: str | None = None
    unknown_reason: str | None = None
    unshared: tuple[str, ...] = ()
    local_digest: str | None = None
    files: Files = field(default_factory=dict, repr=False, compare=False)

    @property
    def tag(self) -> str | None:
        """The tag of every image with these inputs; None without a digest."""
        return f"{INPUTS_TAG}{self.digest.removeprefix('sha256:')[:INPUTS_DIGITS]}" if self.digest else None


@dataclass(frozen=True)
class Image:
    """One image to publish: its name, its repository and what it is built from.

    ``configured_definition`` is the definition from settings and bake file alone, before git, CI and the commit's
    time add labels and arguments. ``inputs`` is set only with ECR_SKIP=content. ``dirty`` is whether the build would
    read uncommitted changes, ``outside`` whether it reads what no commit of the repository contains. ``referrers``
    are the attestations to attach after the push, in buildx's syntax: they are no part of the image. ``whole`` is the
    image of all platforms of which this one is a part: that of one platform, built by one of several runners.
    """

    name: str
    repository: str
    definition: BuildDefinition
    tags: tuple[Tag, ...]
    configured_definition: BuildDefinition | None = None
    inputs: Inputs | None = None
    dirty: bool = False
    outside: bool = False
    referrers: tuple[str, ...] = ()
    whole: Image | None = None
    same_as: frozenset[str] = frozenset()
    """Other commits of which git proves that they have the same inputs."""
    anew: str = ""
    """Why it is built anew although it is published, such as a base image that has moved; empty where it isn't."""

    @property
    def local_tags(self) -> tuple[Tag, ...]:
        """The tags of its names in the local store; a part has those of the whole image there."""
        return self.whole.tags if self.whole else self.tags

    @property
    def referrer_kinds(self) -> tuple[str, ...]:
        """The kinds of attestations to attach: ``provenance``, ``sbom``."""
        return tuple(split_fields(entry)["type"] for entry in self.referrers)

    @property
    def sbom_entry(self) -> str | None:
        """The attestation by which BuildKit makes an SBOM to attach; None without one."""
        return next((entry for entry in self.referrers if split_fields(entry)["type"] == "sbom"), None)

    @property
    def tag_names(self) -> tuple[str, ...]:
        """The names of all tags to look up in the registry, including the tag of the inputs and the revisions."""
        if self.whole is not None:
            return (*self.whole.tag_names, self.tags[0].name)
        first = self.tags[0]
        return (*self.planned_names, *(revision_names(first.name) if first.kind == "fixed" else ()))

    @property
    def planned_names(self) -> tuple[str, ...]:
        """The names of the tags of the rules, and the tag of the inputs."""
        if self.whole is not None:
            return self.whole.planned_names
        inputs_tag = self.inputs.tag if self.inputs else None
        return (*(tag.name for tag in self.tags), *([inputs_tag] if inputs_tag else []))

    @property
    def moving_names(self) -> tuple[str, ...]:
        """The names of the tags that move to each new image of a commit."""
        return tuple(tag.name for tag in self.local_tags if tag.kind == "moving")

    @property
    def version(self) -> str | None:
        """The version that the tag rules set as a label, or else the tag whose rule is the most specific."""
        label = self.definition.labels.get(VERSION)
        if label or not self.tags:
            return label or None
        return min(self.tags, key=_specificity).name


def _specificity(tag: Tag) -> int:
    """Return the rank of a tag's rule type; 0 is the most specific."""
    rule_type = next((part[5:] for part in tag.rule.split(",") if part.startswith("type=")), "")
    return _SPECIFICITY.index(rule_type) if rule_type in _SPECIFICITY else len(_SPECIFICITY)
